//! The shapes that a figure consists of.

use std::fmt::Write;
use std::ops::Range;

use crate::svg::{document, escape};

/// Dark enough for white text, apart from one another for colour-blind readers too.
const COLORS: [&str; 10] = [
    "#2166ac", "#c8553d", "#3f7f3a", "#7b5ea7", "#b5651d", "#2a8a86", "#a83279", "#5b6770", "#8c6d1f",
    "#4682b4",
];
/// For what is nothing: waiting.
const GRAY: &str = "#d9d9d9";

const STYLE: &str = "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#444}\
.title{font-size:17px;font-weight:600;fill:#111}.heading{font-size:14px;font-weight:600;fill:#222}\
.note{fill:#666}.lane{fill:#222}.inside{font-size:12px;fill:#fff}.inside.dark{fill:#444}\
.limit{fill:#b2182b}.marker{stroke:#b2182b;stroke-width:1.75;stroke-dasharray:5 3}\
.axis{stroke:#888}.rail{fill:#f4f4f4}.number{fill:#222}";

/// Height of a legend's line, and the least width of its columns.
const LINE: f64 = 21.0;
const COLUMN: f64 = 290.0;
/// An average character at 13 pixels, on the wide side.
const CHARACTER: f64 = 7.3;

/// The colour of what is called `name` and is the `index`th of its kind.
pub(super) fn color(name: &str, index: usize) -> &'static str {
    if is_idle(name) { GRAY } else { COLORS[index % COLORS.len()] }
}

fn is_idle(name: &str) -> bool {
    matches!(name, "bubble" | "idle")
}

/// A line of a legend: a colour, a name and a number.
pub(super) struct LegendEntry {
    color: Option<&'static str>,
    name: String,
    number: String,
}

impl LegendEntry {
    pub(super) fn part(name: &str, index: usize, number: String) -> LegendEntry {
        LegendEntry { color: Some(color(name, index)), name: name.to_owned(), number }
    }

    /// Something that has no colour in the picture.
    pub(super) fn sum(name: &str, number: String) -> LegendEntry {
        LegendEntry { color: None, name: name.to_owned(), number }
    }
}

/// An SVG document that grows downwards.
pub(super) struct Canvas {
    width: f64,
    body: String,
    /// The place of the next element.
    pub(super) y: f64,
}

impl Canvas {
    pub(super) fn new(width: f64) -> Canvas {
        Canvas { width, body: String::new(), y: 0.0 }
    }

    fn draw(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.body.write_fmt(arguments).unwrap_or_default();
        self.body.push('\n');
    }

    pub(super) fn text(&mut self, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
        let text = escape(text);
        self.draw(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    /// As many lines as it takes.
    pub(super) fn paragraph(&mut self, class: &str, x: f64, width: f64, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && CHARACTER * longer as f64 > width {
                self.y += 18.0;
                self.text(class, x, self.y, "start", &std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.y += 18.0;
        self.text(class, x, self.y, "start", &line);
    }

    pub(super) fn heading(&mut self, x: f64, text: &str) {
        self.y += 32.0;
        self.text("heading", x, self.y, "start", text);
        self.y += 12.0;
    }

    /// A filled rectangle that says what it is when pointed at, and on itself the longest of the labels that fits.
    pub(super) fn block(&mut self, color: &str, across: Range<f64>, down: Range<f64>, labels: [&str; 2]) {
        let (width, height) = (across.end - across.start, down.end - down.start);
        let text = escape(labels[0]);
        self.draw(format_args!(
            "<rect fill=\"{color}\" x=\"{:.2}\" y=\"{:.1}\" width=\"{width:.2}\" height=\"{height}\"><title>{text}</title></rect>",
            across.start, down.start
        ));
        let fits = |label: &&str| CHARACTER * label.chars().count() as f64 + 6.0 < width;
        if let Some(label) = labels.into_iter().find(fits) {
            let class = if color == GRAY { "inside dark" } else { "inside" };
            let (middle, baseline) = ((across.start + across.end) / 2.0, (down.start + down.end) / 2.0 + 4.5);
            self.text(class, middle, baseline, "middle", label);
        }
    }

    /// The background of a lane.
    pub(super) fn rail(&mut self, from: f64, to: f64, top: f64, height: f64) {
        let width = to - from;
        self.draw(format_args!(
            "<rect class=\"rail\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height}\"/>"
        ));
    }

    /// A dashed vertical line.
    pub(super) fn marker(&mut self, x: f64, top: f64, bottom: f64) {
        self.draw(format_args!(
            "<line class=\"marker\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>"
        ));
    }

    /// An axis with its ticks and their texts.
    pub(super) fn axis(&mut self, ticks: impl Iterator<Item = (f64, String)>, left: f64, width: f64) {
        let y = self.y + 8.0;
        let right = left + width;
        self.draw(format_args!(
            "<line class=\"axis\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
        ));
        for (x, text) in ticks {
            let end = y + 5.0;
            self.draw(format_args!(
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{y:.1}\" y2=\"{end:.1}\"/>"
            ));
            // The last text must not leave the picture.
            let anchor = if x > right - 20.0 { "end" } else { "middle" };
            self.text("", x, y + 19.0, anchor, &text);
        }
        self.y = y + 22.0;
    }

    /// Colours, names and numbers, in as many columns as fit.
    pub(super) fn legend(&mut self, left: f64, width: f64, entries: &[LegendEntry]) {
        let columns = (width / COLUMN).floor().max(1.0) as usize;
        let column = width / columns as f64;
        // Down the columns, as one reads a list.
        let lines = entries.len().div_ceil(columns).max(1);
        let top = self.y + 24.0;
        for (index, entry) in entries.iter().enumerate() {
            let x = left + column * (index / lines) as f64;
            let y = top + LINE * (index % lines) as f64;
            if let Some(color) = entry.color {
                self.draw(format_args!(
                    "<rect fill=\"{color}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"13\" height=\"13\"/>",
                    y - 11.0
                ));
            }
            let number = CHARACTER * entry.number.chars().count() as f64;
            let room = column - 24.0 - 20.0 - 10.0 - number;
            self.text("", x + 20.0, y, "start", &shortened(&entry.name, room));
            self.text("number", x + column - 24.0, y, "end", &entry.number);
        }
        self.y = top + LINE * (lines - 1) as f64 + 8.0;
    }

    pub(super) fn finish(self, title: &str) -> String {
        let Canvas { width, body, y } = self;
        document([width, (y + 20.0).round_ties_even()], title, STYLE, &body)
    }
}

/// As much of a text as fits.
pub(super) fn shortened(text: &str, width: f64) -> String {
    let room = (width / CHARACTER) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}
