//! The loss curve as a standalone SVG. The same input gives the same bytes.

use std::fmt::Write;

use crate::metrics::Record;

/// A loss curve: losses in nats per token over steps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// Heading.
    pub title: String,
    /// Training loss: (step, loss).
    pub training: Vec<(u64, f64)>,
    /// Validation loss: (step, loss).
    pub validation: Vec<(u64, f64)>,
    /// Entropy of the text's token frequencies in nats: what a model that knows only these would reach.
    pub unigram_entropy: Option<f64>,
}

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = 56.0;
/// No more points than pixels: a longer run shows the mean of each bucket.
const BUCKETS: usize = 700;

const STYLE: &str = "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#444}\
.title{font-size:17px;font-weight:600;fill:#111}\
.grid{stroke:#e4e4e4}.axis{stroke:#888}\
.line{fill:none;stroke-width:1.75;stroke-linejoin:round}\
.training{stroke:#2166ac}.validation{stroke:#d6604d}.dot{fill:#d6604d}\
.reference{stroke:#666;stroke-width:1.25;stroke-dasharray:6 4}";

impl Chart {
    /// The curve of a run.
    pub fn of_run(title: impl Into<String>, records: &[Record], unigram_entropy: Option<f64>) -> Chart {
        let validation = records.iter().filter_map(|record| Some((record.step, record.validation_loss?)));
        Chart {
            title: title.into(),
            training: records.iter().map(|record| (record.step, record.loss)).collect(),
            validation: validation.collect(),
            unigram_entropy,
        }
    }

