//! What collective operations cost on a machine.
//!
//! The model is alpha-beta on two levels: a group of devices is `outer` groups of `inner` devices, where the inner ones
//! reach each other over fast links (ICI in a slice, NVLink in a host) and the outer ones over a network. An operation
//! over both does its share inside first, so that only a part of the data crosses, as XLA and NCCL do.

use serde::{Deserialize, Serialize};
use xla_sys::locate::DeviceKind;

use super::{Interconnect, Topology, TopologyError};

/// An operation in which all devices of a group take part. Its name in text and JSON is HLO's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collective {
    /// Every device gets the sum of all operands. Bytes: of the operand, which every device holds whole.
    AllReduce,
    /// Every device gets all operands, joined. Bytes: of the joined result.
    AllGather,
    /// Every device gets its part of the sum of all operands. Bytes: of the operand, which every device holds whole.
    ReduceScatter,
    /// Every device sends every other one a part of its operand. Bytes: of one device's operand.
    AllToAll,
    /// Every device sends its operand to the next one along the axis. Bytes: of one device's operand.
    #[serde(rename = "collective-permute")]
    Permute,
    /// One device sends its operand to all others. Only compilers make these. Bytes: of the operand.
    #[serde(rename = "collective-broadcast")]
    Broadcast,
    /// One device sends to another, and the program does not say as part of what operation. Only compilers make these.
    /// Bytes: of the operand.
    Send,
}

impl Collective {
    /// The name of the HLO operation.
    pub fn name(self) -> &'static str {
        match self {
            Collective::AllReduce => "all-reduce",
            Collective::AllGather => "all-gather",
            Collective::ReduceScatter => "reduce-scatter",
            Collective::AllToAll => "all-to-all",
            Collective::Permute => "collective-permute",
            Collective::Broadcast => "collective-broadcast",
            Collective::Send => "send",
        }
    }

    /// Bytes that each device sends over its slowest link for an array of `bytes`, if the `group` devices form a ring
    /// and every link works in both directions: the bandwidth-optimal algorithms' `2(g-1)/g` of the array for an
    /// all-reduce, `(g-1)/g` for gathering and scattering; a quarter of that for an all-to-all.
    pub fn ring_bytes(self, bytes: f64, group: usize) -> f64 {
        let group = group.max(1) as f64;
        let share = (group - 1.0) / group;
        match self {
            Collective::AllReduce => 2.0 * share * bytes,
            Collective::AllGather | Collective::ReduceScatter => share * bytes,
            Collective::AllToAll => share * bytes / 4.0,
            Collective::Permute | Collective::Broadcast | Collective::Send => bytes,
        }
    }
}

impl std::fmt::Display for Collective {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// A group of devices on links of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Devices in the group; 1 when this level has no part in it.
    pub size: usize,
    /// Bytes per second that a device sends, one way, all links that lead to the group together, when every group of
    /// the mesh axis does so at once.
    pub bytes_per_second: f64,
    /// As above, to the next device only.
    pub next_bytes_per_second: f64,
    /// Steps, one after the other, until data has been through the whole group.
    pub steps: f64,
    /// Seconds before the first byte of a step.
    pub latency: f64,
    /// How many times longer an all-to-all takes than its bytes do at `bytes_per_second`: data for a device far away
    /// in a torus passes through those between.
    pub detour: f64,
}

impl Level {
    const NONE: Level = Level {
        size: 1,
        bytes_per_second: f64::INFINITY,
        next_bytes_per_second: f64::INFINITY,
        steps: 0.0,
        latency: 0.0,
        detour: 1.0,
    };

    /// Seconds to bring every device's part of `bytes` to all others, or to sum them into parts: in a ring each link
    /// carries (g − 1)/g of the bytes.
    fn ring_seconds(&self, bytes: f64) -> f64 {
        self.others() * bytes / self.bytes_per_second + self.steps * self.latency
    }

    /// (g − 1)/g.
    fn others(&self) -> f64 {
        (self.size.max(1) - 1) as f64 / self.size.max(1) as f64
    }
}

