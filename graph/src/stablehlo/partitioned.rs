//! Programs for the devices of a mesh, in Shardy's form.
//!
//! `@main` takes and gives whole tensors, with the sharding of each as an attribute. Its body is one
//! `sdy.manual_computation` over all axes of the mesh: the function of one device, with the collectives that it has.
//!
//! Source: Shardy's dialect, <https://openxla.org/shardy/sdy_dialect>; collectives as in StableHLO's specification.

use std::fmt::Write;

use super::ops::constant;
use super::{Frame, Printer, identifier, list, quote, tensor};
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::literal::Literal;
use crate::mesh::{Mesh, MeshAxis, Split};
use crate::op::{Op, Reduction};
use crate::partitioned::Partitioned;

/// What is printed of a mesh.
#[derive(Default)]
pub(super) struct Groups {
    mesh: Mesh,
    /// Lists of devices, by their text; each is printed once, before the module.
    lists: Vec<String>,
    channels: usize,
}

impl Groups {
    /// The name of a list of groups of devices, all of one length.
    fn alias(&mut self, groups: &[Vec<usize>]) -> String {
        let rows: Vec<String> = groups.iter().map(|group| format!("[{}]", list(group))).collect();
        let (rows_count, length) = (groups.len(), groups.first().map_or(0, Vec::len));
        let text = format!("dense<[{}]> : tensor<{rows_count}x{length}xi64>", list(rows));
        let known = self.lists.iter().position(|list| *list == text);
        let number = known.unwrap_or_else(|| {
            self.lists.push(text);
            self.lists.len() - 1
        });
        format!("#devices{number}")
    }

    fn channel(&mut self) -> String {
        self.channels += 1;
        format!("channel_handle = #stablehlo.channel_handle<handle = {}, type = 1>", self.channels)
    }
}

/// Prints the function of a mesh's devices as one StableHLO module on whole tensors.
///
/// # Errors
/// As [`Partitioned::verify`]; [`Error::Export`] if a scan is longer than a 32-bit counter can count.
pub fn to_stablehlo_partitioned(program: &Partitioned) -> Result<String, Error> {
    program.verify()?;
    let mesh = Groups { mesh: program.mesh.clone(), ..Groups::default() };
    let mut printer = Printer { mesh, ..Printer::default() };
    printer.partitioned(program)?;
    let aliases = printer.mesh.lists.iter().enumerate();
    let head: String = aliases.map(|(number, list)| format!("#devices{number} = {list}\n")).collect();
    Ok(head + &printer.out)
}

/// `<@mesh, [{"data"}, {}]>`.
fn sharding(split: &Split) -> String {
    let dims = split.iter().map(|axes| format!("{{{}}}", list(axes.iter().map(|axis| quote(axis)))));
    format!("<@mesh, [{}]>", list(dims))
}

impl Printer {
    fn partitioned(&mut self, program: &Partitioned) -> Result<(), Error> {
        let Partitioned { function, mesh, params, results } = program;
        let (whole_params, whole_results) = (program.param_types()?, program.result_types()?);
        let _ = writeln!(
            self.out,
            "module @{} attributes {{mhlo.num_partitions = {} : i32, mhlo.num_replicas = 1 : i32}} {{",
            identifier(&function.name),
            mesh.devices()
        );
        let axes = mesh.axes.iter().map(|axis| format!("{}={}", quote(&axis.name), axis.size));
        let _ = writeln!(self.out, "  sdy.mesh @mesh = <[{}]>", list(axes));
        let attribute = |split: &Split| format!("sdy.sharding = #sdy.sharding{}", sharding(split));
        let param_shardings: Vec<_> = params.iter().map(attribute).collect();
        let result_shardings: Vec<_> = results.iter().map(attribute).collect();
        let arguments =
            self.signature(function, &whole_params, &whole_results, &param_shardings, &result_shardings);

        self.depth = 2;
        let mut frame = Frame::new(function);
        let mut locals = Vec::with_capacity(params.len());
        for param in &function.params {
            let name = self.argument(&format!("{}.local", param.name));
            locals.push(format!("{name}: {}", tensor(frame.ty(param.value))));
            frame.names[param.value.index()] = name;
        }
        let body = self.fresh();
        let several = if results.len() > 1 { format!(":{}", results.len()) } else { String::new() };
        let definition = if results.is_empty() { String::new() } else { format!("{body}{several} = ") };
        self.line(&format!(
            "{definition}sdy.manual_computation({}) in_shardings=[{}] out_shardings=[{}] manual_axes={{{}}} ({}) {{",
            list(&arguments),
            list(params.iter().map(sharding)),
            list(results.iter().map(sharding)),
            list(mesh.axes.iter().map(|axis| quote(&axis.name))),
            list(&locals),
        ));
        self.depth = 3;
        self.nodes(&mut frame)?;
        let names: Vec<_> =
            function.results.iter().map(|output| frame.name(output.value).to_owned()).collect();
        self.returns("sdy.return", &names, &function.result_types());
        self.depth = 2;
        let types = |types: &[TensorType]| list(types.iter().map(tensor));
        self.line(&format!("}} : ({}) -> ({})", types(&whole_params), types(&whole_results)));
        let names: Vec<_> = match results.len() {
            1 => vec![body],
            count => (0..count).map(|index| format!("{body}#{index}")).collect(),
        };
        self.returns("return", &names, &whole_results);
        self.out.push_str("  }\n}\n");
        self.end();
        Ok(())
    }

