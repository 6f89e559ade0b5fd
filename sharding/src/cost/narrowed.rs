//! Narrower copies that a compiler makes ahead of loops.
//!
//! Where all that a loop's body does with a stacked input, or with an input that stays the same, is to convert it to a
//! narrower type, XLA's TPU compiler converts the whole of it before the loop, and before the loops around that one: float32
//! parameters of bfloat16 computations then lie in memory twice while the layers run.

use std::collections::BTreeMap;

use graph::{DType, Function, Op, TensorType, Value};

/// A copy made ahead of loops.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Narrowed {
    /// What is copied.
    pub(super) value: Value,
    /// Type of the copy.
    pub(super) ty: TensorType,
    /// The first and the last loop of the function that reads it, as positions of nodes.
    pub(super) first: usize,
    pub(super) last: usize,
}

/// The copies that the loops of a function, and those inside them, make the compiler hold in this function: of its own
/// values, and of its parameters if `is_whole` says that there is no function around it to hold them.
pub(super) fn narrowed(function: &Function, is_whole: bool) -> Vec<Narrowed> {
    let is_param = |value: Value| function.params.iter().any(|param| param.value == value);
    let all = wanted(function);
    let held = all.into_iter().filter(|((value, _), _)| is_whole || !is_param(*value));
    held.map(|((value, dtype), (first, last))| {
        let ty = TensorType::new(dtype, function.ty(value).shape.clone());
        Narrowed { value, ty, first, last }
    })
    .collect()
}

/// Values that loops of the function read, each with the only type they are read as, and the first and last loop.
fn wanted(function: &Function) -> BTreeMap<(Value, DType), (usize, usize)> {
    let mut all = BTreeMap::new();
    for (index, node) in function.nodes.iter().enumerate() {
        let Op::Scan(scan) = &node.op else { continue };
        for (position, dtype) in converted_params(&scan.body, scan.carries) {
            let range = all.entry((node.operands[position], dtype)).or_insert((index, index));
            range.1 = index;
        }
    }
    all
}

/// Parameters of a loop's body, by position, of which nothing is read but a conversion to a narrower type: in this body,
/// or in a loop inside it.
fn converted_params(body: &Function, carries: usize) -> Vec<(usize, DType)> {
    let inner = wanted(body);
    let narrower = |value: Value, to: DType| to.is_float() && to.size() < body.ty(value).dtype.size();
    let params = body.params.iter().enumerate().skip(carries);
    let converted = params.filter_map(|(position, param)| {
        if body.results.iter().any(|output| output.value == param.value) {
            return None;
        }
        let mut found = None;
        for node in body.nodes.iter().filter(|node| node.operands.contains(&param.value)) {
            let dtype = match &node.op {
                Op::Convert(to) if narrower(param.value, *to) => *to,
                Op::Scan(_) => inner.keys().find(|(value, _)| *value == param.value)?.1,
                _ => return None,
            };
            if found.is_some_and(|found| found != dtype) {
                return None;
            }
            found = Some(dtype);
        }
        found.map(|dtype| (position, dtype))
    });
    converted.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two layers in two microbatches: of the stacked weights, `narrow` is only read as bfloat16, `both` also as it is.
    const STEP: &str = r#"
func @step(%0 "x": bf16[4], %1 "narrow": f32[2,4], %2 "both": f32[2,4], %3 "batches": f32[3]) -> (%4 "y": bf16[4]) {
  %4: bf16[4] = scan length=3 carries=[%0] xs=[%3] constants=[%1, %2] {
    func @microbatch(%0 "x": bf16[4], %1 "batch": f32[], %2 "narrow": f32[2,4], %3 "both": f32[2,4]) -> (%4 "x": bf16[4]) {
      %4: bf16[4] = scan length=2 carries=[%0] xs=[%2, %3] {
        func @layer(%0 "x": bf16[4], %1 "narrow": f32[4], %2 "both": f32[4]) -> (%7 "x": bf16[4]) {
          %3: bf16[4] = convert %1
          %4: f32[4] = mul %2, %2
          %5: bf16[4] = convert %4
          %6: bf16[4] = convert %2
          %7: bf16[4] = mul %3, %5
        }
      }
    }
  }
}
"#;

    #[test]
    fn what_only_loops_inside_loops_convert_is_copied_outside_all() {
        let function = Function::parse(STEP).unwrap();
        let ty = TensorType::new(DType::BF16, [2, 4]);
        assert_eq!(narrowed(&function, true), [Narrowed { value: Value(1), ty, first: 0, last: 0 }]);
        let Op::Scan(microbatches) = &function.nodes[0].op else { panic!("no scan") };
        assert_eq!(narrowed(&microbatches.body, false), []);
        assert_eq!(narrowed(&microbatches.body, true).len(), 1);
    }
}
