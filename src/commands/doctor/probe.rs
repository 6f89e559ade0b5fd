//! Loading a plugin in a process of its own: one that crashes or hangs must not take the report with it.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sharding::DeviceKind;
use xla_sys::locate::Locator;
use xla_sys::{NamedValue, Plugin};

use crate::output::print;

/// How long a plugin may take to load and list its devices.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a loaded plugin says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Probe {
    /// Major and minor version of the PJRT API it implements.
    pub api_version: (i32, i32),
    /// Its platform and version text, if it made a client.
    pub platform: Option<String>,
    pub platform_version: Option<String>,
    /// The devices this process may use.
    pub devices: Vec<DeviceReport>,
    /// Why there is no client.
    pub client_error: Option<String>,
}

/// A device.
#[derive(Debug, Serialize, Deserialize)]
pub struct DeviceReport {
    pub id: i32,
    pub kind: String,
}

/// Loads the plugin for a kind of device in another process, and gives up on it after a minute.
pub fn in_another_process(kind: DeviceKind) -> anyhow::Result<Probe> {
    let program = std::env::current_exe().context("this program's own file is not known")?;
    let mut child = Command::new(program)
        .args(["doctor", "--probe", &kind.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start a process to load the plugin in")?;
    // Both pipes are read while the process runs: a full one would stop it.
    let output = child.stdout.take().map(read_in_background);
    let log = child.stderr.take().map(read_in_background);
    let status = wait(&mut child)?;
    let read = |handle: Option<thread::JoinHandle<String>>| {
        handle.and_then(|handle| handle.join().ok()).unwrap_or_default()
    };
    let Some(status) = status else {
        bail!("the plugin did not list its devices within {} s", PATIENCE.as_secs());
    };
    let (output, log) = (read(output), read(log));
    let answer = output.lines().last().and_then(|line| serde_json::from_str(line).ok());
    match answer {
        Some(probe) if status.success() => Ok(probe),
        _ => {
            let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            let last = last.strip_prefix("error: ").unwrap_or(last);
            if last.is_empty() { bail!("the plugin ended the process ({status})") } else { bail!("{last}") }
        }
    }
}

fn read_in_background(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before a failure is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The process's exit status, or `None` if it had to be ended.
fn wait(child: &mut Child) -> anyhow::Result<Option<std::process::ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The other process's part: loads the plugin and prints a [`Probe`] as one line of JSON.
///
/// # Errors
/// When there is no plugin that can be loaded.
pub fn here(kind: DeviceKind) -> anyhow::Result<()> {
    let located = Locator::from_environment().find(kind, None)?;
    let Some(located) = located else { bail!("there is no {kind} plugin on this machine") };
    let plugin = Plugin::load_located(kind, &located)?;
    let options: &[NamedValue] = match kind {
        // As training does: unasked, it has a device for each of a number of threads.
        DeviceKind::Cpu => &[NamedValue::new("cpu_device_count", 1)],
        // A look at the devices must not take three quarters of their memory.
        DeviceKind::Cuda => &[NamedValue::new("preallocate", false)],
        DeviceKind::Tpu => &[],
    };
    let mut probe = Probe {
        api_version: plugin.api_version(),
        platform: None,
        platform_version: None,
        devices: Vec::new(),
        client_error: None,
    };
    match plugin.client(options) {
        Ok(client) => {
            probe.platform = Some(client.platform_name().to_owned());
            probe.platform_version = Some(client.platform_version().to_owned());
            probe.devices = client
                .addressable_devices()
                .iter()
                .map(|device| DeviceReport { id: device.id(), kind: device.description().kind.clone() })
                .collect();
        }
        Err(error) => probe.client_error = Some(error.to_string()),
    }
    print(serde_json::to_string(&probe)? + "\n")
}
