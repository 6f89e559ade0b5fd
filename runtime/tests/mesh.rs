//! Programs on meshes of virtual devices: whole arrays go in and come out, and parts stay where they are.

mod support;

use std::sync::OnceLock;

use graph::testing::{Random, size};
use graph::{
    BuildResult, Builder, DType, Function, Literal, Mesh, MeshAxis, Partitioned, Reduction, Split, Tensor,
    TensorType,
};
use runtime::{
    CompileOptions, DeviceKind, DeviceLayout, Error, Format, QUICK_FLAGS, Runtime, RuntimeOptions,
};
use support::{difference, literal, tolerance};

const DEVICES: usize = 8;

/// The CPU runtime with eight virtual devices; `None`, with a message, when no plugin is on this machine.
fn runtime() -> Option<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let find = || {
        let xla_flags = size::either(QUICK_FLAGS, &[]);
        let options = RuntimeOptions { virtual_devices: Some(DEVICES), xla_flags, ..Default::default() };
        let runtime = Runtime::find_with(DeviceKind::Cpu, &options).unwrap();
        if runtime.is_none() {
            eprintln!("skipped: no CPU plugin (`gopher runtime install cpu` fetches it)");
        }
        runtime
    };
    RUNTIME.get_or_init(find).as_ref()
}

fn axis(name: &str, size: usize) -> MeshAxis {
    MeshAxis { name: name.into(), size }
}

fn mesh(axes: &[(&str, usize)]) -> Mesh {
    Mesh { axes: axes.iter().map(|&(name, size)| axis(name, size)).collect() }
}

fn split(dims: &[&[&str]]) -> Split {
    dims.iter().map(|axes| axes.iter().map(|&axis| axis.to_owned()).collect()).collect()
}

fn f32s(shape: &[usize]) -> TensorType {
    TensorType::new(DType::F32, shape)
}

/// A function of one input and output, each split as said.
fn unary(
    axes: &[(&str, usize)],
    shard: TensorType,
    [input, output]: [&[&[&str]]; 2],
    body: impl FnOnce(&Builder, Tensor) -> BuildResult,
) -> Partitioned {
    let b = Builder::new("unary");
    let x = b.param("x", shard, &[]);
    b.output("y", body(&b, x).unwrap());
    let function = b.finish().unwrap();
    Partitioned { function, mesh: mesh(axes), params: vec![split(input)], results: vec![split(output)] }
}

/// The program gives what the interpreter says.
#[track_caller]
fn check(runtime: &Runtime, partitioned: &Partitioned) {
    let mut random = Random::new(7);
    let types = partitioned.param_types().unwrap();
    let inputs: Vec<Literal> = types.iter().map(|ty| random.literal(ty, true)).collect();
    let expected = graph::interpret_partitioned(partitioned, &inputs).unwrap();
    let program = runtime.compile_partitioned(partitioned, &CompileOptions::default()).unwrap();
    let got = program.run_literals(&inputs).unwrap();
    for (expected, got) in expected.iter().zip(&got) {
        // Sums are made in another order.
        assert_eq!(difference(expected, got, 8.0 * tolerance(expected.ty().dtype)), None);
    }
}

#[test]
fn collectives_are_those_of_the_interpreter() {
    let Some(runtime) = runtime() else { return };
    let (data, model, stage) = (axis("data", 2), axis("model", 2), axis("stage", 2));
    let four = [("data", 2), ("model", 2)];
    let eight = [("stage", 2), ("data", 2), ("model", 2)];
    for dtype in [DType::F32, DType::BF16, DType::I32] {
        let ty = |shape: &[usize]| TensorType::new(dtype, shape);
        for kind in [Reduction::Sum, Reduction::Max, Reduction::Min] {
            let over = [data.clone()];
            let layouts: [&[&[&str]]; 2] = [&[&["data"], &["model"]], &[&[], &["model"]]];
            check(runtime, &unary(&four, ty(&[3, 2]), layouts, |b, x| b.all_reduce(kind, x, &over)));
        }
        let both = [model.clone(), stage.clone()];
        let gathered: [&[&[&str]]; 2] = [&[&["model", "stage"]], &[&[]]];
        check(runtime, &unary(&eight, ty(&[3]), gathered, |b, x| b.all_gather(x, 0, &both)));
        let everywhere: [&[&[&str]]; 2] = [&[&["stage", "data", "model"]], &[&["data", "model", "stage"]]];
        check(runtime, &unary(&eight, ty(&[12]), everywhere, |b, x| b.reduce_scatter(x, 0, &both)));
        let turned: [&[&[&str]]; 2] = [&[&["data"], &[]], &[&[], &["data"]]];
        let over = [data.clone()];
        check(runtime, &unary(&four, ty(&[2, 6]), turned, |b, x| b.all_to_all(x, 1, 0, &over)));
        for shift in [1, -1] {
            let kept: [&[&[&str]]; 2] = [&[&["stage"], &["model"]]; 2];
            check(runtime, &unary(&eight, ty(&[1, 2]), kept, |b, x| b.permute(x, stage.clone(), shift)));
        }
    }
    let numbered: [&[&[&str]]; 2] = [&[&["stage", "data"], &["model"]]; 2];
    let numbers = |b: &Builder, x| {
        let place = |axis: &MeshAxis, by| b.scale(b.axis_index(axis.clone())?, by);
        let number = b.add(place(&stage, 100.0)?, b.add(place(&data, 10.0)?, place(&model, 1.0)?)?)?;
        b.add(x, b.broadcast(number, &[1, 1], &[])?)
    };
    check(runtime, &unary(&eight, TensorType::new(DType::I32, [1, 1]), numbered, numbers));
}

