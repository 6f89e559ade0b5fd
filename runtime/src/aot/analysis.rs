//! Analysis of an optimised program: cycles, arithmetic and collective operations of each device, with loops multiplied
//! out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use xla_sys::OptimizedProgram;

use super::flops::{flops, is_matmul};
use super::groups::groups;
use super::loops::KnownValues;
use super::module::{Computation, Module};
use super::proto::Instruction;
use super::schedule::{Schedule, memory_bytes};
use sharding::machine::Collective;

/// The operation of an opcode, if it is one in which devices exchange data.
fn collective_of(opcode: &str) -> Option<Collective> {
    Some(match opcode.strip_suffix("-start").unwrap_or(opcode) {
        "all-reduce" => Collective::AllReduce,
        "all-gather" => Collective::AllGather,
        "reduce-scatter" => Collective::ReduceScatter,
        "all-to-all" | "ragged-all-to-all" => Collective::AllToAll,
        "collective-permute" => Collective::Permute,
        "collective-broadcast" => Collective::Broadcast,
        "send" => Collective::Send,
        _ => return None,
    })
}

/// A collective operation of an optimised program: all instructions that differ in nothing listed here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectiveUse {
    /// The kind of collective.
    pub kind: Collective,
    /// How many devices take part in one group; for a permutation 2, and between slices the number of slices.
    pub group_size: usize,
    /// Whether its data leave the slice.
    pub crosses_slices: bool,
    /// Whether the compiler fused it with arithmetic.
    pub fused: bool,
    /// Where the program's text says the operation comes from, such as `layers/attention/dot`; empty if nowhere.
    pub scope: String,
    /// Bytes of the whole array on each device in one execution: what is reduced, gathered to, scattered or sent.
    pub bytes: u64,
    /// How many times it runs in one execution of the program.
    pub executions: u64,
}

impl CollectiveUse {
    /// [`Collective::ring_bytes`] of all executions.
    pub fn ring_bytes(&self) -> f64 {
        self.kind.ring_bytes(self.bytes as f64, self.group_size) * self.executions as f64
    }
}

/// The cost of one execution of a program on each device, read off the optimised program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The compiler's estimate of cycles by what they are spent on: `matrix` for fusions with a matmul, `fusion` for
    /// other fusions, else the HLO operation. Empty where the compiler gives none (all but TPU).
    pub cycles: BTreeMap<String, f64>,
    /// Floating-point operations of matmuls (dots and convolutions); a multiply-add counts as two.
    #[serde(rename = "product_flops")]
    pub matmul_flops: f64,
    /// Collective operations, those with the most bytes first.
    pub collectives: Vec<CollectiveUse>,
    /// How many times each operation runs for which there should be an estimate of cycles and is none. Collective
    /// operations are not among them.
    pub without_cycles: BTreeMap<String, u64>,
    /// Loops, in the order they are met, and how often each one's body runs each time the loop is met.
    pub loops: Vec<LoopUse>,
    /// Cycles by the compiler's final schedule, where it was asked for.
    #[serde(default)]
    pub schedule: Option<ScheduleCost>,
}

/// Cycles of one execution by the bundles of the compiler's final schedule, each operation's bytes of memory instead where
/// those take longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct ScheduleCost {
    /// All of them.
    pub cycles: f64,
    /// The bundles alone: if nothing waited for memory.
    pub bundles: f64,
    /// Of them, those of operations that have no schedule of their own: the compiler's estimate.
    pub estimated: f64,
    /// Those of fusions with a matmul.
    pub matrix: f64,
    /// Those in which an operation waits for its bytes of memory.
    pub memory: f64,
}

/// A loop of an optimised program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopUse {
    /// The instruction's name.
    pub name: String,
    /// How often its body runs; `None` if that cannot be told, and then the body counts once.
    pub trips: Option<u64>,
}

impl Cost {
    /// Cycles of the matrix units' fusions.
    pub fn matrix_cycles(&self) -> f64 {
        self.cycles.get(MATRIX).copied().unwrap_or(0.0)
    }

    /// All cycles.
    pub fn total_cycles(&self) -> f64 {
        self.cycles.values().sum()
    }

    /// Reads the cost off an optimised program. `slices` has the number of the slice of each of its partitions; of the
    /// `slice_count` slices there are, a program may be for one, as the TPU compiler's are.
    ///
    /// # Errors
    /// What is wrong with the program, in words.
    pub fn of(program: &OptimizedProgram, slices: &[usize], slice_count: usize) -> Result<Cost, String> {
        Cost::with_schedule(program, slices, slice_count, None)
    }

