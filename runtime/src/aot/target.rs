//! The target of a compilation: a TPU topology or a kind of GPU.

use serde::{Deserialize, Serialize};
use xla_sys::locate::DeviceKind;
use xla_sys::{NamedValue, Value};

use super::{Error, gpu};

/// Devices that need not be there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "TargetRecord", try_from = "TargetRecord")]
pub struct Target {
    /// The kind of device, which decides the plugin.
    pub kind: DeviceKind,
    /// The plugin's name for the topology, such as `v3:32x32` (it counts chips), or `cuda`; a number of devices for
    /// the CPU.
    pub topology: String,
    /// Options of the topology. TPU: `num_slices`, `wrap`, `chip_config_name`, `chips_per_host_bounds`. CUDA:
    /// `target_config` and `topology` (`slices x hosts x devices`).
    pub options: Vec<NamedValue>,
}

impl Target {
    /// A TPU topology, such as `v3:32x32`.
    pub fn tpu(topology: impl Into<String>) -> Target {
        Target { kind: DeviceKind::Tpu, topology: topology.into(), options: Vec::new() }
    }

    /// NVIDIA GPUs, such as `h100` (see [`gpu::NAMES`]), in `slices` groups without NVLink between them, of `hosts` with
    /// `devices` each.
    ///
    /// # Errors
    /// [`Error::UnknownTarget`] when there is no description of this GPU.
    pub fn cuda(gpu: &str, [slices, hosts, devices]: [usize; 3]) -> Result<Target, Error> {
        let description = gpu::description(gpu).ok_or_else(|| Error::UnknownTarget {
            text: gpu.to_owned(),
            reason: format!("there are descriptions of {}", gpu::NAMES.join(", ")),
        })?;
        let options = vec![
            NamedValue::new("target_config", description),
            NamedValue::new("topology", format!("{slices}x{hosts}x{devices}")),
        ];
        Ok(Target { kind: DeviceKind::Cuda, topology: "cuda".to_owned(), options })
    }

    /// As many virtual devices of this machine's processor.
    pub fn cpu(devices: usize) -> Target {
        Target { kind: DeviceKind::Cpu, topology: devices.to_string(), options: Vec::new() }
    }

    /// The same target with one more option.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Target {
        self.options.push(NamedValue::new(name, value));
        self
    }
}

impl std::str::FromStr for Target {
    type Err = Error;

    /// `tpu:v3:32x32`, `cuda:h100:1x1x8`, `cpu:8`.
    fn from_str(text: &str) -> Result<Target, Error> {
        let unknown = || Error::UnknownTarget {
            text: text.to_owned(),
            reason:
                "write tpu:v3:32x32 (generation and chips), cuda:h100:1x1x8 (groups, hosts in each, devices \
                     in each) or cpu:8"
                    .to_owned(),
        };
        match text.split_once(':').ok_or_else(unknown)? {
            ("tpu", topology) if !topology.is_empty() => Ok(Target::tpu(topology)),
            ("cuda", rest) => {
                let (gpu, sizes) = rest.split_once(':').ok_or_else(unknown)?;
                let sizes: Result<Vec<usize>, _> = sizes.split('x').map(str::parse).collect();
                let sizes: [usize; 3] =
                    sizes.ok().and_then(|sizes| sizes.try_into().ok()).ok_or_else(unknown)?;
                Target::cuda(gpu, sizes)
            }
            ("cpu", devices) => Ok(Target::cpu(devices.parse().map_err(|_| unknown())?)),
            _ => Err(unknown()),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.kind, self.topology)?;
        // The description of a GPU is as long as a page.
        let short = |option: &&NamedValue| option.name != "target_config";
        self.options.iter().filter(short).try_for_each(|option| write!(f, " {option}"))
    }
}

/// A [`Target`] as JSON holds it.
#[derive(Clone, Serialize, Deserialize)]
struct TargetRecord {
    kind: String,
    topology: String,
    options: Vec<OptionRecord>,
}

#[derive(Clone, Serialize, Deserialize)]
struct OptionRecord {
    name: String,
    #[serde(flatten)]
    value: ValueRecord,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ValueRecord {
    String(String),
    Int(i64),
    IntList(Vec<i64>),
    Float(f32),
    Bool(bool),
}

impl From<Target> for TargetRecord {
    fn from(target: Target) -> TargetRecord {
        let option = |option: NamedValue| {
            let value = match option.value {
                Value::String(value) => ValueRecord::String(value),
                Value::Int(value) => ValueRecord::Int(value),
                Value::IntList(value) => ValueRecord::IntList(value),
                Value::Float(value) => ValueRecord::Float(value),
                Value::Bool(value) => ValueRecord::Bool(value),
            };
            OptionRecord { name: option.name, value }
        };
        TargetRecord {
            kind: target.kind.to_string(),
            topology: target.topology,
            options: target.options.into_iter().map(option).collect(),
        }
    }
}

impl TryFrom<TargetRecord> for Target {
    type Error = xla_sys::locate::Error;

    fn try_from(record: TargetRecord) -> Result<Target, Self::Error> {
        let option = |option: OptionRecord| {
            let value = match option.value {
                ValueRecord::String(value) => Value::String(value),
                ValueRecord::Int(value) => Value::Int(value),
                ValueRecord::IntList(value) => Value::IntList(value),
                ValueRecord::Float(value) => Value::Float(value),
                ValueRecord::Bool(value) => Value::Bool(value),
            };
            NamedValue { name: option.name, value }
        };
        Ok(Target {
            kind: record.kind.parse()?,
            topology: record.topology,
            options: record.options.into_iter().map(option).collect(),
        })
    }
}
