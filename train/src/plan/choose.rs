//! The best plan for a training.

use std::path::Path;

use sharding::DeviceKind;
use sharding::cost::Rates;
use sharding::machine::Topology;
use sharding::margin::MemoryError;
use sharding::plan::Plan;
use sharding::search::{Obstacle, Pins, Space, search};

use super::{Error, GivenError, OnMachine, Planned, Recommended, read_for};

/// Plans that are looked at for the recommended one, unless the user asks for more.
pub const LISTED: usize = 5;

impl Planned {
    /// The plans that there are on a machine, for whole batches of `batch` sequences.
    pub fn space(&self, topology: &Topology, batch: usize, sequence_length: usize, pins: Pins) -> Space {
        let chip = topology.chip();
        let peak = chip.peak_flops(self.precision.activations);
        Space {
            topology: topology.to_string(),
            slices: topology.slices(),
            islands: topology.devices() / topology.devices_per_island().max(1),
            devices: topology.devices(),
            memory: chip.memory_bytes,
            certain_memory: MemoryError::of(chip.kind)
                .map_or(chip.memory_bytes, |error| error.certain_bytes(chip.memory_bytes)),
            flops_per_second: peak * Rates::of(topology).calibration.matmuls,
            batch,
            sequence_length,
            pins,
        }
    }

    /// The plan that is recommended for a machine, with what is known of whether it fits
    /// ([`recommend`](Planned::recommend)); of virtual devices, each has its share of this computer's memory.
    ///
    /// # Errors
    /// [`Error::NoPlan`] when no plan splits the model over the machine, [`Error::NoRoom`] when none fits the devices'
    /// memory.
    pub fn best(
        &self,
        topology: &Topology,
        batch: usize,
        sequence_length: usize,
    ) -> Result<Recommended, Error> {
        let topology = match (topology.kind(), runtime::host_memory()) {
            (DeviceKind::Cpu, Some(bytes)) => {
                topology.clone().with_memory_bytes(bytes / topology.devices().max(1) as u64)
            }
            _ => topology.clone(),
        };
        let rates = Rates::of(&topology);
        let space = self.space(&topology, batch, sequence_length, Pins::default());
        let workload = OnMachine { planned: self, rates: &rates };
        // As many as `gopher plan` lists, so that both recommend the same.
        let found = search(&space, &workload, LISTED);
        if let Some(best) = self.recommend(&topology, &found) {
            return Ok(best);
        }
        let machine = topology.with_slices();
        Err(match found.nearest {
            Some(nearest) => {
                Error::NoRoom { machine, needed: nearest.estimate.peak_bytes(), there: space.memory }
            }
            None => Error::NoPlan {
                machine,
                devices: space.devices,
                layers: self.model.sizes().layers,
                heads: self.model.sizes().heads,
                batch,
                reason: {
                    let refused = found.refused.map(|reason| format!(" ({reason})")).unwrap_or_default();
                    let way_out =
                        Obstacle::of(&space, &workload).way_out(|batch| format!("{batch} sequences"));
                    format!("{refused}; {}", way_out.unwrap_or_else(|| "change the machine".to_owned()))
                },
            },
        })
    }

    /// The plan in a file, which is to be for this machine, and for the batches and sequences that `expected` says: the
    /// plan's field, what gives the value, and the value.
    ///
    /// # Errors
    /// [`GivenError`], naming the file, and the field whose value is another.
    pub fn given(
        &self,
        path: &Path,
        topology: &Topology,
        expected: [(&'static str, usize); 2],
    ) -> Result<Plan, GivenError> {
        let plan = read_for(path, topology)?;
        self.check(path, &plan, expected)?;
        Ok(plan)
    }

    /// Checks that a plan from a file splits this model, and is for these batches and sequences.
    ///
    /// # Errors
    /// [`GivenError::Changed`] when a field has another value, [`GivenError::Split`] when a dimension of the model does
    /// not fall into equal parts.
    pub fn check(
        &self,
        path: &Path,
        plan: &Plan,
        expected: [(&'static str, usize); 2],
    ) -> Result<(), GivenError> {
        let fields = [("batch", plan.batch), ("sequence_length", plan.sequence_length)];
        for ((field, value), (key, expected)) in fields.into_iter().zip(expected) {
            if value != expected {
                return Err(GivenError::Changed { path: path.to_owned(), field, value, key, expected });
            }
        }
        let split = self.step(plan);
        split.map(drop).map_err(|source| GivenError::Split { path: path.to_owned(), source })
    }
}