    /// As [`Cost::of`], with the final schedule, and the bytes that go between device and memory in one cycle.
    pub(super) fn with_schedule(
        program: &OptimizedProgram,
        slices: &[usize],
        slice_count: usize,
        schedule: Option<(&Schedule, f64)>,
    ) -> Result<Cost, String> {
        let module = Module::decode(program)?;
        let mut walk = Walk {
            module: &module,
            slices,
            slice_count,
            schedule,
            cost: Cost { schedule: schedule.map(|_| ScheduleCost::default()), ..Cost::default() },
            collectives: BTreeMap::new(),
        };
        walk.computation(module.entry(), 1, &KnownValues::new());
        let mut cost = walk.cost;
        if cost.cycles.is_empty() {
            // This compiler estimates none.
            cost.without_cycles.clear();
        }
        cost.collectives =
            walk.collectives.into_iter().map(|(key, executions)| key.with(executions)).collect();
        cost.collectives.sort_by(|a, b| b.ring_bytes().total_cmp(&a.ring_bytes()));
        Ok(cost)
    }
}

const MATRIX: &str = "matrix";
const FUSION: &str = "fusion";

/// Operations that take no time, or that of the operation they begin or end.
const FREE: [&str; 20] = [
    "parameter",
    "constant",
    "get-tuple-element",
    "tuple",
    "bitcast",
    "after-all",
    "partition-id",
    "replica-id",
    "recv",
    "recv-done",
    "send-done",
    "async-update",
    "async-done",
    "all-reduce-done",
    "all-gather-done",
    "collective-permute-done",
    "copy-done",
    "opt-barrier",
    "add-dependency",
    "domain",
];

/// A [`CollectiveUse`] without its number of executions.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: Collective,
    group_size: usize,
    crosses_slices: bool,
    fused: bool,
    scope: String,
    bytes: u64,
}

impl Key {
    fn with(self, executions: u64) -> CollectiveUse {
        let Key { kind, group_size, crosses_slices, fused, scope, bytes } = self;
        CollectiveUse { kind, group_size, crosses_slices, fused, scope, bytes, executions }
    }
}

struct Walk<'a> {
    module: &'a Module,
    slices: &'a [usize],
    slice_count: usize,
    schedule: Option<(&'a Schedule, f64)>,
    cost: Cost,
    collectives: BTreeMap<Key, u64>,
}