/// `w - 0.5 * gradient`, in the memory of `w`, where the gradient is the mean of `y - x w` over a batch: on one device,
/// or with the batch split over "data" and columns of `w` over "model".
fn step(batch: usize, columns: usize, data: Option<MeshAxis>) -> Function {
    let b = Builder::new("step");
    let w = b.param("w", f32s(&[3, columns]), &["embed", "heads"]);
    let x = b.param("x", f32s(&[batch, 3]), &["batch", "embed"]);
    let rate = b.param("rate", f32s(&[]), &[]);
    let over_batch = |x: Tensor| match &data {
        Some(data) => b.all_reduce(Reduction::Sum, x, std::slice::from_ref(data)),
        None => Ok(x),
    };
    let build = || -> Result<(), graph::Error> {
        let y = b.einsum("ij,jk->ik", x, w)?;
        let gradient = over_batch(b.einsum("ij,ik->jk", x, y)?)?;
        let rate = b.broadcast(rate, &[3, columns], &[])?;
        b.output_aliased("w", b.sub(w, b.mul(rate, gradient)?)?, Some(0));
        b.output("y", y);
        b.output("norm", over_batch(b.sum(b.mul(x, x)?, &[0, 1])?)?);
        Ok(())
    };
    build().unwrap();
    b.finish().unwrap()
}

/// The step of a batch of 8 and 4 columns on a mesh "data" × "model".
fn step_on(data: usize, model: usize) -> Partitioned {
    let function = step(8 / data, 4 / model, Some(axis("data", data)));
    let w = split(&[&[], &["model"]]);
    Partitioned {
        function,
        mesh: mesh(&[("data", data), ("model", model)]),
        params: vec![w.clone(), split(&[&["data"], &[]]), vec![]],
        results: vec![w, split(&[&["data"], &["model"]]), vec![]],
    }
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index as f32 * 0.7).sin()).collect()
}

#[test]
fn a_step_gives_the_same_on_every_mesh() {
    let Some(runtime) = runtime() else { return };
    let whole = step(8, 4, None);
    let literals = [(&[3, 4][..], 12), (&[8, 3], 24), (&[], 1)].map(|(shape, count)| {
        literal(DType::F32, shape, &numbers(count + 1)[1..].iter().map(|&x| x.into()).collect::<Vec<_>>())
    });
    let expected = graph::interpret(&whole, &literals).unwrap();
    let one = runtime.compile(&whole).unwrap().run_literals(&literals).unwrap();
    for (data, model) in [(1, 1), (2, 1), (2, 2), (1, 4), (8, 1), (4, 2), (2, 4)] {
        let program = runtime.compile_partitioned(&step_on(data, model), &CompileOptions::default()).unwrap();
        let got = program.run_literals(&literals).unwrap();
        for ((expected, one), got) in expected.iter().zip(&one).zip(&got) {
            assert_eq!(difference(expected, got, 1e-5), None, "{data} × {model}");
            assert_eq!(difference(one, got, 1e-5), None, "{data} × {model}");
        }
    }
}

