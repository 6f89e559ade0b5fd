//! Panels below each other over one axis of steps, as a standalone SVG. The same input gives the same bytes.

use std::fmt::{Arguments, Write};

use super::axis::{Axis, number};
use super::curve::{Curve, smoothed};
use crate::svg::{document, escape};

/// A picture: panels that share the axis of steps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figure {
    /// Heading.
    pub title: String,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

/// Curves over steps that share an axis of values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// The quantity, and its unit.
    pub heading: String,
    /// Height of the frame in pixels.
    pub height: f64,
    /// Whether the axis begins at zero.
    pub from_zero: bool,
    /// The curves, drawn in this order.
    pub series: Vec<Series>,
    /// A value to compare with, drawn as a dashed line, and its name.
    pub reference: Option<(String, f64)>,
}

/// A curve with its looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend, before its last value.
    pub name: String,
    /// An SVG colour.
    pub colour: &'static str,
    /// Whether single points are marked, when they are few.
    pub dots: bool,
    /// The values.
    pub curve: Curve,
}

const WIDTH: f64 = 800.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
/// Height of a line of the legend.
const ROW: f64 = 22.0;
/// More points than these are not marked one by one.
const MOST_DOTS: usize = 50;
/// A name longer than this ends with an ellipsis.
const LONGEST_NAME: usize = 60;

const STYLE: &str = "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#444}\
.title{font-size:17px;font-weight:600;fill:#111}.heading{font-weight:600;fill:#222}\
.grid{stroke:#e4e4e4}.axis{stroke:#888}\
.line{fill:none;stroke-width:1.75;stroke-linejoin:round}.faint{stroke-width:1;stroke-opacity:.35}\
.reference{stroke:#666;stroke-width:1.25;stroke-dasharray:6 4}";