impl Walk<'_> {
    /// Adds what a computation costs when it runs `times` times; `state` is what is known of a loop's tuple.
    fn computation(&mut self, computation: &Computation, times: u64, state: &KnownValues) {
        for instruction in &computation.instructions {
            match instruction.opcode.as_str() {
                "while" => self.repeat(computation, instruction, times, state),
                "call" => self.call(instruction, 0, times),
                "conditional" => self.branch(instruction, times),
                "async-start" => self.call(instruction, 0, times),
                _ => self.instruction(computation, instruction, times),
            }
        }
    }

    fn call(&mut self, instruction: &Instruction, position: usize, times: u64) {
        if let Some(called) = self.module.called(instruction, position) {
            self.computation(called, times, &KnownValues::new());
        }
    }

    fn repeat(
        &mut self,
        computation: &Computation,
        instruction: &Instruction,
        times: u64,
        state: &KnownValues,
    ) {
        let (trips, constant) = self.module.trip_count(computation, instruction, state);
        let seen = LoopUse { name: instruction.name.clone(), trips };
        if !self.cost.loops.contains(&seen) {
            self.cost.loops.push(seen);
        }
        if let Some(body) = self.module.called(instruction, 0) {
            self.computation(body, times.saturating_mul(trips.unwrap_or(1)), &constant);
        }
    }

    /// Of the branches, that with the most cycles counts.
    fn branch(&mut self, instruction: &Instruction, times: u64) {
        let cycles = |position: &usize| {
            let mut alone = Walk {
                module: self.module,
                slices: self.slices,
                slice_count: self.slice_count,
                schedule: None,
                cost: Cost::default(),
                collectives: BTreeMap::new(),
            };
            alone.call(instruction, *position, 1);
            alone.cost.total_cycles()
        };
        let branches = 0..instruction.called_computation_ids.len();
        if let Some(costliest) = branches.max_by(|a, b| cycles(a).total_cmp(&cycles(b))) {
            self.call(instruction, costliest, times);
        }
    }

    fn instruction(&mut self, computation: &Computation, instruction: &Instruction, times: u64) {
        let opcode = instruction.opcode.as_str();
        let kind = collective_of(opcode);
        if let Some(kind) = kind {
            self.collective(kind, computation, instruction, times, false);
        }
        let (mut name, mut matmul_flops) = (opcode, flops(computation, instruction));
        if is_matmul(instruction) {
            name = MATRIX;
        }
        let mut has_collective = kind.is_some();
        if opcode == "fusion"
            && let Some(fused) = self.module.called(instruction, 0)
        {
            matmul_flops = self.module.matmul_flops(fused);
            name = if self.module.contains(fused, &is_matmul) { MATRIX } else { FUSION };
            has_collective = self.fused_collectives(fused, times);
        }
        self.cost.matmul_flops += times as f64 * matmul_flops;
        if !has_collective {
            self.scheduled(computation, instruction, name, times);
        }
        match estimated_cycles(instruction) {
            Some(cycles) => *self.cost.cycles.entry(name.to_owned()).or_default() += times as f64 * cycles,
            None if has_collective || FREE.contains(&opcode) => {}
            None => {
                let count = self.cost.without_cycles.entry(opcode.to_owned()).or_default();
                *count = count.saturating_add(times);
            }
        }
    }

    /// Adds what an operation takes by the final schedule; by the estimate, if it is not in it.
    fn scheduled(&mut self, computation: &Computation, instruction: &Instruction, kind: &str, times: u64) {
        let (Some((schedule, bytes_per_cycle)), Some(cost)) = (self.schedule, &mut self.cost.schedule) else {
            return;
        };
        let times = times as f64;
        let Some(bundles) = schedule.of(&instruction.name) else {
            let cycles = times * estimated_cycles(instruction).unwrap_or(0.0);
            cost.cycles += cycles;
            cost.bundles += cycles;
            cost.estimated += cycles;
            return;
        };
        let memory = memory_bytes(self.module, computation, instruction) as f64 / bytes_per_cycle;
        let cycles = times * bundles.max(memory);
        cost.cycles += cycles;
        cost.bundles += times * bundles;
        if kind == MATRIX {
            cost.matrix += cycles;
        }
        if memory > bundles {
            cost.memory += cycles;
        }
    }

    /// Counts the collective operations inside a fusion; whether there are any.
    fn fused_collectives(&mut self, fused: &Computation, times: u64) -> bool {
        let mut found = false;
        for instruction in &fused.instructions {
            if let Some(kind) = collective_of(&instruction.opcode) {
                self.collective(kind, fused, instruction, times, true);
                found = true;
            }
            for position in 0..instruction.called_computation_ids.len() {
                if let Some(called) = self.module.called(instruction, position) {
                    found |= self.fused_collectives(called, times);
                }
            }
        }
        found
    }

    fn collective(
        &mut self,
        kind: Collective,
        computation: &Computation,
        instruction: &Instruction,
        times: u64,
        fused: bool,
    ) {
        let mut bytes = computation.operand_bytes(instruction);
        let mut kind = kind;
        if kind == Collective::AllReduce && fused && is_scattered(instruction) {
            kind = Collective::ReduceScatter;
        }
        let (group_size, crosses_slices) = match kind {
            Collective::Send => {
                if let Some((of, slices)) = between_slices(instruction) {
                    kind = of;
                    (slices.unwrap_or(self.slice_count), true)
                } else if let Some(pairs) = device_pairs(instruction) {
                    kind = Collective::Permute;
                    (2, pairs.iter().any(|&[from, to]| self.slice(from) != self.slice(to)))
                } else {
                    return;
                }
            }
            Collective::Permute => {
                let mut pairs = instruction.source_target_pairs.iter();
                (2, pairs.any(|pair| self.slice(pair.source as usize) != self.slice(pair.target as usize)))
            }
            _ => {
                let groups = groups(instruction, self.slices.len());
                let crosses = groups
                    .iter()
                    .any(|group| group.iter().any(|&member| self.slice(member) != self.slice(group[0])));
                (groups.iter().map(Vec::len).max().unwrap_or(1), crosses)
            }
        };
        if kind == Collective::AllGather {
            bytes = bytes.saturating_mul(group_size as u64);
        }
        let scope = scope(instruction);
        let key = Key { kind, group_size, crosses_slices, fused, scope, bytes };
        let executions = self.collectives.entry(key).or_default();
        *executions = executions.saturating_add(times);
    }

    fn slice(&self, device: usize) -> Option<usize> {
        self.slices.get(device).copied()
    }
}

