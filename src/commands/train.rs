//! `gopher train`: a model from text, or more steps for one.

mod dry_run;
mod metrics_address;
mod multi_host;
mod near;
pub(super) mod progress;
mod signals;

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use clap::Args;
use configuration::{Config, Draft, Value};
use eval::{Sampling, TrainedModel};
use monitor::prometheus::Endpoint;
use progress::Progress;
use sharding::DeviceKind;
pub(super) use signals::{Signals, quit};
use store::checkpoint;
use store::remote::{self, Address, Store};
use train::events::{RunEvent, StopReason, append};
use train::observer::{Event, Hang, Observer};
use train::run::{Parameters, Resume, Summary, kept_config};

use super::generate::Model;
use super::trained::ModelOptions;
use crate::output::{Interrupted, bytes, grouped, note, print, print_json, table, usage};

/// Arguments of `gopher train`.
#[derive(Args)]
pub struct Arguments {
    /// Configuration file; without one, the run's own with --run or --resume ADDRESS, else the quick start's.
    #[arg(value_name = "CONFIG.toml")]
    config: Option<PathBuf>,
    /// Change one key of the configuration; may be given several times.
    #[arg(long, value_name = "SECTION.KEY=VALUE", help_heading = "What to train")]
    set: Vec<String>,
    /// Text to train on: files and folders of .txt, .md, .jsonl and .json, each also .gz, .zst or .xz; or dialogues
    /// (docs/dialogue.md).
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Data")]
    data: Vec<PathBuf>,
    /// Steps of the whole run.
    #[arg(long, value_name = "N", help_heading = "What to train")]
    steps: Option<u64>,
    /// Run directory; one that holds a run is continued from its newest checkpoint.
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    run: Option<PathBuf>,
    /// Whether to go on with the run in the folder: auto (from its newest good checkpoint), never (a folder that holds a
    /// run is refused), or a checkpoint to go on from, which may be in an object store (docs/checkpoints.md).
    #[arg(long, value_name = "auto|never|CHECKPOINT", default_value = "auto", help_heading = "Run")]
    resume: PathBuf,
    /// Begin with the parameters of another run: its folder, a checkpoint of it, or the address of one in an object store.
    /// Its model and tokenizer are kept, and nothing else (docs/fine-tuning.md).
    #[arg(long, value_name = "RUN|CHECKPOINT", conflicts_with = "resume", help_heading = "Run")]
    from: Option<PathBuf>,
    /// Where to train: cpu, cuda or tpu.
    #[arg(long, help_heading = "Machine")]
    device: Option<DeviceKind>,
    /// PJRT plugin to use.
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    plugin: Option<PathBuf>,
    /// Machine over which each step is split, such as cpu:8 (docs/topologies.md); empty for one device.
    #[arg(long, value_name = "MACHINE", help_heading = "Machine")]
    topology: Option<String>,
    /// TPU slices of that shape, joined by the data-centre network.
    #[arg(long, value_name = "N", help_heading = "Machine")]
    slices: Option<u32>,
    /// How it is split: a file that `gopher plan` wrote, or the plan.json of a run [default: the run's own, or the best].
    #[arg(long, value_name = "FILE", help_heading = "Machine")]
    plan: Option<PathBuf>,
    /// Processes that train together, one on each host (docs/hosts.md) [default: GOPHER_PROCESSES, Slurm's count, or 1].
    #[arg(long, value_name = "N", help_heading = "Several hosts")]
    processes: Option<usize>,
    /// Which of them this is, from 0 [default: GOPHER_PROCESS_ID, or what the launcher says].
    #[arg(long, value_name = "I", help_heading = "Several hosts")]
    process_id: Option<usize>,
    /// Where they find each other: HOST:PORT of process 0, auto if the environment says where that is, or a server,
    /// redis://HOST:PORT [default: GOPHER_COORDINATOR].
    #[arg(long, value_name = "ADDRESS", help_heading = "Several hosts")]
    coordinator: Option<String>,
    /// Seconds to wait for other processes [default: 600].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=1_000_000_000), help_heading = "Several hosts")]
    process_timeout: Option<u64>,
    /// After Ctrl-C or SIGTERM, give up saving after so many seconds [default: as many as it takes].
    #[arg(long, value_name = "SECONDS", help_heading = "Run")]
    stop_deadline: Option<f64>,
    /// Serve metrics for Prometheus while training: a port of this machine alone, or ADDRESS:PORT; port 0 takes a free one.
    #[arg(long, value_name = "PORT", value_parser = metrics_address::parse, help_heading = "Watching")]
    metrics_addr: Option<SocketAddr>,
    /// Say what would be trained, its memory, time and disk, and write nothing: a few steps are taken for it.
    #[arg(long, help_heading = "Watching")]
    dry_run: bool,
    /// This is the process that a dry run starts, to measure itself where nothing is compiled.
    #[arg(long, hide = true, requires = "dry_run")]
    measured_again: bool,
    /// Print the summary as a JSON object, and no sample.
    #[arg(long, help_heading = "Watching")]
    json: bool,
}

