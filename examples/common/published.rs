//! Training runs that others measured and published, and what the planner predicts of them.

use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow};
use graph::DType;
use model::{ModelConfig, Precision};
use serde::Deserialize;
use sharding::cost::{Estimate, Rates};
use sharding::machine::Topology;
use sharding::margin::Fit;
use sharding::plan::{Plan, RematPolicy};
use sharding::search::{Pins, search};
use train::plan::{OnMachine, Planned};

/// The file of the runs.
pub const RUNS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/published.json");

/// Why a prediction is far off where the clock that has collectives beside the rest is not.
const OVERLAPPED: &str =
    "the measured program's collectives run beside its other work, which the second number counts";

/// From here on a prediction is so far off that the data must say why.
pub const FAR: f64 = 0.25;

/// A run as its source tells it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Number of the source's run: points of one run have the same.
    pub row: usize,
    pub name: String,
    /// A shape of one of our kinds.
    pub model: ModelConfig,
    pub machine: String,
    pub slices: usize,
    pub sequences: usize,
    pub sequence_length: usize,
    /// Dtype of the parameters; activations are bfloat16.
    parameters: Dtype,
    /// What the source says of how the run was split; the rest is searched for.
    #[serde(default)]
    pins: Stated,
    /// Model FLOPs utilisation by the formula of `docs/plan.md`.
    pub measured_mfu: f64,
    pub source: String,
    /// What of the run is not as planned, or not stated.
    pub differs: String,
    /// Whether no constant may ever be fitted to it.
    pub held_out: bool,
    /// Whether the measured program's attention is fused: its scores are never stored.
    #[serde(default)]
    pub fused_attention: bool,
    /// Why the prediction is far off, if it is.
    #[serde(default)]
    pub because: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Dtype {
    F32,
    Bf16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    stage: Option<usize>,
    data: Option<usize>,
    model: Option<usize>,
    microbatches: Option<usize>,
    zero: Option<u8>,
    remat: Option<RematPolicy>,
    sequence_sharding: Option<bool>,
}

/// What is predicted of a run.
pub enum Outcome {
    /// The best plan with what the source states, and its utilisation: nothing overlapping, and everything; with attention as the
    /// source's program has it, and as ours.
    Planned { plan: Box<Plan>, like_source: [f64; 2], ours: [f64; 2], fit: Fit },
    /// There is none, and why.
    Nothing(String),
}

/// Reads the runs.
pub fn runs() -> Result<Vec<Run>> {
    serde_json::from_str(&std::fs::read_to_string(RUNS).context(RUNS)?).context(RUNS)
}

impl Run {
    /// The best plan with what is stated.
    pub fn predict(&self) -> Result<Outcome> {
        let topology = Topology::parse(&self.machine, self.slices).with_context(|| self.name.clone())?;
        let parameters = match self.parameters {
            Dtype::F32 => DType::F32,
            Dtype::Bf16 => DType::BF16,
        };
        let precision = Precision { parameters, activations: DType::BF16 };
        let planned = Planned::new(self.model.clone(), precision, 1.0, self.sequence_length, topology.kind());
        let Stated { stage, data, model, microbatches, zero, remat, sequence_sharding } = self.pins.clone();
        let pins = Pins { stage, data, model, microbatches, zero, remat, sequence_sharding };
        let space = planned.space(&topology, self.sequences, self.sequence_length, pins);
        let rates = Rates::of(&topology);
        let found = search(&space, &OnMachine { planned: &planned, rates: &rates }, 1);
        let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
        let Some(best) = found.plans.into_iter().next() else {
            return Ok(Outcome::Nothing(match (found.nearest, found.candidates) {
                (Some(nearest), _) => format!(
                    "does not fit: {:.1} GiB of {:.1}",
                    gib(nearest.estimate.peak_bytes()),
                    gib(space.memory)
                ),
                (None, 0) => "no plan splits it so".to_owned(),
                (None, _) => found.refused.unwrap_or_default(),
            }));
        };
        let flops = self.model.flops_per_token(self.sequence_length) * best.plan.tokens() as f64;
        let peak = topology.devices() as f64 * topology.chip().peak_flops(DType::BF16);
        let mfu = |seconds: f64| flops / seconds / peak;
        let fit = Fit::predicted(topology.kind(), best.estimate.peak_bytes(), space.memory);
        let clocks = |estimate: &Estimate| [mfu(estimate.step_seconds), mfu(estimate.overlapped_seconds())];
        let ours = clocks(&best.estimate);
        let like_source = match self.fused_attention {
            true => clocks(&best.estimate.with_fused_attention(&rates)),
            false => ours,
        };
        Ok(Outcome::Planned { like_source, ours, plan: Box::new(best.plan), fit })
    }

