//! Machines to move to when a model does not fit.

use xla_sys::locate::DeviceKind;

use super::Topology;
use super::limits::{MOST_HOSTS, MOST_SLICES, usual_gpus_per_host};
use super::sizes::Sizes;

impl Topology {
    /// The larger machines of the same chip, with the same memory on each device, by number of devices.
    ///
    /// Of TPUs, first the larger slices, the most cubic of each number of chips, then 2, 3, … of the largest slice: a
    /// machine of several slices comes only where no slice has as many chips. Of GPUs, more in one host, then 2, 3, …
    /// full hosts. None for virtual devices, of which more are not a larger processor.
    ///
    /// ```
    /// use sharding::machine::Topology;
    ///
    /// let machine = Topology::parse("tpu:v3:16x16", 1)?;
    /// let larger: Vec<_> = machine.next_larger().map(|larger| larger.with_slices()).take(3).collect();
    /// assert_eq!(larger, ["tpu:v3:16x32", "tpu:v3:32x32", "tpu:v3:32x32 --slices 2"]);
    /// # Ok::<(), sharding::machine::TopologyError>(())
    /// ```
    pub fn next_larger(&self) -> impl Iterator<Item = Topology> + use<> {
        let (chip, mut most) = (self.chip().clone(), self.chips());
        // What has one slice or host, and the unit of which there may be more.
        let (single, units): (Vec<Vec<usize>>, usize) = match chip.kind {
            DeviceKind::Tpu => {
                (Sizes::of(&chip.name).map(|sizes| sizes.all()).unwrap_or_default(), MOST_SLICES)
            }
            DeviceKind::Cuda => {
                let hosts = usual_gpus_per_host(&chip.name).iter();
                (hosts.map(|&gpus| vec![1, gpus]).collect(), MOST_HOSTS)
            }
            DeviceKind::Cpu => (Vec::new(), 1),
        };
        let largest = single.last().cloned();
        let most_gpus = largest.iter().flatten().product();
        let one = chip.clone();
        let several = largest.into_iter().flat_map(move |shape| {
            let chip = chip.clone();
            (2..=units).map(move |count| match chip.kind {
                DeviceKind::Cuda => Topology::new(chip.clone(), vec![count, most_gpus], 1),
                DeviceKind::Tpu | DeviceKind::Cpu => Topology::new(chip.clone(), shape.clone(), count),
            })
        });
        let machines =
            single.into_iter().map(move |shape| Topology::new(one.clone(), shape, 1)).chain(several);
        machines.filter(move |machine| {
            let larger = machine.chips() > most;
            most = most.max(machine.chips());
            larger
        })
    }
}