/// Runs `gopher train`.
///
/// # Errors
/// Those of [`train::run::train`]; checkpoints saved before stay.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let signals = Signals::install()?;
    // --data takes every path that follows it.
    if let Some(path) = arguments.data.iter().find(|path| path.extension().is_some_and(|end| end == "toml")) {
        let path = path.display();
        return Err(usage(format_args!(
            "--data {path}: a configuration stands before --data, as in gopher train {path} --data TEXT"
        )));
    }
    store::disk::check_fault().map_err(usage)?;
    let resume = match &arguments.from {
        Some(from) => Resume::WithParameters(parameters(from)?),
        None => resume(&arguments.resume)?,
    };
    let config = configuration(&arguments, &resume).map_err(|error| match error {
        train::Error::Config(error) => usage(error),
        train::Error::Checkpoint(checkpoint::Error::Store(error)) if error.is_usage() => usage(error),
        error => error.into(),
    })?;
    if let Some(plan) = &arguments.plan
        && config.device.topology.is_empty()
    {
        let plan = plan.display();
        return Err(usage(format_args!("--plan {plan}: a plan is for a machine; say which with --topology")));
    }
    let identity = multi_host::identity(&arguments, &config).map_err(usage)?;
    if let (true, Some(identity)) = (arguments.dry_run, &identity) {
        return Err(usage(format_args!("--dry-run: it is of one process, and not of {}", identity.count)));
    }
    // Whoever says where to begin means a new run.
    if matches!(resume, Resume::Auto)
        && let Some(text) = arguments.run.as_deref().and_then(near::note)
        && identity.as_ref().is_none_or(|identity| identity.index == 0)
    {
        note(text);
    }
    let endpoint = arguments.metrics_addr.map(Endpoint::bind).transpose()?;
    if let Some(endpoint) = &endpoint {
        note(format_args!("metrics for Prometheus at http://{}/metrics", endpoint.address()));
    }
    let deadline = config.incidents.stop_deadline;
    let deadline = (deadline > 0.0).then(|| Duration::from_secs_f64(deadline));
    let mut display = Display::new(signals, endpoint, deadline);
    if arguments.dry_run {
        let result = train::run::dry_run(config, arguments.run.as_deref(), &resume, &mut display);
        display.progress.clear();
        let mut dry = result.map_err(failed)?;
        if dry.compiled && !arguments.measured_again {
            dry_run::measure_again(&mut dry);
        }
        return dry_run::show(&dry, arguments.json || arguments.measured_again);
    }
    let result = match &identity {
        None => train::run::train(config, arguments.run.as_deref(), &resume, &mut display),
        Some(identity) => multi_host::train(identity, &arguments, &resume, config, &mut display),
    };
    display.progress.clear();
    let summary = result.map_err(failed)?;
    if summary.interrupted {
        let Summary { completed, steps, checkpoint, run, .. } = &summary;
        note(format_args!(
            "stopped after step {completed} of {steps}, saved as {}; to continue: gopher train --run {}",
            checkpoint.display(),
            run.display()
        ));
        if arguments.json && identity.as_ref().is_none_or(|identity| identity.index == 0) {
            // It is saved whether anybody reads this or not: the terminal may be gone.
            let _ = print_json(&summary);
        }
        return Err(Interrupted(display.signals.stop().unwrap_or(130)).into());
    }
    if let Some(identity) = &identity
        && identity.index > 0
    {
        note(format_args!("process {} of {} has done its part", identity.index, identity.count));
        return Ok(());
    }
    if arguments.json {
        return print_json(&summary);
    }
    print(describe(&summary))?;
    // What takes the devices of several hosts does not fit one of them.
    if identity.is_some() { Ok(()) } else { sample(&summary) }
}

