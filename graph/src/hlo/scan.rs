//! Scans as while loops over one tuple: counter, carried values, stacked outputs, stacked inputs, constants.

use super::lower::{Body, Lowering, array, tuple};
use super::proto::Shape;
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::function::{Function, Node};
use crate::infer::stack;
use crate::literal::Literal;
use crate::op::Scan;
use crate::stablehlo::op_name;

/// What the computations of one loop share.
struct Loop<'a> {
    scan: &'a Scan,
    op_name: String,
    /// Shapes of the elements of the state.
    state: Vec<Shape>,
}

impl Lowering {
    /// Lowers a scan and returns the instructions of its results.
    pub(super) fn scan(
        &mut self,
        body: &mut Body,
        function: &Function,
        node: &Node,
        scan: &Scan,
        values: &[i64],
    ) -> Result<Vec<i64>, Error> {
        let Scan { length, carries, .. } = scan;
        if i32::try_from(*length).is_err() {
            let name = &scan.body.name;
            return Err(Error::Export(format!("scan `{name}`: {length} iterations do not fit i32")));
        }
        let operands: Vec<i64> = node.operands.iter().map(|operand| values[operand.index()]).collect();
        let operand_shapes = node.operands.iter().map(|&operand| array(function.ty(operand)));
        let (initial, rest) = operands.split_at(*carries);
        let op_name = op_name(function, node);

        let mut state = vec![self.integer(body, &op_name, 0)];
        state.extend_from_slice(initial);
        for result in &node.results[*carries..] {
            let ty = function.ty(*result);
            let zero = self.constant(body, &op_name, &Literal::scalar(ty.dtype, 0.0));
            state.push(self.emit(body, &op_name, "broadcast", array(ty), &[zero], |_| {}));
        }
        state.extend_from_slice(rest);
        let results = node.results.iter().map(|&result| array(function.ty(result)));
        let shapes = std::iter::once(counter()).chain(results).chain(operand_shapes.skip(*carries));
        let this = Loop { scan, op_name, state: shapes.collect() };

        let condition = self.condition(&this);
        let step = self.iteration(&this)?;
        let shape = tuple(this.state.iter().cloned());
        let start = self.emit(body, &this.op_name, "tuple", shape.clone(), &state, |_| {});
        let end = self.emit(body, &this.op_name, "while", shape, &[start], |i| {
            i.called_computation_ids = vec![step, condition];
        });
        let results = 1..=node.results.len();
        Ok(results.map(|index| self.element(body, &this, end, index)).collect())
    }

    /// Whether the counter is below the length.
    fn condition(&mut self, this: &Loop<'_>) -> i64 {
        let mut body = Body::new(&format!("{}.condition", this.scan.body.name));
        let state = self.parameter(&mut body, "state", 0, tuple(this.state.iter().cloned()));
        let step = self.element(&mut body, this, state, 0);
        let end = self.integer(&mut body, &this.op_name, this.scan.length);
        let shape = array(&TensorType::scalar(DType::Pred));
        let root = self.emit(&mut body, &this.op_name, "compare", shape, &[step, end], |i| {
            i.comparison_direction = "LT".into();
            i.comparison_type = "SIGNED".into();
        });
        self.finish(body, root)
    }

    /// One iteration: from state to state.
    fn iteration(&mut self, this: &Loop<'_>) -> Result<i64, Error> {
        let Scan { length, reverse, carries, xs, body: function, .. } = this.scan;
        let name = this.op_name.as_str();
        let mut body = Body::new(&function.name);
        let state = self.parameter(&mut body, "state", 0, tuple(this.state.iter().cloned()));
        let elements: Vec<i64> =
            (0..this.state.len()).map(|index| self.element(&mut body, this, state, index)).collect();
        let step = elements[0];
        let outputs = function.results.len();
        let (ys, inputs) = (&elements[1 + carries..1 + outputs], &elements[1 + outputs..]);
        let (stacked, constants) = inputs.split_at(*xs);

        let mut index = step;
        if *reverse {
            let last = self.integer(&mut body, name, length - 1);
            index = self.emit(&mut body, name, "subtract", counter(), &[last, step], |_| {});
        }
        let zero = self.integer(&mut body, name, 0);
        let starts = |rank: usize| std::iter::once(index).chain(std::iter::repeat_n(zero, rank));

        let mut params = elements[1..=*carries].to_vec();
        for (&whole, param) in stacked.iter().zip(&function.params[*carries..]) {
            let ty = function.ty(param.value);
            let row = stack(1, ty);
            let operands: Vec<i64> = std::iter::once(whole).chain(starts(ty.rank())).collect();
            let slice = self.emit(&mut body, name, "dynamic-slice", array(&row), &operands, |i| {
                i.dynamic_slice_sizes = row.shape.iter().map(|&size| size as i64).collect();
            });
            params.push(self.emit(&mut body, name, "reshape", array(ty), &[slice], |_| {}));
        }
        params.extend_from_slice(constants);
        let mut values = vec![0; function.types.len()];
        for (param, instruction) in function.params.iter().zip(params) {
            values[param.value.index()] = instruction;
        }
        self.nodes(&mut body, function, &mut values)?;

        let one = self.integer(&mut body, name, 1);
        let mut next = vec![self.emit(&mut body, name, "add", counter(), &[step, one], |_| {})];
        next.extend(function.results[..*carries].iter().map(|output| values[output.value.index()]));
        for (&whole, output) in ys.iter().zip(&function.results[*carries..]) {
            let ty = function.ty(output.value);
            let (value, row) = (values[output.value.index()], array(&stack(1, ty)));
            let row = self.emit(&mut body, name, "reshape", row, &[value], |_| {});
            let operands: Vec<i64> = [whole, row].into_iter().chain(starts(ty.rank())).collect();
            let shape = array(&stack(*length, ty));
            next.push(self.emit(&mut body, name, "dynamic-update-slice", shape, &operands, |_| {}));
        }
        next.extend_from_slice(inputs);
        let shape = tuple(this.state.iter().cloned());
        let root = self.emit(&mut body, name, "tuple", shape, &next, |_| {});
        Ok(self.finish(body, root))
    }

    fn element(&mut self, body: &mut Body, this: &Loop<'_>, state: i64, index: usize) -> i64 {
        let shape = this.state[index].clone();
        self.emit(body, &this.op_name, "get-tuple-element", shape, &[state], |i| {
            i.tuple_index = index as i64;
        })
    }

    fn integer(&mut self, body: &mut Body, op_name: &str, value: usize) -> i64 {
        self.constant(body, op_name, &Literal::scalar(DType::I32, value as f64))
    }
}

fn counter() -> Shape {
    array(&TensorType::scalar(DType::I32))
}