    /// The chart as an SVG document. Losses that are not finite are left out.
    pub fn svg(&self) -> String {
        let finite =
            |points: &[(u64, f64)]| points.iter().copied().filter(|(_, loss)| loss.is_finite()).collect();
        let (training, validation): (Vec<_>, Vec<_>) = (finite(&self.training), finite(&self.validation));
        let training = bucket_means(&training);
        let validation: Vec<_> = validation.into_iter().map(|(step, loss)| (step as f64, loss)).collect();
        let unigram_entropy = self.unigram_entropy.filter(|entropy| entropy.is_finite());

        let points = || training.iter().chain(&validation);
        let last_step = points().map(|&(step, _)| step).fold(1.0, f64::max);
        let losses = || points().map(|&(_, loss)| loss).chain(unigram_entropy);
        let (low, high) =
            losses().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), loss| (a.min(loss), b.max(loss)));
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let steps = Axis::new(0.0, last_step, 8.0, 1.0);
        let losses = Axis::new(low, high, 6.0, 0.0);
        let x = |step: f64| LEFT + (WIDTH - LEFT - RIGHT) * step / last_step;
        let y = |loss: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * losses.fraction(loss);

        let mut svg = String::new();
        // Writing to a string cannot fail.
        let mut draw = |arguments: std::fmt::Arguments<'_>| svg.write_fmt(arguments).unwrap_or_default();
        draw(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
             height=\"{HEIGHT}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
             <text class=\"title\" x=\"{LEFT}\" y=\"30\">{title}</text>\n",
            title = escape(&self.title)
        ));
        for tick in losses.ticks() {
            let (y, label) = (y(tick), losses.label(tick));
            draw(format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.5
            ));
        }
        let base = HEIGHT - BOTTOM;
        for tick in steps.ticks().filter(|&tick| tick <= last_step) {
            let (x, label) = (x(tick), steps.label(tick));
            draw(format_args!(
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{base}\" y2=\"{}\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n",
                base + 5.0,
                base + 20.0
            ));
        }
        draw(format_args!(
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{base}\" y2=\"{base}\"/>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">step</text>\n\
             <text transform=\"translate(18 {}) rotate(-90)\" text-anchor=\"middle\">loss (nats per token)</text>\n",
            WIDTH - RIGHT,
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 14.0,
            (TOP + base) / 2.0
        ));

        let mut legend = LEFT;
        let mut key = |class: &str, text: String| {
            let entry = format!(
                "<line class=\"line {class}\" x1=\"{legend:.1}\" x2=\"{:.1}\" y1=\"54\" y2=\"54\"/>\
                 <text x=\"{:.1}\" y=\"58.5\">{text}</text>\n",
                legend + 22.0,
                legend + 28.0
            );
            legend += 28.0 + 7.3 * text.chars().count() as f64 + 20.0;
            entry
        };
        if let Some(entropy) = unigram_entropy {
            let y = y(entropy);
            draw(format_args!(
                "<line class=\"reference\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n",
                WIDTH - RIGHT
            ));
        }
        for (class, name, points) in
            [("training", "training", &training), ("validation", "validation", &validation)]
        {
            let Some(&(_, last)) = points.last() else { continue };
            let path: Vec<_> =
                points.iter().map(|&(step, loss)| format!("{:.1},{:.1}", x(step), y(loss))).collect();
            draw(format_args!("<polyline class=\"line {class}\" points=\"{}\"/>\n", path.join(" ")));
            // Few points are measurements of their own; one alone would have no line to show it.
            if class == "validation" || points.len() == 1 {
                for &(step, loss) in points.iter() {
                    draw(format_args!(
                        "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>\n",
                        x(step),
                        y(loss)
                    ));
                }
            }
            draw(format_args!("{}", key(class, format!("{name} {last:.3}"))));
        }
        if let Some(entropy) = unigram_entropy {
            draw(format_args!("{}", key("reference", format!("unigram entropy {entropy:.3}"))));
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Means over equal ranges of steps, at the mean step of each.
fn bucket_means(points: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let mean = |bucket: &[(u64, f64)]| {
        let count = bucket.len() as f64;
        let sum = bucket.iter().fold((0.0, 0.0), |sum, &(step, loss)| (sum.0 + step as f64, sum.1 + loss));
        (sum.0 / count, sum.1 / count)
    };
    points.chunks(points.len().div_ceil(BUCKETS).max(1)).map(mean).collect()
}

/// A range of values with round ticks.
struct Axis {
    low: f64,
    high: f64,
    spacing: f64,
}

impl Axis {
    /// About `count` ticks, no closer than `finest`; the range grows to the ticks around it.
    fn new(low: f64, high: f64, count: f64, finest: f64) -> Axis {
        let rough = ((high - low) / count).max(finest).max(high.abs().max(1.0) * 1e-6);
        let power = 10f64.powf(rough.log10().floor());
        let factor =
            [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
        let spacing = factor * power;
        let (low, high) = ((low / spacing).floor() * spacing, (high / spacing).ceil() * spacing);
        Axis { low, high: if high > low { high } else { low + spacing }, spacing }
    }

    fn fraction(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let Axis { low, high, spacing } = *self;
        let count = ((high - low) / spacing).round() as usize;
        (0..=count).map(move |index| low + spacing * index as f64)
    }

    /// Just the digits the spacing needs; thousands and more are abbreviated.
    fn label(&self, value: f64) -> String {
        let (unit, suffix) = match self.high {
            high if high >= 2e6 => (1e6, "M"),
            high if high >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        let decimals = (-(self.spacing / unit).log10().floor()).max(0.0) as usize;
        // A tick that should be zero may be a rounding error below it.
        let value = if value.abs() < self.spacing * 1e-9 { 0.0 } else { value };
        if value == 0.0 && unit > 1.0 {
            "0".to_owned()
        } else {
            format!("{:.decimals$}{suffix}", value / unit)
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ticks(low: f64, high: f64, finest: f64, expected: &[&str]) {
        let axis = Axis::new(low, high, 6.0, finest);
        assert_eq!(axis.ticks().map(|tick| axis.label(tick)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        check_ticks(0.0, 300.0, 1.0, &["0", "50", "100", "150", "200", "250", "300"]);
        check_ticks(0.0, 3.0, 1.0, &["0", "1", "2", "3"]);
        check_ticks(1.3, 6.9, 0.0, &["1", "2", "3", "4", "5", "6", "7"]);
        check_ticks(2.31, 2.34, 0.0, &["2.310", "2.315", "2.320", "2.325", "2.330", "2.335", "2.340"]);
        check_ticks(-0.4, 0.5, 0.0, &["-0.4", "-0.2", "0.0", "0.2", "0.4", "0.6"]);
        check_ticks(0.0, 12_000.0, 1.0, &["0", "2k", "4k", "6k", "8k", "10k", "12k"]);
        check_ticks(0.0, 3_000_000.0, 1.0, &["0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M", "3.0M"]);
        check_ticks(2.0, 2.0, 0.0, &["2.000000", "2.000002"]);
    }

    fn chart(steps: u64) -> Chart {
        let loss = |step: u64| 2.0 + 5.0 * (-(step as f64) / 50.0).exp();
        Chart {
            title: "tiny <run> & more".into(),
            training: (1..=steps).map(|step| (step, loss(step))).collect(),
            validation: (1..=steps / 50).map(|index| (index * 50, loss(index * 50) + 0.1)).collect(),
            unigram_entropy: Some(5.9),
        }
    }

    #[test]
    fn it_shows_both_curves_the_reference_and_a_legend() {
        let svg = chart(300).svg();
        assert_eq!(svg, chart(300).svg(), "the same input gives the same bytes");
        assert!(svg.contains("<title>tiny &lt;run&gt; &amp; more</title>"));
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 6);
        for text in [
            ">training 2.012<",
            ">validation 2.112<",
            ">unigram entropy 5.900<",
            ">step<",
            ">loss (nats per token)<",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn points_lie_inside_the_frame_and_are_no_more_than_pixels() {
        for steps in [1, 2, 300, 100_000] {
            let svg = chart(steps).svg();
            let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
            let mut count = 0;
            for point in points.split(' ') {
                let (x, y) = point.split_once(',').unwrap();
                assert!((LEFT..=WIDTH - RIGHT).contains(&x.parse::<f64>().unwrap()), "{point}");
                assert!((TOP..=HEIGHT - BOTTOM).contains(&y.parse::<f64>().unwrap()), "{point}");
                count += 1;
            }
            assert!(count <= BUCKETS);
        }
    }

    #[test]
    fn nothing_to_show_is_still_a_chart() {
        for training in [vec![], vec![(1, f64::NAN)], vec![(1, f64::INFINITY), (2, 3.0)]] {
            let svg = Chart { training, ..Chart::default() }.svg();
            assert!(svg.ends_with("</svg>\n"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
