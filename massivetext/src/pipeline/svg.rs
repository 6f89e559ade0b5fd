//! Plots as SVG elements that stand in a page. The same numbers give the same bytes.

use std::fmt::Write as _;

use super::histograms::Histogram;
use super::summary::StageSummary;
use crate::rules::Drops;

/// Colors that most people can tell apart (Okabe and Ito): what is kept, dropped, no document, and passed over.
const COLORS: [&str; 4] = ["#0072b2", "#d55e00", "#cc79a7", "#999999"];

const WIDTH: f64 = 720.0;
const LEFT: f64 = 130.0;
const PLOT: f64 = WIDTH - LEFT - 90.0;
const ROW: f64 = 26.0;

/// Text for HTML.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number that need not be whole, as short as it tells what it is.
pub fn short(value: f64) -> String {
    match value.abs() {
        _ if value.fract() == 0.0 && value.abs() < 1e15 => {
            let sign = if value < 0.0 { "-" } else { "" };
            format!("{sign}{}", grouped(value.abs() as u64))
        }
        _ if value >= 100.0 => grouped(value.round() as u64),
        size if (0.01..1e3).contains(&size) => {
            format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{value:.2e}"),
    }
}

/// A picture of a size, with a name for those who do not see it.
fn picture(height: f64, name: &str, body: &str) -> String {
    let name = escape(name);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{name}\">\n\
         <title>{name}</title>\n{body}</svg>\n"
    )
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ =
        writeln!(body, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escape(text));
}

fn bar(body: &mut String, [x, y, width, height]: [f64; 4], color: &str) {
    if width > 0.0 && height > 0.0 {
        let _ = writeln!(
            body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{color}\"/>"
        );
    }
}

/// The records of a subset through its stages: a bar for each stage, of what it keeps, drops, cannot read and passes over.
pub fn flow(name: &str, stages: &[StageSummary]) -> String {
    let most = stages.iter().map(|stage| stage.ledger.records).max().unwrap_or(0).max(1) as f64;
    let mut body = String::new();
    let mut y = 6.0;
    for stage in stages {
        let ledger = &stage.ledger;
        text(&mut body, LEFT - 8.0, y + 14.0, "end", stage.stage.name());
        let mut x = LEFT;
        let counts = [ledger.kept, ledger.all_dropped(), ledger.all_errors(), ledger.all_passed_over()];
        for (count, color) in counts.into_iter().zip(COLORS) {
            let width = PLOT * count as f64 / most;
            bar(&mut body, [x, y, width, ROW - 8.0], color);
            x += width;
        }
        text(&mut body, x + 6.0, y + 14.0, "start", &grouped(ledger.kept));
        y += ROW;
    }
    let mut x = LEFT;
    let all = ["kept (the number)", "dropped", "no documents", "passed over"];
    let is_passed_over = stages.iter().any(|stage| stage.ledger.all_passed_over() > 0);
    for (what, color) in all.into_iter().zip(COLORS).take(if is_passed_over { 4 } else { 3 }) {
        bar(&mut body, [x, y + 2.0, 12.0, 12.0], color);
        text(&mut body, x + 17.0, y + 13.0, "start", what);
        x += 150.0;
    }
    picture(y + 22.0, &format!("records of {name} through the stages"), &body)
}

/// A bar for each count, its length that of the count's logarithm if `is_logarithmic`.
pub fn bars(name: &str, counts: &[(String, u64)], is_logarithmic: bool) -> String {
    let size = |count: u64| if is_logarithmic { (count as f64 + 1.0).log10() } else { count as f64 };
    let most = counts.iter().map(|(_, count)| size(*count)).fold(f64::MIN_POSITIVE, f64::max);
    // The longest rules have 30 letters.
    let (left, plot) = (LEFT + 80.0, PLOT - 80.0);
    let mut body = String::new();
    for (row, (label, count)) in counts.iter().enumerate() {
        let y = 4.0 + 20.0 * row as f64;
        text(&mut body, left - 8.0, y + 12.0, "end", label);
        let width = plot * size(*count) / most;
        bar(&mut body, [left, y, width, 15.0], COLORS[0]);
        text(&mut body, left + width + 6.0, y + 12.0, "start", &grouped(*count));
    }
    picture(8.0 + 20.0 * counts.len() as f64, name, &body)
}

