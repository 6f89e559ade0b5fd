//! Plots as SVG within a page: colours and type are the page's, so that they follow it into the dark and onto paper.

use std::fmt::Write as _;

use crate::html::Html;

/// How an axis goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// The quantity, and its unit.
    pub label: String,
    /// Whether equal ratios are equally far apart. Values that are not above 0 have no place on it.
    pub log: bool,
}

/// Points with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The name in the legend.
    pub name: String,
    /// Places.
    pub points: Vec<(f64, f64)>,
    /// Whether they are joined.
    pub line: bool,
    /// Whether each is marked.
    pub dots: bool,
    /// Lower and upper ends at the points' places, if they are known.
    pub intervals: Vec<(f64, f64, f64)>,
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// What it shows, in a line; of a page, no two are alike.
    pub title: String,
    /// The axis to the right.
    pub x: Axis,
    /// The axis upwards.
    pub y: Axis,
    /// What is drawn, in this order.
    pub series: Vec<Series>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const ROW: f64 = 20.0;

/// Colours there are; the style has them.
pub const COLOURS: usize = 7;

/// A range of an axis with its ticks.
struct Scale {
    low: f64,
    high: f64,
    log: bool,
    ticks: Vec<f64>,
}

impl Scale {
    fn of(axis: &Axis, values: impl Iterator<Item = f64>) -> Option<Self> {
        let usable = values.filter(|value| value.is_finite() && (!axis.log || *value > 0.0));
        let (low, high) = usable
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return None;
        }
        Some(if axis.log { Self::logarithmic(low, high) } else { Self::linear(low, high) })
    }

    fn linear(low: f64, high: f64) -> Self {
        let margin = if high > low { 0.04 * (high - low) } else { 0.5 * high.abs().max(1.0) };
        // A range that begins above 0 does not end below it.
        let bottom = if low >= 0.0 { (low - margin).max(0.0) } else { low - margin };
        let (low, high) = (bottom, high + margin);
        let rough = (high - low) / 5.0;
        let unit = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|by| by * unit).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = (low / step).ceil() as i64;
        let ticks =
            (first..).map(|tick| tick as f64 * step).take_while(|tick| *tick <= high).take(20).collect();
        Self { low, high, log: false, ticks }
    }

    fn logarithmic(low: f64, high: f64) -> Self {
        let margin = if high > low { (high / low).powf(0.04) } else { 1.5 };
        let (low, high) = (low / margin, high * margin);
        let decades = (high / low).log10();
        let within: &[f64] = match decades {
            ..0.35 => &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0],
            ..1.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let every = (decades / 8.0).ceil().max(1.0) as i32;
        let (from, to) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let of = (from..=to)
            .step_by(every as usize)
            .flat_map(|power| within.iter().map(move |by| by * 10f64.powi(power)));
        let ticks = of.filter(|tick| (low..=high).contains(tick)).collect();
        Self { low, high, log: true, ticks }
    }

    /// Where a value is, from 0 to 1.
    fn at(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || self.log && value <= 0.0 {
            return None;
        }
        Some(if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        })
    }
}