/// The key that a line of the legend begins with.
enum Key {
    Line(&'static str),
    Reference,
    Nothing,
}

impl Figure {
    /// The figure as an SVG document.
    pub fn svg(&self) -> String {
        let series = self.panels.iter().flat_map(|panel| &panel.series);
        let last_step =
            series.filter_map(|series| series.curve.last()).map(|(step, _)| step as f64).fold(1.0, f64::max);
        let mut body = String::new();
        let mut top = 46.0;
        for (index, panel) in self.panels.iter().enumerate() {
            top = panel.draw(&mut body, top, last_step, index + 1 == self.panels.len());
        }
        let title = escape(&shortened(&self.title, 80));
        body.insert_str(0, &format!("<text class=\"title\" x=\"{LEFT}\" y=\"30\">{title}</text>\n"));
        document([WIDTH, top], &self.title, STYLE, &body)
    }
}

impl Panel {
    /// Draws below `top`, and says where the next panel begins.
    fn draw(&self, svg: &mut String, top: f64, last_step: f64, last: bool) -> f64 {
        // Writing to a string cannot fail.
        let mut draw = |arguments: Arguments<'_>| svg.write_fmt(arguments).unwrap_or_default();
        let curves: Vec<_> = self.series.iter().map(|series| (series, series.curve.points())).collect();
        let (low, high, highest) = self.range(curves.iter().flat_map(|(_, points)| points));
        let steps = Axis::new(0.0, last_step, 8.0, 1.0);
        let values = Axis::new(low, high, (self.height / 40.0).clamp(2.0, 6.0), 0.0);

        let legend = self.legend((highest > values.high()).then_some(highest));
        let rows = legend.last().map_or(1.0, |entry| entry.row + 1.0);
        let top_of_frame = top + rows * ROW + 6.0;
        let base = top_of_frame + self.height;
        let x = |step: f64| LEFT + (WIDTH - LEFT - RIGHT) * step / last_step;
        let y = |value: f64| base - self.height * values.fraction(value);
        let path = |points: &[(f64, f64)]| {
            let pairs: Vec<_> =
                points.iter().map(|&(step, value)| format!("{:.1},{:.1}", x(step), y(value))).collect();
            pairs.join(" ")
        };

        draw(format_args!(
            "<text class=\"heading\" x=\"{LEFT}\" y=\"{:.1}\">{}</text>\n",
            top + 15.0,
            escape(&self.heading)
        ));
        for LegendEntry { key, text, left, row } in legend {
            let middle = top + row * ROW + 10.5;
            let end = left + KEY;
            match key {
                Key::Line(colour) => draw(format_args!(
                    "<line class=\"line\" stroke=\"{colour}\" x1=\"{left:.1}\" x2=\"{end:.1}\" y1=\"{middle:.1}\" \
                     y2=\"{middle:.1}\"/>"
                )),
                Key::Reference => draw(format_args!(
                    "<line class=\"reference\" x1=\"{left:.1}\" x2=\"{end:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>"
                )),
                Key::Nothing => {}
            }
            draw(format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
                left + key.width(),
                middle + 4.5,
                escape(&text)
            ));
        }
        for tick in values.ticks() {
            let (y, label) = (y(tick), values.label(tick));
            draw(format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.5
            ));
        }
        draw(format_args!(
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{base:.1}\" y2=\"{base:.1}\"/>\n",
            WIDTH - RIGHT
        ));
        for tick in steps.ticks().filter(|&tick| tick <= last_step) {
            let (x, label) = (x(tick), steps.label(tick));
            draw(format_args!(
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{base:.1}\" y2=\"{:.1}\"/>",
                base + 5.0
            ));
            if last {
                draw(format_args!(
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n",
                    base + 20.0
                ));
            }
        }
        if let Some((_, value)) = self.reference() {
            let y = y(value);
            draw(format_args!(
                "<line class=\"reference\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n",
                WIDTH - RIGHT
            ));
        }
        for (Series { colour, dots, .. }, points) in &curves {
            let mut line = |class: &str, points: &[(f64, f64)]| {
                draw(format_args!(
                    "<polyline class=\"{class}\" stroke=\"{colour}\" points=\"{}\"/>\n",
                    path(points)
                ));
            };
            match smoothed(points) {
                Some(smooth) => {
                    line("line faint", points);
                    line("line", &smooth);
                }
                None if points.is_empty() => {}
                None => line("line", points),
            }
            // Few points are measurements of their own; one alone would have no line to show it.
            if *dots && points.len() <= MOST_DOTS || points.len() == 1 {
                for &(step, value) in points {
                    draw(format_args!(
                        "<circle fill=\"{colour}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>\n",
                        x(step),
                        y(value)
                    ));
                }
            }
        }
        if last {
            draw(format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">step</text>\n",
                (LEFT + WIDTH - RIGHT) / 2.0,
                base + 40.0
            ));
        }
        base + if last { 54.0 } else { 20.0 }
    }

    fn reference(&self) -> Option<(&str, f64)> {
        let (name, value) = self.reference.as_ref()?;
        value.is_finite().then_some((name, *value))
    }

    /// The range that is shown, and the highest value. Where a few values are far above all others, the range leaves them
    /// out: they would press the rest into a line.
    fn range<'a>(&self, points: impl Iterator<Item = &'a (f64, f64)>) -> (f64, f64, f64) {
        let mut values: Vec<f64> = points.map(|point| point.1).collect();
        values.sort_by(f64::total_cmp);
        let Some((&lowest, &highest)) = values.first().zip(values.last()) else {
            let (_, value) = self.reference().unwrap_or(("", 1.0));
            return (value.min(0.0), value.max(0.0), value);
        };
        let most = values[(values.len() - 1) * 98 / 100];
        let usual = most - if self.from_zero { lowest.min(0.0) } else { lowest };
        let mut high = highest;
        if values.len() >= 50 && usual > 0.0 && highest - most > 3.0 * usual {
            high = most + 0.25 * usual;
        }
        let references = || self.reference().into_iter().map(|(_, value)| value);
        let zero = self.from_zero.then_some(0.0);
        let low = references().chain(zero).fold(lowest, f64::min);
        (low, references().fold(high, f64::max), highest)
    }

    /// Names and last values, beside the heading and in as many rows as they need.
    fn legend(&self, out_of_frame: Option<f64>) -> Vec<LegendEntry> {
        let series = self.series.iter().filter_map(|series| {
            let last = number(series.curve.last()?.1);
            let name = shortened(&series.name, LONGEST_NAME);
            let text = if name.is_empty() { last } else { format!("{name} {last}") };
            Some((Key::Line(series.colour), text))
        });
        let reference = self.reference().map(|(name, value)| {
            (Key::Reference, format!("{} {}", shortened(name, LONGEST_NAME), number(value)))
        });
        let above = out_of_frame
            .map(|value| (Key::Nothing, format!("(values up to {} leave the frame)", number(value))));
        let mut entries = Vec::new();
        let (mut left, mut row) = (LEFT + 1.08 * width(&self.heading) + GAP, 0.0);
        for (key, text) in series.chain(reference).chain(above) {
            let wide = key.width() + width(&text);
            if left + wide > WIDTH - RIGHT && left > LEFT {
                (left, row) = (LEFT, row + 1.0);
            }
            entries.push(LegendEntry { key, text, left, row });
            left += wide + GAP;
        }
        entries
    }
}