/// Whether an all-reduce of a fusion is the first half of one: the TPU compiler writes some reduce-scatters as custom fusions,
/// `all-reduce-scatter`, of an all-reduce whose operand it pads and a slice of the result. What it generates for them is
/// the one pass round the ring of a reduce-scatter, where an all-reduce by itself has two.
fn is_scattered(instruction: &Instruction) -> bool {
    let attributes = instruction.frontend_attributes.as_ref();
    attributes.is_some_and(|attributes| attributes.map.contains_key("from-cross-replica-sharding"))
}

/// Where the program's text says an instruction comes from. XLA puts a `call.1/` before it for each function that it
/// inlines, as it does with manual computations.
fn scope(instruction: &Instruction) -> String {
    let mut scope =
        instruction.metadata.as_ref().map(|metadata| metadata.op_name.as_str()).unwrap_or_default();
    while let Some((first, rest)) = scope.split_once('/')
        && first
            .strip_prefix("call")
            .is_some_and(|number| number.chars().all(|c| c == '.' || c.is_ascii_digit()))
    {
        scope = rest;
    }
    scope.to_owned()
}

/// The compiler's estimate, which TPU compilers put in `backend_config.window_config.estimated_cycles`.
fn estimated_cycles(instruction: &Instruction) -> Option<f64> {
    #[derive(Deserialize)]
    struct Config {
        window_config: Window,
    }
    #[derive(Deserialize)]
    struct Window {
        estimated_cycles: String,
    }
    let config: Config = serde_json::from_slice(&instruction.backend_config).ok()?;
    config.window_config.estimated_cycles.parse().ok()
}

/// For a transfer between slices: the operation it is part of, and the number of slices if the program tells. `None`
/// for other transfers.
///
/// The TPU compiler makes of an operation over several slices one within the slice and host transfers, which a runtime
/// carries out; their attributes say what it is to do.
fn between_slices(instruction: &Instruction) -> Option<(Collective, Option<usize>)> {
    let attributes = &instruction.frontend_attributes.as_ref()?.map;
    let kind = match attributes.get("_xla_megascale_transfer_type")?.as_str() {
        "ALL_REDUCE" => Collective::AllReduce,
        "ALL_GATHER" => Collective::AllGather,
        "REDUCE_SCATTER" => Collective::ReduceScatter,
        "ALL_TO_ALL" => Collective::AllToAll,
        "ONE_TO_ONE" | "COLLECTIVE_PERMUTE" => Collective::Permute,
        _ => Collective::Send,
    };
    let target = attributes.get("_xla_megascale_target").map(String::as_str).unwrap_or_default();
    Some((kind, if kind == Collective::Permute { Some(2) } else { group_of_slices(target) }))
}

/// The devices that a transfer is from and to, which GPU compilers note where they made it of a permutation.
fn device_pairs(instruction: &Instruction) -> Option<Vec<[usize; 2]>> {
    let attributes = &instruction.frontend_attributes.as_ref()?.map;
    let numbers = attributes.get("_xla_send_recv_source_target_pairs")?.split(['{', ',', '}']);
    let numbers: Vec<usize> = numbers.filter_map(|number| number.trim().parse().ok()).collect();
    Some(numbers.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect())
}

/// The size of a group: 4 in `{1,2,3,4}x{0:7}` (slices, and devices of each), 2 in `{{100000,200000},{100001,200001}}`
/// (devices of each group).
fn group_of_slices(target: &str) -> Option<usize> {
    let (first, _) = target.trim_start_matches('{').split_once('}')?;
    Some(first.split(',').count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aot::proto::{FrontendAttributes, Metadata};

    #[test]
    fn groups_of_slices_are_counted() {
        assert_eq!(group_of_slices("{1,2,3,4}x{0:7}"), Some(4));
        assert_eq!(group_of_slices("{{100000,200000},{100001,200001}}"), Some(2));
        assert_eq!(group_of_slices(""), None);
    }

    #[test]
    fn pairs_of_devices_are_read() {
        let mut attributes = FrontendAttributes::default();
        attributes.map.insert("_xla_send_recv_source_target_pairs".into(), "{{0,1},{1, 2}}".into());
        let instruction = Instruction { frontend_attributes: Some(attributes), ..Default::default() };
        assert_eq!(device_pairs(&instruction), Some(vec![[0, 1], [1, 2]]));
        assert_eq!(device_pairs(&Instruction::default()), None);
    }

    #[test]
    fn a_scope_is_what_the_program_says() {
        let check = |op_name: &str, expected: &str| {
            let metadata = Some(Metadata { op_name: op_name.into() });
            assert_eq!(scope(&Instruction { metadata, ..Default::default() }), expected);
        };
        check("call.1/call/layers/attention/dot", "layers/attention/dot");
        check("caller/dot", "caller/dot");
        check("call", "call");
        check("", "");
    }
}