/// A number on an axis.
pub fn short(value: f64) -> String {
    let of = |unit: f64, letter: &str| {
        let text = format!("{:.2}", value / unit);
        format!("{}{letter}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match value.abs() {
        0.0 => "0".into(),
        1e12.. => format!("{value:.0e}"),
        1e9.. => of(1e9, "b"),
        1e6.. => of(1e6, "m"),
        1e3.. => of(1e3, "k"),
        0.01.. => {
            let text = format!("{value:.3}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{value:.1e}"),
    }
}

impl Plot {
    /// The picture; `None` if there is nothing to see in it.
    pub fn svg(&self) -> Option<Html> {
        let all = || self.series.iter().flat_map(|series| &series.points);
        let ends =
            self.series.iter().flat_map(|series| &series.intervals).flat_map(|(_, low, high)| [*low, *high]);
        let x = Scale::of(&self.x, all().map(|point| point.0))?;
        let y = Scale::of(&self.y, all().map(|point| point.1).chain(ends))?;
        let (legend, rows) = self.legend();
        let top = TOP + rows * ROW;
        let base = top + HEIGHT;
        let place = |point: (f64, f64)| {
            let (right, up) = (x.at(point.0)?, y.at(point.1)?);
            Some((LEFT + (WIDTH - LEFT - RIGHT) * right, base - HEIGHT * up))
        };
        let mut body = legend;
        for tick in &y.ticks {
            let Some((_, at)) = place((x.low, *tick)) else { continue };
            body = body.add(line("grid", (LEFT, at), (WIDTH - RIGHT, at)));
            body = body.add(label((LEFT - 8.0, at + 4.0), "end", &short(*tick)));
        }
        for tick in &x.ticks {
            let Some((at, _)) = place((*tick, y.low)) else { continue };
            body = body.add(line("axis", (at, base), (at, base + 5.0)));
            body = body.add(label((at, base + 19.0), "middle", &short(*tick)));
        }
        body = body.add(line("axis", (LEFT, base), (WIDTH - RIGHT, base)));
        let middle = (LEFT + WIDTH - RIGHT) / 2.0;
        body = body.add(label((middle, base + 38.0), "middle", &self.x.label));
        // Intervals of several series at one place stand beside each other.
        let count = self.series.iter().filter(|series| !series.intervals.is_empty()).count() as f64;
        for (index, series) in self.series.iter().enumerate() {
            let class = format!("c{}", index % COLOURS);
            let aside =
                if count > 1.0 { 3.0 * (index as f64 - (count - 1.0) / 2.0).clamp(-4.0, 4.0) } else { 0.0 };
            let place = |point| place(point).map(|(right, up)| (right + aside, up));
            for &(at, low, high) in &series.intervals {
                if let (Some(from), Some(to)) = (place((at, low)), place((at, high))) {
                    body = body.add(line(&format!("bar {class}"), from, to));
                }
            }
            let points: Vec<(f64, f64)> = series.points.iter().copied().filter_map(place).collect();
            if series.line && points.len() > 1 {
                let path = points.iter().fold(String::new(), |mut path, (x, y)| {
                    let _ = write!(path, "{x:.1},{y:.1} ");
                    path
                });
                let attributes = [("class", format!("line {class}")), ("points", path.trim_end().to_owned())];
                body = body.add(empty("polyline", &attributes));
            }
            if series.dots || points.len() == 1 {
                body = body.all(points.into_iter().map(|at| dot(index % COLOURS, at)));
            }
        }
        let box_of = format!("0 0 {WIDTH} {:.0}", base + 48.0);
        let title = format!("{}: {} by {}", self.title, self.y.label, self.x.label);
        let attributes = [("viewBox", box_of.as_str()), ("role", "img"), ("aria-label", &title)];
        let svg = Html::new().element("svg", &attributes, body);
        // On a narrow screen it scrolls, so that its type can be read.
        let around =
            [("class", "scroll"), ("tabindex", "0"), ("role", "group"), ("aria-label", self.title.as_str())];
        let svg = Html::new().element("div", &around, svg);
        let caption = Html::new().element(
            "figcaption",
            &[],
            Html::new().tag("strong", &self.title).text(", ").text(&self.y.label),
        );
        Some(Html::new().element("figure", &[], caption.add(svg)).raw("\n"))
    }

    /// Names with their colours, and how many rows they take.
    fn legend(&self) -> (Html, f64) {
        let (mut html, mut left, mut row) = (Html::new(), LEFT, 0.0);
        if self.series.len() < 2 {
            return (html, 0.0);
        }
        let seen = self.series.iter().enumerate().filter(|(_, series)| !series.points.is_empty());
        for (index, series) in seen {
            let name: String = series.name.chars().take(48).collect();
            let wide = 38.0 + 7.8 * name.chars().count() as f64;
            if left + wide > WIDTH - RIGHT && left > LEFT {
                (left, row) = (LEFT, row + 1.0);
            }
            let at = TOP + row * ROW + 4.0;
            let colour = index % COLOURS;
            html = html.add(match series.line {
                true => line(&format!("line c{colour}"), (left, at), (left + 18.0, at)),
                false => dot(colour, (left + 9.0, at)),
            });
            html = html.add(label((left + 24.0, at + 4.0), "start", &name));
            left += wide;
        }
        (html, row + 1.0)
    }
}

fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Html {
    let number = |value: f64| format!("{value:.1}");
    let attributes = [
        ("class", class.to_owned()),
        ("x1", number(from.0)),
        ("y1", number(from.1)),
        ("x2", number(to.0)),
        ("y2", number(to.1)),
    ];
    empty("line", &attributes)
}

fn dot(colour: usize, at: (f64, f64)) -> Html {
    let attributes = [
        ("class", format!("dot c{colour}")),
        ("cx", format!("{:.1}", at.0)),
        ("cy", format!("{:.1}", at.1)),
        ("r", "3.5".to_owned()),
    ];
    empty("circle", &attributes)
}

fn label(at: (f64, f64), anchor: &str, text: &str) -> Html {
    let (x, y) = (format!("{:.1}", at.0), format!("{:.1}", at.1));
    Html::new().element("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], Html::new().text(text))
}

fn empty(tag: &'static str, attributes: &[(&'static str, String)]) -> Html {
    let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Html::new().element(tag, &attributes, Html::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: Vec<(f64, f64)>, log: bool) -> Plot {
        let axis = |label: &str| Axis { label: label.into(), log };
        let series = |name: &str| Series {
            name: name.into(),
            points: points.clone(),
            line: true,
            dots: true,
            intervals: points.iter().map(|point| (point.0, point.1 * 0.9, point.1 * 1.1)).collect(),
        };
        Plot { title: "t".into(), x: axis("N"), y: axis("loss"), series: vec![series("a<b"), series("c")] }
    }

    #[test]
    fn everything_lies_in_the_picture() {
        for log in [false, true] {
            for points in
                [vec![(1.0, 2.0)], vec![(1e3, 4.0), (1e9, 1.5)], vec![(1.0, 1e-7), (2.0, 3e5), (7.0, 1.0)]]
            {
                let svg = plot(points.clone(), log).svg().unwrap().into_string();
                let of = |name: &str| {
                    let begin = format!(" {name}=\"");
                    let values = svg.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap());
                    values.map(|value| value.parse::<f64>().unwrap()).collect::<Vec<f64>>()
                };
                let (xs, ys) = (["x1", "x2", "cx"].map(of).concat(), ["y1", "y2", "cy"].map(of).concat());
                assert!(xs.iter().all(|x| (LEFT - 2.0..=WIDTH).contains(x)), "{points:?} {xs:?}");
                assert!(ys.iter().all(|y| (0.0..=TOP + ROW + HEIGHT + 5.1).contains(y)), "{points:?} {ys:?}");
                assert!(svg.contains("a&lt;b") && svg.matches("<circle").count() == 2 * points.len());
            }
        }
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        assert_eq!(plot(vec![], false).svg(), None);
        assert_eq!(plot(vec![(f64::NAN, 1.0)], false).svg(), None);
        assert_eq!(plot(vec![(0.0, 1.0)], true).svg(), None);
        let svg =
            plot(vec![(0.0, 1.0), (2.0, f64::INFINITY), (10.0, 1.0)], true).svg().unwrap().into_string();
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.05, 3.0, 4.25, 1500.0, 43.6e6, 279.7e9, 1e-4].map(short);
        assert_eq!(texts, ["0", "0.05", "3", "4.25", "1.5k", "43.6m", "279.7b", "1.0e-4"]);
    }
}
