//! Trip counts: how often a loop's body runs.

use std::collections::HashMap;

use super::module::{Computation, Module};
use super::proto::Instruction;

/// A loop that counts further than this is taken for one whose count cannot be told.
const LIMIT: u64 = 1_000_000;

/// How far back a value is followed. Counters are a few operations from what they are made of.
const DEPTH: usize = 20;

/// Values of the elements of a loop's tuple, as far as they are whole numbers known ahead of time.
pub(super) type KnownValues = HashMap<i64, i64>;

impl Module {
    /// The number of times the body of the `while` runs, and what is known of the loop's tuple when it begins.
    /// The count is what the compiler notes if it does; else the loop's counter is run through condition and body.
    ///
    /// `outer` is what is known of the tuple of the loop around, if `computation` is a loop's body.
    pub fn trip_count(
        &self,
        computation: &Computation,
        instruction: &Instruction,
        outer: &KnownValues,
    ) -> (Option<u64>, KnownValues) {
        let (Some(body), Some(condition)) = (self.called(instruction, 0), self.called(instruction, 1)) else {
            return (None, KnownValues::new());
        };
        let start = self.start(computation, instruction, body, outer);
        let mut constant = start.clone();
        constant.retain(|&index, _| is_invariant(body, index));
        let counted = noted(instruction).or_else(|| self.count(condition, body, start));
        (counted, constant)
    }

    /// The known values of a loop's tuple before the first round.
    fn start(
        &self,
        computation: &Computation,
        instruction: &Instruction,
        body: &Computation,
        outer: &KnownValues,
    ) -> KnownValues {
        let scope = Scope { module: self, computation, arguments: &[], state: outer };
        let Some(init) = computation.operand(instruction, 0) else { return KnownValues::new() };
        let count = body.root().operand_ids.len() as i64;
        (0..count).filter_map(|index| Some((index, scope.element(init, index, 0)?))).collect()
    }

    fn count(&self, condition: &Computation, body: &Computation, mut state: KnownValues) -> Option<u64> {
        for round in 0..LIMIT {
            let scope = Scope { module: self, computation: condition, arguments: &[], state: &state };
            if scope.value(condition.root(), 0)? == 0 {
                return Some(round);
            }
            let scope = Scope { module: self, computation: body, arguments: &[], state: &state };
            let next = state.keys().filter_map(|&index| Some((index, scope.element(body.root(), index, 0)?)));
            state = next.collect();
        }
        None
    }
}

/// `known_trip_count` of the compiler's own notes.
fn noted(instruction: &Instruction) -> Option<u64> {
    let config: serde_json::Value = serde_json::from_slice(&instruction.backend_config).ok()?;
    let count = config.get("known_trip_count")?.get("n")?;
    count.as_u64().or_else(|| count.as_str()?.parse().ok())
}

/// Whether a loop's body hands on this element of its tuple as it got it.
fn is_invariant(body: &Computation, index: i64) -> bool {
    let position = usize::try_from(index).unwrap_or(usize::MAX);
    body.operand(body.root(), position).is_some_and(|element| {
        element.opcode == "get-tuple-element"
            && element.tuple_index == index
            && body.operand(element, 0).is_some_and(|operand| operand.opcode == "parameter")
    })
}

/// A place where whole numbers are worked out: a loop's condition or body with what is known of its tuple, or a
/// fusion's computation with what is known of its operands.
struct Scope<'a> {
    module: &'a Module,
    computation: &'a Computation,
    arguments: &'a [Option<i64>],
    state: &'a KnownValues,
}

