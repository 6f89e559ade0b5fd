//! Charts of a run as standalone SVGs.

mod axis;
mod curve;
mod figure;

pub use curve::Curve;
pub use figure::{Figure, Panel, Series};

use crate::metrics::Record;

/// Colours that most people can tell apart (Okabe and Ito), without the yellow that is lost on white.
pub const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333"];

/// The curves of one run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    loss: Curve,
    validation_loss: Curve,
    learning_rate: Curve,
    grad_norm: Curve,
    tokens_per_second: Curve,
}

impl Curves {
    /// Adds a step.
    pub fn push(&mut self, record: &Record) {
        let step = record.step;
        self.loss.push(step, record.loss);
        self.learning_rate.push(step, record.learning_rate);
        self.grad_norm.push(step, record.grad_norm);
        self.tokens_per_second.push(step, record.tokens_per_second);
        if let Some(loss) = record.validation_loss {
            self.validation_loss.push(step, loss);
        }
    }

    /// The loss alone; with the entropy of the text's token frequencies in nats, which is what a model that knows only
    /// these would reach.
    pub fn loss(&self, title: &str, unigram_entropy: Option<f64>) -> Figure {
        Figure { title: title.to_owned(), panels: vec![self.loss_panel(340.0, unigram_entropy)] }
    }

    /// Loss, learning rate, gradient norm and throughput.
    pub fn training(&self, title: &str) -> Figure {
        let panel = |heading: &str, colour, curve: &Curve| Panel {
            heading: heading.to_owned(),
            height: 110.0,
            from_zero: true,
            series: vec![Series { name: String::new(), colour, dots: false, curve: curve.clone() }],
            reference: None,
        };
        let panels = vec![
            self.loss_panel(200.0, None),
            panel("learning rate", COLOURS[2], &self.learning_rate),
            panel("gradient norm", COLOURS[3], &self.grad_norm),
            panel("throughput (tokens per second)", COLOURS[4], &self.tokens_per_second),
        ];
        Figure { title: title.to_owned(), panels }
    }

    fn loss_panel(&self, height: f64, unigram_entropy: Option<f64>) -> Panel {
        let series = [
            Series { name: "training".into(), colour: COLOURS[0], dots: false, curve: self.loss.clone() },
            Series {
                name: "validation".into(),
                colour: COLOURS[1],
                dots: true,
                curve: self.validation_loss.clone(),
            },
        ];
        Panel {
            heading: "loss (nats per token)".into(),
            height,
            from_zero: false,
            series: series.into(),
            reference: unigram_entropy.map(|entropy| ("unigram entropy".into(), entropy)),
        }
    }
}

impl<'a> FromIterator<&'a Record> for Curves {
    fn from_iter<I: IntoIterator<Item = &'a Record>>(records: I) -> Self {
        let mut curves = Curves::default();
        records.into_iter().for_each(|record| curves.push(record));
        curves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curves(steps: u64) -> Curves {
        let record = |step: u64| {
            let loss = 2.0 + 5.0 * (-(step as f64) / 50.0).exp();
            let validation_loss = step.is_multiple_of(50).then_some(loss + 0.1);
            let (learning_rate, grad_norm, tokens_per_second) = (2e-3, 1.0, 15_000.0);
            Record {
                step,
                loss,
                learning_rate,
                grad_norm,
                tokens_per_second,
                validation_loss,
                ..Record::default()
            }
        };
        (1..=steps).map(record).collect::<Vec<_>>().iter().collect()
    }

    #[test]
    fn the_loss_has_both_curves_the_reference_and_a_legend() {
        let svg = curves(300).loss("tiny <run> & more", Some(5.9)).svg();
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
    }

    #[test]
    fn the_training_has_a_panel_for_each_number_that_tells_how_it_goes() {
        let svg = curves(300).training("run").svg();
        for text in ["loss (nats", "learning rate<", "gradient norm<", "throughput (tokens per second)<"] {
            assert_eq!(svg.matches(text).count(), 1, "{text}");
        }
        assert!(svg.contains(">2.00e-3<") && svg.contains(">15,000<"), "{svg}");
        assert_eq!(svg.matches(">step<").count(), 1);
        assert!(Curves::default().training("").svg().ends_with("</svg>\n"));
    }
}
