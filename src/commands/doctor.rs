//! `gopher doctor`: what is here, what is missing, and how to get it.

mod probe;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use sharding::DeviceKind;
use wheels::{Cache, Pin, pins};
use xla_sys::locate::{Located, Locator};

use crate::output::{bytes, print, print_json};
use probe::Probe;

/// Arguments of `gopher doctor`.
#[derive(Args)]
pub struct Arguments {
    /// Print a JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Load one plugin and print what it says; what the command runs for each plugin.
    #[arg(long, hide = true, value_name = "DEVICE")]
    probe: Option<DeviceKind>,
}

#[derive(Serialize)]
struct Report {
    version: &'static str,
    system: System,
    python: Python,
    cache: CacheReport,
    plugins: Vec<PluginReport>,
    /// The kinds of device that `gopher train` can run on, the CPU's maybe after it has fetched the plugin.
    trains_on: Vec<String>,
}

#[derive(Serialize)]
struct System {
    system: &'static str,
    processor: &'static str,
    cores: usize,
}

#[derive(Serialize)]
struct Python {
    interpreter: PathBuf,
    version: Option<String>,
    pip: Option<String>,
    remedy: Option<&'static str>,
}

#[derive(Serialize)]
struct CacheReport {
    /// `None` when no variable names a folder.
    path: Option<PathBuf>,
    /// Whether `GOPHER_OFFLINE` forbids downloads.
    offline: bool,
    wheels: Vec<WheelReport>,
}

#[derive(Serialize)]
struct WheelReport {
    name: &'static str,
    version: &'static str,
    purpose: &'static str,
    download_bytes: u64,
    status: WheelStatus,
    problem: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum WheelStatus {
    /// In the cache, every file as pinned.
    Verified,
    /// Not in the cache.
    Absent,
    /// In the cache, and not what was fetched.
    Damaged,
}

#[derive(Serialize)]
struct PluginReport {
    device: String,
    status: PluginStatus,
    path: Option<PathBuf>,
    found: Option<String>,
    #[serde(flatten)]
    probe: Option<Probe>,
    /// What is missing or wrong.
    problem: Option<String>,
    /// How to put it right.
    remedy: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum PluginStatus {
    /// It loads and has devices.
    Ready,
    /// It loads and has no devices; it may still compile for some.
    NoDevice,
    /// It is there and cannot be used.
    Failed,
    /// It is not on this machine.
    Absent,
}

/// Prints the report.
///
/// # Errors
/// When training is possible on no kind of device.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let Some(kind) = arguments.probe {
        return probe::here(kind);
    }
    let cache = Cache::from_environment();
    let python = python(cache.as_ref().map_or(Path::new("python3"), Cache::interpreter));
    let can_fetch = python.pip.is_some() && cache.as_ref().is_ok_and(|cache| !cache.is_offline());
    let plugins: Vec<_> = DeviceKind::ALL.into_iter().map(|kind| plugin(kind, can_fetch)).collect();
    let trains_on = |(kind, plugin): (DeviceKind, &PluginReport)| match plugin.status {
        PluginStatus::Ready => true,
        // A processor is there, whatever plugin is missing.
        PluginStatus::Absent => kind == DeviceKind::Cpu && can_fetch && kind.pin().is_some(),
        PluginStatus::Failed | PluginStatus::NoDevice => false,
    };
    let kinds = DeviceKind::ALL.into_iter().zip(&plugins).filter(|&pair| trains_on(pair));
    let trains_on = kinds.map(|(kind, _)| kind.to_string()).collect();
    let report = Report {
        version: concat!(env!("CARGO_PKG_VERSION"), env!("GOPHER_COMMIT")),
        system: System {
            system: std::env::consts::OS,
            processor: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        },
        python,
        cache: cache_report(cache.ok().as_ref()),
        plugins,
        trains_on,
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print(text(&report))?;
    }
    if report.trains_on.is_empty() {
        let plugin = &report.plugins[0];
        let reason = [&plugin.problem, &plugin.remedy].into_iter().flatten().cloned().collect::<Vec<_>>();
        bail!("training is not possible here: {}", reason.join("; "));
    }
    Ok(())
}

fn python(interpreter: &Path) -> Python {
    let version = |arguments: &[&str]| {
        let output = Command::new(interpreter).args(arguments).output().ok()?;
        // "Python 3.12.1", "pip 24.0 from …"
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.status.success().then(|| text.split_whitespace().nth(1).map(str::to_owned))?
    };
    let (python, pip) = (version(&["--version"]), version(&["-m", "pip", "--version"]));
    let remedy = match (&python, &pip) {
        (None, _) => Some("install python3 with pip, which fetches plugins and the quick start's text"),
        (_, None) => {
            Some("install pip (python3 -m ensurepip), which fetches plugins and the quick start's text")
        }
        _ => None,
    };
    Python { interpreter: interpreter.to_owned(), version: python, pip, remedy }
}

