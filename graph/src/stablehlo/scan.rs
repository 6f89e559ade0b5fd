//! Scans as while loops.

use super::{Frame, Printer, list, tensor};
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::function::Node;
use crate::infer::stack;
use crate::op::Scan;

const COUNTER: &str = "tensor<i32>";

impl Printer {
    pub(super) fn scan(&mut self, frame: &mut Frame<'_>, node: &Node, scan: &Scan) -> Result<(), Error> {
        let Scan { length, reverse, carries, xs, body, .. } = scan;
        if i32::try_from(*length).is_err() {
            return Err(Error::Export(format!("scan `{}`: {length} iterations do not fit i32", body.name)));
        }
        let location = self.location(frame.function, node);
        let ys = &body.results[*carries..];
        let operands: Vec<String> =
            node.operands.iter().map(|&operand| frame.name(operand).to_string()).collect();
        let (inputs, constants) = operands.split_at(carries + xs);
        let (initial, stacked) = inputs.split_at(*carries);
        let state_types: Vec<&TensorType> = node.results.iter().map(|&result| frame.ty(result)).collect();

        // The initial state: counter, carried values, stacked outputs.
        let zero = self.integer(0, location);
        let mut state = vec![zero.clone()];
        state.extend_from_slice(initial);
        for output in ys {
            let ty = body.ty(output.value);
            let fill = if ty.dtype.is_float() {
                "0.0"
            } else if ty.dtype == DType::Pred {
                "false"
            } else {
                "0"
            };
            let ty = tensor(&stack(*length, ty));
            state.push(self.define(&format!("stablehlo.constant dense<{fill}> : {ty}"), location));
        }
        let one = self.integer(1, location);
        let end = self.integer(*length, location);
        let last = if *reverse { Some(self.integer(length - 1, location)) } else { None };

        let mut arguments = vec![self.argument(&format!("{}.step", body.name))];
        for param in &body.params[..*carries] {
            arguments.push(self.argument(&format!("{}.{}", body.name, param.name)));
        }
        for output in ys {
            arguments.push(self.argument(&format!("{}.{}", body.name, output.name)));
        }
        let types: Vec<String> =
            std::iter::once(COUNTER.to_string()).chain(state_types.iter().map(|ty| tensor(ty))).collect();
        let types = list(types);
        let bindings = list(arguments.iter().zip(&state).map(|(name, value)| format!("{name} = {value}")));
        let loop_name = self.fresh();
        self.line(&format!("{loop_name}:{} = stablehlo.while({bindings}) : {types}", state.len()));

        let step = arguments[0].clone();
        self.line("cond {");
        self.depth += 1;
        let compare = format!("stablehlo.compare LT, {step}, {end} : ({COUNTER}, {COUNTER}) -> tensor<i1>");
        let more = self.define(&compare, location);
        self.line(&format!("stablehlo.return {more} : tensor<i1>"));
        self.depth -= 1;
        self.line("} do {");
        self.depth += 1;
        let index = match last {
            Some(last) => self.define(&format!("stablehlo.subtract {last}, {step} : {COUNTER}"), location),
            None => step.clone(),
        };
        let starts = |rank: usize| list(std::iter::once(&index).chain(std::iter::repeat_n(&zero, rank)));
        let start_types = |rank: usize| list(std::iter::repeat_n(COUNTER, rank + 1));

        let mut inner = Frame::new(body);
        let slices = stacked.iter().zip(&body.params[*carries..]);
        let mut slice_names = Vec::with_capacity(*xs);
        for (whole, param) in slices {
            let ty = body.ty(param.value);
            let (rank, row) = (ty.rank(), stack(1, ty));
            let slice = self.define(
                &format!(
                    "stablehlo.dynamic_slice {whole}, {}, sizes = [{}] : ({}, {}) -> {}",
                    starts(rank),
                    list(&row.shape),
                    tensor(&stack(*length, ty)),
                    start_types(rank),
                    tensor(&row)
                ),
                location,
            );
            let reshape = format!("stablehlo.reshape {slice} : ({}) -> {}", tensor(&row), tensor(ty));
            slice_names.push(self.define(&reshape, location));
        }
        let names = arguments[1..=*carries].iter().chain(&slice_names).chain(constants);
        for (param, name) in body.params.iter().zip(names) {
            inner.names[param.value.index()] = name.clone();
        }
        self.nodes(&mut inner)?;

        let mut next = vec![self.define(&format!("stablehlo.add {step}, {one} : {COUNTER}"), location)];
        next.extend(body.results[..*carries].iter().map(|output| inner.name(output.value).to_string()));
        for (output, whole) in ys.iter().zip(&arguments[carries + 1..]) {
            let ty = body.ty(output.value);
            let (rank, row, whole_ty) = (ty.rank(), stack(1, ty), tensor(&stack(*length, ty)));
            let name = inner.name(output.value);
            let reshape = format!("stablehlo.reshape {name} : ({}) -> {}", tensor(ty), tensor(&row));
            let update = self.define(&reshape, location);
            next.push(self.define(
                &format!(
                    "stablehlo.dynamic_update_slice {whole}, {update}, {} : ({whole_ty}, {}, {}) -> {whole_ty}",
                    starts(rank),
                    tensor(&row),
                    start_types(rank)
                ),
                location,
            ));
        }
        self.line(&format!("stablehlo.return {} : {types}", list(&next)));
        self.depth -= 1;
        self.line(&format!("}} loc(#loc{location})"));
        for (position, result) in node.results.iter().enumerate() {
            frame.names[result.index()] = format!("{loop_name}#{}", position + 1);
        }
        Ok(())
    }

    fn integer(&mut self, value: usize, location: usize) -> String {
        self.define(&format!("stablehlo.constant dense<{value}> : {COUNTER}"), location)
    }
}
