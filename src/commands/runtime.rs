//! `gopher runtime`: the pinned wheels that bring XLA's plugins. `gopher doctor` says whether what is here works.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use sharding::DeviceKind;
use wheels::{Cache, Pin};
use xla_sys::locate;

use super::train::progress::Progress;
use crate::output::{bytes, print, print_json};

/// Arguments of `gopher runtime`.
#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Say which wheels each kind of device takes, and whether they are in the cache, every file as pinned.
    List {
        /// Print a JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Fetch the wheels of a kind of device, verify them and unpack them into the cache; nothing if they are there.
    Install {
        /// Kinds of device: cpu, cuda, tpu. The last two also compile on machines without one.
        #[arg(required = true, value_name = "DEVICE")]
        devices: Vec<DeviceKind>,
    },
}

#[derive(Serialize)]
struct List {
    cache: PathBuf,
    /// Whether `GOPHER_OFFLINE` forbids downloads.
    offline: bool,
    runtimes: Vec<RuntimeReport>,
}

#[derive(Serialize)]
struct RuntimeReport {
    device: String,
    purpose: &'static str,
    status: Status,
    wheels: Vec<WheelReport>,
}

/// State of one wheel, or of all that a kind of device takes.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// In the cache, every file as pinned.
    Verified,
    /// Not in the cache.
    Absent,
    /// Some of the wheels are in the cache.
    Incomplete,
    /// In the cache, and not what was fetched.
    Damaged,
    /// No wheel is published for this machine.
    Unavailable,
}

#[derive(Serialize)]
struct WheelReport {
    name: &'static str,
    version: &'static str,
    purpose: &'static str,
    licence: &'static str,
    download_bytes: u64,
    /// Of the files that matter, unpacked.
    unpacked_bytes: u64,
    status: Status,
    /// The file that matters most, if it is in the cache.
    path: Option<PathBuf>,
    problem: Option<String>,
}

/// Runs `gopher runtime`.
///
/// # Errors
/// When there is no cache, or a wheel is not to be had.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let cache = Cache::from_environment()?;
    match arguments.action {
        Action::List { json } => {
            let list = list(&cache);
            if json { print_json(&list) } else { print(text(&list)) }
        }
        Action::Install { mut devices } => {
            let mut seen = Vec::new();
            devices.retain(|device| {
                !seen.contains(device) && {
                    seen.push(*device);
                    true
                }
            });
            devices.into_iter().try_for_each(|device| install(device, &device.pins(), &cache))
        }
    }
}

/// Fetches what the cache lacks, and prints where each wheel's main file is.
fn install(device: DeviceKind, pins: &[Pin], cache: &Cache) -> anyhow::Result<()> {
    if pins.is_empty() {
        let (system, processor) = (std::env::consts::OS, std::env::consts::ARCH);
        return Err(locate::Error::NoWheel { device, system, processor }.into());
    }
    let mut progress = Progress::new();
    for pin in pins {
        let folder = wheels::fetch(pin, cache, &mut |stage| progress.fetch(stage));
        progress.clear();
        let path = folder?.join(pin.main_file().path);
        print(format!("{device} {} {} {}\n", pin.name, pin.version, path.display()))?;
    }
    Ok(())
}

fn list(cache: &Cache) -> List {
    let report = |device: DeviceKind| {
        let wheels: Vec<_> = device.pins().iter().map(|pin| wheel(pin, cache)).collect();
        RuntimeReport {
            device: device.to_string(),
            purpose: purpose(device),
            status: together(&wheels),
            wheels,
        }
    };
    List {
        cache: cache.root().to_owned(),
        offline: cache.is_offline(),
        runtimes: DeviceKind::ALL.into_iter().map(report).collect(),
    }
}

fn purpose(device: DeviceKind) -> &'static str {
    match device {
        DeviceKind::Cpu => "trains, samples and evaluates on this machine; plays any number of devices",
        DeviceKind::Cuda => "runs on NVIDIA GPUs; compiles for them without one",
        DeviceKind::Tpu => "runs on TPUs; compiles for any TPU topology without one",
    }
}

fn wheel(pin: &Pin, cache: &Cache) -> WheelReport {
    let (status, path, problem) = match wheels::verify(pin, cache) {
        Ok(Some(folder)) => (Status::Verified, Some(folder.join(pin.main_file().path)), None),
        Ok(None) => (Status::Absent, None, None),
        Err(error) => (Status::Damaged, None, Some(error.to_string())),
    };
    WheelReport {
        name: pin.name,
        version: pin.version,
        purpose: pin.purpose,
        licence: pin.licence,
        download_bytes: pin.size,
        unpacked_bytes: pin.files.iter().map(|file| file.size).sum(),
        status,
        path,
        problem,
    }
}

fn together(wheels: &[WheelReport]) -> Status {
    let all = |status| wheels.iter().all(|wheel| wheel.status == status);
    match wheels {
        [] => Status::Unavailable,
        _ if wheels.iter().any(|wheel| wheel.status == Status::Damaged) => Status::Damaged,
        _ if all(Status::Verified) => Status::Verified,
        _ if all(Status::Absent) => Status::Absent,
        _ => Status::Incomplete,
    }
}

fn text(list: &List) -> String {
    let mut lines = vec![format!("cache   {}", list.cache.display())];
    if list.offline {
        lines.push("        downloads are forbidden by GOPHER_OFFLINE".into());
    }
    for RuntimeReport { device, purpose, status, wheels } in &list.runtimes {
        lines.push(format!("\n{device:<8}{}: {purpose}", words(*status)));
        for wheel in wheels {
            let (download, unpacked) = (bytes(wheel.download_bytes), bytes(wheel.unpacked_bytes));
            lines.push(format!(
                "        {} {}: {}; {download} to fetch, {unpacked} unpacked; licence: {}",
                wheel.name,
                wheel.version,
                words(wheel.status),
                wheel.licence
            ));
            lines.push(format!("            {}", wheel.purpose));
            lines.extend(wheel.path.iter().map(|path| format!("            {}", path.display())));
            lines.extend(wheel.problem.iter().map(|problem| format!("            {problem}")));
        }
        match status {
            Status::Absent | Status::Incomplete => {
                lines.push(format!("        to get it: gopher runtime install {device}"));
            }
            Status::Unavailable => lines.push("        name a PJRT plugin file with --plugin FILE".into()),
            Status::Verified | Status::Damaged => {}
        }
    }
    lines.join("\n") + "\n"
}

fn words(status: Status) -> &'static str {
    match status {
        Status::Verified => "in the cache, verified",
        Status::Absent => "not in the cache",
        Status::Incomplete => "in part in the cache",
        Status::Damaged => "damaged",
        Status::Unavailable => "no wheel for this machine",
    }
}
