//! From answers to numbers.

use super::data::Output;
use super::error::Result;
use super::metrics::{self, Aggregate, Chosen, Measure, Measured, Metric};
use super::native::{self, Results};
use super::python;
use super::task::Task;
use crate::{Answer, Ask, Gold, Item, Scored};

impl Task {
    /// The values of this task's metrics for one answer; none for [`Answer::Skipped`].
    pub fn score(&self, item: &Item, answer: &Answer) -> Result<Vec<Measured>> {
        let fault = |problem: String| self.fault("document", item.document, problem);
        match (answer, &item.ask) {
            (Answer::Skipped, _) => Ok(Vec::new()),
            (Answer::Choices { scored, unconditional }, Ask::Choices { choices, .. }) => {
                self.score_choices(item, choices, scored, unconditional).map_err(fault)
            }
            (Answer::LogLikelihood(scored), Ask::LogLikelihood(_)) => {
                Ok(self.measured("none", |name| match name {
                    "perplexity" => Some(Measure::Number(scored.log_probability)),
                    "acc" => Some(Measure::Number(f64::from(u8::from(scored.greedy)))),
                    _ => None,
                }))
            }
            (Answer::Rolling(scored), Ask::Rolling(text)) => {
                let counted = match self.config.process_results {
                    Some(Results::WikiText) => native::original(&item.fields).map_err(fault)?,
                    _ => text.as_str(),
                };
                let weighted = |weight: usize| {
                    Some(Measure::Weighted { log_probability: scored.log_probability, weight: weight as f64 })
                };
                Ok(self.measured("none", |name| match name {
                    "word_perplexity" => weighted(python::pieces(counted)),
                    "byte_perplexity" | "bits_per_byte" => weighted(counted.len()),
                    _ => None,
                }))
            }
            (Answer::Generated(text), Ask::Generate { generation, .. }) => {
                // Greedy, each repetition is the same.
                self.score_texts(item, &vec![text.clone(); generation.repeats]).map_err(fault)
            }
            (Answer::Repeated(texts), Ask::Generate { generation, .. }) => {
                if texts.len() != generation.repeats {
                    return Err(fault(format!(
                        "{} answers for 'repeats' {}",
                        texts.len(),
                        generation.repeats
                    )));
                }
                self.score_texts(item, texts).map_err(fault)
            }
            _ => Err(fault("an answer of another kind than what was asked".to_owned())),
        }
    }

    fn score_texts(&self, item: &Item, texts: &[String]) -> Result<Vec<Measured>, String> {
        let Gold::Texts(golds) = &item.gold else {
            return Err("a generated text has nothing to be compared with".to_owned());
        };
        let mut out = Vec::new();
        for filter in &self.config.filters {
            let text = filter.apply(texts.to_vec(), &item.fields)?;
            for metric in &self.config.metrics {
                let own = metric.ignored.without(&text)?;
                let golds = golds.iter().map(|gold| metric.ignored.without(gold));
                let golds = golds.collect::<Result<Vec<_>, _>>()?;
                out.push(Measured {
                    metric: metric.name.clone(),
                    filter: filter.name.clone(),
                    value: Measure::Number(f64::from(u8::from(golds.contains(&own)))),
                });
            }
        }
        Ok(out)
    }

