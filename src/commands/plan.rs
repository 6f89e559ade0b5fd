//! `gopher plan`: how to split a model over a machine, and what a compiler says of it.

mod text;
mod verify;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use configuration::PrecisionPolicy;
use sharding::cost::{Estimate, Rates};
use sharding::machine::Topology;
use sharding::margin::Fit;
use sharding::plan::{Plan, RematPolicy};
use sharding::report::{ModelFacts, PlanEntry, Report, Sensitivity, assumptions};
use sharding::search::{Obstacle, Pins, Priced, Space, Workload, search, smallest};
use store::files::write_outputs;
use train::plan::{LISTED, OnMachine, Planned, read, read_for};

use super::precision::precisions;
use super::train::Signals;
use super::workload::{ModelArguments, Workload as Subject, given_error};
use crate::output::{bytes, check_ending, note, print, print_json, usage};

const MACHINE_HELP: &str = "The machine: tpu:GENERATION:XxY[xZ] (chips), gpu:NAME:HOSTSxGPUS, gpu:FILE.toml:HOSTSxGPUS (a GPU that the file \
     describes), or cpu:N; v3-8, 8xh100 and their like are understood (docs/topologies.md)";

/// Arguments of `gopher plan`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    // Not a doc comment: rustdoc would take the brackets for a link.
    #[arg(long, value_name = "MACHINE", required_unless_present = "serve", help = MACHINE_HELP, help_heading = "Machine")]
    topology: Option<String>,
    /// TPU slices of that shape, joined by the data-centre network.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=256), help_heading = "Machine")]
    slices: u32,
    /// Tokens of a batch, such as 262144, 0.25M or 6M (K and M are 2^10 and 2^20, as in the paper's Table 1) [default:
    /// the paper's batch of the model, or that of the configuration].
    #[arg(long, value_name = "TOKENS", value_parser = tokens, help_heading = "Model")]
    batch_tokens: Option<u64>,
    /// Tokens of a sequence [default: 2048, or those of the configuration].
    #[arg(long, value_name = "T", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Model")]
    sequence_length: Option<u32>,
    /// Dtypes of parameters and activations [default: auto, or that of the configuration].
    #[arg(long, value_name = "PRECISION", value_parser = precisions(), help_heading = "Model")]
    precision: Option<PrecisionPolicy>,
    /// Decide a part of the plan, and search the rest: stage, data, model, microbatches, zero, remat or
    /// sequence-sharding; may be given several times.
    #[arg(long = "pin", value_name = "PART=VALUE", help_heading = "Search")]
    pins: Vec<String>,
    /// Look at the plan in this file instead of searching.
    #[arg(long, value_name = "FILE", conflicts_with = "pins", help_heading = "Search")]
    plan: Option<PathBuf>,
    /// How many plans to list, at least the best two; with --verify, to verify.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64), help_heading = "Search")]
    top: Option<u32>,
    /// Have the platform's compiler confirm the best plan, or the best --top; those that it refuses make room for the next.
    #[arg(long, help_heading = "Search")]
    verify: bool,
    /// Seconds that --verify may take, all compilations together.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Search")]
    limit: u64,
    /// Say what each tensor and collective costs, and why the runner-up lost.
    #[arg(long, conflicts_with = "json", help_heading = "Results")]
    explain: bool,
    /// With --explain: compare with the best plan of this file, written by --json or -o.
    #[arg(long, value_name = "FILE", requires = "explain", help_heading = "Results")]
    against: Option<PathBuf>,
    /// Print a JSON object.
    #[arg(long, help_heading = "Results")]
    json: bool,
    /// Write the best plan to this file, for --plan here and in `gopher train` and `gopher export`.
    #[arg(short, long, value_name = "FILE", help_heading = "Results")]
    output: Option<PathBuf>,
    /// Draw memory and time of the best plan.
    #[arg(long, value_name = "FILE.svg", help_heading = "Results")]
    svg: Option<PathBuf>,
    /// Compile a request and write the answer: what this command runs for --verify.
    #[arg(long, hide = true, num_args = 2, value_names = ["REQUEST", "ANSWER"])]
    serve: Option<Vec<PathBuf>>,
}