/// The links among the devices of a mesh axis, or of several axes together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxisLinks {
    /// Devices that are neighbours in a slice, a host, or a processor.
    pub inner: Level,
    /// Slices or hosts.
    pub outer: Level,
    /// How operations over both levels are carried out, and reduce-scatters.
    pub habit: Habit,
}

/// What a compiler or a library makes of an operation on a group of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// What the program says, on the whole group at once (XLA for CPUs; NCCL, whose rings go through all hosts).
    AsWritten,
    /// Apart inside and between slices (the TPU compiler).
    Levels {
        /// Whether of a reduce-scatter's sum inside each device gets the whole, and takes its part: an all-reduce.
        sums_whole: bool,
    },
}

/// One of the operations that one becomes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lowered {
    /// Which.
    pub collective: Collective,
    /// Devices in the group.
    pub group: usize,
    /// Whether data leave the slice or the host.
    pub crosses: bool,
    /// Bytes of the whole array, as [`Collective`] counts them.
    pub bytes: f64,
}

impl Lowered {
    /// Bytes that each device sends on a ring.
    pub fn ring_bytes(&self) -> f64 {
        self.collective.ring_bytes(self.bytes, self.group)
    }
}

impl AxisLinks {
    /// Devices in a group.
    pub fn size(&self) -> usize {
        self.inner.size * self.outer.size
    }

    /// Whether a group spans slices (TPU) or hosts (GPU).
    pub fn crosses_network(&self) -> bool {
        self.outer.size > 1
    }

    /// Seconds that an operation takes when nothing else runs. What `bytes` counts: see [`Collective`].
    ///
    /// With g devices at b bytes per second, s steps of latency α, and ⊕ for the two levels one after the other:
    ///
    /// | operation | inner | outer |
    /// |---|---|---|
    /// | all-gather, reduce-scatter | (g−1)/g · bytes/b + s·α (twice, for a reduce-scatter that [`Habit`] makes an all-reduce of) | ⊕ the same of bytes/g_inner |
    /// | all-reduce | 2 × | ⊕ 2 × |
    /// | all-to-all | (g−1)/g · bytes/b · detour + s·α | ⊕ (g−1)/g · bytes/b + s·α |
    /// | permute, send | bytes/b_next + α, unless it crosses | bytes/b_next + α |
    /// | broadcast | as all-gather | as all-gather |
    pub fn seconds(&self, operation: Collective, bytes: f64) -> f64 {
        let AxisLinks { inner, outer, .. } = self;
        if self.size() <= 1 {
            return 0.0;
        }
        let once = || inner.ring_seconds(bytes) + outer.ring_seconds(bytes / inner.size as f64);
        match operation {
            Collective::AllGather => once(),
            Collective::ReduceScatter if self.habit == (Habit::Levels { sums_whole: true }) => {
                once() + inner.ring_seconds(bytes)
            }
            Collective::ReduceScatter => once(),
            Collective::AllReduce => 2.0 * once(),
            Collective::AllToAll => inner.ring_seconds(bytes * inner.detour) + outer.ring_seconds(bytes),
            // Round the ring, every device handing on what it gets.
            Collective::Broadcast => once(),
            Collective::Permute | Collective::Send => {
                let slowest = if self.crosses_network() { outer } else { inner };
                bytes / slowest.next_bytes_per_second + slowest.latency
            }
        }
    }