fn cache_report(cache: Option<&Cache>) -> CacheReport {
    let Some(cache) = cache else { return CacheReport { path: None, offline: false, wheels: Vec::new() } };
    let wheel = |pin: &Pin| {
        let (status, problem) = match wheels::verify(pin, cache) {
            Ok(Some(_)) => (WheelStatus::Verified, None),
            Ok(None) => (WheelStatus::Absent, None),
            Err(error) => (WheelStatus::Damaged, Some(error.to_string())),
        };
        WheelReport {
            name: pin.name,
            version: pin.version,
            purpose: pin.purpose,
            download_bytes: pin.size,
            status,
            problem,
        }
    };
    CacheReport {
        path: Some(cache.root().to_owned()),
        offline: cache.is_offline(),
        wheels: pins::PINS.iter().filter(|pin| pin.platform.is_host()).map(wheel).collect(),
    }
}

fn plugin(kind: DeviceKind, can_fetch: bool) -> PluginReport {
    let mut report = PluginReport {
        device: kind.to_string(),
        status: PluginStatus::Absent,
        path: None,
        found: None,
        probe: None,
        problem: None,
        remedy: None,
    };
    match Locator::from_environment().find(kind, None) {
        Ok(Some(located)) => examine(kind, located, &mut report),
        Ok(None) => {
            let variable = kind.variable();
            let named = format!("name a PJRT plugin file with --plugin FILE or {variable}");
            report.problem = Some(format!("there is no {kind} plugin on this machine"));
            report.remedy = Some(match kind.pin() {
                Some(pin) if can_fetch => {
                    let size = bytes(pin.size);
                    format!("gopher train --device {kind} fetches it ({} {}, {size})", pin.name, pin.version)
                }
                Some(pin) => format!(
                    "fetching it ({} {}) needs python3 with pip, and GOPHER_OFFLINE not set; or {named}",
                    pin.name, pin.version
                ),
                None => format!("none is published as a wheel for this machine: {named}"),
            });
        }
        Err(error) => {
            report.status = PluginStatus::Failed;
            report.problem = Some(error.to_string());
        }
    }
    report
}

fn examine(kind: DeviceKind, located: Located, report: &mut PluginReport) {
    report.path = Some(located.path);
    report.found = Some(located.found.to_string());
    match probe::in_another_process(kind) {
        Ok(probe) => {
            report.status =
                if probe.devices.is_empty() { PluginStatus::NoDevice } else { PluginStatus::Ready };
            if probe.devices.is_empty() {
                let reason = probe.client_error.clone();
                report.problem = Some(reason.unwrap_or_else(|| "the plugin lists no devices".into()));
                report.remedy = match kind {
                    DeviceKind::Cpu => None,
                    DeviceKind::Cuda => {
                        Some("it needs an NVIDIA GPU, its driver and the CUDA libraries".into())
                    }
                    DeviceKind::Tpu => {
                        Some("without a TPU it compiles ahead of time only, which needs no device".into())
                    }
                };
            }
            report.probe = Some(probe);
        }
        Err(error) => {
            report.status = PluginStatus::Failed;
            report.problem = Some(format!("{error:#}"));
            report.remedy = Some(format!("name another plugin with {}", kind.variable()));
        }
    }
}

fn text(report: &Report) -> String {
    let Report { version, system, python, cache, plugins, trains_on } = report;
    let mut lines = vec![
        format!("gopher    {version}"),
        format!("machine   {} on {}, {} cores", system.system, system.processor, system.cores),
    ];
    let known = |version: &Option<String>| version.clone().unwrap_or_else(|| "missing".into());
    let (version, pip) = (known(&python.version), known(&python.pip));
    lines.push(format!("python    {} {version}, pip {pip}", python.interpreter.display()));
    lines.extend(python.remedy.map(|remedy| format!("          {remedy}")));
    match &cache.path {
        Some(path) => lines.push(format!("cache     {}", path.display())),
        None => lines.push("cache     none: set GOPHER_CACHE to a folder".into()),
    }
    if cache.offline {
        lines.push("          downloads are forbidden by GOPHER_OFFLINE".into());
    }
    for wheel in cache.wheels.iter().filter(|wheel| wheel.status != WheelStatus::Absent) {
        let state = wheel.problem.as_deref().unwrap_or("verified");
        lines.push(format!("          {} {}: {state}", wheel.name, wheel.version));
    }
    for plugin in plugins {
        let status = match plugin.status {
            PluginStatus::Ready => "ready",
            PluginStatus::NoDevice => "loads, no device",
            PluginStatus::Failed => "cannot be used",
            PluginStatus::Absent => "absent",
        };
        lines.push(format!("\n{:<10}{status}", plugin.device));
        let mut say = |line: String| lines.push(format!("          {line}"));
        if let (Some(path), Some(found)) = (&plugin.path, &plugin.found) {
            say(format!("{} ({found})", path.display()));
        }
        if let Some(probe) = &plugin.probe {
            let (major, minor) = probe.api_version;
            let names = [&probe.platform, &probe.platform_version].into_iter().flatten();
            let names: Vec<_> = names.map(|name| one_line(name)).collect();
            say(format!("PJRT API {major}.{minor}  {}", names.join("  ")).trim_end().to_owned());
            for device in &probe.devices {
                say(format!("device {}: {}", device.id, device.kind));
            }
        }
        plugin.problem.iter().for_each(|problem| say(one_line(problem)));
        plugin.remedy.iter().for_each(|remedy| say(remedy.clone()));
    }
    lines.push(match trains_on.as_slice() {
        [] => "\ntraining is not possible\n".to_owned(),
        kinds => format!("\ntraining is possible on: {}\n", kinds.join(", ")),
    });
    lines.join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