/// A name in the legend, and where it stands.
struct LegendEntry {
    key: Key,
    text: String,
    left: f64,
    row: f64,
}

/// Length of a line in the legend.
const KEY: f64 = 22.0;
/// Space between entries of the legend.
const GAP: f64 = 20.0;

impl Key {
    fn width(&self) -> f64 {
        if matches!(self, Key::Nothing) { 0.0 } else { KEY + 6.0 }
    }
}

/// About how wide a text is in pixels; more rather than less, since fonts differ.
fn width(text: &str) -> f64 {
    text.chars().map(|c| if c < '\u{1100}' { 7.6 } else { 13.0 }).sum()
}

/// At most so many characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(values: impl Fn(u64) -> f64, steps: u64) -> Figure {
        let curve = (1..=steps).map(|step| (step, values(step))).collect();
        let series = Series { name: "a".into(), colour: "#000", dots: false, curve };
        let panel = Panel { heading: "loss".into(), height: 300.0, series: vec![series], ..Panel::default() };
        Figure { title: "t".into(), panels: vec![panel.clone(), panel] }
    }

    /// Every point of every line.
    fn points(svg: &str) -> Vec<(f64, f64)> {
        let lines = svg.split("points=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        let pairs = lines.flat_map(|line| line.split(' ').map(|point| point.split_once(',').unwrap()));
        pairs.map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).collect()
    }

    #[test]
    fn points_lie_inside_the_frame_and_are_no_more_than_pixels() {
        for steps in [1, 2, 300, 100_000] {
            let figure = figure(|step| 2.0 + (step as f64).sqrt(), steps);
            let (svg, points) = (figure.svg(), points(&figure.svg()));
            assert_eq!(svg, figure.svg(), "the same input gives the same bytes");
            assert!(points.len() <= 2 * super::super::curve::MOST_POINTS);
            assert!(points.iter().all(|(x, _)| (LEFT..=WIDTH - RIGHT).contains(x)));
            // Two frames: 46 + 22 + 6 below the top, and again 20 below the first.
            let inside = |y: &f64| (74.0..=374.0).contains(y) || (422.0..=722.0).contains(y);
            assert!(points.iter().all(|(_, y)| inside(y)), "{points:?}");
        }
    }

    #[test]
    fn a_few_values_far_above_leave_the_frame_and_it_says_so() {
        let spike = |step: u64| if step == 150 { 1e6 } else { 3.0 + (step % 10) as f64 / 10.0 };
        let svg = figure(spike, 300).svg();
        assert!(svg.contains("(values up to 1,000,000 leave the frame)"), "{svg}");
        assert!(svg.contains(">3.4<"), "the rest is not pressed into a line: {svg}");
        let usual = figure(|step| 3.0 + 8.0 / step as f64, 30).svg();
        assert!(!usual.contains("leave the frame"));
    }

    #[test]
    fn nothing_to_show_is_still_a_chart() {
        for value in [f64::NAN, f64::INFINITY] {
            let svg = figure(|_| value, 3).svg();
            assert!(svg.ends_with("</svg>\n"));
            assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<polyline"), "{svg}");
        }
    }

    #[test]
    fn names_are_text_and_nothing_else() {
        let mut figure = figure(|step| step as f64, 3);
        figure.title = "</title><script>alert(1)</script>\u{0}".into();
        figure.panels[0].series[0].name = "x".repeat(500) + "&";
        let svg = figure.svg();
        assert!(svg.contains("<title>&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;\u{fffd}</title>"));
        assert!(!svg.contains("<script") && !svg.contains(&"x".repeat(LONGEST_NAME)));
    }

    #[test]
    fn a_legend_takes_as_many_rows_as_it_needs() {
        let mut figure = figure(|step| step as f64, 3);
        let series = figure.panels[0].series[0].clone();
        figure.panels[0].series =
            (0..9).map(|i| Series { name: format!("runs/experiment-{i}"), ..series.clone() }).collect();
        let legend = figure.panels[0].legend(None);
        assert_eq!(legend.len(), 9);
        assert!(legend.iter().all(|entry| entry.left + KEY + 6.0 + width(&entry.text) <= WIDTH));
        let rows: Vec<f64> = legend.iter().map(|entry| entry.row).collect();
        assert!(rows.is_sorted() && rows[8] >= 2.0, "{rows:?}");
    }
}
