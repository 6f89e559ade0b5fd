//! Split programs compute what the whole ones do, with the collectives they should have.

use graph::testing::{Options, Random, random_function, random_inputs};
use graph::{
    Builder, DType, DotDims, Function, Literal, Mesh, MeshAxis, Op, Partitioned, Placement, PlacementTable,
    Split, Tensor, TensorType, interpret, interpret_partitioned,
};
use proptest::prelude::*;

use super::{AxisRules, Rules, partition};

fn mesh(axes: &[(&str, usize)]) -> Mesh {
    Mesh { axes: axes.iter().map(|&(name, size)| MeshAxis { name: name.into(), size }).collect() }
}

/// A split written as in `data . model`: for each dimension its axes joined by `+`, or a dot.
fn split(text: &str) -> Split {
    let axes = |dim: &str| if dim == "." { vec![] } else { dim.split('+').map(str::to_owned).collect() };
    text.split_whitespace().map(axes).collect()
}

fn rules() -> Rules {
    let row = |logical: &str, axis: &str| (logical.to_owned(), vec![axis.to_owned()]);
    let activations: AxisRules =
        [row("batch", "data"), row("time", "model"), row("hidden", "model")].into_iter().collect();
    Rules { tables: [(PlacementTable::Activations.name().to_owned(), activations)].into_iter().collect() }
}

/// What a function says to other devices, in order: `all_gather model`.
fn collectives(function: &Function) -> Vec<String> {
    let mut found = Vec::new();
    for node in &function.nodes {
        match &node.op {
            Op::Scan(scan) => {
                let inside = collectives(&scan.body);
                found.extend(inside.into_iter().map(|line| format!("{} x {line}", scan.length)));
            }
            Op::AllReduce { axes, .. }
            | Op::AllGather { axes, .. }
            | Op::ReduceScatter { axes, .. }
            | Op::AllToAll { axes, .. } => {
                let names: Vec<_> = axes.iter().map(|axis| axis.name.as_str()).collect();
                found.push(format!("{} {}", node.op.name(), names.join("+")));
            }
            Op::Permute { axis, .. } => found.push(format!("permute {}", axis.name)),
            _ => {}
        }
    }
    found
}

/// Splits a function over data=2, model=2, compares it with the whole one, and checks its collectives.
#[track_caller]
fn check(
    build: impl Fn(&Builder) -> Result<(), graph::Error>,
    params: &[&str],
    results: &[&str],
    expected: &[&str],
) -> Partitioned {
    let builder = Builder::new("test");
    build(&builder).unwrap();
    let function = builder.finish().unwrap();
    let params: Vec<Split> = params.iter().map(|text| split(text)).collect();
    let results: Vec<Split> = results.iter().map(|text| split(text)).collect();
    let mesh = mesh(&[("data", 2), ("model", 2)]);
    let split = partition(&function, &mesh, &[], &rules(), &params, &results).unwrap();
    let inputs = random_inputs(7, &function, true);
    agree(&function, &split, &inputs).unwrap();
    assert_eq!(collectives(&split.function), expected, "{}", split.function);
    split
}

fn agree(function: &Function, split: &Partitioned, inputs: &[Literal]) -> Result<(), String> {
    let whole = interpret(function, inputs).map_err(|error| error.to_string())?;
    let joined = interpret_partitioned(split, inputs).map_err(|error| error.to_string())?;
    for (output, (whole, joined)) in function.results.iter().zip(whole.iter().zip(&joined)) {
        let same = match (whole.floats(), joined.floats()) {
            (Some(whole), Some(joined)) => whole.iter().zip(joined).all(|(a, b)| {
                a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * a.abs().max(1.0)
            }),
            _ => whole == joined,
        };
        if !same {
            return Err(format!("`{}`: {whole:?} whole, {joined:?} split", output.name));
        }
    }
    Ok(())
}

fn f32s(shape: &[usize]) -> TensorType {
    TensorType::new(DType::F32, shape)
}

fn at(axes: &[&str]) -> Placement {
    Placement { table: PlacementTable::Activations, axes: axes.iter().map(|axis| axis.to_string()).collect() }
}

#[test]
fn elementwise_follows_its_operands() {
    let build = |b: &Builder| {
        let x = b.param("x", f32s(&[4, 6]), &[]);
        let bias = b.param("bias", f32s(&[6]), &[]);
        b.output("y", b.tanh(b.add(x, bias)?)?);
        Ok(())
    };
    check(build, &["data model", "."], &["data model"], &[]);
    check(build, &["data .", "model"], &["data model"], &[]);
    check(build, &["data .", "."], &[". ."], &["all_gather data"]);
    check(build, &["data .", "."], &[". data"], &["all_to_all data"]);
}

#[test]
fn counters_are_made_in_parts() {
    let split = check(
        |b| {
            let x = b.param("x", f32s(&[4, 6]), &[]);
            let count = b.convert(b.iota(TensorType::new(DType::I32, [4, 6]), 1)?, DType::F32)?;
            b.output("y", b.mul(x, b.offset(count, 0.5)?)?);
            Ok(())
        },
        &["data model"],
        &["data model"],
        &[],
    );
    let sliced = split.function.nodes.iter().any(|node| matches!(node.op, Op::DynamicSlice { .. }));
    assert!(!sliced, "{}", split.function);
}