/// `6M`, `0.25M`, `128K` or a plain number.
fn tokens(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.to_ascii_uppercase() {
        upper if upper.ends_with('M') => (upper[..upper.len() - 1].to_owned(), 1u64 << 20),
        upper if upper.ends_with('K') => (upper[..upper.len() - 1].to_owned(), 1 << 10),
        upper => (upper, 1),
    };
    let expected = || "expected a number of tokens, such as 262144, 0.25M or 6M".to_owned();
    let count = number.parse::<f64>().map_err(|_| expected())? * unit as f64;
    if !((1.0..=1e15).contains(&count) && count.fract() == 0.0) {
        return Err(expected());
    }
    Ok(count as u64)
}

/// Parts of a plan that are decided.
fn pins(texts: &[String]) -> anyhow::Result<Pins> {
    let mut pins = Pins::default();
    let part = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
    for (index, text) in texts.iter().enumerate() {
        if let Some(other) = texts[..index].iter().find(|other| part(other) == part(text)) {
            return Err(usage(format_args!("--pin {other} and --pin {text}: one part, one value")));
        }
        let expected = |what: &str| usage(format_args!("--pin {text}: expected {what}"));
        let parts = "PART=VALUE, with stage, data, model, microbatches, zero, remat or sequence-sharding";
        let (part, value) = text.split_once('=').ok_or_else(|| expected(parts))?;
        let number = || value.parse::<usize>().map_err(|_| expected("a whole number"));
        match part {
            "stage" => pins.stage = Some(number()?),
            "data" => pins.data = Some(number()?),
            "model" => pins.model = Some(number()?),
            "microbatches" => pins.microbatches = Some(number()?),
            "zero" => {
                let level = value.parse::<u8>().ok().filter(|level| *level <= 3);
                pins.zero = Some(level.ok_or_else(|| expected("0, 1, 2 or 3"))?);
            }
            "remat" => {
                let policy = RematPolicy::ALL.into_iter().find(|policy| policy.name() == value);
                pins.remat = Some(policy.ok_or_else(|| expected("none, selective, attention or full"))?);
            }
            "sequence-sharding" => {
                pins.sequence_sharding = Some(value.parse().map_err(|_| expected("true or false"))?);
            }
            _ => return Err(expected(parts)),
        }
    }
    Ok(pins)
}

/// A model on a machine, and what is to be planned for it.
struct Task {
    facts: ModelFacts,
    planned: Planned,
    topology: Topology,
    batch: usize,
    sequence_length: usize,
}

impl Task {
    fn new(arguments: &Arguments) -> anyhow::Result<Task> {
        let subject: Subject = arguments.model.workload()?;
        let text = arguments.topology.as_deref().unwrap_or_default();
        let topology = Topology::parse(text, arguments.slices as usize).map_err(usage)?;
        let training = &subject.config.training;
        let sequence_length =
            arguments.sequence_length.map_or(training.sequence_length, |length| length as usize);
        let usual = (training.batch * training.sequence_length) as u64;
        let tokens = arguments.batch_tokens.unwrap_or(usual);
        if !tokens.is_multiple_of(sequence_length as u64) {
            return Err(usage(format_args!(
                "--batch-tokens {tokens}: it must be a multiple of the sequence length, {sequence_length}"
            )));
        }
        let planned = subject.planned(arguments.precision, topology.kind(), sequence_length);
        let precision = planned.precision;
        let facts = ModelFacts {
            parameters: planned.model.total_parameters(),
            precision: format!(
                "{} parameters{}, {} activations",
                precision.parameters,
                if planned.float32_copy { " with a float32 copy" } else { "" },
                precision.activations
            ),
            flops_per_token: planned.model.flops_per_token(sequence_length),
            name: subject.name,
        };
        let batch = (tokens / sequence_length as u64) as usize;
        Ok(Task { facts, planned, topology, batch, sequence_length })
    }

    fn space(&self, topology: &Topology, pins: Pins) -> Space {
        self.planned.space(topology, self.batch, self.sequence_length, pins)
    }