/// Documents by a statistic, their numbers on a logarithmic axis, with the thresholds of the rules.
pub fn histogram(subset: &str, histogram: &Histogram) -> String {
    let (top, height, left) = (34.0, 110.0, 60.0);
    let (base, plot) = (top + height, WIDTH - left - 30.0);
    let bins = (histogram.counts.len() + usize::from(histogram.above > 0)).max(1) as f64;
    let x = |position: f64| left + plot * position / bins;
    let size = |count: u64| (count as f64 + 1.0).log10();
    let most =
        histogram.counts.iter().chain([&histogram.above]).map(|count| size(*count)).fold(1.0, f64::max);
    let mut body = String::new();
    // 1, 10, 100, …: where the bars of so many end.
    for count in (0..=most as u32).filter_map(|power| 10_u64.checked_pow(power)) {
        let y = base - height * size(count) / most;
        let _ = writeln!(
            body,
            "<line x1=\"{left}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>",
            left + plot
        );
        text(&mut body, left - 6.0, y + 4.0, "end", &grouped(count));
    }
    for (bin, count) in histogram.counts.iter().chain(Some(&histogram.above)).enumerate() {
        let is_above = bin == histogram.counts.len();
        let (begin, end) = (x(bin as f64), x(bin as f64 + 1.0));
        let bar_height = height * size(*count) / most;
        let place = [begin + 0.5, base - bar_height, (end - begin - 1.0).max(0.5), bar_height];
        if *count > 0 {
            bar(&mut body, place, if is_above { "#56b4e9" } else { COLORS[0] });
        }
    }
    let _ = writeln!(
        body,
        "<line x1=\"{left}\" x2=\"{:.1}\" y1=\"{base}\" y2=\"{base}\" stroke=\"#888\"/>",
        left + plot
    );
    let is_sparse = |step: &usize| histogram.edges.len() / step <= 11;
    let step = [1, 2, 5, 10].into_iter().find(is_sparse).unwrap_or(20);
    for (place, edge) in histogram.edges.iter().enumerate().step_by(step) {
        text(&mut body, x(place as f64), base + 16.0, "middle", &short(*edge));
    }
    for (row, rule) in histogram.rules.iter().enumerate() {
        let at = x(histogram.position(rule.threshold));
        let (y, is_right) = (11.0 + 13.0 * row as f64, at > left + plot / 2.0);
        let _ = writeln!(
            body,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{:.1}\" y2=\"{base}\" stroke=\"{}\" stroke-dasharray=\"5 3\"/>",
            y - 8.0,
            COLORS[1]
        );
        let side = if rule.drops == Drops::Above { "above" } else { "below" };
        let label = format!("{} drops {side} {}", rule.rule, short(rule.threshold));
        let (anchor, shift) = if is_right { ("end", -5.0) } else { ("start", 5.0) };
        text(&mut body, at + shift, y, anchor, &label);
    }
    picture(base + 24.0, &format!("documents of {subset} by {}", histogram.statistic), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.3, 0.0, 1e5, 1234.5, 0.285, 0.0001, 1.5].map(short),
            ["0.3", "0", "100,000", "1,235", "0.285", "1.00e-4", "1.5"]
        );
    }

    #[test]
    fn text_is_escaped() {
        assert!(
            bars("a <b> & \"c\"", &[("x<y".into(), 1)], false)
                .contains("<title>a &lt;b&gt; &amp; &quot;c&quot;</title>")
        );
    }
}