/// Megatron's pair: columns, then rows, one sum at the end.
fn feed_forward(b: &Builder, x: Tensor, sharded: bool) -> Result<Tensor, graph::Error> {
    let (first, second) = (b.param("in", f32s(&[4, 8]), &[]), b.param("out", f32s(&[8, 4]), &[]));
    let (whole, parts) = (at(&["batch", "whole", "width"]), at(&["batch", "time", "width"]));
    let x = if sharded { b.shard(x, whole.clone(), Some(parts.clone()))? } else { x };
    let hidden = b.tanh(b.einsum("btd,df->btf", x, first)?)?;
    let y = b.einsum("btf,fd->btd", hidden, second)?;
    if sharded { b.shard(y, parts, Some(whole)) } else { Ok(y) }
}

#[test]
fn a_matmul_over_a_split_dimension_is_summed_once() {
    let build = |sharded| {
        move |b: &Builder| {
            let x = b.param("x", f32s(&[2, 4, 4]), &[]);
            let y = feed_forward(b, x, sharded)?;
            b.output("y", y);
            Ok(())
        }
    };
    let weights = [". model", "model ."];
    let params = |x| [&[x][..], &weights].concat();
    check(build(false), &params("data . ."), &["data . ."], &["all_reduce model"]);
    check(
        build(true),
        &params("data model ."),
        &["data model ."],
        &["all_gather model", "reduce_scatter model"],
    );
}

/// Forward gathers become backward scatters, and the other way round; the weights' gradients are summed over the data once.
#[test]
fn gradients_of_the_pair() {
    check(
        |b| {
            let x = b.param("x", f32s(&[2, 4, 4]), &[]);
            let y = feed_forward(b, x, true)?;
            let loss = b.sum(b.mul(y, y)?, &[0, 1, 2])?;
            let wrt: Vec<Tensor> = vec![x];
            let gradient = graph::gradient(b, loss, &wrt)?;
            b.output("gradient", gradient[0]);
            Ok(())
        },
        &["data model .", ". model", "model ."],
        &["data model ."],
        &["all_gather model", "reduce_scatter model", "all_gather model", "reduce_scatter model"],
    );
}

#[test]
fn a_sum_in_parts_is_carried_through_a_loop() {
    check(
        |b| {
            let xs = b.param("xs", f32s(&[3, 4, 2]), &[]);
            let start = b.full(&f32s(&[2]), 0.0)?;
            let inputs = graph::ScanInputs { length: 3, carries: &[start], xs: &[xs], ..Default::default() };
            let sums = b.scan("loop", inputs, |body| {
                let b = body.builder;
                let sum = b.add(body.carries[0], b.sum(body.xs[0], &[0])?)?;
                Ok(graph::ScanOutputs { carries: vec![sum], ys: vec![] })
            })?;
            b.output("sum", sums.carries[0]);
            Ok(())
        },
        &[". data ."],
        &["."],
        &["all_reduce data"],
    );
}

#[test]
fn rows_of_a_split_table() {
    let build = |b: &Builder| {
        let table = b.param("table", f32s(&[6, 2]), &[]);
        let rows = b.param("rows", TensorType::new(DType::I32, [4]), &[]);
        let taken = b.take(table, rows)?;
        let loss = b.sum(b.mul(taken, taken)?, &[0, 1])?;
        let gradient = graph::gradient(b, loss, &[table])?;
        b.output("taken", taken);
        b.output("gradient", gradient[0]);
        Ok(())
    };
    // Each device has what its own part of the table adds to the gradient.
    let expected = ["all_reduce model", "reduce_scatter model", "all_reduce data"];
    check(build, &["model .", "data"], &["data .", "model ."], &expected);
}

/// Take clamps them into the table, scatter drops them, whether int32 has room for them or not.
#[test]
fn rows_beyond_a_split_table() {
    for (dtype, rows) in [
        (DType::U32, [1, 7, i64::from(u32::MAX), 1 << 31]),
        (DType::I64, [1, -1, -(1 << 32), (1 << 32) + 1]),
        (DType::I32, [1, -1, i64::from(i32::MIN), i64::from(i32::MAX)]),
        (DType::U8, [1, 5, 6, 255]),
    ] {
        let build = |b: &Builder| {
            let table = b.param("table", f32s(&[6, 2]), &[]);
            let rows = b.constant(Literal::from_ints(TensorType::new(dtype, [4]), rows.to_vec())?)?;
            let taken = b.take(table, rows)?;
            b.output("taken", taken);
            b.output("added", b.scatter_add(table, rows, b.mul(taken, taken)?)?);
            Ok(())
        };
        check(build, &["model ."], &[". .", "model ."], &["all_reduce model", "all_reduce model"]);
    }
}