    /// What a plan in a file must be for.
    fn expected(&self) -> [(&'static str, usize); 2] {
        [("--batch-tokens in sequences", self.batch), ("--sequence-length", self.sequence_length)]
    }

    /// Peak of matmuls in the activations' dtype, FLOP/s of a device.
    fn peak(&self) -> f64 {
        self.topology.chip().peak_flops(self.planned.precision.activations)
    }

    fn entry(&self, plan: Plan, estimate: &Estimate) -> PlanEntry {
        PlanEntry::new(plan, estimate, &self.facts, &self.topology, self.peak())
    }

    fn report(&self, plans: Vec<PlanEntry>) -> Report {
        Report {
            model: self.facts.clone(),
            topology: self.topology.to_string(),
            slices: self.topology.slices(),
            devices: self.topology.devices(),
            memory_bytes_per_device: self.topology.chip().memory_bytes,
            batch_tokens: (self.batch * self.sequence_length) as u64,
            sequence_length: self.sequence_length,
            assumptions: assumptions(&self.topology),
            candidates: 0,
            priced: 0,
            plans,
        }
    }
}

/// Runs `gopher plan`.
///
/// # Errors
/// When there is no such machine, no plan fits it, or the compiler refuses every plan.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Some([request, answer]) = arguments.serve.as_deref() {
        return Ok(runtime::aot::serve(request, answer)?);
    }
    store::disk::check_fault().map_err(usage)?;
    let _signals = Signals::install()?;
    for path in [&arguments.output, &arguments.svg].into_iter().flatten() {
        if path == Path::new("-") {
            return Err(usage("`-` is no file: --json prints the plans to standard output"));
        }
    }
    if let (Some(plan), Some(svg)) = (&arguments.output, &arguments.svg)
        && plan == svg
    {
        return Err(usage(format_args!("-o and --svg are both {}: two files are written", plan.display())));
    }
    if let Some(path) = &arguments.output {
        check_ending("-o", path, "JSON", &["json"])?;
    }
    if let Some(path) = &arguments.svg {
        check_ending("--svg", path, "SVG", &["svg"])?;
    }
    let task = Task::new(&arguments)?;
    let pins = pins(&arguments.pins)?;
    if arguments.verify {
        // Whether there is a compiler for such devices, before anything is searched.
        runtime::aot::Target::of(&task.topology)?;
    }
    let start = Instant::now();
    let mut report = match &arguments.plan {
        Some(path) => given(&task, path)?,
        None => searched(&task, pins, &arguments)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    add_sensitivity(&task, &mut report)?;
    let against = arguments.against.as_deref().map(|path| other(&task, path)).transpose()?;
    // Before anything is compiled, which may take longer than the user waits.
    write_files(&arguments, &report)?;
    if !arguments.json {
        let listed = arguments.top.map_or(LISTED, |top| top as usize).max(2);
        print(text::table_of(&report, listed, seconds))?;
    }
    let outcome = if arguments.verify {
        let count = arguments.top.unwrap_or(1) as usize;
        let limit = Duration::from_secs(arguments.limit);
        Some(verify::verify(&task.planned, &task.topology, &mut report, count, task.peak(), limit))
    } else {
        None
    };
    let listed = arguments.top.map_or(LISTED, |top| top as usize).max(2);
    if let Some(outcome) = &outcome
        && !arguments.json
    {
        print(text::verified(&report, &outcome.asked))?;
    }
    let recommended = report.plans.first().map(|best| best.plan.clone());
    recommend(&mut report, listed);
    report.plans.iter_mut().for_each(|entry| entry.sensitivity = None);
    add_sensitivity(&task, &mut report)?;
    if outcome.is_some() && recommended.as_ref() != report.plans.first().map(|best| &best.plan) {
        write_files(&arguments, &report)?;
    }
    if arguments.json {
        print_json(&report)?;
    } else {
        if outcome.is_some() {
            print(text::recommended(&report))?;
        }
        if arguments.explain {
            print(text::explain(&report, against.as_ref()))?;
        }
    }
    let Some(outcome) = outcome else { return Ok(()) };
    match outcome.error {
        Some(error) => Err(error),
        None if outcome.confirmed == 0 => {
            bail!("the compiler confirms none of the plans that were verified")
        }
        None => Ok(()),
    }
}