#[test]
fn a_program_on_a_mesh_describes_itself() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile_partitioned(&step_on(2, 2), &CompileOptions::default()).unwrap();
    let [w, x, rate] = program.inputs() else { panic!("three inputs") };
    // Whole arrays.
    assert_eq!([&w.ty, &x.ty, &rate.ty].map(ToString::to_string), ["f32[3,4]", "f32[8,3]", "f32[]"]);
    assert_eq!(w.layout.to_string(), "[-, model] over data=2,model=2");
    assert_eq!(rate.layout.to_string(), "[] over data=2,model=2");
    assert_eq!((w.donated, x.donated, &w.axes[..]), (true, false, &["embed".into(), "heads".into()][..]));
    let y = &program.outputs()[1];
    assert_eq!(
        (y.ty.to_string(), y.layout.to_string()),
        ("f32[8,4]".into(), "[data, model] over data=2,model=2".into())
    );
    assert_eq!(program.outputs()[0].alias, Some(0));
    assert_eq!(program.devices(), [0, 1, 2, 3]);
    assert_eq!(program.interface(), &runtime::Interface::of_partitioned(&step_on(2, 2), None).unwrap());
    // Of each device: half of `w`, half of `x`, and the number.
    let memory = program.memory().unwrap();
    assert_eq!((memory.arguments, memory.aliased), (24 + 48 + 4, 24));
}

#[test]
fn state_stays_on_its_devices_from_run_to_run() {
    let Some(runtime) = runtime() else { return };
    let one = runtime.compile(&step(8, 4, None)).unwrap();
    let many = runtime.compile_partitioned(&step_on(2, 4), &CompileOptions::default()).unwrap();
    let [expected, got] = [&one, &many].map(|program| {
        let mut w = program.upload_slice(0, &numbers(12)).unwrap();
        let x = program.upload_slice(1, &numbers(24)).unwrap();
        let rate = program.upload_slice(2, &[0.01f32]).unwrap();
        let mut norms = Vec::new();
        // More than can be under way at once.
        for _ in 0..100 {
            let mut outputs = program.run(&[&w, &x, &rate]).unwrap();
            assert!(!w.is_live().unwrap() && x.is_live().unwrap());
            norms.push(outputs[2].start_to_host().unwrap());
            w = outputs.swap_remove(0);
        }
        w.wait().unwrap();
        let norms: Vec<f64> = norms.into_iter().map(|norm| norm.wait().unwrap().to_f64_vec()[0]).collect();
        assert!(norms.iter().all(|&norm| norm == norms[0]));
        w.to_literal().unwrap()
    });
    assert_eq!(difference(&expected, &got, 1e-5), None);
}

/// Runs that are started side by side do not wait for each other's parts for ever.
#[test]
fn many_threads_share_the_devices() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile_partitioned(&step_on(4, 2), &CompileOptions::default()).unwrap();
    let run = || {
        let x = program.upload_slice(1, &numbers(24)).unwrap();
        let rate = program.upload_slice(2, &[0.01f32]).unwrap();
        let mut w = program.upload_slice(0, &numbers(12)).unwrap();
        for _ in 0..20 {
            w = program.run(&[&w, &x, &rate]).unwrap().swap_remove(0);
        }
        w.to_bytes().unwrap()
    };
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(results.iter().all(|result| *result == results[0]));
}

#[test]
fn inputs_can_be_kept_on_a_mesh() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile_partitioned(&step_on(2, 2), &CompileOptions::default()).unwrap();
    let w = program.upload_slice(0, &numbers(12)).unwrap();
    let x = program.upload_slice(1, &numbers(24)).unwrap();
    let rate = program.upload_slice(2, &[0.0f32]).unwrap();
    for _ in 0..2 {
        let outputs = program.run_keeping(&[&w, &x, &rate]).unwrap();
        assert_eq!(outputs[0].to_vec::<f32>().unwrap(), numbers(12));
    }
    assert_eq!(w.to_vec::<f32>().unwrap(), numbers(12));
}

#[test]
fn arrays_of_every_dtype_make_the_round_trip_over_a_mesh() {
    let Some(runtime) = runtime() else { return };
    let axes = mesh(&[("stage", 2), ("data", 2), ("model", 2)]);
    let layouts = [
        DeviceLayout::single(2),
        DeviceLayout::replicated(&axes, 2).unwrap(),
        DeviceLayout::new(&axes, split(&[&["model"], &[]])).unwrap(),
        DeviceLayout::new(&axes, split(&[&["model", "stage"], &["data"]])).unwrap(),
        DeviceLayout::new(&axes, split(&[&[], &["data"]]))
            .unwrap()
            .on_devices(&[7, 0, 6, 1, 5, 2, 4, 3])
            .unwrap(),
    ];
    for dtype in DType::ALL {
        let values: Vec<f64> = (0..16).map(|index| f64::from(index % 3 % 2)).collect();
        let array = literal(dtype, &[4, 4], &values);
        for layout in &layouts {
            let buffer = runtime.upload_with(&array, layout).unwrap();
            assert_eq!((buffer.ty(), buffer.layout()), (array.ty(), layout));
            assert_eq!(buffer.shards().len(), layout.devices().len());
            assert_eq!(buffer.to_literal().unwrap(), array, "{dtype} {layout}");
            assert_eq!(buffer.to_bytes().unwrap(), array.to_bytes());
            let zeros = runtime.zeros_with(array.ty(), layout).unwrap();
            assert_eq!(zeros.to_literal().unwrap(), literal(dtype, &[4, 4], &[0.0; 16]));
        }
    }
    let parts = runtime.upload_bytes_with(&f32s(&[4, 4]), &[0; 64], &layouts[3]).unwrap();
    let types: Vec<_> = parts.shards().iter().map(|part| part.array_type().to_string()).collect();
    assert_eq!(types, ["f32[1,2]"; 8]);
}