    /// The family and the chip, such as `tpu:v5e`.
    pub fn chip(&self) -> &str {
        self.machine.rsplit_once(':').map_or(&*self.machine, |(chip, _)| chip)
    }

    /// What is planned with, such as `ZeRO 3, remat full`.
    fn stated(&self) -> String {
        let Stated { stage, data, model, microbatches, zero, remat, sequence_sharding } = &self.pins;
        let number = |name: &str, value: &Option<usize>| value.map(|value| format!("{name} {value}"));
        let all = [
            number("stage", stage),
            number("data", data),
            number("model", model),
            zero.map(|zero| format!("ZeRO {zero}")),
            remat.map(|remat| format!("remat {}", remat.name())),
            number("microbatches", microbatches),
            sequence_sharding.map(|split| format!("sequences {}", if split { "split" } else { "whole" })),
        ];
        all.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Whether it is one of those whose error counts: from 1B parameters on, up to 600B on TPUs.
    fn counts(&self) -> bool {
        let parameters = self.model.total_parameters() as f64;
        parameters >= 1e9 && (parameters <= 600e9 || !self.machine.starts_with("tpu"))
    }
}

/// A run with what is predicted.
pub struct Row {
    pub run: Run,
    pub outcome: Outcome,
}

impl Row {
    /// The run's line of the table.
    pub fn line(&self) -> String {
        let Row { run, outcome } = self;
        let percent = |part: f64| format!("{:.1}%", 100.0 * part);
        let slices = if run.slices > 1 { format!(" × {}", run.slices) } else { String::new() };
        let tokens = (run.sequences * run.sequence_length) as f64 / f64::from(1 << 20);
        let held_out = if run.held_out { " ʰ" } else { "" };
        let (plan, predicted, ratio) = match outcome {
            Outcome::Planned { plan, like_source, ours, fit } => {
                let mesh = plan.mesh;
                let doubt = if fit.is_trusted() { "" } else { " ᵈ" };
                (
                    format!(
                        "{} × {} × {}, {}, {}{doubt}",
                        mesh.stage,
                        mesh.data,
                        mesh.model,
                        plan.microbatches,
                        plan.remat.name()
                    ),
                    format!(
                        "{} / {} | {} / {}",
                        percent(ours[0]),
                        percent(ours[1]),
                        percent(like_source[0]),
                        percent(like_source[1])
                    ),
                    format!(
                        "{:.2} / {:.2}",
                        like_source[0] / run.measured_mfu,
                        like_source[1] / run.measured_mfu
                    ),
                )
            }
            Outcome::Nothing(reason) => (reason.clone(), "– | –".to_owned(), "–".to_owned()),
        };
        let parameters = run.model.total_parameters() as f64 / 1e9;
        format!(
            "| {}{held_out} | {} | {parameters:.3}B | {}{slices} | {tokens:.2}M | {} | {plan} | {} | {predicted} | {ratio} |",
            run.row,
            run.name,
            run.machine,
            run.stated(),
            percent(run.measured_mfu),
        )
    }

    /// Predicted over measured, by both clocks.
    pub fn ratios(&self) -> Option<[f64; 2]> {
        match &self.outcome {
            Outcome::Planned { like_source, .. } => Some(like_source.map(|mfu| mfu / self.run.measured_mfu)),
            Outcome::Nothing(_) => None,
        }
    }

    /// Whether the prediction with nothing overlapping is far from what was measured.
    pub fn is_far(&self) -> bool {
        self.ratios().is_none_or(|[serial, _]| (serial - 1.0).abs() > FAR)
    }

