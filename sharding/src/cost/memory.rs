//! The most memory a program has in use at once.

use std::collections::HashMap;

use graph::{Function, Op, TensorType, Value};

use super::buffers::{Buffers, Storage};
use super::lowering::Lowering;
use super::narrowed::{Narrowed, narrowed};

/// How much memory a value takes.
pub(super) type Size<'a> = &'a dyn Fn(&TensorType) -> u64;

/// What a compiler does that takes memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Habits {
    /// It makes [`narrowed`] copies.
    pub(super) narrows: bool,
    /// It stores what matmuls read, unless that is but converted.
    pub(super) stores_operands: bool,
}

/// Something that is in memory at the peak.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    /// Where it is made, such as `layers/attention`; the name, for a parameter.
    pub(super) name: String,
    /// Its type.
    pub(super) ty: TensorType,
    /// Bytes.
    pub(super) bytes: u64,
    /// Whether it is a parameter of the whole program.
    pub(super) is_param: bool,
}

/// What is in use when most is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Peak {
    pub(super) bytes: u64,
    pub(super) held: Vec<Held>,
}

/// The peak of a whole program: parameters are there from the start, and those whose memory a result takes over end with
/// their last use.
pub(super) fn peak(function: &Function, size: Size<'_>, habits: Habits) -> Peak {
    let given_up: Vec<bool> = (0..function.params.len())
        .map(|index| function.results.iter().any(|output| output.alias == Some(index)))
        .collect();
    let copies = if habits.narrows { narrowed(function, true) } else { Vec::new() };
    body_peak(function, size, habits, &given_up, &|_| true, &copies)
}

/// The peak of a function whose parameter `i` is counted if `counted(i)`, and ends with its last use if `given_up[i]`.
/// `copies` are made in it.
fn body_peak(
    function: &Function,
    size: Size<'_>,
    habits: Habits,
    given_up: &[bool],
    counted: &dyn Fn(usize) -> bool,
    copies: &[Narrowed],
) -> Peak {
    let buffers = Buffers::new(function, size, habits.stores_operands);
    // The last node that reads each buffer; results are read at the end.
    let end = function.nodes.len();
    let mut last: HashMap<Value, usize> = HashMap::new();
    let stores = |index: usize| {
        let node = &function.nodes[index];
        !matches!(buffers.storage[node.results[0].index()], Storage::Fused)
    };
    for (index, node) in function.nodes.iter().enumerate() {
        if stores(index) {
            for &operand in &node.operands {
                last.extend(buffers.sources(operand).map(|buffer| (buffer, index)));
            }
        }
    }
    for output in &function.results {
        last.extend(buffers.sources(output.value).map(|buffer| (buffer, end)));
    }

    let mut live: HashMap<Value, u64> = HashMap::new();
    let mut total = 0u64;
    for (index, param) in function.params.iter().enumerate() {
        if counted(index) {
            let bytes = size(function.ty(param.value));
            total += bytes;
            live.insert(param.value, bytes);
            if !given_up[index] {
                last.insert(param.value, usize::MAX);
            }
        }
    }
    let mut best = Peak { bytes: total, held: Vec::new() };
    let mut best_at: Option<(HashMap<Value, u64>, usize)> = None;
    for (index, node) in function.nodes.iter().enumerate() {
        if !stores(index) {
            continue;
        }
        let dies = |value: &Value| last.get(value).is_none_or(|&last| last <= index);
        let new: Vec<Value> = node.results.iter().copied().filter(|&result| buffers.is_own(result)).collect();
        let mut extra = 0;
        let mut freed_first: Vec<Value> = Vec::new();
        match Lowering::of(&node.op) {
            Lowering::Loop => {
                let Op::Scan(scan) = &node.op else { continue };
                // The loop works in the memory of its initial values, where nobody else reads them.
                for &operand in &node.operands[..scan.carries] {
                    freed_first.extend(buffers.sources(operand).filter(|buffer| dies(buffer)));
                }
                extra = scan_peak(scan, size, habits).bytes;
            }
            Lowering::Elementwise(_) => {
                // In place, where an operand of the same size ends here.
                let bytes: u64 = new.iter().map(|&value| size(function.ty(value))).sum();
                let dying = node.operands.iter().flat_map(|&operand| buffers.sources(operand));
                freed_first
                    .extend(dying.filter(|buffer| dies(buffer) && live.get(buffer) == Some(&bytes)).take(1));
            }
            Lowering::Alias | Lowering::Move | Lowering::Window | Lowering::Update => {}
            Lowering::Matmul | Lowering::Reduction | Lowering::Rows | Lowering::Collective => {}
        }
        for buffer in freed_first {
            total -= live.remove(&buffer).unwrap_or(0);
        }
        for &value in &new {
            let bytes = size(function.ty(value));
            total += bytes;
            live.insert(value, bytes);
        }
        let copied: u64 = copies_during(copies, index).map(|copy| size(&copy.ty)).sum();
        if total + extra + copied > best.bytes {
            best.bytes = total + extra + copied;
            best_at = Some((live.clone(), index));
        }
        let ended: Vec<Value> = live.keys().copied().filter(|value| dies(value)).collect();
        for value in ended {
            total -= live.remove(&value).unwrap_or(0);
        }
    }
    if let Some((held, index)) = best_at {
        best.held = describe(function, &held);
        best.held.extend(copies_during(copies, index).map(|copy| Held {
            name: format!("{} copies made ahead of loops", copy.ty.dtype),
            ty: copy.ty.clone(),
            bytes: size(&copy.ty),
            is_param: false,
        }));
        if let Op::Scan(scan) = &function.nodes[index].op {
            best.held.extend(scan_peak(scan, size, habits).held);
        }
    } else {
        best.held = describe(function, &live);
    }
    best
}