impl Scope<'_> {
    /// The value of one element of a tuple.
    fn element(&self, tuple: &Instruction, index: i64, depth: usize) -> Option<i64> {
        if depth > DEPTH {
            return None;
        }
        match tuple.opcode.as_str() {
            "parameter" => self.state.get(&index).copied(),
            "tuple" => self.value(self.computation.operand(tuple, usize::try_from(index).ok()?)?, depth + 1),
            "copy" | "opt-barrier" => self.element(self.computation.operand(tuple, 0)?, index, depth + 1),
            "fusion" => {
                self.called(tuple, depth, |inner| inner.element(inner.computation.root(), index, depth + 1))
            }
            _ => None,
        }
    }

    /// The value of a scalar.
    fn value(&self, instruction: &Instruction, depth: usize) -> Option<i64> {
        if depth > DEPTH || instruction.shape.as_ref().is_some_and(|shape| shape.elements() != 1) {
            return None;
        }
        let operand = |position| self.value(self.computation.operand(instruction, position)?, depth + 1);
        let both = |combine: fn(i64, i64) -> Option<i64>| combine(operand(0)?, operand(1)?);
        match instruction.opcode.as_str() {
            "constant" => literal(instruction),
            "parameter" => {
                let number = usize::try_from(instruction.parameter_number).ok()?;
                self.arguments.get(number).copied().flatten()
            }
            "get-tuple-element" => {
                self.element(self.computation.operand(instruction, 0)?, instruction.tuple_index, depth + 1)
            }
            "copy" | "convert" | "bitcast" | "reshape" => operand(0),
            "negate" => operand(0)?.checked_neg(),
            "not" => Some(i64::from(operand(0)? == 0)),
            "add" => both(i64::checked_add),
            "subtract" => both(i64::checked_sub),
            "multiply" => both(i64::checked_mul),
            "divide" => both(i64::checked_div),
            "remainder" => both(i64::checked_rem),
            "minimum" => both(|a, b| Some(a.min(b))),
            "maximum" => both(|a, b| Some(a.max(b))),
            "and" => both(|a, b| Some(a & b)),
            "or" => both(|a, b| Some(a | b)),
            "select" => operand(if operand(0)? == 0 { 2 } else { 1 }),
            "compare" => {
                let (a, b) = (operand(0)?, operand(1)?);
                Some(i64::from(match instruction.comparison_direction.as_str() {
                    "LT" => a < b,
                    "LE" => a <= b,
                    "GT" => a > b,
                    "GE" => a >= b,
                    "EQ" => a == b,
                    "NE" => a != b,
                    _ => return None,
                }))
            }
            "fusion" | "call" => {
                self.called(instruction, depth, |inner| inner.value(inner.computation.root(), depth + 1))
            }
            _ => None,
        }
    }

    /// The result of `read` for the computation that a fusion calls, with the fusion's operands as its parameters.
    fn called(
        &self,
        fusion: &Instruction,
        depth: usize,
        read: impl Fn(&Scope<'_>) -> Option<i64>,
    ) -> Option<i64> {
        let operands = fusion.operand_ids.iter().map(|&id| self.value(self.computation.get(id)?, depth + 1));
        let arguments: Vec<_> = operands.collect();
        let computation = self.module.called(fusion, 0)?;
        read(&Scope { module: self.module, computation, arguments: &arguments, state: &KnownValues::new() })
    }
}