    /// Prints an op that depends on the device or communicates, and returns the name of its result.
    pub(super) fn collective(
        &mut self,
        op: &Op,
        names: &[String],
        types: &[TensorType],
        result: &TensorType,
        location: usize,
    ) -> String {
        let groups = |this: &mut Self, axes: &[MeshAxis]| {
            let groups = this.mesh.mesh.groups(axes);
            format!("replica_groups = {}", this.mesh.alias(&groups))
        };
        let signature = format!("({}) -> {}", list(types.iter().map(tensor)), tensor(result));
        let operand = list(names);
        match op {
            Op::AxisIndex { axis } => self.axis_index(axis, location),
            Op::AllReduce { kind, axes } => {
                let (channel, groups) = (self.mesh.channel(), groups(self, axes));
                let attributes = format!("{channel}, {groups}, use_global_device_ids");
                let call = format!("\"stablehlo.all_reduce\"({operand}) <{{{attributes}}}>");
                self.combining(&call, *kind, result.dtype, &signature, location)
            }
            Op::ReduceScatter { dim, axes } => {
                let (channel, groups) = (self.mesh.channel(), groups(self, axes));
                let attributes =
                    format!("{channel}, {groups}, scatter_dimension = {dim} : i64, use_global_device_ids");
                let call = format!("\"stablehlo.reduce_scatter\"({operand}) <{{{attributes}}}>");
                self.combining(&call, Reduction::Sum, result.dtype, &signature, location)
            }
            Op::AllGather { dim, axes } => {
                let (channel, groups) = (self.mesh.channel(), groups(self, axes));
                let attributes =
                    format!("all_gather_dim = {dim} : i64, {channel}, {groups}, use_global_device_ids");
                self.define(
                    &format!("\"stablehlo.all_gather\"({operand}) <{{{attributes}}}> : {signature}"),
                    location,
                )
            }
            Op::AllToAll { split, concat, axes } => {
                let members: usize = axes.iter().map(|axis| axis.size).product();
                let (channel, groups) = (self.mesh.channel(), groups(self, axes));
                let attributes = format!(
                    "{channel}, concat_dimension = {concat} : i64, {groups}, split_count = {members} : i64, \
                     split_dimension = {split} : i64"
                );
                self.define(
                    &format!("\"stablehlo.all_to_all\"({operand}) <{{{attributes}}}> : {signature}"),
                    location,
                )
            }
            Op::Permute { axis, shift } => {
                let pairs = self.mesh.mesh.shifted(axis, *shift);
                if pairs.is_empty() {
                    return self.zeros(result, location);
                }
                let pairs: Vec<_> = pairs.into_iter().map(|(from, to)| vec![from, to]).collect();
                let (channel, pairs) = (self.mesh.channel(), self.mesh.alias(&pairs));
                let attributes = format!("{channel}, source_target_pairs = {pairs}");
                self.define(
                    &format!("\"stablehlo.collective_permute\"({operand}) <{{{attributes}}}> : {signature}"),
                    location,
                )
            }
            _ => unreachable!("only ops of a mesh are printed here"),
        }
    }

    /// What a device holds that nothing was sent to.
    fn zeros(&mut self, ty: &TensorType, location: usize) -> String {
        let zero = self.define(&constant(&Literal::scalar(ty.dtype, 0.0)), location);
        let scalar = tensor(&TensorType::scalar(ty.dtype));
        let text = format!("stablehlo.broadcast_in_dim {zero}, dims = [] : ({scalar}) -> {}", tensor(ty));
        self.define(&text, location)
    }

    fn axis_index(&mut self, axis: &MeshAxis, location: usize) -> String {
        const NUMBER: &str = "tensor<ui32>";
        let number = |this: &mut Self, value: usize| {
            this.define(&format!("stablehlo.constant dense<{value}> : {NUMBER}"), location)
        };
        if axis.size == 1 {
            return self.define(&constant(&Literal::scalar(DType::I32, 0.0)), location);
        }
        let stride = self.mesh.mesh.stride(&axis.name).unwrap_or(1);
        let (stride, size) = (number(self, stride), number(self, axis.size));
        let id = self.define(&format!("stablehlo.partition_id : {NUMBER}"), location);
        let along = self.define(&format!("stablehlo.divide {id}, {stride} : {NUMBER}"), location);
        let position = self.define(&format!("stablehlo.remainder {along}, {size} : {NUMBER}"), location);
        self.define(&format!("stablehlo.convert {position} : ({NUMBER}) -> tensor<i32>"), location)
    }

    /// A collective with the computation of two scalars that it combines by.
    fn combining(
        &mut self,
        call: &str,
        kind: Reduction,
        dtype: DType,
        signature: &str,
        location: usize,
    ) -> String {
        let scalar = tensor(&TensorType::scalar(dtype));
        let name = self.fresh();
        let (x, y) = (self.argument("x"), self.argument("y"));
        let combined = self.fresh();
        self.line(&format!("{name} = {call} ({{"));
        self.line(&format!("^bb0({x}: {scalar}, {y}: {scalar}):"));
        self.depth += 1;
        let reducer = super::ops::reducer(kind);
        self.line(&format!("{combined} = stablehlo.{reducer} {x}, {y} : {scalar} loc(#loc{location})"));
        self.line(&format!("stablehlo.return {combined} : {scalar}"));
        self.depth -= 1;
        self.line(&format!("}}) : {signature} loc(#loc{location})"));
        name
    }
}