#[test]
fn the_order_of_devices_can_be_given() {
    let Some(runtime) = runtime() else { return };
    let options = CompileOptions { devices: Some(vec![5, 1, 7, 2]), ..Default::default() };
    let scattered = runtime.compile_partitioned(&step_on(2, 2), &options).unwrap();
    let ordered = runtime.compile_partitioned(&step_on(2, 2), &CompileOptions::default()).unwrap();
    assert_eq!(scattered.devices(), [5, 1, 7, 2]);
    let upload = |program: &runtime::Program| {
        let x = program.upload_slice(1, &numbers(24)).unwrap();
        [program.upload_slice(0, &numbers(12)).unwrap(), x, program.upload_slice(2, &[0.1f32]).unwrap()]
    };
    let [w, x, rate] = upload(&scattered);
    let ids: Vec<_> = w.shards().iter().map(|part| part.device().id()).collect();
    let expected: Vec<_> = [5, 1, 7, 2].map(|number: usize| runtime.devices()[number].id()).to_vec();
    assert_eq!(ids, expected);
    let got = scattered.run(&[&w, &x, &rate]).unwrap();
    let [w2, x2, rate2] = upload(&ordered);
    let expected = ordered.run(&[&w2, &x2, &rate2]).unwrap();
    for (expected, got) in expected.iter().zip(&got) {
        assert_eq!(got.to_bytes().unwrap(), expected.to_bytes().unwrap());
    }
    expect(
        ordered.run(&[&got[0], &x2, &rate2]).unwrap_err(),
        "program `step`: input 0 `w` lies as [-, model] over data=2,model=2 on devices [5, 1, 7, 2], \
         expected as [-, model] over data=2,model=2",
    );
}

#[track_caller]
fn expect(error: Error, message: &str) {
    assert_eq!(error.to_string(), message);
}

#[test]
fn inputs_that_lie_elsewhere_are_named_with_both_layouts() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile_partitioned(&step_on(2, 2), &CompileOptions::default()).unwrap();
    let w = program.upload_slice(0, &numbers(12)).unwrap();
    let x = program.upload_slice(1, &numbers(24)).unwrap();
    let rate = program.upload_slice(2, &[0.1f32]).unwrap();
    let here = runtime.upload_slice(&numbers(24), &[8, 3]).unwrap();
    expect(
        program.run(&[&w, &here, &rate]).unwrap_err(),
        "program `step`: input 1 `x` lies on one device, expected as [data, -] over data=2,model=2",
    );
    let by_model = x.layout().with_split(split(&[&["model"], &[]])).unwrap();
    let by_model = runtime.upload_bytes_with(x.ty(), &x.to_bytes().unwrap(), &by_model).unwrap();
    expect(
        program.run(&[&w, &by_model, &rate]).unwrap_err(),
        "program `step`: input 1 `x` lies as [model, -] over data=2,model=2, expected as [data, -] over \
         data=2,model=2",
    );
    let one = runtime.compile(&step(8, 4, None)).unwrap();
    expect(
        one.run(&[&w, &here, &rate]).unwrap_err(),
        "program `step`: input 0 `w` lies as [-, model] over data=2,model=2, expected on one device",
    );
    // The names of axes do not matter, nor do those of a single device.
    let alike = DeviceLayout::new(&mesh(&[("x", 2), ("y", 2)]), split(&[&["x"], &[]])).unwrap();
    let alike = runtime.upload_bytes_with(x.ty(), &x.to_bytes().unwrap(), &alike).unwrap();
    let outputs = program.run(&[&w, &alike, &rate]).unwrap();
    assert_eq!(
        outputs[2].to_f64().unwrap(),
        program.run(&[&outputs[0], &x, &rate]).unwrap()[2].to_f64().unwrap()
    );
    expect(
        program.run(&[&w, &x, &rate]).unwrap_err(),
        "program `step`: input 0 `w` can no longer be used: it was donated to an earlier execution",
    );
}