    /// The operations that an operation becomes, by [`AxisLinks::habit`]: what is counted in a compiled program.
    pub fn lowered(&self, operation: Collective, bytes: f64) -> Vec<Lowered> {
        let (inner, outer) = (self.inner.size, self.outer.size);
        let inside = |collective| Lowered { collective, group: inner, crosses: false, bytes };
        let part = bytes / inner.max(1) as f64;
        let between = |collective| Lowered { collective, group: outer, crosses: true, bytes: part };
        let sums_whole = match self.habit {
            Habit::Levels { sums_whole } => sums_whole,
            Habit::AsWritten => {
                let crosses = self.crosses_network();
                return vec![Lowered { collective: operation, group: self.size(), crosses, bytes }];
            }
        };
        let all = match operation {
            Collective::AllGather => vec![between(operation), inside(operation)],
            Collective::ReduceScatter if sums_whole => {
                vec![inside(Collective::AllReduce), between(operation)]
            }
            Collective::ReduceScatter => vec![inside(operation), between(operation)],
            Collective::AllReduce if outer > 1 && inner > 1 => {
                vec![inside(Collective::ReduceScatter), between(operation), inside(Collective::AllGather)]
            }
            Collective::AllReduce => vec![inside(operation), between(operation)],
            Collective::AllToAll | Collective::Permute | Collective::Broadcast | Collective::Send => {
                let crosses = self.crosses_network();
                vec![Lowered { collective: operation, group: self.size(), crosses, bytes }]
            }
        };
        all.into_iter().filter(|lowered| lowered.group > 1).collect()
    }
}

impl Topology {
    /// The links among the devices of each axis of a mesh whose axes have these sizes, major first, when the mesh is
    /// laid over the devices in order.
    ///
    /// # Errors
    /// [`TopologyError::Mesh`] when the mesh has another number of devices.
    pub fn axis_links(&self, sizes: &[usize]) -> Result<Vec<AxisLinks>, TopologyError> {
        self.check_mesh(sizes)?;
        (0..sizes.len()).map(|axis| self.group_links(sizes, &[axis])).collect()
    }

    /// The links among devices that differ in their position along several axes of a mesh: `axes` are indices into
    /// `sizes`; those out of range are ignored.
    ///
    /// # Errors
    /// [`TopologyError::Mesh`] when the mesh has another number of devices.
    pub fn group_links(&self, sizes: &[usize], axes: &[usize]) -> Result<AxisLinks, TopologyError> {
        self.check_mesh(sizes)?;
        let mut stride = 1;
        let mut spans = Vec::new();
        for (axis, &size) in sizes.iter().enumerate().rev() {
            if axes.contains(&axis) && size > 1 {
                spans.push(Span { stride, size });
            }
            stride *= size;
        }
        Ok(self.links(&spans))
    }

    /// Seconds for `bytes` at [`Chip::estimator_link_bytes_per_second`](super::Chip::estimator_link_bytes_per_second),
    /// whatever the operation: the simple estimate that compiled programs are compared with. `bytes` are those that one
    /// device sends in a ring: (g−1)/g of the array for a gather or a scatter, twice that for an all-reduce.
    pub fn estimator_seconds(&self, bytes: f64) -> f64 {
        bytes / self.chip().estimator_link_bytes_per_second()
    }

    fn check_mesh(&self, sizes: &[usize]) -> Result<(), TopologyError> {
        let devices = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if devices == Some(self.devices()) {
            return Ok(());
        }
        let topology = self.with_slices();
        Err(TopologyError::Mesh { mesh: sizes.to_vec(), topology, devices: self.devices() })
    }

    fn links(&self, spans: &[Span]) -> AxisLinks {
        let chip = self.chip();
        let island = self.devices_per_island();
        let outer = part(spans, island, self.devices() / island.max(1));
        let inner = match chip.interconnect {
            Interconnect::Switch { bytes_per_second, latency } => {
                let size = part(spans, 1, island).size;
                Level {
                    size,
                    bytes_per_second,
                    next_bytes_per_second: bytes_per_second,
                    steps: size.saturating_sub(1) as f64,
                    latency,
                    detour: 1.0,
                }
            }
            Interconnect::Torus { link_bytes_per_second, hop_latency, .. } => {
                self.torus(spans, link_bytes_per_second, hop_latency)
            }
        };
        let outer = Level {
            size: outer.size,
            bytes_per_second: chip.network_bytes_per_second,
            next_bytes_per_second: chip.network_bytes_per_second,
            steps: outer.size.saturating_sub(1) as f64,
            latency: chip.network_latency,
            detour: 1.0,
        };
        let used = |level: Level| if level.size > 1 { level } else { Level::NONE };
        let habit = match self.kind() {
            // Over several slices, or over all of one but the smallest, a ring: counted in programs of libtpu 0.0.52
            // (docs/topologies.md).
            DeviceKind::Tpu => {
                Habit::Levels { sums_whole: outer.size > 1 || (inner.size >= island && island > RING) }
            }
            DeviceKind::Cuda | DeviceKind::Cpu => Habit::AsWritten,
        };
        AxisLinks { inner: used(inner), outer: used(outer), habit }
    }

