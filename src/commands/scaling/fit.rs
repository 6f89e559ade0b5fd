//! `gopher scaling fit`: how the loss of runs follows their size and data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use analyses::scaling::{Fit, Law, Point, Prediction, fit};
use anyhow::{anyhow, bail};
use clap::{Args, ValueEnum};
use monitor::runs::Run;
use serde::Serialize;
use tasks::statistics::{Bootstrap, Interval};

use crate::output::{note, print, print_json, table, usage};

/// Arguments of `gopher scaling fit`.
#[derive(Args)]
pub struct Arguments {
    /// Run directories, four or more.
    #[arg(long, required = true, num_args = 1.., value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Run directories that are predicted from the others.
    #[arg(long, num_args = 1.., value_name = "RUN")]
    hold_out: Vec<PathBuf>,
    /// The laws to fit [default: all that the runs can tell].
    #[arg(long = "law", value_enum, value_name = "LAW", num_args = 1..)]
    laws: Vec<LawArgument>,
    /// Fit without the constant E, the loss of a model without end.
    #[arg(long)]
    no_constant: bool,
    /// How often losses are drawn anew for intervals.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    resamples: u32,
    /// Seed of what is drawn.
    #[arg(long, value_name = "N", default_value_t = Bootstrap::default().seed)]
    seed: u64,
    /// Fit runs although they differ in their text or tokenizer, which makes their losses different things.
    #[arg(long)]
    mixed: bool,
    /// Print a JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LawArgument {
    /// E + A / N^alpha, of N parameters.
    Parameters,
    /// E + B / D^beta, of D tokens.
    Tokens,
    /// E + G / C^gamma, of C = 6 N D operations.
    Compute,
    /// E + A / N^alpha + B / D^beta.
    Joint,
}

impl From<LawArgument> for Law {
    fn from(law: LawArgument) -> Law {
        match law {
            LawArgument::Parameters => Law::Parameters,
            LawArgument::Tokens => Law::Tokens,
            LawArgument::Compute => Law::Compute,
            LawArgument::Joint => Law::Joint,
        }
    }
}

/// A run with its number.
#[derive(Clone, Debug, Serialize)]
struct Member {
    run: String,
    #[serde(flatten)]
    point: Point,
}

/// Fits with the runs they are of.
#[derive(Serialize)]
pub struct Report {
    runs: Vec<Member>,
    fits: Vec<FitReport>,
}

#[derive(Serialize)]
struct FitReport {
    formula: String,
    #[serde(flatten)]
    fit: Fit,
    held_out: Vec<HeldOut>,
}

#[derive(Serialize)]
struct HeldOut {
    #[serde(flatten)]
    member: Member,
    #[serde(flatten)]
    predicted: Predicted,
}

#[derive(Serialize)]
struct Predicted {
    predicted: Prediction,
    /// Predicted less measured, in nats.
    error: f64,
    /// Whether the measured loss lies in the interval.
    within: Option<bool>,
}

/// Fits.
///
/// # Errors
/// A folder that is no run, one without a loss, runs that do not compare, and too few of them.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let report = report(arguments)?;
    if arguments.json { print_json(&report) } else { print(text(&report)) }
}

impl Arguments {
    /// The usual fits of runs, of which some are left out and predicted.
    pub fn of(runs: Vec<PathBuf>, hold_out: Vec<PathBuf>) -> Self {
        let Bootstrap { seed, .. } = Bootstrap::default();
        Self {
            runs,
            hold_out,
            laws: vec![],
            no_constant: false,
            resamples: 1000,
            seed,
            mixed: false,
            json: false,
        }
    }
}

/// Fits.
///
/// # Errors
/// As [`run`].
pub fn report(arguments: &Arguments) -> anyhow::Result<Report> {
    let members = members(&arguments.runs)?;
    let held_out = self::members(&arguments.hold_out)?;
    let is_out = |member: &&(Member, Run)| held_out.iter().all(|(other, _)| other.run != member.0.run);
    let fitted: Vec<&(Member, Run)> = members.iter().filter(is_out).collect();
    check_alike(
        &fitted.iter().map(|(_, run)| run).chain(held_out.iter().map(|(_, run)| run)).collect::<Vec<_>>(),
        arguments.mixed,
    )?;
    let points: Vec<Point> = fitted.iter().map(|(member, _)| member.point).collect();
    let bootstrap = Bootstrap { resamples: arguments.resamples as usize, seed: arguments.seed };
    let asked: Vec<Law> = match &arguments.laws[..] {
        [] => Law::ALL.to_vec(),
        laws => laws.iter().copied().map(Law::from).collect(),
    };
    let (mut fits, mut reasons) = (Vec::new(), Vec::new());
    let same_tokens = points.windows(2).all(|pair| pair[0].tokens == pair[1].tokens);
    for law in asked {
        if law == Law::Compute
            && arguments.laws.is_empty()
            && same_tokens
            && points.len() >= law.least(!arguments.no_constant)
        {
            reasons.push(format!(
                "{}: all runs have the same tokens: compute goes as the parameters, and so does this law",
                law.formula(!arguments.no_constant)
            ));
            continue;
        }
        match fit(law, !arguments.no_constant, &points, &bootstrap) {
            Ok(fit) => fits.push(described(fit, &held_out)),
            Err(error) if arguments.laws.is_empty() => {
                reasons.push(format!("{}: {error}", law.formula(!arguments.no_constant)));
            }
            Err(error) => bail!("{}: {error}", law.formula(!arguments.no_constant)),
        }
    }
    if fits.is_empty() {
        return Err(anyhow!("no law can be fitted to these runs ({})", reasons.join("; ")));
    }
    reasons.iter().for_each(|reason| note(format_args!("not fitted: {reason}")));
    Ok(Report { runs: fitted.into_iter().map(|(member, _)| member.clone()).collect(), fits })
}

