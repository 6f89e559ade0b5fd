//! HLO text from HLO modules, in the syntax of XLA's own printer and parser. Arrays are row-major.

use std::collections::HashMap;
use std::fmt::Write;

use super::proto::{Computation, Instruction, Literal, Module, PrimitiveType, ProgramShape, Shape};
use crate::dtype::DType;
use crate::stablehlo::number::decimal;

/// Names of instructions and computations by id.
struct Names<'a>(HashMap<i64, &'a str>);

impl Names<'_> {
    fn get(&self, id: i64) -> &str {
        self.0.get(&id).copied().unwrap_or_default()
    }
}

/// Prints a module for so many partitions: its signature, then its computations, callees first.
pub(super) fn print(module: &Module, partitions: usize) -> String {
    let mut out = format!("HloModule {}", module.name);
    if let Some(alias) = &module.input_output_alias {
        let entries = alias.entries.iter().map(|entry| {
            let output = numbers(&entry.output_shape_index);
            format!("{{{output}}}: ({}, {{}}, may-alias)", entry.parameter_number)
        });
        let _ = write!(out, ", input_output_alias={{ {} }}", join(entries));
    }
    if let Some(ProgramShape { parameters, result: Some(result), .. }) = &module.host_program_shape {
        let parameters = join(parameters.iter().map(|parameter| shape(parameter, true)));
        let _ = write!(out, ", entry_computation_layout={{({parameters})->{}}}", shape(result, true));
    }
    if partitions > 1 {
        let _ = write!(out, ", num_partitions={partitions}");
    }
    out.push('\n');

    let mut names = HashMap::new();
    for computation in &module.computations {
        names.insert(computation.id, computation.name.as_str());
        names.extend(computation.instructions.iter().map(|i| (i.id, i.name.as_str())));
    }
    let names = Names(names);
    for computation in &module.computations {
        let entry = computation.id == module.entry_computation_id;
        print_computation(&mut out, computation, entry, &names);
    }
    out
}

fn print_computation(out: &mut String, computation: &Computation, entry: bool, names: &Names<'_>) {
    let signature = computation.program_shape.clone().unwrap_or_default();
    let parameters = signature.parameter_names.iter().zip(&signature.parameters);
    let parameters = join(parameters.map(|(name, ty)| format!("{name}: {}", shape(ty, false))));
    let result = shape(&signature.result.unwrap_or_default(), false);
    let prefix = if entry { "ENTRY " } else { "" };
    let _ = writeln!(out, "\n{prefix}%{} ({parameters}) -> {result} {{", computation.name);
    for instruction in &computation.instructions {
        let root = if instruction.id == computation.root_id { "ROOT " } else { "" };
        let _ = writeln!(out, "  {root}{}", print_instruction(instruction, names));
    }
    out.push_str("}\n");
}

fn print_instruction(instruction: &Instruction, names: &Names<'_>) -> String {
    let Instruction { name, opcode, .. } = instruction;
    let ty = instruction.shape.clone().unwrap_or_default();
    let inside = match opcode.as_str() {
        "parameter" => instruction.parameter_number.to_string(),
        "constant" => instruction.literal.as_ref().map(constant).unwrap_or_default(),
        _ => join(instruction.operand_ids.iter().map(|&id| format!("%{}", names.get(id)))),
    };
    let mut text = format!("%{name} = {} {opcode}({inside})", shape(&ty, false));
    for attribute in attributes(instruction, names) {
        let _ = write!(text, ", {attribute}");
    }
    if let Some(metadata) = &instruction.metadata {
        let _ = write!(text, ", metadata={{op_name={}}}", quote(&metadata.op_name));
    }
    text
}

