//! What the devices of a mesh exchange, at the edges and inside loops: compiled from Shardy's form and run on virtual
//! devices, it is what the interpreter says, and XLA's own parser reads it as HLO text.

mod support;

use std::sync::OnceLock;

use graph::testing::size;
use graph::{
    BuildResult, Builder, DType, DotDims, Literal, Mesh, MeshAxis, Partitioned, Reduction, Remat, ScanBody,
    ScanInputs, ScanOutputs, Split, Tensor, TensorType, gradient, interpret_partitioned,
};
use runtime::{CompileOptions, DeviceKind, QUICK_FLAGS, Runtime, RuntimeOptions};
use support::{difference, literal, reader, tolerance};

/// The CPU runtime with eight virtual devices; `None`, with a message, when no plugin is on this machine.
fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let find = || {
        let xla_flags = size::either(QUICK_FLAGS, &[]);
        let options = RuntimeOptions { virtual_devices: Some(8), xla_flags, ..Default::default() };
        let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
        if runtime.is_none() {
            eprintln!("skipped: no CPU plugin (`gopher runtime install cpu` fetches it)");
        }
        runtime
    };
    RUNTIME.get_or_init(find).as_ref()
}

/// Compares the compiled program with the interpreter, and has its HLO text read if there is a reader.
#[track_caller]
fn check(program: &Partitioned, inputs: &[Literal], tolerance: f64) {
    let expected = interpret_partitioned(program, inputs).unwrap();
    let hlo = graph::to_hlo_text_partitioned(program).unwrap();
    if let Some(Err(message)) = reader::read(&hlo) {
        panic!("HLO text is refused: {message}\n{hlo}");
    }
    let Some(runtime) = runtime() else { return };
    let text = graph::to_stablehlo_partitioned(program).unwrap();
    let compiled = runtime.compile_partitioned(program, &CompileOptions::default());
    let compiled = compiled.unwrap_or_else(|error| panic!("{error}\n{text}"));
    let got = compiled.run_literals(inputs).unwrap();
    for ((expected, got), output) in expected.iter().zip(&got).zip(&program.function.results) {
        if let Some(difference) = difference(expected, got, tolerance) {
            panic!("`{}`: {difference}\n{text}", output.name);
        }
    }
}

fn mesh(axes: &[(&str, usize)]) -> Mesh {
    let axis = |&(name, size): &(&str, usize)| MeshAxis { name: name.into(), size };
    Mesh { axes: axes.iter().map(axis).collect() }
}

fn axis(mesh: &Mesh, name: &str) -> MeshAxis {
    mesh.axis(name).expect("an axis of the mesh").clone()
}

fn split(dims: &[&[&str]]) -> Split {
    dims.iter().map(|axes| axes.iter().map(|axis| axis.to_string()).collect()).collect()
}

/// Meshes of 4 and of 8 devices.
fn meshes() -> [Mesh; 2] {
    [mesh(&[("data", 2), ("model", 2)]), mesh(&[("data", 4), ("model", 2)])]
}

fn counts(dtype: DType, shape: &[usize]) -> Literal {
    let elements: usize = shape.iter().product();
    let values: Vec<f64> = (0..elements).map(|index| (index % 120) as f64 * 0.5).collect();
    literal(dtype, shape, &values)
}

/// Runs `body` on each device's part of one input, split by `data` and `model`; the output is split likewise.
#[track_caller]
fn on_parts(mesh: &Mesh, dtype: DType, body: impl Fn(&Builder, Tensor) -> BuildResult) {
    let (data, model) = (axis(mesh, "data").size, axis(mesh, "model").size);
    let builder = Builder::new("exchange");
    let x = builder.param("x", TensorType::new(dtype, [8, 8]), &[]);
    builder.output("y", body(&builder, x).unwrap());
    let both = split(&[&["data"], &["model"]]);
    let (params, results) = (vec![both.clone()], vec![both]);
    let program = Partitioned { function: builder.finish().unwrap(), mesh: mesh.clone(), params, results };
    check(&program, &[counts(dtype, &[8 * data, 8 * model])], tolerance(dtype));
}

#[test]
fn groups_along_several_axes_in_either_order() {
    for mesh in meshes() {
        let (data, model) = (axis(&mesh, "data"), axis(&mesh, "model"));
        for axes in [[data.clone(), model.clone()], [model, data]] {
            on_parts(&mesh, DType::I32, |b, x| b.all_reduce(Reduction::Sum, x, &axes));
            on_parts(&mesh, DType::U8, |b, x| b.all_gather(x, 0, &axes));
            on_parts(&mesh, DType::BF16, |b, x| b.reduce_scatter(x, 1, &axes));
            on_parts(&mesh, DType::F32, |b, x| b.all_to_all(x, 0, 1, &axes));
        }
    }
}

#[test]
fn parts_cut_and_joined_along_any_dimensions() {
    for mesh in meshes() {
        let data = [axis(&mesh, "data")];
        on_parts(&mesh, DType::I32, |b, x| b.all_to_all(x, 1, 0, &data));
        on_parts(&mesh, DType::BF16, |b, x| b.all_to_all(x, 0, 0, &data));
        let twice = |b: &Builder, x| b.all_to_all(b.all_to_all(x, 0, 1, &data)?, 1, 0, &data);
        on_parts(&mesh, DType::F32, twice);
    }
}