/// A failure to train as the program's: wrong usage or not.
pub(super) fn failed(error: train::Error) -> anyhow::Error {
    match error {
        train::Error::Config(error) => usage(error),
        train::Error::GivenPlan(error) => usage(error),
        train::Error::Checkpoint(checkpoint::Error::Store(error)) if error.is_usage() => usage(error),
        train::Error::Plan(error @ train::plan::Error::Batch { .. }) => usage(error),
        error => error.into(),
    }
}

/// Reads the value of `--resume`.
fn resume(value: &Path) -> anyhow::Result<Resume> {
    match value.to_str() {
        Some("auto") => Ok(Resume::Auto),
        Some("never") => Ok(Resume::Never),
        Some(text) if Address::is_meant(text) => {
            let address = text.parse().map_err(|error| usage(format_args!("--resume {error}")))?;
            Ok(Resume::FromStore(address))
        }
        _ if value.is_dir() => Ok(Resume::From(value.to_owned())),
        _ => Err(usage(format_args!(
            "--resume {}: there is no such folder; it is auto, never, or the folder or address of a checkpoint",
            value.display()
        ))),
    }
}

/// Reads the value of `--from`.
fn parameters(value: &Path) -> anyhow::Result<Parameters> {
    match value.to_str() {
        Some(text) if Address::is_meant(text) => {
            let address = text.parse().map_err(|error| usage(format_args!("--from {error}")))?;
            Ok(Parameters::Store(address))
        }
        _ if value.is_dir() => Ok(Parameters::Folder(value.to_owned())),
        _ => Err(usage(format_args!(
            "--from {}: there is no such folder; it is a run directory, a checkpoint, or the address of one in an object store",
            value.display()
        ))),
    }
}

/// Prints how the model continues a piece of held-out text, or says why that cannot be shown.
fn sample(summary: &Summary) -> anyhow::Result<()> {
    let Some(prompt) = summary.prompt.as_deref() else { return Ok(()) };
    let sampling = Sampling { temperature: 0.8, top_p: 0.95, ..Sampling::default() };
    let check = |model: &TrainedModel, window| Ok(model.check_prompt(prompt, window).map(Some)?);
    let answer = Model::load(&ModelOptions::of(summary.run.clone()), check)
        .and_then(|model| model.answer(prompt, 100, sampling, &mut |_| ControlFlow::Continue(())));
    match answer {
        Ok(answer) => {
            let what = if summary.held_out { "held-out text" } else { "text" };
            print(format!(
                "\n{what}, and after | how the model goes on:\n{prompt}|{}\n",
                answer.generation.text
            ))
        }
        // The model is trained and saved: that is what was asked for.
        Err(error) => {
            note(format_args!("no sample can be shown: {error:#}"));
            Ok(())
        }
    }
}