    /// Whether it is the collectives alone that put it so far off: with them beside the rest it is near.
    pub fn is_near_overlapped(&self) -> bool {
        self.ratios().is_some_and(|[_, overlapped]| (overlapped - 1.0).abs() <= FAR)
    }
}

/// The table and its summaries, as `docs/published.md` has them between its marks.
///
/// # Errors
/// When a prediction is far off and the data do not say why.
pub fn text(rows: &[Row]) -> Result<String> {
    let mut text = String::from(
        "| run | model | parameters | machine | tokens | stated | plan: stage × data × model, microbatches, remat | measured | \
         with our attention, serial / overlapped | with the source's | the latter over measured |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    rows.iter().for_each(|row| text += &(row.line() + "\n"));
    text += "\n## Errors\n\nWith attention as the source has it.\n\n| chip | runs | median of serial over measured, less 1, without sign | worst | median, overlapped |\n|---|---|---|---|---|\n";
    let mut chips: Vec<&str> = rows.iter().map(|row| row.run.chip()).collect();
    chips.dedup();
    chips.sort_unstable();
    chips.dedup();
    for chip in chips {
        summary(&mut text, chip, rows.iter().filter(|row| row.run.chip() == chip))?;
    }
    for (name, family) in [("TPUs, 1B to 600B", "tpu"), ("GPUs, from 1B", "gpu")] {
        for held_out in [false, true] {
            let name = format!("{name}{}", if held_out { ", held out" } else { ", others" });
            let of = rows.iter().filter(|row| row.run.machine.starts_with(family) && row.run.counts());
            summary(&mut text, &name, of.filter(|row| row.run.held_out == held_out))?;
        }
    }
    text += "\n## Far off, and why\n\n";
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for row in rows.iter().filter(|row| row.is_far()) {
        let Run { row: number, name, machine, slices, because, .. } = &row.run;
        let because: &str = if row.is_near_overlapped() { OVERLAPPED } else { because };
        if because.is_empty() {
            return Err(anyhow!("run {number}, {name} on {machine}: far off, and `because` is empty"));
        }
        let slices = if *slices > 1 { format!(" × {slices}") } else { String::new() };
        let ratio = row.ratios().map(|[serial, overlapped]| format!("{serial:.2} / {overlapped:.2}"));
        let ratio = ratio.unwrap_or_else(|| "no plan".to_owned());
        let one = format!("{number}, {name} on {machine}{slices} ({ratio})");
        match reasons.iter_mut().find(|(reason, _)| *reason == because) {
            Some((_, of)) => of.push(one),
            None => reasons.push((because, vec![one])),
        }
    }
    for (reason, of) in reasons {
        writeln!(text, "- {}: {reason}", of.join("; "))?;
    }
    text += "\n## Sources, and what differs\n\n";
    let mut last = 0;
    for Row { run, .. } in rows.iter().filter(|row| {
        let is_new = row.run.row != last;
        last = row.run.row;
        is_new
    }) {
        let differs = if run.differs.is_empty() { String::new() } else { format!("; {}", run.differs) };
        writeln!(text, "- {}, {}: {}{differs}", run.row, run.name, run.source)?;
    }
    Ok(text)
}

fn summary<'a>(text: &mut String, name: &str, rows: impl Iterator<Item = &'a Row>) -> Result<()> {
    let ratios: Vec<[f64; 2]> = rows.filter_map(Row::ratios).collect();
    let of = |clock: usize| {
        let mut errors: Vec<f64> = ratios.iter().map(|ratio| (ratio[clock] - 1.0).abs()).collect();
        errors.sort_by(f64::total_cmp);
        errors
    };
    let median = |errors: &[f64]| match errors.len() {
        0 => "–".to_owned(),
        count => {
            let middle = (errors[(count - 1) / 2] + errors[count / 2]) / 2.0;
            format!("{:.1}%", 100.0 * middle)
        }
    };
    let (serial, overlapped) = (of(0), of(1));
    let worst = serial.last().map_or_else(|| "–".to_owned(), |worst| format!("{:.1}%", 100.0 * worst));
    writeln!(
        text,
        "| {name} | {} | {} | {worst} | {} |",
        serial.len(),
        median(&serial),
        median(&overlapped)
    )?;
    Ok(())
}
