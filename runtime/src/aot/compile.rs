//! Compiling ahead of time, in this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use xla_sys::locate::{DeviceKind, Locator, Progress};
use xla_sys::{CompileOptions, Executable, NamedValue, Plugin, Program, Topology, Value};

use super::schedule::Schedule;
use super::{Cost, Error, Rates, Refusal, StepEstimate, Target};
use crate::slice::slice;

/// A program and what it is to be compiled for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The devices.
    pub target: Target,
    /// A StableHLO module as text.
    pub program: String,
    /// Over how many devices the program is split.
    pub partitions: usize,
    /// The device of each partition, by id. `None`: the target's devices in the order of their slice, then their id.
    pub devices: Option<Vec<i64>>,
    /// The plugin's file, if the user names one.
    pub plugin: Option<PathBuf>,
    /// Bytes between a device and its memory in one cycle of its clock: then a [`Worker`](super::Worker) asks the TPU compiler
    /// for its final schedule, and [`Cost::schedule`] is what follows from it.
    #[serde(default)]
    pub memory_bytes_per_cycle: Option<f64>,
    /// The folder that the compiler of this process writes its schedule to: what a [`Worker`](super::Worker) tells the
    /// process that it starts.
    #[serde(default)]
    pub schedule_folder: Option<PathBuf>,
}

impl Request {
    /// A StableHLO module that says itself over how many devices it is split (`mhlo.num_partitions`; else it is not).
    pub fn new(target: Target, program: impl Into<String>) -> Request {
        let program = program.into();
        let partitions = attribute(&program, "mhlo.num_partitions").unwrap_or(1);
        Request {
            target,
            program,
            partitions,
            devices: None,
            plugin: None,
            memory_bytes_per_cycle: None,
            schedule_folder: None,
        }
    }
}

/// The whole number that a module's attribute holds.
fn attribute(module: &str, name: &str) -> Option<usize> {
    let (_, after) = module.split_once(name)?;
    let digits = after.trim_start_matches([' ', '=']);
    digits[..digits.find(|c: char| !c.is_ascii_digit())?].parse().ok()
}

/// The compiler's verdict on a program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compiled {
    /// The most memory that is in use at once on a device, in bytes: arguments, outputs and temporaries. The compiler's
    /// own figure; where its figure is not reliable (CPU), the sum of the parts.
    pub peak_bytes_per_device: u64,
    /// Bytes of the inputs on a device.
    pub arguments: u64,
    /// Bytes of the outputs on a device.
    pub outputs: u64,
    /// Bytes of everything else that lies in device memory while the program runs.
    pub temporaries: u64,
    /// Bytes of the outputs that lie in memory of donated inputs.
    pub aliased: u64,
    /// Bytes a program may use on a device, if the plugin tells.
    pub device_memory: Option<u64>,
    /// The vendor's name of a device, such as `TPU v3`.
    pub device_kind: String,
    /// Devices of the target, and of the program.
    pub devices: usize,
    /// Groups of devices with a fast interconnect of their own.
    pub slices: usize,
    /// Seconds the compiler took.
    pub compile_seconds: f64,
    /// The most host memory the process that compiled has had in use, in bytes; 0 where the system does not tell.
    pub host_peak_rss: u64,
    /// The cost of one execution on each device.
    pub cost: Cost,
}

impl Compiled {
    /// How long one execution takes at these rates.
    pub fn estimate(&self, rates: &Rates) -> StepEstimate {
        self.cost.estimate(rates)
    }

    /// Whether a device has the memory the program needs; true if that is not known. TPU compilers refuse what does
    /// not fit, others compile it.
    pub fn fits(&self) -> bool {
        self.device_memory.is_none_or(|memory| self.peak_bytes_per_device <= memory)
    }
}

/// Compiles a program in this process. A compiler that fails a check of its own ends the process, and the host's peak
/// memory includes whatever the process did before: [`Worker::compile`](super::Worker::compile) has neither problem.
///
/// The plugin must be on this machine already.
///
/// # Errors
/// See [`Error`]; [`Error::Refused`] is the compiler's verdict.
pub fn compile(request: &Request) -> Result<Compiled, Error> {
    compile_and_keep(request).map(|(compiled, _)| compiled)
}