#[test]
fn what_moves_beyond_the_ends_of_an_axis_is_lost() {
    for mesh in meshes() {
        let data = axis(&mesh, "data");
        for shift in [1, -1, 2, data.size as i64, i64::MIN, 0] {
            on_parts(&mesh, DType::F32, |b, x| b.permute(x, data.clone(), shift));
        }
    }
}

#[test]
fn axes_of_one_position_change_nothing() {
    let mesh = mesh(&[("data", 2), ("stage", 1), ("model", 2)]);
    let stage = axis(&mesh, "stage");
    let alone = [stage.clone()];
    on_parts(&mesh, DType::F32, |b, x| b.all_reduce(Reduction::Sum, b.all_gather(x, 0, &alone)?, &alone));
    on_parts(&mesh, DType::F32, |b, x| b.permute(x, stage.clone(), 1));
    let both = [stage.clone(), axis(&mesh, "data")];
    on_parts(&mesh, DType::F32, |b, x| b.reduce_scatter(x, 0, &both));
    on_parts(&mesh, DType::I32, |b, x| b.add(x, b.axis_index(stage.clone())?));
}

/// Whole inputs and outputs in every way of splitting a dimension, and not splitting it.
#[test]
fn inputs_and_outputs_come_back_as_they_were() {
    for mesh in meshes() {
        let (data, model) = (axis(&mesh, "data").size, axis(&mesh, "model").size);
        let builder = Builder::new("round_trip");
        let splits = [
            (split(&[&[], &[]]), [1, 1]),
            (split(&[&["data"], &[]]), [data, 1]),
            (split(&[&[], &["model"]]), [1, model]),
            (split(&[&["data", "model"], &[]]), [data * model, 1]),
            (split(&[&[], &["model", "data"]]), [1, data * model]),
        ];
        let mut inputs = Vec::new();
        for (index, (_, parts)) in splits.iter().enumerate() {
            let x = builder.param(format!("x{index}"), TensorType::new(DType::F32, [2, 3]), &[]);
            builder.output(format!("y{index}"), builder.neg(x).unwrap());
            inputs.push(counts(DType::F32, &[2 * parts[0], 3 * parts[1]]));
        }
        let splits: Vec<Split> = splits.into_iter().map(|(split, _)| split).collect();
        let function = builder.finish().unwrap();
        check(&Partitioned { function, mesh, params: splits.clone(), results: splits }, &inputs, 0.0);
    }
}

/// Layers whose weights are gathered, matmuls summed over devices, and a stream that moves on from device to device;
/// with its derivative.
#[test]
fn loops_that_exchange_values() {
    for mesh in meshes() {
        let (data, model) = (axis(&mesh, "data"), axis(&mesh, "model"));
        let builder = Builder::new("layers");
        let x = builder.param("x", TensorType::new(DType::F32, [2, 4]), &[]);
        let w = builder.param("w", TensorType::new(DType::F32, [3, 2, 4]), &[]);
        let inputs = ScanInputs {
            length: 3,
            reverse: false,
            remat: Remat::Full,
            carries: &[x],
            xs: &[w],
            constants: &[],
        };
        let (over_data, over_model) = ([data.clone()], [model.clone()]);
        let layer = |body: ScanBody<'_>| {
            let b = body.builder;
            let weights = b.all_gather(body.xs[0], 0, &over_model)?;
            let dims = DotDims { lhs_contract: vec![1], rhs_contract: vec![0], ..DotDims::default() };
            let product = b.dot(body.carries[0], weights, dims, DType::F32)?;
            let product = b.tanh(b.scale(product, 0.01)?)?;
            let sum = b.all_reduce(Reduction::Sum, product, &over_data)?;
            let next = b.add(b.permute(product, data.clone(), 1)?, sum)?;
            let part = b.reduce_scatter(next, 1, &over_model)?;
            Ok(ScanOutputs { carries: vec![next], ys: vec![part] })
        };
        let outputs = builder.scan("layer", inputs, layer).unwrap();
        let end = builder.sum(outputs.carries[0], &[0, 1]).unwrap();
        let parts = builder.sum(outputs.ys[0], &[0, 1, 2]).unwrap();
        let loss = builder.add(end, parts).unwrap();
        let gradients = gradient(&builder, loss, &[x, w]).unwrap();
        builder.output("stack", outputs.ys[0]);
        builder.output_aliased("x", gradients[0], Some(0));
        builder.output("w", gradients[1]);
        let (of_x, of_w) = (split(&[&["data"], &["model"]]), split(&[&["data"], &["model"], &[]]));
        let program = Partitioned {
            function: builder.finish().unwrap(),
            params: vec![of_x.clone(), of_w.clone()],
            results: vec![split(&[&["data"], &[], &["model"]]), of_x, of_w],
            mesh: mesh.clone(),
        };
        let inputs = [
            counts(DType::F32, &[2 * data.size, 4 * model.size]),
            counts(DType::F32, &[3 * data.size, 2 * model.size, 4]),
        ];
        check(&program, &inputs, 1e-5);
    }
}
