//! A plan as one picture: what fills a device's memory, and what a step spends its time on.
//!
//! The picture is a standalone SVG; the same input gives the same bytes.
//!
//! ```
//! use monitor::svg::plan::{Figure, MemoryPart, TimePart};
//!
//! let figure = Figure {
//!     title: "280b on tpu:v3:32x32 --slices 4".into(),
//!     memory: vec![MemoryPart::new("parameters", 4 << 30), MemoryPart::new("activations", 5 << 30)],
//!     memory_limit: Some(16_622_026_752),
//!     times: vec![
//!         TimePart::new("compute", "forward", 0.0, 20.0),
//!         TimePart::new("collectives", "all-reduce", 20.0, 3.5),
//!     ],
//!     ..Figure::default()
//! };
//! assert!(figure.svg().contains("4.00 GiB"));
//! ```

mod draw;
mod scale;

use draw::{Canvas, LegendEntry};
use scale::{bytes_text, seconds_text, short, ticks};

/// Some of a device's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPart {
    /// The name of its contents, such as `parameters`.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
}

impl MemoryPart {
    /// A part from its name and bytes.
    pub fn new(name: impl Into<String>, bytes: u64) -> MemoryPart {
        MemoryPart { name: name.into(), bytes }
    }
}

/// Something that a device does for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct TimePart {
    /// The row it is shown in, such as `compute` or `collectives`. Rows come in the order of their first parts.
    pub lane: String,
    /// The name of the work, such as `forward`. Parts of one name have one colour and one line of the legend; those
    /// called `bubble` or `idle` are grey.
    pub name: String,
    /// Seconds from the start of the step.
    pub start_seconds: f64,
    /// How long it takes, seconds.
    pub seconds: f64,
}

impl TimePart {
    /// A part from its row, its name, when it starts and how long it takes.
    pub fn new(
        lane: impl Into<String>,
        name: impl Into<String>,
        start_seconds: f64,
        seconds: f64,
    ) -> TimePart {
        TimePart { lane: lane.into(), name: name.into(), start_seconds, seconds }
    }

    fn end(&self) -> f64 {
        self.start_seconds + self.seconds
    }

    fn is_drawable(&self) -> bool {
        // An axis that ends within a femtosecond has no ticks.
        self.start_seconds >= 0.0 && self.seconds >= 1e-15 && self.end().is_finite()
    }
}

/// The picture of a plan. Whatever is empty is left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figure {
    /// Heading.
    pub title: String,
    /// Lines under the heading: the mesh, the assumptions.
    pub notes: Vec<String>,
    /// The parts of a device's memory, in order from the left.
    pub memory: Vec<MemoryPart>,
    /// The memory that a program may use, bytes.
    pub memory_limit: Option<u64>,
    /// The work of a device in a step. Parts that do not start at a time from 0 on and take some are left out.
    pub times: Vec<TimePart>,
}

const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
/// The left end of bars, right of the names of lanes.
const LEFT: f64 = 128.0;
const PLOT: f64 = WIDTH - LEFT - MARGIN;
const BAR: f64 = 40.0;
const LANE: f64 = 28.0;
const LANE_GAP: f64 = 8.0;

impl Figure {
    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::new(WIDTH);
        canvas.text("title", MARGIN, 32.0, "start", &self.title);
        canvas.y = 40.0;
        for note in &self.notes {
            canvas.paragraph("note", MARGIN, WIDTH - 2.0 * MARGIN, note);
        }
        if !self.memory.is_empty() {
            self.draw_memory(&mut canvas);
        }
        let times: Vec<&TimePart> = self.times.iter().filter(|part| part.is_drawable()).collect();
        if !times.is_empty() {
            draw_times(&mut canvas, &times);
        }
        canvas.finish(&self.title)
    }

    fn draw_memory(&self, canvas: &mut Canvas) {
        // As floats: the parts that someone gives need not add up in an integer.
        let used: f64 = self.memory.iter().map(|part| part.bytes as f64).sum();
        let limit = self.memory_limit.map(|bytes| bytes as f64);
        let whole = f64::max(used, limit.unwrap_or(0.0)).max(1.0);
        canvas.heading(MARGIN, "memory of a device");
        // Room for the limit's label above the bar.
        let top = canvas.y + if limit.is_some() { 20.0 } else { 0.0 };
        let x = |bytes: f64| LEFT + PLOT * bytes / whole;

        let mut entries = Vec::new();
        let mut start = 0.0;
        for (index, part) in self.memory.iter().enumerate() {
            let bytes = part.bytes as f64;
            let number = bytes_text(bytes);
            let label = format!("{} {number}", part.name);
            canvas.block(
                draw::color(&part.name, index),
                x(start)..x(start + bytes),
                top..top + BAR,
                [&label, &part.name],
            );
            start += bytes;
            let share = format!("{number}, {:.1}%", 100.0 * bytes / used.max(1.0));
            entries.push(LegendEntry::part(&part.name, index, share));
        }
        canvas.text("lane", LEFT - 10.0, top + BAR / 2.0 + 4.5, "end", &bytes_text(used));
        if let Some(limit) = limit {
            let (name, rest) =
                if used > limit { ("over the limit", used - limit) } else { ("free", limit - used) };
            entries.push(LegendEntry::sum(name, bytes_text(rest)));
            canvas.marker(x(limit), top - 5.0, top + BAR + 5.0);
            let label = format!("limit {}", bytes_text(limit));
            canvas.text("limit", x(limit), top - 9.0, "end", &label);
        }
        canvas.y = top + BAR;
        // Ticks in the powers of two that bytes are counted in.
        let unit = scale::bytes_unit(whole).0;
        canvas.axis(
            ticks(whole / unit).into_iter().map(|tick| (x(tick * unit), short(&bytes_text(tick * unit)))),
            LEFT,
            PLOT,
        );
        canvas.legend(MARGIN, WIDTH - 2.0 * MARGIN, &entries);
    }
}