/// The copies that exist while a node runs.
fn copies_during(copies: &[Narrowed], node: usize) -> impl Iterator<Item = &Narrowed> {
    copies.iter().filter(move |copy| (copy.first..=copy.last).contains(&node))
}

/// The peak inside a loop's body, beyond its carried values, its inputs and its outputs.
fn scan_peak(scan: &graph::Scan, size: Size<'_>, habits: Habits) -> Peak {
    let given_up: Vec<bool> = (0..scan.body.params.len()).map(|index| index < scan.carries).collect();
    // Slices of stacked inputs are read where they lie.
    let carries = scan.carries;
    let copies = if habits.narrows { narrowed(&scan.body, false) } else { Vec::new() };
    let mut peak = body_peak(&scan.body, size, habits, &given_up, &|index| index < carries, &copies);
    let carried: u64 = scan.body.params[..carries].iter().map(|param| size(scan.body.ty(param.value))).sum();
    peak.bytes = peak.bytes.saturating_sub(carried);
    let params: Vec<String> = scan.body.params.iter().map(|param| param.name.clone()).collect();
    peak.held.retain(|held| !(held.is_param && params.contains(&held.name)));
    peak.held.iter_mut().for_each(|held| held.is_param = false);
    peak
}

fn describe(function: &Function, live: &HashMap<Value, u64>) -> Vec<Held> {
    let definitions = function.definitions();
    let mut held: Vec<(u32, Held)> = live
        .iter()
        .map(|(&value, &bytes)| {
            let (name, is_param) = match definitions[value.index()] {
                Some(node) => (origin(function, &function.nodes[node], value), false),
                None => {
                    let param = function.params.iter().find(|param| param.value == value);
                    (param.map_or_else(String::new, |param| param.name.clone()), true)
                }
            };
            (value.0, Held { name, ty: function.ty(value).clone(), bytes, is_param })
        })
        .collect();
    held.sort_by_key(|(value, held)| (std::cmp::Reverse(held.bytes), *value));
    held.into_iter().map(|(_, held)| held).collect()
}

/// A heading for what a node makes.
fn origin(function: &Function, node: &graph::Node, value: Value) -> String {
    let dtype = function.ty(value).dtype;
    if let Op::Scan(scan) = &node.op {
        let position = node.results.iter().position(|&result| result == value).unwrap_or(0);
        let how = if position < scan.carries { "carried through" } else { "stacked by" };
        return format!("{how} loop `{}`, {dtype}", scan.body.name);
    }
    match function.scope(node) {
        "" => node.op.name().to_owned(),
        scope => format!("{scope}: {}", node.op.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Softmax's weights, before they are divided by their sum, applied to values.
    const ATTEND: &str = r#"
func @attend(%0 "query": bf16[8,4], %1 "key": bf16[16,4], %2 "value": bf16[16,4]) -> (%5 "total": f32[8], %7 "y": f32[8,4]) {
  %3: f32[8,16] = dot %0, %1 lhs_contract=[1] rhs_contract=[1]
  %4: f32[8,16] = exp %3
  %5: f32[8] = reduce sum %4 dims=[1]
  %6: bf16[8,16] = convert %4
  %7: f32[8,4] = dot %6, %2 lhs_contract=[1] rhs_contract=[0]
}
"#;

    #[test]
    fn what_matmuls_read_is_stored_where_the_compiler_does_not_compute_it_on_the_way() {
        let function = Function::parse(ATTEND).unwrap();
        let size = |ty: &TensorType| ty.bytes() as u64;
        let peak = |stores_operands| peak(&function, &size, Habits { narrows: false, stores_operands });
        let (parameters, wide, narrow, total, y) = (64 + 2 * 128, 512, 256, 32, 128);
        assert_eq!(peak(false).bytes, parameters + wide + total + y);
        assert_eq!(peak(true).bytes, parameters + wide + total + narrow);
    }
}
