//! What runs of several sizes show together: laws of their losses, and what tasks gain.

use std::collections::BTreeSet;

use analyses::scaling::gain::{Gains, gains};
use analyses::scaling::{Fit, Law, Point, fit};
use serde::Serialize;
use tasks::statistics::{Bootstrap, Interval};

use crate::collect::RunPart;

/// Laws that the runs follow.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Scaling {
    /// What was fitted, with what each says of the runs.
    pub fits: Vec<FitPart>,
    /// What was not, and why.
    pub not_fitted: Vec<String>,
}

/// A law.
#[derive(Clone, Debug, Serialize)]
pub struct FitPart {
    /// Its formula.
    pub formula: String,
    /// Its constants.
    #[serde(flatten)]
    pub fit: Fit,
    /// What the other runs say of the largest one, which is left out for it.
    pub largest_left_out: Option<LeftOut>,
    /// Places of the law, for a plot: the variable and the loss.
    #[serde(skip)]
    pub curve: Vec<(f64, f64)>,
}

/// A run that was predicted from smaller ones.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The run.
    pub run: String,
    /// Its loss.
    pub measured: f64,
    /// What the others say.
    pub predicted: f64,
    /// The interval of that.
    pub interval: Option<Interval>,
}

/// What tasks gain.
#[derive(Clone, Debug, Serialize)]
pub struct GainPart {
    /// The smaller run.
    pub small: String,
    /// The larger.
    pub large: String,
    /// Task by task.
    #[serde(flatten)]
    pub gains: Gains,
}

/// What a run reached, if it did.
fn point(run: &RunPart) -> Option<Point> {
    let overview = &run.overview;
    let loss = overview.validation_loss.filter(|loss| loss.is_finite())?;
    Some(Point { parameters: overview.parameters? as f64, tokens: overview.tokens as f64, loss })
}

/// Keys that decide what a loss is of.
fn differs(runs: &[&RunPart]) -> Option<String> {
    let (first, rest) = runs.split_first()?;
    let of_text = |key: &&String| key.starts_with("data.") || *key == "model.vocabulary_size";
    rest.iter().find_map(|run| {
        let keys: BTreeSet<&String> = first.config.keys().chain(run.config.keys()).filter(of_text).collect();
        let key = keys.into_iter().find(|key| first.config.get(*key) != run.config.get(*key))?;
        Some(format!(
            "{key} of {} and {} differ: their losses are of different text or tokens",
            first.name, run.name
        ))
    })
}

pub(crate) fn scaling(runs: &[RunPart]) -> Scaling {
    let found: Vec<(&RunPart, Point)> = runs.iter().filter_map(|run| Some((run, point(run)?))).collect();
    let mut scaling = Scaling::default();
    let fitted: Vec<&RunPart> = found.iter().map(|(run, _)| *run).collect();
    if let Some(reason) = differs(&fitted) {
        scaling.not_fitted.push(reason);
        return scaling;
    }
    let points: Vec<Point> = found.iter().map(|(_, point)| *point).collect();
    let largest = found.iter().max_by(|a, b| a.1.compute().total_cmp(&b.1.compute()));
    let same_tokens = points.windows(2).all(|pair| pair[0].tokens == pair[1].tokens);
    for law in Law::ALL {
        if law == Law::Compute && same_tokens && points.len() >= law.least(true) {
            let reason =
                "all runs have the same tokens: compute goes as the parameters, and so does this law";
            scaling.not_fitted.push(format!("{}: {reason}", law.formula(true)));
            continue;
        }
        let fit_part = fit(law, true, &points, &Bootstrap { resamples: 1000, ..Bootstrap::default() });
        match fit_part {
            Ok(found_fit) => {
                let left_out = largest.and_then(|largest| left_out(law, &found, largest));
                let curve = curve(&found_fit, &points);
                scaling.fits.push(FitPart {
                    formula: law.formula(true),
                    fit: found_fit,
                    largest_left_out: left_out,
                    curve,
                });
            }
            Err(error) => scaling.not_fitted.push(format!("{}: {error}", law.formula(true))),
        }
    }
    scaling
}

/// What all others say of a run.
fn left_out(law: Law, all: &[(&RunPart, Point)], of: &(&RunPart, Point)) -> Option<LeftOut> {
    let others: Vec<Point> =
        all.iter().filter(|(run, _)| run.name != of.0.name).map(|(_, point)| *point).collect();
    let bootstrap = Bootstrap { resamples: 1000, ..Bootstrap::default() };
    let predicted = fit(law, true, &others, &bootstrap).ok()?.predict(&of.1)?;
    Some(LeftOut {
        run: of.0.name.clone(),
        measured: of.1.loss,
        predicted: predicted.loss,
        interval: predicted.interval,
    })
}

/// Places of a law of one variable, from the least to the most of the runs.
fn curve(fit: &Fit, points: &[Point]) -> Vec<(f64, f64)> {
    let of = |point: &Point| match fit.law {
        Law::Parameters => point.parameters,
        Law::Tokens => point.tokens,
        Law::Compute | Law::Joint => point.compute(),
    };
    if fit.law == Law::Joint || points.is_empty() {
        return Vec::new();
    }
    let (low, high) =
        points.iter().map(of).fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let places = (0..=40).map(|place| low * (high / low).powf(f64::from(place) / 40.0));
    let at = |x: f64| {
        let point = match fit.law {
            Law::Parameters => Point { parameters: x, tokens: 1.0, loss: 0.0 },
            Law::Tokens => Point { parameters: 1.0, tokens: x, loss: 0.0 },
            Law::Compute | Law::Joint => Point { parameters: x / 6.0, tokens: 1.0, loss: 0.0 },
        };
        fit.predict(&point).map(|predicted| (x, predicted.loss))
    };
    places.filter_map(at).collect()
}

pub(crate) fn gain(runs: &[RunPart]) -> Option<GainPart> {
    let evaluated = || runs.iter().filter(|run| run.results.is_some() && run.overview.parameters.is_some());
    let small = evaluated().min_by_key(|run| run.overview.parameters)?;
    let large = evaluated().max_by_key(|run| run.overview.parameters)?;
    if small.overview.parameters == large.overview.parameters {
        return None;
    }
    let gains = gains(small.results.as_ref()?, large.results.as_ref()?);
    Some(GainPart { small: small.name.clone(), large: large.name.clone(), gains })
}