fn draw_times(canvas: &mut Canvas, times: &[&TimePart]) {
    let step = times.iter().map(|part| part.end()).fold(0.0, f64::max);
    canvas.heading(MARGIN, "timeline of a step");
    let x = |seconds: f64| LEFT + PLOT * seconds / step;

    let (lanes, names) = (first_seen(times, |part| &part.lane), first_seen(times, |part| &part.name));
    let index = |name: &str| names.iter().position(|each| *each == name).unwrap_or(0);
    for lane in &lanes {
        let parts: Vec<&TimePart> = times.iter().copied().filter(|part| part.lane == **lane).collect();
        let top = canvas.y;
        let name = draw::shortened(lane, LEFT - 10.0);
        canvas.text("lane", LEFT - 10.0, top + LANE / 2.0 + 4.5, "end", &name);
        canvas.rail(LEFT, LEFT + PLOT, top, LANE);
        let crowded = parts.len() > PLOT as usize;
        for block in if crowded { by_pixel(&parts, step) } else { parts.into_iter().cloned().collect() } {
            // A pixel of many parts says nothing of how long one of them takes.
            let seconds = seconds_text(block.seconds);
            let label =
                if crowded { format!("mostly {}", block.name) } else { format!("{} {seconds}", block.name) };
            let (from, to) = (x(block.start_seconds), x(block.end()));
            canvas.block(
                draw::color(&block.name, index(&block.name)),
                from..to,
                top..top + LANE,
                [&label, &block.name],
            );
        }
        canvas.y += LANE + LANE_GAP;
    }
    canvas.y -= LANE_GAP;
    canvas.axis(ticks(step).into_iter().map(|tick| (x(tick), short(&seconds_text(tick)))), LEFT, PLOT);

    let mut entries = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let seconds: f64 = times.iter().filter(|part| part.name == **name).map(|part| part.seconds).sum();
        let share = format!("{}, {:.1}%", seconds_text(seconds), 100.0 * seconds / step);
        entries.push(LegendEntry::part(name, index, share));
    }
    entries.push(LegendEntry::sum("step", seconds_text(step)));
    canvas.legend(MARGIN, WIDTH - 2.0 * MARGIN, &entries);
}

/// A lane with more parts than pixels: every pixel shows what takes most of it.
fn by_pixel(parts: &[&TimePart], step: f64) -> Vec<TimePart> {
    let columns = PLOT as usize;
    let width = step / columns as f64;
    let names = first_seen(parts, |part| &part.name);
    let mut seconds = vec![vec![0.0f64; columns]; names.len()];
    for part in parts {
        let Some(row) = names.iter().position(|name| **name == part.name) else { continue };
        let first = (part.start_seconds / width) as usize;
        for (column, busy) in seconds[row].iter_mut().enumerate().skip(first) {
            let (from, to) = (column as f64 * width, (column + 1) as f64 * width);
            if from >= part.end() {
                break;
            }
            *busy += (part.end().min(to) - part.start_seconds.max(from)).max(0.0);
        }
    }
    let mut blocks: Vec<TimePart> = Vec::new();
    for column in 0..columns {
        let most = (0..names.len()).rev().max_by(|&a, &b| seconds[a][column].total_cmp(&seconds[b][column]));
        // A pixel that is mostly idle stays empty.
        let Some(row) = most.filter(|&row| {
            seconds.iter().map(|row| row[column]).sum::<f64>() > 0.5 * width && seconds[row][column] > 0.0
        }) else {
            continue;
        };
        let start = column as f64 * width;
        match blocks.last_mut() {
            Some(last) if last.name == *names[row] && (last.end() - start).abs() < 0.5 * width => {
                last.seconds += width
            }
            _ => blocks.push(TimePart::new(parts[0].lane.as_str(), names[row].as_str(), start, width)),
        }
    }
    blocks
}

/// Each text once, in order of first appearance.
fn first_seen<'a>(parts: &[&'a TimePart], text: impl Fn(&'a TimePart) -> &'a String) -> Vec<&'a String> {
    let mut seen: Vec<&String> = Vec::new();
    for part in parts {
        let text = text(part);
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    seen
}