/// The configuration that the arguments ask for.
fn configuration(arguments: &Arguments, resume: &Resume) -> Result<Config, train::Error> {
    let Arguments {
        config,
        set,
        data,
        steps,
        run,
        device,
        plugin,
        topology,
        slices,
        plan,
        stop_deadline,
        ..
    } = arguments;
    let mut draft = Draft::quick_start()?;
    if let Resume::WithParameters(parameters) = resume {
        let (place, text) = parameters.config()?;
        draft.apply_model(&place, &text)?;
    }
    if let Some(path) = config {
        draft.apply_file(path)?;
    } else if let Some(run) = run
        && let Some((path, text)) = kept_config(run)?
    {
        draft.apply_text(&path, &text)?;
    } else if let Resume::FromStore(address) = resume {
        // On a new machine, the address is all that is left of the run.
        let (address, step) = address.of_run();
        let store = Store::open(&address).map_err(checkpoint::Error::from)?;
        let (place, text) = remote::config(&store, step)?;
        draft.apply_text(&place, &text)?;
    } else if let Some(name) = name_of(run.as_deref(), data) {
        // A name that cannot be one is none that anybody has asked for.
        let _ = draft.set_value("--run", "name", name.into());
    }
    set.iter().try_for_each(|text| draft.set(text))?;
    let path = |path: &Path| Value::from(path.to_string_lossy().into_owned());
    if !data.is_empty() {
        let paths = data.iter().map(|file| path(file)).collect::<Vec<_>>();
        draft.set_value("--data", "data.paths", paths.into())?;
        if !set.iter().any(|set| set.trim_start().starts_with("data.dialogues")) {
            let dialogues = data.iter().all(|path| data::corpus::dialogues::holds_dialogues(path));
            draft.set_value("--data", "data.dialogues", dialogues.into())?;
        }
    }
    if let Some(steps) = steps {
        // A number too large for TOML is too large for the check that follows.
        let steps = i64::try_from(*steps).unwrap_or(i64::MAX);
        draft.set_value("--steps", "training.steps", steps.into())?;
    }
    if let Some(topology) = topology {
        draft.set_value("--topology", "device.topology", topology.as_str().into())?;
    }
    if let Some(slices) = slices {
        draft.set_value("--slices", "device.slices", i64::from(*slices).into())?;
    }
    if let Some(device) = device {
        draft.set_value("--device", "device.kind", device.to_string().into())?;
    }
    if let Some(plugin) = plugin {
        draft.set_value("--plugin", "device.plugin", path(plugin))?;
    }
    if let Some(seconds) = stop_deadline {
        draft.set_value("--stop-deadline", "incidents.stop_deadline", (*seconds).into())?;
    }
    let mut config = draft.finish()?;
    config.device.plan.clone_from(plan);
    Ok(config)
}

/// The name of a new run that nobody names: that of its folder, or of its text without an ending.
fn name_of(run: Option<&Path>, data: &[PathBuf]) -> Option<String> {
    let name = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
    let name = match run {
        Some(run) => name(run)?,
        None => name(data.first()?)?.split('.').next()?.to_owned(),
    };
    (!name.is_empty() && !name.starts_with('.')).then_some(name)
}

/// Shows what happens, on standard error and to Prometheus.
pub(super) struct Display {
    progress: Progress,
    signals: Signals,
    endpoint: Option<Endpoint>,
    /// Time from a signal to giving up.
    deadline: Option<Duration>,
    /// Steps completed.
    completed: Arc<AtomicU64>,
    /// The other processes of the run, until it begins.
    others: Option<multi_host::OtherProcesses>,
}

impl Display {
    /// One that stops training at a signal.
    pub(super) fn new(signals: Signals, endpoint: Option<Endpoint>, deadline: Option<Duration>) -> Display {
        let completed = Arc::new(AtomicU64::new(0));
        Display { progress: Progress::new(), signals, endpoint, deadline, completed, others: None }
    }

    /// The exit code of a signal that came.
    pub(super) fn stop(&self) -> Option<u8> {
        self.signals.stop()
    }

    /// Another training is about to begin, of which there is nothing to save yet.
    pub(super) fn prepare_again(&mut self) {
        self.progress = Progress::new();
        self.signals.prepare_again();
    }

    /// Nothing more is trained: a signal ends the program.
    pub(super) fn clear(&mut self) {
        self.progress.clear();
    }

    /// What is done when a signal came and the state cannot be saved in time.
    fn give_up(&mut self, run: &Path, deadline: Duration) -> impl FnOnce() + Send + 'static {
        let (completed, run, others) = (Arc::clone(&self.completed), run.to_owned(), self.others.take());
        move || {
            let step = completed.load(Ordering::SeqCst);
            let message = format!(
                "not saved within the deadline of {} s; the last checkpoint is good, steps after it up to {step} will be \
                 taken again; to continue: gopher train --run {}",
                deadline.as_secs_f64(),
                run.display()
            );
            note(format_args!("error: {message}"));
            if let Some(others) = &others {
                (others.fail)(&message);
            }
            // The run directory is process 0's.
            if others.is_some_and(|others| !others.is_first) {
                return;
            }
            let stop = RunEvent::Stop { step, reason: StopReason::Deadline, message: Some(message) };
            // The program ends whether this can be written or not.
            let _ = append(&run.join("events.jsonl"), SystemTime::now(), &stop);
        }
    }
}

