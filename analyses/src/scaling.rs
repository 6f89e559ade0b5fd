//! How the loss follows the size of a model and the text it is trained on: power laws, fitted to runs.
//!
//! A law is a sum of terms: a constant E, and a coefficient times a power of the parameters N, the tokens D, or the operations
//! C = 6 N D (Kaplan et al. 2020; Hoffmann et al. 2022, appendix D.3). It is fitted to the logarithms of losses: the sum of Huber's
//! function of the errors over 0.001 is made least by L-BFGS from a grid of starts, and the best end counts. Intervals are those of fits to losses
//! that are drawn anew: the fitted loss with an error drawn from those that the fit leaves, which are widened by √(n / (n − p)), as p constants take
//! that many of n runs' errors away.

mod curve;
pub mod gain;
mod minimize;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};
use tasks::statistics::{Bootstrap, Interval, Method, percentile};

use crate::{Error, Result};
use curve::Curve;

/// A trained model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Numbers that were trained.
    pub parameters: f64,
    /// Tokens that they were trained on.
    pub tokens: f64,
    /// Loss on held-out text, in nats per token.
    pub loss: f64,
}

impl Point {
    /// Operations of the training, about: 6 for each parameter and token (Kaplan et al. 2020).
    pub fn compute(&self) -> f64 {
        6.0 * self.parameters * self.tokens
    }
}

/// What the loss is taken to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// L(N) = E + A / N^α.
    Parameters,
    /// L(D) = E + B / D^β.
    Tokens,
    /// L(C) = E + G / C^γ.
    Compute,
    /// L(N, D) = E + A / N^α + B / D^β.
    Joint,
}

/// Something of a run that a law is in.
type Variable = fn(&Point) -> f64;

impl Law {
    /// All of them.
    pub const ALL: [Law; 4] = [Law::Parameters, Law::Tokens, Law::Compute, Law::Joint];

    /// The names of its terms' coefficients and exponents, with what they are of.
    fn terms(self) -> Vec<(&'static str, &'static str, &'static str, Variable)> {
        let parameters: Variable = |point| point.parameters;
        let tokens: Variable = |point| point.tokens;
        match self {
            Law::Parameters => vec![("A", "alpha", "numbers of parameters", parameters)],
            Law::Tokens => vec![("B", "beta", "numbers of tokens", tokens)],
            Law::Compute => vec![("G", "gamma", "amounts of compute", Point::compute)],
            Law::Joint => vec![
                ("A", "alpha", "numbers of parameters", parameters),
                ("B", "beta", "numbers of tokens", tokens),
            ],
        }
    }

    /// Runs that are needed: one more than constants, and of each variable three different values.
    pub fn least(self, with_constant: bool) -> usize {
        2 * self.terms().len() + usize::from(with_constant) + 1
    }

    /// Its formula.
    pub fn formula(self, with_constant: bool) -> String {
        let terms = match self {
            Law::Parameters => "A / N^alpha",
            Law::Tokens => "B / D^beta",
            Law::Compute => "G / C^gamma",
            Law::Joint => "A / N^alpha + B / D^beta",
        };
        if with_constant { format!("E + {terms}") } else { terms.to_owned() }
    }
}

/// A constant of a law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// E, A, alpha, B, beta, G or gamma.
    pub name: String,
    /// What was found.
    pub value: f64,
    /// Where it would be with other errors of this size; `None` if nothing was drawn.
    pub interval: Option<Interval>,
}

/// A law with its constants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The law.
    pub law: Law,
    /// Whether it has the constant E, the loss of a model without end trained without end.
    pub with_constant: bool,
    /// Runs that it was fitted to.
    pub points: usize,
    /// E first, if there is one, then coefficients and exponents, term by term.
    pub constants: Vec<Constant>,
    /// The root of the mean square of what it leaves of the logarithms of losses.
    pub error: f64,
    #[serde(skip)]
    curve: Option<Curve>,
    /// Fits to losses that were drawn anew, each with an error as one further run would have it.
    #[serde(skip)]
    drawn: Vec<(Curve, f64)>,
}

