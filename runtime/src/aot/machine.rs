//! From a machine of the planner to what a plugin is asked for.

use sharding::machine::Topology;
use xla_sys::locate::DeviceKind;
use xla_sys::{NamedValue, Value};

use super::{Error, Target};

impl Target {
    /// The devices of a machine, as its plugin names them.
    ///
    /// # Errors
    /// [`Error::UnknownTarget`] when there is no description of the GPU.
    pub fn of(topology: &Topology) -> Result<Target, Error> {
        match topology.kind() {
            DeviceKind::Cpu => Ok(Target::cpu(topology.devices())),
            DeviceKind::Cuda => Target::cuda(&topology.chip().name, topology.cuda_groups()),
            DeviceKind::Tpu => {
                Ok(Target { options: tpu_options(topology), ..Target::tpu(tpu_name(topology)) })
            }
        }
    }
}

/// The name that libtpu makes a topology from, such as `v3:32x32`.
fn tpu_name(topology: &Topology) -> String {
    let name = &*topology.chip().name;
    let generation = if name == "7x" { "tpu7x" } else { name };
    let sides: Vec<_> = topology.shape().iter().map(ToString::to_string).collect();
    format!("{generation}:{}", sides.join("x"))
}

/// The options that go with it.
fn tpu_options(topology: &Topology) -> Vec<NamedValue> {
    let mut options = Vec::new();
    if topology.slices() > 1 {
        // No machine has so many that this saturates.
        let slices = i64::try_from(topology.slices()).unwrap_or(i64::MAX);
        options.push(NamedValue::new("num_slices", Value::Int(slices)));
    }
    let wrap = topology.wrap();
    if wrap.contains(&true) {
        let closed = |side| i64::from(wrap.get(side) == Some(&true));
        options.push(NamedValue::new("wrap", Value::IntList((0..3).map(closed).collect())));
    }
    if matches!(&*topology.chip().name, "v4" | "v5p") {
        options.push(NamedValue::new("chip_config_name", Value::String("megacore".to_owned())));
    }
    // libtpu's own default is 2,2,1.
    let bounds = topology.host_bounds();
    if bounds != [2, 2, 1] {
        options.push(NamedValue::new("chips_per_host_bounds", Value::IntList(bounds.to_vec())));
    }
    options
}
