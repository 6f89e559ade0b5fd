//! Which sizes fit a time, by the speeds that were measured.

use model::Gopher;
use serde::{Deserialize, Serialize};

use super::shapes::{family, learning_rate, parameters};
use super::{Error, Member, Request};

/// The fewest and the most sequences of a batch, and the steps that are to be left for it to grow.
const BATCH: (usize, usize) = (4, 128);
const STEPS: f64 = 4000.0;

/// Text is gone through so many times at most (Muennighoff et al. 2023: up to four times, it is nearly as good as new).
const EPOCHS: f64 = 4.0;

/// Validations of a run.
pub(super) const VALIDATIONS: u64 = 4;

/// The part of a run in which the learning rate rises, and the most steps of it: the paper's.
const WARM_UP: (u64, u64) = (20, 1500);

/// How fast a size trains on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Its trained numbers.
    pub parameters: f64,
    /// Sequences of a step.
    pub batch: usize,
    /// Mean of the steps that were timed.
    pub seconds_per_step: f64,
    /// Of one validation.
    pub seconds_per_validation: f64,
    /// From the call to the first step.
    pub startup_seconds: f64,
}

impl Speed {
    /// About how fast it is with another batch: a step takes as much longer as the batch is larger.
    pub(super) fn with_batch(self, batch: usize) -> Self {
        let by = batch as f64 / self.batch as f64;
        Self { batch, seconds_per_step: self.seconds_per_step * by, ..self }
    }
}

/// About how fast a size trains, from sizes that were measured, smallest first: powers between them; beyond them, time grows as the
/// parameters above, and as their root below.
fn speed(measured: &[Speed], parameters: f64) -> Speed {
    let of = |speed: &Speed| [speed.seconds_per_step, speed.seconds_per_validation, speed.startup_seconds];
    let at = |from: &Speed, exponents: [f64; 3]| {
        let ratio = parameters / from.parameters;
        let [step, validation, startup] = [0, 1, 2].map(|part| of(from)[part] * ratio.powf(exponents[part]));
        Speed {
            parameters,
            batch: from.batch,
            seconds_per_step: step,
            seconds_per_validation: validation,
            startup_seconds: startup,
        }
    };
    let (first, last) = (&measured[0], &measured[measured.len() - 1]);
    if parameters <= first.parameters {
        return at(first, [0.5, 0.5, 0.0]);
    }
    if parameters >= last.parameters {
        return at(last, [1.0, 1.0, 0.0]);
    }
    let pair = measured.windows(2).find(|pair| pair[1].parameters >= parameters);
    let (from, to) = pair.map_or((first, last), |pair| (&pair[0], &pair[1]));
    let length = (to.parameters / from.parameters).ln();
    at(from, [0, 1, 2].map(|part| (of(to)[part].max(1e-9) / of(from)[part].max(1e-9)).ln() / length))
}

/// The sizes of a ladder whose largest is `largest`; `None` if widths do not allow for so many different ones.
fn sizes(all: &[Gopher], largest: usize, request: &Request) -> Option<Vec<Gopher>> {
    let count = request.sizes;
    let top = parameters(&all[largest]);
    let mut found: Vec<usize> = Vec::with_capacity(count);
    for place in 0..count {
        let share = (count - 1 - place) as f64 / (count - 1) as f64;
        let target = top / request.span.powf(share);
        let away = |index: &usize| (parameters(&all[*index]) / target).ln().abs();
        let nearest = (0..=largest).min_by(|a, b| away(a).total_cmp(&away(b)))?;
        // Neighbours may be nearest to the same width.
        if found.last().is_some_and(|last| *last >= nearest) {
            return None;
        }
        found.push(nearest);
    }
    // No size as small as the span asks for.
    let span = top / parameters(&all[found[0]]);
    (span > request.span / 1.5).then(|| found.into_iter().map(|index| all[index].clone()).collect())
}

/// Steps of each member, with a factor on what the rule gives.
fn steps(models: &[Gopher], batch: usize, factor: f64, request: &Request, text_tokens: u64) -> Vec<u64> {
    let of_step = (batch * request.sequence_length) as f64;
    let top = models.last().map_or(0.0, parameters);
    let of = |model: &Gopher| {
        let counted = if request.per_size { parameters(model) } else { top };
        let tokens = (factor * request.tokens_per_parameter * counted).min(EPOCHS * text_tokens as f64);
        (tokens / of_step).round().max(1.0) as u64
    };
    models.iter().map(of).collect()
}