/// As [`compile`], with the executable, which has the optimised program.
///
/// # Errors
/// As [`compile`].
pub fn compile_and_keep(request: &Request) -> Result<(Compiled, Executable), Error> {
    let target = &request.target;
    let target_error = |source| Error::Target { target: target.to_string(), source };
    let located = Locator::from_environment().find(target.kind, request.plugin.as_deref())?;
    let located = located.ok_or(Error::NoPlugin { kind: target.kind })?;
    let plugin = Plugin::load_located(target.kind, &located).map_err(target_error)?;
    let topology = topology(&plugin, target).map_err(target_error)?;
    let mut devices = topology.devices().map_err(target_error)?;
    devices.sort_by_key(|device| (slice(target.kind, device), device.id));
    let ids = match &request.devices {
        Some(ids) => ids.clone(),
        None => devices.iter().map(|device| i64::from(device.id)).collect(),
    };
    if ids.len() != request.partitions {
        let (devices, partitions) = (ids.len(), request.partitions);
        return Err(Error::DeviceCount { target: target.to_string(), devices, partitions });
    }
    let slice_of: HashMap<i64, usize> =
        devices.iter().map(|device| (i64::from(device.id), slice(target.kind, device))).collect();
    let slices: Vec<usize> = ids.iter().map(|id| slice_of.get(id).copied().unwrap_or(0)).collect();
    let options = CompileOptions {
        device_assignment: Some(vec![ids]),
        use_spmd_partitioning: request.partitions > 1,
        // Without Shardy's annotations a program has GSPMD's, or none.
        use_shardy_partitioner: request.program.contains("sdy."),
        ..CompileOptions::partitioned(request.partitions)
    };
    let program = Program::mlir(request.program.as_str(), []);
    let start = Instant::now();
    let executable = topology.compile(&program, &options).map_err(|error| match error {
        xla_sys::Error::Pjrt { code, message, .. } => {
            Refusal::from_compiler(code, &message, &request.program).into()
        }
        other => target_error(other),
    })?;
    let compile_seconds = start.elapsed().as_secs_f64();
    let unreadable = |reason: String| Error::Unreadable { reason };
    let stats = executable.memory_stats().map_err(target_error)?;
    let optimized = executable.optimized_program().map_err(target_error)?;
    // The TPU compiler makes one program for each slice, with the partitions of one.
    let own = executable.num_partitions().map_err(target_error)?.min(slices.len());
    let slice_count = slices.iter().max().map_or(1, |&last| last + 1);
    let schedule = request.schedule_folder.as_deref().and_then(Schedule::read);
    let schedule = schedule.as_ref().zip(request.memory_bytes_per_cycle);
    let cost = Cost::with_schedule(&optimized, &slices[..own], slice_count, schedule).map_err(unreadable)?;
    let bytes = |value: i64| u64::try_from(value).unwrap_or(0);
    let peak = if target.kind == DeviceKind::Cpu || stats.peak <= 0 { stats.total() } else { stats.peak };
    let memory = devices.first().and_then(|device| match device.attribute("device_memory_bytes_limit") {
        Some(&Value::Int(memory)) => u64::try_from(memory).ok(),
        _ => None,
    });
    let compiled = Compiled {
        peak_bytes_per_device: bytes(peak),
        arguments: bytes(stats.arguments),
        outputs: bytes(stats.outputs),
        temporaries: bytes(stats.temporaries),
        aliased: bytes(stats.aliased),
        device_memory: memory,
        device_kind: devices.first().map(|device| device.kind.clone()).unwrap_or_default(),
        devices: devices.len(),
        slices: slice_count,
        compile_seconds,
        host_peak_rss: host_peak_rss(),
        cost,
    };
    Ok((compiled, executable))
}

fn topology(plugin: &Plugin, target: &Target) -> xla_sys::Result<Topology> {
    match (target.kind, target.topology.parse::<i64>()) {
        // This plugin describes only the devices of a client.
        (DeviceKind::Cpu, Ok(devices)) => {
            plugin.client(&[NamedValue::new("cpu_device_count", devices)])?.topology()
        }
        _ => plugin.topology(&target.topology, &target.options),
    }
}

/// Makes sure that the plugin for a target is on this machine, fetching the pinned wheels if there is no other.
///
/// # Errors
/// [`Error::Plugin`] when no plugin for the target is found or can be fetched.
pub fn fetch_plugin(request: &Request, progress: &mut dyn FnMut(Progress)) -> Result<(), Error> {
    let locator = Locator::from_environment();
    locator.locate(request.target.kind, request.plugin.as_deref(), progress)?;
    Ok(())
}

/// The most memory this process has had in use, in bytes; 0 where the system does not tell.
fn host_peak_rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_tells_its_number_of_partitions() {
        let check = |text: &str, expected| {
            assert_eq!(Request::new(Target::cpu(1), text).partitions, expected, "{text}")
        };
        check(
            "module @m attributes {mhlo.num_partitions = 2048 : i32, mhlo.num_replicas = 1 : i32} {}",
            2048,
        );
        check("module @m {}", 1);
        check("module @m attributes {mhlo.num_partitions = many} {}", 1);
    }
}