/// Puts the plan first that is to be taken, by what is known of each: the fastest that is proven or leaves room, else the
/// fastest that is not refused. The others follow by their time; beyond `listed`, only those that a compiler was asked about.
fn recommend(report: &mut Report, listed: usize) {
    let rank = |fit: &Fit| match fit {
        fit if fit.is_trusted() => 0,
        Fit::Refused { .. } => 2,
        _ => 1,
    };
    report.plans.sort_by(verify::by_time);
    let best = report.plans.iter().enumerate().min_by_key(|(index, entry)| (rank(&entry.fit), *index));
    if let Some((best, _)) = best {
        report.plans[..=best].rotate_right(1);
    }
    let mut index = 0;
    report.plans.retain(|entry| {
        index += 1;
        index <= listed
            || matches!(entry.fit, Fit::Proven { .. } | Fit::Refused { .. } | Fit::Unfinished { .. })
    });
}

/// The step of the recommended plan on worse links.
fn add_sensitivity(task: &Task, report: &mut Report) -> anyhow::Result<()> {
    let Some(best) = report.plans.first_mut() else { return Ok(()) };
    let on = |topology: Topology| -> anyhow::Result<f64> {
        let rates = Rates::of(&topology);
        let estimate = OnMachine { planned: &task.planned, rates: &rates }.estimate(&best.plan);
        Ok(estimate.map_err(anyhow::Error::msg)?.step_seconds)
    };
    let topology = &task.topology;
    let parts = topology.devices() / topology.devices_per_island().max(1);
    let half_bandwidth_step_seconds = on(topology.clone().with_bandwidth(0.5))?;
    let with_latency = (parts > 1).then(|| on(topology.clone().with_network_latency(1e-3))).transpose()?;
    best.sensitivity =
        Some(Sensitivity { half_bandwidth_step_seconds, millisecond_latency_step_seconds: with_latency });
    Ok(())
}

/// Writes the best plan and its picture, if they are asked for.
fn write_files(arguments: &Arguments, report: &Report) -> anyhow::Result<()> {
    let mut files = Vec::new();
    if let (Some(path), Some(best)) = (&arguments.output, report.plans.first()) {
        files.push((path.as_path(), serde_json::to_string_pretty(&best.plan)? + "\n"));
    }
    if let Some(path) = &arguments.svg {
        files.push((path, text::figure(report).svg()));
    }
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    write_outputs(&files).map_err(|(path, error)| {
        anyhow::Error::new(error).context(format!("cannot write {}", path.display()))
    })
}

/// A report of the plan in a file.
fn given(task: &Task, path: &Path) -> anyhow::Result<Report> {
    let plan = read_for(path, &task.topology).map_err(given_error)?;
    task.planned.check(path, &plan, task.expected()).map_err(given_error)?;
    if plan.rules != plan.derived_rules() {
        note(format_args!(
            "the rules of {} are not those that follow from its other fields, and it is the rules that count; leave them \
             out to have them made",
            path.display()
        ));
    }
    let entry = price(task, plan)?;
    let (needed, there) = (entry.predicted.peak_bytes_per_device, task.topology.chip().memory_bytes);
    if needed > there {
        note(format_args!(
            "warning: the plan does not fit: it needs {} on each device, {} more than there are",
            bytes(needed),
            bytes(needed - there)
        ));
    }
    Ok(task.report(vec![entry]))
}

fn price(task: &Task, plan: Plan) -> anyhow::Result<PlanEntry> {
    let rates = Rates::of(&task.topology);
    // As the search prices it.
    let estimate = OnMachine { planned: &task.planned, rates: &rates }.estimate(&plan);
    let estimate = estimate.map_err(anyhow::Error::msg)?;
    let priced = Priced { plan, estimate };
    let fit = task.planned.known_fit(&task.topology, &priced);
    Ok(PlanEntry { fit, ..task.entry(priced.plan, &priced.estimate) })
}