fn described(fit: Fit, held_out: &[(Member, Run)]) -> FitReport {
    let predict = |(member, _): &(Member, Run)| {
        let predicted = fit.predict(&member.point)?;
        let loss = member.point.loss;
        let within = predicted.interval.map(|interval| interval.contains(loss));
        let predicted = Predicted { predicted, error: predicted.loss - loss, within };
        Some(HeldOut { member: member.clone(), predicted })
    };
    let held_out = held_out.iter().filter_map(predict).collect();
    FitReport { formula: fit.law.formula(fit.with_constant), held_out, fit }
}

/// Runs with what they reached.
fn members(paths: &[PathBuf]) -> anyhow::Result<Vec<(Member, Run)>> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    for path in paths {
        if !seen.insert(path) {
            return Err(usage(format_args!("{}: it is named twice", path.display())));
        }
        let run = Run::read(path)?;
        members.push((Member { run: path.display().to_string(), point: point(path, &run)? }, run));
    }
    Ok(members)
}

/// What a run reached.
fn point(path: &Path, run: &Run) -> anyhow::Result<Point> {
    let overview = &run.overview;
    let (Some(parameters), Some(loss)) = (overview.parameters, overview.validation_loss) else {
        bail!(
            "{}: no loss on held-out text yet; train it until a validation (training.validation_every)",
            path.display()
        );
    };
    if overview.steps.is_some_and(|steps| overview.completed < steps) {
        note(format_args!(
            "warning: {}: {} of {} steps are done; its learning rate is not at its end",
            path.display(),
            overview.completed,
            overview.steps.unwrap_or_default()
        ));
    }
    Ok(Point { parameters: parameters as f64, tokens: overview.tokens as f64, loss })
}

/// Refuses runs whose losses are of different texts or tokens.
fn check_alike(runs: &[&Run], mixed: bool) -> anyhow::Result<()> {
    let Some((first, rest)) = runs.split_first() else { return Ok(()) };
    let tokenizer = |run: &Run| inputs::read(&run.path.join("tokenizer.model")).ok();
    let tokens = tokenizer(first);
    for run in rest {
        let (a, b) = (first.path.display(), run.path.display());
        let same_tokens = tokens.is_some() && tokenizer(run) == tokens;
        // Where a tokenizer lies says nothing of what it is.
        let of_text = |key: &str| {
            (key.starts_with("data.") || key == "model.vocabulary_size")
                && !(same_tokens && key == "data.tokenizer")
        };
        let keys =
            first.config.keys().chain(run.config.keys()).filter(|key| of_text(key)).collect::<BTreeSet<_>>();
        let differs = keys.into_iter().find(|key| first.config.get(*key) != run.config.get(*key));
        let value = |run: &Run, key: &str| run.config.get(key).cloned().unwrap_or_else(|| "nothing".into());
        let said = match differs {
            Some(key) => format!("{key} is {} in {a} and {} in {b}", value(first, key), value(run, key)),
            None if tokenizer(run) != tokens => format!("tokenizer.model of {a} and of {b} differ"),
            None => continue,
        };
        if !mixed {
            bail!(
                "{said}: their losses are of different text or tokens; leave one out, or fit all the same with --mixed"
            );
        }
        note(format_args!("warning: {said}"));
    }
    Ok(())
}

/// The fits as tables.
pub fn text(report: &Report) -> String {
    let number = |value: f64| match value {
        0.01..1000.0 => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    };
    let between = |interval: Option<Interval>| {
        interval.map_or("-".into(), |found| format!("{} to {}", number(found.low), number(found.high)))
    };
    let head = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut rows = vec![head(&["run", "parameters", "tokens", "loss"])];
    rows.extend(report.runs.iter().map(|member| {
        let Point { parameters, tokens, loss } = member.point;
        vec![member.run.clone(), format!("{parameters:.4e}"), format!("{tokens:.4e}"), format!("{loss:.4}")]
    }));
    let mut text = table(&rows);
    for FitReport { formula, fit, held_out } in &report.fits {
        text +=
            &format!("\nL = {formula}, {} runs, error {:.2}% of the loss\n", fit.points, 100.0 * fit.error);
        let mut rows = vec![head(&["", "value", "95%"])];
        rows.extend(
            fit.constants.iter().map(|constant| {
                vec![constant.name.clone(), number(constant.value), between(constant.interval)]
            }),
        );
        text += &table(&rows);
        if held_out.is_empty() {
            continue;
        }
        let mut rows = vec![head(&["left out", "measured", "predicted", "95%", "error, nats", "within"])];
        rows.extend(held_out.iter().map(|HeldOut { member, predicted: found }| {
            let within = found.within.map_or("-", |within| if within { "yes" } else { "no" });
            vec![
                member.run.clone(),
                format!("{:.4}", member.point.loss),
                format!("{:.4}", found.predicted.loss),
                between(found.predicted.interval),
                format!("{:+.4}", found.error),
                within.to_owned(),
            ]
        }));
        text += &table(&rows);
    }
    text
}