#[test]
fn uploads_that_do_not_fit_an_input_are_named() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile_partitioned(&step_on(2, 2), &CompileOptions::default()).unwrap();
    let upload = |index, count: usize| program.upload_slice(index, &vec![0f32; count]).unwrap_err();
    expect(upload(3, 1), "program `step` has 3 inputs, and no input 3");
    expect(upload(1, 23), "program `step`: input 1 `x` is f32[8,3], which takes 96 bytes, got 92");
    expect(
        program.upload_slice(1, &[0i32; 24]).unwrap_err(),
        "program `step`: input 1 `x` is i32[24], expected f32[8,3]",
    );
    expect(
        program.upload(2, &literal(DType::F32, &[1], &[0.0])).unwrap_err(),
        "program `step`: input 2 `rate` is f32[1], expected f32[]",
    );
    expect(
        program.upload_bytes(2, &[0; 5]).unwrap_err(),
        "program `step`: input 2 `rate` is f32[], which takes 4 bytes, got 5",
    );
    let layout = &program.inputs()[1].layout;
    expect(
        runtime.zeros_with(&f32s(&[7, 3]), layout).unwrap_err(),
        "impossible layout: dimension 0 of f32[7,3] does not split into 2 equal parts ([data, -] over \
         data=2,model=2)",
    );
}

#[test]
fn what_this_process_cannot_run_is_refused_before_it_is_compiled() {
    let Some(runtime) = runtime() else { return };
    let wide = unary(&[("data", 16)], f32s(&[2]), [&[&["data"]]; 2], |_, x| Ok(x));
    let compile = |partitioned: &Partitioned, options: CompileOptions| {
        runtime.compile_partitioned(partitioned, &options).unwrap_err()
    };
    expect(
        compile(&wide, CompileOptions::default()),
        "program `unary` is for 16 devices, and the cpu plugin offers 8 to this process; start it with 16 virtual \
         devices",
    );
    let layout = DeviceLayout::new(&wide.mesh, split(&[&["data"]])).unwrap();
    expect(
        runtime.zeros_with(&f32s(&[16]), &layout).unwrap_err(),
        "an array f32[16] that lies [data] over data=16 is for 16 devices, and the cpu plugin offers 8 to this \
         process; start it with 16 virtual devices",
    );
    let hlo = CompileOptions { format: Format::HloProto, ..Default::default() };
    expect(
        compile(&step_on(2, 2), hlo),
        "program `step` is for a mesh of devices, which only StableHLO can say: compile it from that",
    );
    let devices = CompileOptions { devices: Some(vec![0, 1]), ..Default::default() };
    expect(
        compile(&step_on(2, 2), devices),
        "impossible layout: 2 devices for the 4 positions of data=2,model=2",
    );
    let mut broken = step_on(2, 2);
    broken.params.pop();
    expect(
        compile(&broken, CompileOptions::default()),
        "impossible layout: program `step` has 3 inputs and splits for 2",
    );
}

#[test]
fn code_that_splits_otherwise_than_its_function_is_refused() {
    let Some(runtime) = runtime() else { return };
    let code = graph::to_stablehlo_partitioned(&step_on(4, 1)).unwrap();
    let error = runtime.compile_partitioned_code(&step_on(1, 4), code.as_bytes(), &CompileOptions::default());
    expect(error.unwrap_err(), "program `step`: input 0 `w` is f32[3,4] on each device, expected f32[3,1]");
}

/// A table of six rows, of which three are given: each part is asked for once, as far as it is given, and the rest is zero.
#[test]
fn rows_that_are_not_given_are_zero() {
    let Some(runtime) = runtime() else { return };
    let layout = DeviceLayout::new(&mesh(&[("data", 2), ("model", 3)]), split(&[&["model"], &[]])).unwrap();
    let mut asked = Vec::new();
    let buffer = runtime.upload_padded::<Error>(&f32s(&[6, 2]), &layout, 3, |ranges, bytes| {
        asked.push(ranges.to_vec());
        let numbers = ranges[0].clone().flat_map(|row| [row as f32 + 1.0, -1.0]);
        bytes.copy_from_slice(&numbers.flat_map(f32::to_le_bytes).collect::<Vec<_>>());
        Ok(())
    });
    let expected = [1.0, -1.0, 2.0, -1.0, 3.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(buffer.unwrap().to_vec::<f32>().unwrap(), expected);
    assert_eq!(asked, [[0..2, 0..2], [2..3, 0..2]]);
}