/// The best plan of another file, priced on the same machine.
fn other(task: &Task, path: &Path) -> anyhow::Result<PlanEntry> {
    let mut plan = read(path).map_err(given_error)?;
    plan.check(task.topology.devices())
        .map_err(|error| usage(format_args!("{}: {error}", path.display())))?;
    task.planned.check(path, &plan, task.expected()).map_err(given_error)?;
    price(task, plan)
}

/// Plans that --verify has in store, for when the compiler refuses the first.
const IN_STORE: usize = 24;

/// A report of the best plans there are.
fn searched(task: &Task, pins: Pins, arguments: &Arguments) -> anyhow::Result<Report> {
    let rates = Rates::of(&task.topology);
    let space = task.space(&task.topology, pins.clone());
    let workload = OnMachine { planned: &task.planned, rates: &rates };
    let listed = arguments.top.map_or(LISTED, |top| top as usize).max(2);
    let keep = if arguments.verify { listed.max(IN_STORE) } else { listed };
    let found = search(&space, &workload, keep);
    if found.plans.is_empty() {
        return Err(no_plan(task, &space, &pins, found));
    }
    let is_listed = |certain: &&Priced| found.plans.iter().any(|listed| listed.plan == certain.plan);
    let certain = found.certain.as_ref().filter(|certain| !is_listed(certain));
    let entry = |(index, priced): (usize, &Priced)| {
        let mut entry = task.entry(priced.plan.clone(), &priced.estimate);
        // What is not listed is asked about only if it is verified.
        if index < listed || index == found.plans.len() {
            entry.fit = task.planned.known_fit(&task.topology, priced);
        }
        entry
    };
    let mut report = task.report(found.plans.iter().chain(certain).enumerate().map(entry).collect());
    recommend(&mut report, if arguments.verify { usize::MAX } else { listed });
    (report.candidates, report.priced) = (found.candidates, found.priced);
    Ok(report)
}

/// Why there is no plan, and what would help.
fn no_plan(task: &Task, space: &Space, pins: &Pins, found: sharding::search::Found) -> anyhow::Error {
    let machine = task.topology.with_slices();
    if found.candidates == 0 {
        let pinned = if *pins == Pins::default() { "" } else { " with these pins" };
        let rates = Rates::of(&task.topology);
        let obstacle = Obstacle::of(space, &OnMachine { planned: &task.planned, rates: &rates });
        let batch = |sequences: usize| {
            format!(
                "--batch-tokens {} ({sequences} sequences)",
                sequences as u64 * task.sequence_length as u64
            )
        };
        let way_out = obstacle.way_out(batch).unwrap_or_else(|| "change the machine".to_owned());
        return anyhow::anyhow!(
            "no plan{pinned} splits {} over the {} devices of {machine}: {} layers, {} heads, a width of {} and {} sequences \
             must fall into equal parts, and `model` stays within a slice or a host; {way_out}",
            task.facts.name,
            space.devices,
            task.planned.model.sizes().layers,
            task.planned.model.sizes().heads,
            task.planned.model.sizes().d_model,
            task.batch
        );
    }
    let Some(nearest) = found.nearest else {
        let reason = found.refused.unwrap_or_default();
        return anyhow::anyhow!("no plan for {} on {machine} can be built: {reason}", task.facts.name);
    };
    let (needed, there) = (nearest.estimate.peak_bytes(), space.memory);
    note("nothing fits; looking for a machine that would do");
    const TRIED: usize = 24;
    let larger = task.topology.next_larger().take(TRIED);
    let fits = larger.into_iter().find(|other| {
        let rates = Rates::of(other);
        smallest(&task.space(other, pins.clone()), &OnMachine { planned: &task.planned, rates: &rates })
            .is_some_and(|least| least <= other.chip().memory_bytes)
    });
    let chip = &task.topology.chip().name;
    let way_out = match fits {
        Some(other) => format!("the smallest {chip} machine that would do is {}", other.with_slices()),
        None => {
            format!("none of the next {TRIED} larger {chip} machines would do; take a chip with more memory")
        }
    };
    anyhow::anyhow!(
        "{} does not fit {machine}: the smallest plan needs {} on each device, {} more than the {} there are; {way_out}",
        task.facts.name,
        bytes(needed),
        bytes(needed.saturating_sub(there)),
        bytes(there)
    )
}