/// An axis that splits the table's rows cannot split what is added along its columns.
#[test]
fn rows_added_are_split_as_the_table_is() {
    let build = |b: &Builder| {
        let table = b.param("table", f32s(&[4, 4]), &[]);
        let row = b.param("row", TensorType::new(DType::I32, []), &[]);
        let update = b.param("update", f32s(&[4]), &[]);
        b.output("added", b.scatter_add(table, row, update)?);
        Ok(())
    };
    check(build, &["model .", "", "model"], &["model ."], &["all_gather model"]);
    check(build, &["model .", "", "data"], &["model data"], &[]);
}

#[test]
fn sums_of_integers_are_finished_before_they_are_divided() {
    let build = |b: &Builder| {
        let x = b.param("x", TensorType::new(DType::I32, [16, 4]), &[]);
        let sum = b.sum(b.abs(x)?, &[1])?;
        let divisor = b.full(&TensorType::new(DType::I32, [16]), 2.0)?;
        b.output("quotient", b.div(sum, divisor)?);
        Ok(())
    };
    check(build, &["data model"], &["data"], &["all_reduce model"]);
}

#[test]
fn softmax_over_a_split_dimension() {
    check(
        |b| {
            let x = b.param("x", f32s(&[2, 8]), &[]);
            let maximum = b.reduce(graph::Reduction::Max, x, &[1])?;
            let shifted = b.sub(x, b.expand(maximum, 1)?)?;
            let total = b.log(b.sum(b.exp(shifted)?, &[1])?)?;
            b.output("y", b.sub(shifted, b.expand(total, 1)?)?);
            Ok(())
        },
        &["data model"],
        &["data model"],
        &["all_reduce model", "all_reduce model"],
    );
}

#[test]
fn uneven_parts_are_refused_by_name() {
    let builder = Builder::new("f");
    let x = builder.param("layers/attention/query", f32s(&[4, 3]), &["embed", "heads"]);
    builder.output("y", x);
    let function = builder.finish().unwrap();
    let mesh = mesh(&[("data", 2), ("model", 2)]);
    let error = |params: &str| {
        partition(&function, &mesh, &[], &rules(), &[split(params)], &[split(". .")]).unwrap_err().to_string()
    };
    assert_eq!(
        error("data model"),
        "`layers/attention/query`: heads (3) does not fall into 2 equal parts over mesh axis model"
    );
    assert_eq!(
        error("tensor ."),
        "`layers/attention/query`: the mesh has no axis `tensor`; it has data, model"
    );
}

#[test]
fn contractions_of_every_kind() {
    for (l, r, y) in [
        ("data .", ". model", "data model"),
        ("data model", "model .", "data ."),
        ("model data", "data .", "model ."),
        (". model", "data .", ". ."),
        ("model .", ". model", "model ."),
    ] {
        let builder = Builder::new("f");
        let lhs = builder.param("l", f32s(&[4, 8]), &[]);
        let rhs = builder.param("r", f32s(&[8, 6]), &[]);
        let dims = DotDims { lhs_contract: vec![1], rhs_contract: vec![0], ..DotDims::default() };
        builder.output("y", builder.dot(lhs, rhs, dims, DType::F32).unwrap());
        let function = builder.finish().unwrap();
        let mesh = mesh(&[("data", 2), ("model", 2)]);
        let split = partition(&function, &mesh, &[], &rules(), &[split(l), split(r)], &[split(y)]).unwrap();
        agree(&function, &split, &random_inputs(3, &function, true)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any program, its inputs and outputs split in any way, computes what it computes whole.
    #[test]
    fn any_split_of_any_program(seed: u64, nodes in 1usize..40) {
        let dtypes = vec![DType::F64, DType::I32, DType::Pred];
        let function = random_function(seed, &Options { nodes, dtypes, tame: true, collectives: false });
        let mut random = Random::new(seed ^ 0x5eed);
        let mesh = mesh(&[("a", 2), ("b", 2)]);
        let mut any = |ty: &TensorType| -> Split {
            let mut free = vec!["a".to_owned(), "b".to_owned()];
            let mut split = Split::new();
            for &size in &ty.shape {
                let mut axes = Vec::new();
                let mut parts = 1;
                while !free.is_empty() && size % (parts * 2) == 0 && size > 0 && random.once_in(2) {
                    axes.push(free.remove(random.below(free.len())));
                    parts *= 2;
                }
                split.push(axes);
            }
            split
        };
        let params: Vec<Split> = function.param_types().iter().map(&mut any).collect();
        let results: Vec<Split> = function
            .results
            .iter()
            .map(|output| match output.alias {
                Some(param) => params[param].clone(),
                None => any(function.ty(output.value)),
            })
            .collect();
        let split = partition(&function, &mesh, &[], &rules(), &params, &results);
        let split = split.map_err(|error| TestCaseError::fail(format!("{error}\n{function}")))?;
        let inputs = random_inputs(seed, &function, true);
        if let Err(message) = agree(&function, &split, &inputs) {
            return Err(TestCaseError::fail(format!("{message}\n{function}\n{params:?} {results:?}\n{}", split.function)));
        }
    }
}
