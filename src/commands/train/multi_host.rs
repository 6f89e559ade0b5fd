//! `gopher train` as one of several processes.

use std::time::Duration;

use configuration::Config;
use hosts::{Given, Group, Identity, Patience};
use sharding::DeviceKind;
use store::leftovers;
use train::observer::{Event, Observer};
use train::run::{Resume, Summary};

use super::{Arguments, Display};
use crate::output;

/// The place of this process; `None` for one alone.
///
/// # Errors
/// The reason in one line, for wrong usage.
pub(super) fn identity(arguments: &Arguments, config: &Config) -> Result<Option<Identity>, String> {
    let Arguments { processes, process_id, coordinator, .. } = arguments;
    let given = Given { processes: *processes, process_id: *process_id, coordinator: coordinator.clone() };
    let identity =
        Identity::find(&given, |name| std::env::var(name).ok()).map_err(|error| error.to_string())?;
    let Some(Identity { count, .. }) = identity else { return Ok(None) };
    let refuse = |reason: &str| Err(format!("{count} processes: {reason}"));
    if arguments.run.is_none() {
        return refuse("name the run directory, on a file system that all of them share, with --run DIR");
    }
    if config.device.kind == DeviceKind::Cpu {
        return refuse("a processor's devices cannot be joined; use --device cuda or tpu, or one process");
    }
    if config.device.topology.is_empty() {
        return refuse("say with --topology which machine they make up, such as gpu:h100:2x8");
    }
    Ok(identity)
}

/// The other processes, for a process that is about to end.
pub(super) struct OtherProcesses {
    /// Whether this one owns the run directory.
    pub(super) is_first: bool,
    /// Tells them why, so that they end too.
    pub(super) fail: Box<dyn Fn(&str) + Send>,
}

/// Finds the other processes, and trains with them. When one of them is lost, this one ends at once: its devices would
/// wait for the lost ones forever.
///
/// # Errors
/// Those of [`Group::join`] and [`train::run::train_multi_host`].
pub(super) fn train(
    identity: &Identity,
    arguments: &Arguments,
    resume: &Resume,
    config: Config,
    display: &mut Display,
) -> Result<Summary, train::Error> {
    let run = arguments.run.clone().unwrap_or_default();
    // What the processes say to each other is filed under this.
    let run = std::path::absolute(&run).unwrap_or(run);
    let arrival = arguments.process_timeout.map_or(Identity::TIMEOUT, Duration::from_secs);
    let Identity { count, index, coordinator } = identity;
    display
        .event(Event::Note(format!("process {index} of {count}, waiting for the others at {coordinator}")));
    let on_loss = |error: hosts::Error| {
        let _ = output::report(&error.into());
        leftovers::remove();
        std::process::exit(1);
    };
    let group = Group::join(identity, &run, Patience { arrival, ..Patience::default() }, on_loss)?;
    display.event(Event::Note("all processes are there".to_owned()));
    display.others = Some(OtherProcesses { is_first: group.is_first(), fail: Box::new(group.failing()) });
    let farewell = group.failing();
    display.signals.say_farewell(move || farewell("stopped by a signal before its first step"));
    let version = concat!(env!("CARGO_PKG_VERSION"), env!("GOPHER_COMMIT"));
    train::run::train_multi_host(config, &run, resume, &group, version, display)
}