/// Seconds of a member.
fn seconds(measured: &[Speed], model: &Gopher, steps: u64) -> f64 {
    let speed = speed(measured, parameters(model));
    let validations = VALIDATIONS.min(steps) as f64 * speed.seconds_per_validation;
    speed.startup_seconds + steps as f64 * speed.seconds_per_step + validations
}

/// The batch that leaves enough steps of so many tokens.
pub(super) fn batch(tokens: f64, sequence_length: usize) -> usize {
    let most = (tokens / STEPS / sequence_length as f64).max(1.0) as usize;
    let (least, largest) = BATCH;
    // The power of two that is not above it.
    (1usize << most.ilog2()).clamp(least, largest)
}

/// The largest ladder that takes at most `budget` seconds. Speeds are by size, smallest first, all of one batch.
///
/// # Errors
/// [`Error::Budget`] if even the smallest one takes longer, [`Error::Short`] if the text is too short for it, [`Error::Widths`] if there are
/// not so many sizes.
pub fn solve(
    measured: &[Speed],
    request: &Request,
    vocabulary_size: usize,
    text_tokens: u64,
    budget: f64,
) -> Result<Vec<Member>, Error> {
    let batch = measured[0].batch;
    let all: Vec<Gopher> = family(vocabulary_size).collect();
    let total = |models: &[Gopher], factor: f64| {
        let steps = steps(models, batch, factor, request, text_tokens);
        models.iter().zip(steps).map(|(model, steps)| seconds(measured, model, steps)).sum::<f64>()
    };
    let mut best: Option<Vec<Gopher>> = None;
    let mut least = f64::INFINITY;
    for largest in 0..all.len() {
        let Some(models) = sizes(&all, largest, request) else { continue };
        let tokens = request.tokens_per_parameter * parameters(&all[largest]);
        if tokens > EPOCHS * text_tokens as f64 {
            if best.is_none() && !least.is_finite() {
                return Err(Error::Short { tokens: text_tokens, least: (tokens / EPOCHS).ceil() as u64 });
            }
            break;
        }
        let takes = total(&models, 1.0);
        least = least.min(takes);
        if takes <= budget {
            best = Some(models);
        } else if takes > 10.0 * budget && best.is_some() {
            break;
        }
    }
    let models = match best {
        Some(models) => models,
        None if least.is_finite() => return Err(Error::Budget { seconds: budget, least }),
        None => return Err(Error::Widths { sizes: request.sizes, span: request.span }),
    };
    // What is left of the time goes into more tokens: the next width would take more than there is.
    let (mut low, mut high) = (1.0, 16.0);
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if total(&models, middle) <= budget { low = middle } else { high = middle }
    }
    let steps = steps(&models, batch, low, request, text_tokens);
    let members = models.iter().zip(steps).map(|(model, steps)| Member {
        predicted_seconds: seconds(measured, model, steps),
        ..member(model, batch, steps, request)
    });
    Ok(members.collect())
}

/// A model with what the rules say of its training.
pub(super) fn member(model: &Gopher, batch: usize, steps: u64, request: &Request) -> Member {
    let count = parameters(model);
    Member {
        name: name(count),
        layers: model.layers,
        heads: model.heads,
        key_value_size: model.key_value_size,
        d_model: model.d_model,
        parameters: count as u64,
        learning_rate: learning_rate(count),
        warmup_steps: (steps / WARM_UP.0).min(WARM_UP.1),
        batch,
        sequence_length: request.sequence_length,
        steps,
        tokens: steps * (batch * request.sequence_length) as u64,
        predicted_seconds: 0.0,
        seconds: 0.0,
        loss: None,
    }
}

impl Member {
    /// Its model.
    pub(super) fn shape(&self, vocabulary_size: usize) -> Gopher {
        let Member { layers, heads, key_value_size, d_model, .. } = *self;
        Gopher { layers, heads, key_value_size, d_model, vocabulary_size }
    }
}