    /// The part of a group inside a slice. In every dimension of the grid that the group spans, its devices form a ring
    /// (two links each), or a line (one: the data of the device at the end passes the link beside it). Groups that
    /// interleave in a dimension share its links, and so do the cores of a chip when each is in a group of its own.
    fn torus(&self, spans: &[Span], link: f64, hop_latency: f64) -> Level {
        debug_assert_eq!(self.kind(), DeviceKind::Tpu);
        let cores = self.chip().devices_per_chip;
        let on_chip = part(spans, 1, cores);
        // Cores in different groups compete for their chip's links.
        let competing = (cores / on_chip.size.max(1)).max(1) as f64;
        let mut level =
            Level { size: on_chip.size, bytes_per_second: 0.0, latency: hop_latency, ..Level::NONE };
        let mut hops_of_average = 0.0f64;
        let mut unit = cores;
        for (&side, wrap) in self.shape().iter().zip(self.wrap()) {
            let GroupPart { size, interleaved } = part(spans, unit, side);
            unit *= side;
            if size <= 1 {
                continue;
            }
            let ring = wrap && size * interleaved == side;
            let one_link = link / interleaved as f64 / competing;
            level.bytes_per_second += if ring { 2.0 * one_link } else { one_link };
            if level.size == on_chip.size {
                level.next_bytes_per_second = one_link;
            }
            level.size *= size;
            let hops = interleaved as f64 * if ring { size as f64 / 2.0 } else { (size - 1) as f64 };
            level.steps += hops;
            // An all-to-all's data goes a quarter of the way round a ring on average, in every dimension; and half of
            // what is in one half of a line crosses its middle, which has one link where a ring has two.
            hops_of_average += size as f64 / 4.0;
        }
        level.detour = hops_of_average.max(1.0);
        if level.size == on_chip.size {
            // Two cores of one chip: through its memory; taken as all of the chip's links together.
            level.bytes_per_second = self.chip().estimator_link_bytes_per_second() * cores as f64;
            level.next_bytes_per_second = level.bytes_per_second;
            level.steps = 1.0;
        }
        level
    }
}

/// Devices of a slice of four chips, which are a ring.
const RING: usize = 4;

/// Devices that are `stride` apart in the order of devices.
#[derive(Debug, Clone, Copy)]
struct Span {
    stride: usize,
    size: usize,
}

/// How a group lies in one dimension of a machine.
#[derive(Debug, Clone, Copy)]
struct GroupPart {
    /// Positions along the dimension that have a device of the group.
    size: usize,
    /// Groups that take turns there: 1 when the group's positions are neighbours.
    interleaved: usize,
}

/// How much of a dimension a group spans, where the dimension's positions are `unit` devices apart. Exact when sizes
/// of mesh axes and dimensions divide one another, as they do on all but a few machines; rounded up otherwise.
fn part(spans: &[Span], unit: usize, side: usize) -> GroupPart {
    let (low, high) = (unit, unit.saturating_mul(side));
    let mut whole = GroupPart { size: 1, interleaved: usize::MAX };
    for span in spans {
        let (from, to) = (span.stride.max(low), span.stride.saturating_mul(span.size).min(high));
        if to > from {
            whole.size *= to.div_ceil(from);
            whole.interleaved = whole.interleaved.min(from / low);
        }
    }
    GroupPart { size: whole.size.min(side), interleaved: if whole.size > 1 { whole.interleaved } else { 1 } }
}