/// What a law says of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Loss in nats per token.
    pub loss: f64,
    /// Where a run's loss would be: the law's own uncertainty, and the error of one run.
    pub interval: Option<Interval>,
}

/// Fits a law to runs. `with_constant` gives it the constant E. Nothing is drawn anew if `bootstrap` has no resamples.
///
/// # Errors
/// [`Error::TooFew`] runs, [`Error::Value`] for numbers that are not above 0, and [`Error::Fit`] where all runs have the same size, or fewer than three
/// different ones.
pub fn fit(law: Law, with_constant: bool, points: &[Point], bootstrap: &Bootstrap) -> Result<Fit> {
    let need = law.least(with_constant);
    if points.len() < need {
        return Err(Error::TooFew { what: "runs for this law", have: points.len(), need });
    }
    for point in points {
        let numbers = [("parameters", point.parameters), ("tokens", point.tokens), ("loss", point.loss)];
        if let Some((what, value)) =
            numbers.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0))
        {
            return Err(Error::Value { what: what.into(), value, detail: "a number above 0 is expected" });
        }
    }
    let terms = law.terms();
    for (_, _, what, variable) in &terms {
        let mut values: Vec<f64> = points.iter().map(variable).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        if values.len() < 3 {
            let detail = format!(
                "{} different {what} in {} runs: a power of them needs three or more",
                values.len(),
                points.len()
            );
            return Err(Error::Fit { detail });
        }
    }
    let variables =
        points.iter().map(|point| terms.iter().map(|(.., of)| of(point).ln()).collect()).collect();
    let data = minimize::Data::new(variables, points.iter().map(|point| point.loss.ln()).collect());
    let found = minimize::from_grid(&data, with_constant)
        .ok_or_else(|| Error::Fit { detail: "no start of the fit comes to an end".into() })?;
    let residuals = data.residuals(&found);
    let count = points.len() as f64;
    let error = (residuals.iter().map(|residual| residual * residual).sum::<f64>() / count).sqrt();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(bootstrap.seed);
    let widened = (count / (count - (need - 1) as f64)).sqrt();
    let mean = residuals.iter().sum::<f64>() / count;
    let mut draw = || (residuals[(random.next_u64() % points.len() as u64) as usize] - mean) * widened;
    let mut drawn = Vec::with_capacity(bootstrap.resamples);
    for _ in 0..bootstrap.resamples {
        let losses = data.fitted(&found).into_iter().map(|loss| loss + draw()).collect();
        let again = minimize::from(&data.with_losses(losses), &found);
        drawn.extend(again.map(|curve| (curve, draw())));
    }
    let names = with_constant.then_some("E").into_iter().chain(terms.iter().flat_map(|(a, b, ..)| [*a, *b]));
    let values = found.constants();
    let all: Vec<Vec<f64>> = drawn.iter().map(|(curve, _)| curve.constants()).collect();
    let constants = names.zip(values).enumerate().map(|(place, (name, value))| {
        let of = all.iter().map(|constants| constants[place]).collect();
        Constant { name: name.to_owned(), value, interval: between(of) }
    });
    let constants = constants.collect();
    Ok(Fit { law, with_constant, points: points.len(), constants, error, curve: Some(found), drawn })
}

impl Fit {
    /// What it says of a run; its loss is not looked at.
    pub fn predict(&self, point: &Point) -> Option<Prediction> {
        let variables: Vec<f64> = self.law.terms().iter().map(|(.., of)| of(point).ln()).collect();
        let loss = self.curve.as_ref()?.at(&variables).exp();
        let drawn = self.drawn.iter().map(|(curve, error)| (curve.at(&variables) + error).exp()).collect();
        Some(Prediction { loss, interval: between(drawn) })
    }

    /// A constant by its name.
    pub fn constant(&self, name: &str) -> Option<&Constant> {
        self.constants.iter().find(|constant| constant.name == name)
    }
}

/// The middle 95% of values.
fn between(mut values: Vec<f64>) -> Option<Interval> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (percentile(&values, 0.025), percentile(&values, 0.975));
    (values.len() > 1).then_some(Interval { low, high, method: Method::Bootstrap })
}