/// The attributes that an opcode has, as the parser wants them.
fn attributes(instruction: &Instruction, names: &Names<'_>) -> Vec<String> {
    let i = instruction;
    let dimensions = || format!("dimensions={{{}}}", numbers(&i.dimensions));
    let called = |key: &str, position: usize| {
        let id = i.called_computation_ids.get(position).copied().unwrap_or_default();
        format!("{key}=%{}", names.get(id))
    };
    match i.opcode.as_str() {
        "iota" => vec![format!("iota_dimension={}", numbers(&i.dimensions))],
        "broadcast" | "transpose" | "concatenate" | "reverse" => vec![dimensions()],
        "reduce" => vec![dimensions(), called("to_apply", 0)],
        "all-reduce" => [devices(i), vec![called("to_apply", 0)]].concat(),
        "reduce-scatter" => [devices(i), vec![dimensions(), called("to_apply", 0)]].concat(),
        "all-gather" | "all-to-all" => [devices(i), vec![dimensions()]].concat(),
        "collective-permute" => {
            let pairs =
                i.source_target_pairs.iter().map(|pair| format!("{{{},{}}}", pair.source, pair.target));
            let pairs = pairs.collect::<Vec<_>>().join(",");
            vec![format!("channel_id={}", i.channel_id), format!("source_target_pairs={{{pairs}}}")]
        }
        "compare" => vec![format!("direction={}", i.comparison_direction)],
        "get-tuple-element" => vec![format!("index={}", i.tuple_index)],
        "while" => vec![called("condition", 1), called("body", 0)],
        "dynamic-slice" => vec![format!("dynamic_slice_sizes={{{}}}", numbers(&i.dynamic_slice_sizes))],
        "slice" => {
            let ranges = i.slice_dimensions.iter().map(|range| {
                let stride = if range.stride == 1 { String::new() } else { format!(":{}", range.stride) };
                format!("[{}:{}{stride}]", range.start, range.limit)
            });
            vec![format!("slice={{{}}}", join(ranges))]
        }
        "pad" => {
            let dimensions = i.padding_config.iter().flat_map(|config| &config.dimensions);
            let dimensions = dimensions.map(|dimension| {
                let (low, high) = (dimension.edge_padding_low, dimension.edge_padding_high);
                format!("{low}_{high}_{}", dimension.interior_padding)
            });
            vec![format!("padding={}", dimensions.collect::<Vec<_>>().join("x"))]
        }
        "dot" => {
            let dims = i.dot_dimension_numbers.clone().unwrap_or_default();
            let lists = [
                ("lhs_batch_dims", dims.lhs_batch_dimensions),
                ("lhs_contracting_dims", dims.lhs_contracting_dimensions),
                ("rhs_batch_dims", dims.rhs_batch_dimensions),
                ("rhs_contracting_dims", dims.rhs_contracting_dimensions),
            ];
            let lists = lists.iter().filter(|(_, dims)| !dims.is_empty());
            let mut attributes: Vec<_> =
                lists.map(|(key, dims)| format!("{key}={{{}}}", numbers(dims))).collect();
            if i.precision_config.is_some() {
                attributes.push("operand_precision={highest,highest}".to_owned());
            }
            attributes
        }
        "gather" => {
            let dims = i.gather_dimension_numbers.clone().unwrap_or_default();
            vec![
                format!("offset_dims={{{}}}", numbers(&dims.offset_dims)),
                format!("collapsed_slice_dims={{{}}}", numbers(&dims.collapsed_slice_dims)),
                format!("start_index_map={{{}}}", numbers(&dims.start_index_map)),
                format!("index_vector_dim={}", dims.index_vector_dim),
                format!("slice_sizes={{{}}}", numbers(&i.gather_slice_sizes)),
            ]
        }
        "scatter" => {
            let dims = i.scatter_dimension_numbers.clone().unwrap_or_default();
            vec![
                format!("update_window_dims={{{}}}", numbers(&dims.update_window_dims)),
                format!("inserted_window_dims={{{}}}", numbers(&dims.inserted_window_dims)),
                format!("scatter_dims_to_operand_dims={{{}}}", numbers(&dims.scatter_dims_to_operand_dims)),
                format!("index_vector_dim={}", dims.index_vector_dim),
                called("to_apply", 0),
            ]
        }
        _ => Vec::new(),
    }
}

/// Which devices exchange values.
fn devices(instruction: &Instruction) -> Vec<String> {
    let mut attributes = vec![format!("channel_id={}", instruction.channel_id)];
    if let Some(list) = &instruction.iota_replica_group_list {
        let (groups, members) = (list.num_replica_groups, list.num_devices_per_group);
        let (shape, permutation) = (&list.iota_reshape_dims, &list.iota_transpose_perm);
        let in_order = permutation.iter().enumerate().all(|(dim, &from)| dim as i32 == from);
        let transpose = if in_order { String::new() } else { format!("T({})", texts(permutation).join(",")) };
        attributes.push(format!("replica_groups=[{groups},{members}]<=[{}]{transpose}", numbers(shape)));
    }
    if instruction.use_global_device_ids {
        attributes.push("use_global_device_ids=true".into());
    }
    attributes
}