/// What a model of so many parameters is called: three digits and a letter.
fn name(parameters: f64) -> String {
    let (unit, letter) = match parameters {
        ..999_500.0 => (1e3, "k"),
        ..999_500_000.0 => (1e6, "m"),
        _ => (1e9, "b"),
    };
    let value = parameters / unit;
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(batch: usize) -> Vec<Speed> {
        // 50 GFLOP/s, and 2 ms for each step.
        let of = |parameters: f64| Speed {
            parameters,
            batch,
            seconds_per_step: 2e-3 + 6.0 * parameters * (batch * 256) as f64 / 5e10,
            seconds_per_validation: 1.0,
            startup_seconds: 2.0,
        };
        [5e4, 2e5, 1e6, 5e6].map(of).into()
    }

    fn request(sizes: usize) -> Request {
        Request { sizes, ..Request::new(vec!["text".into()], 3600.0) }
    }

    #[test]
    fn a_ladder_fills_its_time_and_no_more() {
        for (budget, sizes) in [(300.0, 4), (1500.0, 6), (3600.0, 6), (36_000.0, 8)] {
            let request = request(sizes);
            let members = solve(&measured(8), &request, 1024, 1 << 40, budget).unwrap();
            let total: f64 = members.iter().map(|member| member.predicted_seconds).sum();
            assert!((0.97..=1.0).contains(&(total / budget)), "{budget}: {total}");
            assert_eq!(members.len(), sizes);
            let largest = &members[sizes - 1];
            assert!(largest.tokens as f64 >= 19.99 * largest.parameters as f64);
            assert!(members.iter().all(|member| member.tokens == largest.tokens));
            let ratios: Vec<f64> = members
                .windows(2)
                .map(|pair| pair[1].parameters as f64 / pair[0].parameters as f64)
                .collect();
            let even = 32f64.powf(1.0 / (sizes as f64 - 1.0));
            assert!(
                ratios.iter().all(|ratio| (ratio / even).ln().abs() < 0.4),
                "{budget}: {ratios:?} {even}"
            );
        }
    }

    #[test]
    fn tokens_follow_each_size_if_asked_and_never_the_text_more_than_four_times() {
        let of_each = Request { per_size: true, ..request(5) };
        let members = solve(&measured(8), &of_each, 1024, 1 << 40, 1500.0).unwrap();
        for pair in members.windows(2) {
            let by = |member: &Member| member.tokens as f64 / member.parameters as f64;
            assert!((by(&pair[0]) / by(&pair[1]) - 1.0).abs() < 0.02, "{members:?}");
        }
        // With less text, models are smaller, and time is left.
        let members = solve(&measured(8), &request(5), 1024, 2_000_000, 3600.0).unwrap();
        assert!(members.iter().all(|member| member.tokens <= 8_002_000), "{members:?}");
        assert!(members[4].parameters * 20 <= 8_000_000 && members[4].tokens > 7_990_000, "{members:?}");
    }

    #[test]
    fn what_cannot_be_is_said() {
        let error = |request: &Request, budget| {
            solve(&measured(8), request, 1024, 1 << 40, budget).unwrap_err().to_string()
        };
        assert!(
            error(&request(6), 5.0)
                .starts_with("a budget of 5 s is left for training, and the smallest ladder of these")
        );
        let short = solve(&measured(8), &request(6), 1024, 1000, 1e6).unwrap_err().to_string();
        assert!(
            short.starts_with(
                "the text has 1000 tokens to train on, and the smallest ladder of these sizes needs"
            ),
            "{short}"
        );
        let many = Request { span: 1.01, ..request(40) };
        assert!(error(&many, 1e9).starts_with("40 sizes within a factor of 1.01"));
    }

    #[test]
    fn names_have_three_digits() {
        let names = [950.0, 24_310.0, 123_456.0, 999_900.0, 1_838_912.0, 43.6e6, 279.7e9].map(name);
        assert_eq!(names, ["0.95k", "24.3k", "123k", "1.00m", "1.84m", "43.6m", "280b"]);
    }

    #[test]
    fn a_batch_leaves_steps() {
        let found = [1e5, 1e7, 2e7, 1e8, 1e12].map(|tokens| batch(tokens, 256));
        assert_eq!(found, [4, 8, 16, 64, 128]);
    }

    #[test]
    fn speeds_between_those_measured_follow_a_power() {
        let all = measured(8);
        assert!((speed(&all, 2e5).seconds_per_step / all[1].seconds_per_step - 1.0).abs() < 1e-9);
        let between = speed(&all, 4e5).seconds_per_step;
        assert!(all[1].seconds_per_step < between && between < all[2].seconds_per_step);
        assert!((speed(&all, 1e7).seconds_per_step / all[3].seconds_per_step - 2.0).abs() < 1e-9);
        assert_eq!(all[0].with_batch(16).seconds_per_step, 2.0 * all[0].seconds_per_step);
    }
}