fn literal(instruction: &Instruction) -> Option<i64> {
    let literal = instruction.literal.as_ref()?;
    let wide = literal.s64s.first().copied();
    let unsigned = literal.u32s.first().map(|&value| i64::from(value));
    let wide_unsigned = || literal.u64s.first().and_then(|&value| i64::try_from(value).ok());
    let truth = || literal.preds.first().map(|&value| i64::from(value));
    let signed = literal.s32s.first().map(|&value| i64::from(value));
    signed.or(wide).or(unsigned).or_else(wide_unsigned).or_else(truth)
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use xla_sys::OptimizedProgram;

    use super::*;
    use crate::aot::proto;

    /// A module out of computations; each line is `id opcode operands [called] argument`, the last one the root.
    fn module(computations: &[(i64, &[&str])]) -> Module {
        let numbers = |list: &str| list.split(',').filter_map(|id| id.parse().ok()).collect::<Vec<i64>>();
        let instruction = |line: &&str| {
            let parts: Vec<&str> = line.split(' ').collect();
            let [id, opcode, operands, called, argument] = parts[..] else { panic!("{line}") };
            let number = argument.parse().unwrap_or(0);
            let constant = proto::Literal { s32s: vec![number as i32], ..Default::default() };
            Instruction {
                id: id.parse().unwrap(),
                opcode: opcode.into(),
                operand_ids: numbers(operands),
                called_computation_ids: numbers(called),
                tuple_index: number,
                parameter_number: number,
                comparison_direction: argument.into(),
                literal: (opcode == "constant").then_some(constant),
                ..Default::default()
            }
        };
        let computation = |&(id, lines): &(i64, &[&str])| {
            let instructions: Vec<Instruction> = lines.iter().map(instruction).collect();
            let root_id = instructions.last().map_or(0, |last| last.id);
            proto::Computation { name: id.to_string(), id, root_id, instructions, ..Default::default() }
        };
        let computations = computations.iter().map(computation).collect();
        let proto =
            proto::Module { name: "m".into(), computations, entry_computation_id: 1, ..Default::default() };
        let program = OptimizedProgram { format: "hlo".into(), code: proto.encode_to_vec() };
        Module::decode(&program).unwrap()
    }

    /// How often the loop that is the entry's root runs: it begins with the tuple (`start`, `bound`), goes on while
    /// element 0 stands in `direction` to element 1, and adds `step` to element 0.
    fn count(start: i64, bound: i64, direction: &str, step: i64) -> Option<u64> {
        let entry = [
            &format!("11 constant - - {start}"),
            &format!("12 constant - - {bound}"),
            "13 copy 11 - -",
            "14 tuple 13,12 - -",
            "15 while 14 2,3 -",
        ];
        let body = [
            "21 parameter - - 0",
            "22 get-tuple-element 21 - 0",
            "23 get-tuple-element 21 - 1",
            &format!("24 constant - - {step}"),
            "25 add 22,24 - -",
            "26 tuple 25,23 - -",
        ];
        // The comparison is in a fusion, as the TPU compiler has it.
        let condition = [
            "31 parameter - - 0",
            "32 get-tuple-element 31 - 0",
            "33 get-tuple-element 31 - 1",
            "34 fusion 32,33 4 -",
        ];
        let compare = format!("43 compare 41,42 - {direction}");
        let fused = ["41 parameter - - 0", "42 parameter - - 1", &compare];
        let module = module(&[(4, &fused), (3, &condition), (2, &body), (1, &entry)]);
        let (trips, constant) = module.trip_count(module.entry(), module.entry().root(), &KnownValues::new());
        // The bound is the same in every round, and known within it.
        assert_eq!(constant, KnownValues::from([(1, bound)]));
        trips
    }

    #[test]
    fn loops_are_counted_by_running_their_counter() {
        assert_eq!(count(0, 6, "LT", 1), Some(6));
        assert_eq!(count(2, 6, "LE", 2), Some(3));
        assert_eq!(count(6, 0, "GT", -1), Some(6));
        assert_eq!(count(0, 6, "NE", 3), Some(2));
        assert_eq!(count(7, 6, "LT", 1), Some(0));
        // Never ends.
        assert_eq!(count(0, 6, "LT", 0), None);
    }

    #[test]
    fn a_count_may_come_from_the_loop_around() {
        let body = ["21 parameter - - 0", "22 get-tuple-element 21 - 0", "23 get-tuple-element 21 - 1"];
        let step = ["24 constant - - 1", "25 add 22,24 - -", "26 tuple 25,23 - -"];
        let inner = [body, step].concat();
        let condition = [
            "31 parameter - - 0",
            "32 get-tuple-element 31 - 0",
            "33 get-tuple-element 31 - 1",
            "34 compare 32,33 - LT",
        ];
        // A loop's body: the bound of the loop within is element 5 of the tuple around.
        let outer = [
            "11 parameter - - 0",
            "12 get-tuple-element 11 - 5",
            "13 constant - - 0",
            "14 tuple 13,12 - -",
            "15 while 14 2,3 -",
        ];
        let module = module(&[(3, &condition), (2, &inner), (1, &outer)]);
        let trips = |state: &KnownValues| module.trip_count(module.entry(), module.entry().root(), state).0;
        assert_eq!(trips(&KnownValues::from([(5, 20)])), Some(20));
        assert_eq!(trips(&KnownValues::new()), None);
    }

    #[test]
    fn the_compilers_own_count_comes_first() {
        let check = |config: &str, expected| {
            let backend_config = config.as_bytes().to_vec();
            assert_eq!(noted(&Instruction { backend_config, ..Default::default() }), expected, "{config}");
        };
        check(r#"{"known_trip_count":{"n":"6"},"known_init_step":{"init":"0","step":"1"}}"#, Some(6));
        check(r#"{"known_trip_count":{"n":6}}"#, Some(6));
        check(r#"{"flag_configs":[]}"#, None);
        check("", None);
    }
}