fn shape(shape: &Shape, with_layout: bool) -> String {
    let name = match PrimitiveType::try_from(shape.element_type) {
        Ok(PrimitiveType::Tuple) => {
            return format!(
                "({})",
                join(shape.tuple_shapes.iter().map(|part| self::shape(part, with_layout)))
            );
        }
        Ok(primitive) => primitive_name(primitive),
        Err(_) => "invalid",
    };
    let layout = match &shape.layout {
        Some(layout) if with_layout && !layout.minor_to_major.is_empty() => {
            format!("{{{}}}", numbers(&layout.minor_to_major))
        }
        _ => String::new(),
    };
    format!("{name}[{}]{layout}", numbers(&shape.dimensions))
}

fn primitive_name(primitive: PrimitiveType) -> &'static str {
    match primitive {
        PrimitiveType::Invalid => "invalid",
        PrimitiveType::Pred => "pred",
        PrimitiveType::S32 => "s32",
        PrimitiveType::S64 => "s64",
        PrimitiveType::U8 => "u8",
        PrimitiveType::U32 => "u32",
        PrimitiveType::F16 => "f16",
        PrimitiveType::F32 => "f32",
        PrimitiveType::F64 => "f64",
        PrimitiveType::Tuple => "tuple",
        PrimitiveType::Bf16 => "bf16",
    }
}

/// The elements as a number, or as nested lists.
fn constant(literal: &Literal) -> String {
    let shape = literal.shape.clone().unwrap_or_default();
    let sixteen = |bytes: &[u8], dtype: DType, value: fn([u8; 2]) -> f64| -> Vec<String> {
        bytes.chunks_exact(2).map(|pair| float(dtype, value([pair[0], pair[1]]))).collect()
    };
    let f16 = |bytes| half::f16::from_le_bytes(bytes).to_f64();
    let bf16 = |bytes| half::bf16::from_le_bytes(bytes).to_f64();
    let texts: Vec<String> = match PrimitiveType::try_from(shape.element_type) {
        Ok(PrimitiveType::Pred) => texts(&literal.preds),
        Ok(PrimitiveType::U8) => texts(&literal.u8s),
        Ok(PrimitiveType::S32) => texts(&literal.s32s),
        Ok(PrimitiveType::U32) => texts(&literal.u32s),
        Ok(PrimitiveType::S64) => texts(&literal.s64s),
        Ok(PrimitiveType::F16) => sixteen(&literal.f16s, DType::F16, f16),
        Ok(PrimitiveType::Bf16) => sixteen(&literal.bf16s, DType::BF16, bf16),
        Ok(PrimitiveType::F32) => literal.f32s.iter().map(|&v| float(DType::F32, v.into())).collect(),
        Ok(PrimitiveType::F64) => literal.f64s.iter().map(|&v| float(DType::F64, v)).collect(),
        Ok(PrimitiveType::Invalid | PrimitiveType::Tuple) | Err(_) => Vec::new(),
    };
    nested(&shape.dimensions, &texts)
}

fn nested(dimensions: &[i64], texts: &[String]) -> String {
    match dimensions.split_first() {
        None => texts.first().cloned().unwrap_or_default(),
        Some((_, [])) => format!("{{{}}}", texts.join(", ")),
        Some((&size, rest)) => {
            let parts = texts.chunks((texts.len() / size.max(1) as usize).max(1));
            format!("{{{}}}", join(parts.map(|part| nested(rest, part))))
        }
    }
}

fn float(dtype: DType, value: f64) -> String {
    match decimal(dtype, value) {
        Some(text) => text,
        None if value.is_nan() => nan(dtype, value),
        None if value > 0.0 => "inf".into(),
        None => "-inf".into(),
    }
}

/// A NaN with its sign, and with the bits of its fraction unless these are the usual ones, the highest alone.
fn nan(dtype: DType, value: f64) -> String {
    let fraction_bits = match dtype {
        DType::F16 => 10,
        DType::BF16 => 7,
        DType::F32 => 23,
        DType::F64 | DType::Pred | DType::U8 | DType::I32 | DType::U32 | DType::I64 => 52,
    };
    let fraction = (value.to_bits() & ((1 << 52) - 1)) >> (52 - fraction_bits);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    match fraction == 1 << (fraction_bits - 1) {
        true => format!("{sign}nan"),
        false => format!("{sign}nan(0x{fraction:x})"),
    }
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(T::to_string).collect()
}

fn numbers(numbers: &[i64]) -> String {
    texts(numbers).join(",")
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