    fn score_choices(
        &self,
        item: &Item,
        choices: &[String],
        scored: &[Scored],
        unconditional: &[Scored],
    ) -> Result<Vec<Measured>, String> {
        let Some(chosen) = metrics::chosen(choices, scored) else {
            return Err(format!("{} scores for {} choices", scored.len(), choices.len()));
        };
        if scored.iter().any(|scored| scored.log_probability.is_nan()) {
            return Err("a log-probability that is not a number".to_owned());
        }
        let mutual = self.config.metrics.iter().any(|metric| metric.name == "acc_mutual_info");
        if mutual && unconditional.len() != choices.len() {
            return Err(format!(
                "{} scores without context for {} choices",
                unconditional.len(),
                choices.len()
            ));
        }
        if self.config.process_results == Some(Results::TruthfulQa) {
            let share = native::probability_of_truth(&item.fields, scored)?;
            return Ok(self.measured("none", |_| Some(Measure::Number(share))));
        }
        let logs: Vec<f64> = scored.iter().map(|scored| scored.log_probability).collect();
        let right = |choice: usize| {
            f64::from(u8::from(match &item.gold {
                Gold::Choice(gold) => *gold == choice,
                Gold::Choices(golds) => golds.contains(&choice),
                // The best grade counts as right.
                Gold::Grades(grades) => {
                    grades.get(choice).is_some_and(|own| grades.iter().all(|grade| grade <= own))
                }
                Gold::Texts(_) | Gold::None => false,
            }))
        };
        let is_f1 = self.config.metrics.iter().any(|metric| metric.name == "f1");
        if is_f1 && choices.len() > 2 {
            // scikit-learn, which lm-evaluation-harness asks, has an error for more.
            return Err(format!("f1 is of two choices, and there are {}; use mcc or acc", choices.len()));
        }
        let gold = match &item.gold {
            Gold::Choice(gold) => Some(*gold),
            Gold::Choices(golds) => golds.first().copied(),
            Gold::Grades(grades) => Some(metrics::first_greatest(grades.iter().copied())),
            Gold::Texts(_) | Gold::None => None,
        };
        Ok(self.measured("none", |name| {
            Some(match name {
                "acc" => Measure::Number(right(chosen.raw)),
                "acc_norm" => Measure::Number(right(chosen.by_characters)),
                "acc_bytes" => Measure::Number(right(chosen.by_bytes)),
                "acc_mutual_info" => {
                    let gains = scored
                        .iter()
                        .zip(unconditional)
                        .map(|(with, alone)| with.log_probability - alone.log_probability);
                    Measure::Number(right(metrics::first_greatest(gains)))
                }
                "exact_match" => {
                    let greedy =
                        (0..scored.len()).any(|choice| right(choice) == 1.0 && scored[choice].greedy);
                    Measure::Number(f64::from(u8::from(greedy)))
                }
                "multiple_choice_grade" => match &item.gold {
                    Gold::Grades(grades) => Measure::Number(*grades.get(chosen.raw)?),
                    _ => return None,
                },
                "brier_score" => {
                    Measure::Probabilities { gold: gold?, probabilities: metrics::softmax(&logs) }
                }
                "f1" | "mcc" => Measure::Labels { gold: gold?, chosen: chosen.raw },
                _ => return None,
            })
        }))
    }

    fn measured(&self, filter: &str, value: impl Fn(&str) -> Option<Measure>) -> Vec<Measured> {
        let of = |metric: &Metric| {
            let value = value(&metric.name)?;
            Some(Measured { metric: metric.name.clone(), filter: filter.to_owned(), value })
        };
        self.config.metrics.iter().filter_map(of).collect()
    }

    /// Each metric over the documents that have it, in the file's order, for each filter; those that no document has are left
    /// out.
    pub fn aggregate(&self, measured: &[Vec<Measured>]) -> Vec<Aggregate> {
        let generated = self.config.output == Output::Generate;
        let filters: Vec<&str> = match generated {
            true => self.config.filters.iter().map(|filter| filter.name.as_str()).collect(),
            false => vec!["none"],
        };
        let mut out = Vec::new();
        for filter in filters {
            for metric in &self.config.metrics {
                let values: Vec<&Measure> = measured
                    .iter()
                    .flatten()
                    .filter(|measured| measured.metric == metric.name && measured.filter == filter)
                    .map(|measured| &measured.value)
                    .collect();
                let Some((value, stderr)) = metrics::aggregate(metric.aggregation, &values) else { continue };
                out.push(Aggregate {
                    metric: metric.name.clone(),
                    filter: filter.to_owned(),
                    value,
                    stderr,
                    aggregation: metric.aggregation,
                    higher_is_better: metric.higher_is_better,
                    documents: values.len(),
                });
            }
        }
        out
    }
}

/// What the model chose, for a question with choices.
pub fn choice_of(item: &Item, answer: &Answer) -> Option<Chosen> {
    match (&item.ask, answer) {
        (Ask::Choices { choices, .. }, Answer::Choices { scored, .. }) => metrics::chosen(choices, scored),
        _ => None,
    }
}