impl Observer for Display {
    fn event(&mut self, event: Event<'_>) {
        if let Some(endpoint) = &self.endpoint {
            match &event {
                Event::Begin { run, completed, steps } => endpoint.begin(run, *completed, *steps),
                Event::Step { record, .. } => endpoint.step(record),
                Event::Saved { .. } => endpoint.saved(),
                Event::SaveFailed { .. } => endpoint.save_failed(),
                _ => {}
            }
        }
        match event {
            Event::Fetch(fetch) => self.progress.fetch(fetch),
            Event::Note(text) => self.progress.note(&text),
            Event::Begin { run, completed, steps } => {
                self.completed.store(completed, Ordering::SeqCst);
                let give_up = self.give_up(run, self.deadline.unwrap_or_default());
                let at_most = self.deadline.map(|limit| format!(", for {} s at most", limit.as_secs_f64()));
                let text = format!(
                    "finishing the step and saving{}; Ctrl-C once more ends at once, unsaved",
                    at_most.unwrap_or_default()
                );
                self.signals.finish_steps(self.deadline, move || note(text), give_up);
                let from = if completed > 0 { format!(", from step {completed}") } else { String::new() };
                self.progress.note(&format!("training {steps} steps{from} in {}", run.display()));
            }
            Event::End => self.signals.saved(),
            Event::Step { record, steps } => {
                self.completed.store(record.step, Ordering::SeqCst);
                self.progress.step(record, steps);
            }
            Event::Saved { checkpoint, bytes: size, seconds, waited_seconds } => {
                let (checkpoint, size) = (checkpoint.display(), bytes(size as u64));
                self.progress.note(&format!(
                    "saved {checkpoint}: tensors of {size} in {seconds:.2} s, of which training waited {waited_seconds:.2} s"
                ));
            }
            Event::SaveFailed { step, error } => self.progress.note(&format!(
                "warning: the checkpoint of step {step} is not saved: {error}; training goes on, and ends if the next \
                 one cannot be saved either"
            )),
        }
    }

    fn should_stop(&self) -> bool {
        self.signals.stop().is_some()
    }

    fn alarm(&self) -> Box<dyn Fn(&Hang) + Send> {
        Box::new(|hang| {
            if hang.abort {
                note(format_args!("error: {hang}; giving up: incidents.hang is \"abort\""));
                // The device does not answer: nothing can be saved, nor the plugin taken apart in good order.
                signals::quit(1);
            }
            note(format_args!("warning: {hang}"));
        })
    }
}

/// The summary as lines.
fn describe(summary: &Summary) -> String {
    let number = |value: Option<f64>, digits: usize| {
        value.map_or("not measured".to_owned(), |value| format!("{value:.digits$}"))
    };
    let bits = |loss: f64| loss / std::f64::consts::LN_2 / summary.bytes_per_token;
    let percent =
        |part: Option<f64>| part.map_or("not known".to_owned(), |part| format!("{:.1}%", 100.0 * part));
    let milliseconds = |seconds: Option<f64>| number(seconds.map(|seconds| seconds * 1e3), 3);
    let rows = [
        ("steps", format!("{} of {}", summary.completed, summary.steps)),
        ("tokens", grouped(summary.tokens)),
        ("parameters", grouped(summary.parameters)),
        ("training loss, nats/token", number(summary.loss, 3)),
        ("validation loss, nats/token", number(summary.validation_loss, 3)),
        ("validation loss, bits/byte", number(summary.validation_loss.map(bits), 3)),
        ("unigram entropy, nats/token", number(Some(summary.unigram_entropy), 3)),
        (
            "tokens/s after the first step",
            summary.tokens_per_second.map_or("not measured".into(), |rate| grouped(rate as u64)),
        ),
        ("goodput", percent(summary.goodput)),
        ("MFU", percent(summary.mfu)),
        ("start to first step, s", number(Some(summary.startup_seconds), 1)),
        ("training, s", number(Some(summary.seconds), 1)),
        ("device waits for host, ms/step", milliseconds(summary.device_wait_seconds)),
        ("peak memory", summary.peak_memory_bytes.map_or("not measured".into(), bytes)),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    format!("{}run directory: {}\n", table(&rows), summary.run.display())
}
