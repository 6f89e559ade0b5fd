//! Programs on a device: what stays there, what is used up, and what the errors say.

mod support;

use graph::{Builder, DType, Function, Literal, ScanInputs, ScanOutputs, TensorType};
use runtime::{CompileOptions, Error, Runtime};
use support::{literal, runtime};

/// `w - 0.5 * gradient`, in the memory of `w`, and the sum of the gradient.
fn update(size: usize) -> Function {
    let builder = Builder::new("update");
    let ty = TensorType::new(DType::F32, [size]);
    let w = builder.param("w", ty.clone(), &["embed"]);
    let gradient = builder.param("gradient", ty, &["embed"]);
    let next = builder.sub(w, builder.scale(gradient, 0.5).unwrap()).unwrap();
    builder.output_aliased("w", next, Some(0));
    builder.output("sum", builder.sum(gradient, &[0]).unwrap());
    builder.finish().unwrap()
}

#[test]
fn a_program_describes_itself() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile(&update(1024)).unwrap();
    assert_eq!(program.name(), "update");
    assert_eq!((program.input_index("gradient"), program.input_index("sum")), (Some(1), None));
    assert_eq!((program.output_index("sum"), program.output_index("gradient")), (Some(1), None));
    let donated: Vec<_> = program.inputs().iter().map(|input| input.donated).collect();
    assert_eq!(donated, [true, false]);
    assert_eq!(program.inputs()[0].axes, ["embed"]);
    assert_eq!(program.outputs()[0].alias, Some(0));
    assert_eq!(program.outputs()[1].ty, TensorType::scalar(DType::F32));
    let memory = program.memory().unwrap();
    assert_eq!((memory.arguments, memory.aliased), (2 * 4096, 4096));
    assert!(memory.outputs >= 4096 + 4 && memory.outputs < 4096 + 128, "{memory:?}");
    assert_eq!(memory.total(), memory.arguments + memory.outputs + memory.temporaries - memory.aliased);
    assert!(program.compile_seconds() > 0.0);
}

#[test]
fn state_stays_on_the_device_from_run_to_run() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile(&update(3)).unwrap();
    let mut w = runtime.upload_slice(&[1.0f32, 2.0, 3.0], &[3]).unwrap();
    let gradient = runtime.upload_slice(&[1.0f32, 0.0, -1.0], &[3]).unwrap();
    for _ in 0..4 {
        let mut outputs = program.run(&[&w, &gradient]).unwrap();
        assert!(!w.is_live().unwrap());
        assert!(gradient.is_live().unwrap());
        w = outputs.swap_remove(0);
    }
    w.wait().unwrap();
    assert_eq!(w.to_vec::<f32>().unwrap(), [-1.0, 2.0, 5.0]);
}

#[test]
fn inputs_can_be_kept() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile(&update(2)).unwrap();
    let w = runtime.upload_slice(&[1.0f32, 2.0], &[2]).unwrap();
    for _ in 0..2 {
        // One buffer in two places is no problem when none is given up.
        let outputs = program.run_keeping(&[&w, &w]).unwrap();
        assert_eq!(outputs[0].to_vec::<f32>().unwrap(), [0.5, 1.0]);
        assert_eq!(outputs[1].to_f64().unwrap(), 3.0);
    }
    assert_eq!(w.to_vec::<f32>().unwrap(), [1.0, 2.0]);
}

#[test]
fn arrays_of_every_dtype_make_the_round_trip() {
    let Some(runtime) = runtime() else { return };
    for dtype in DType::ALL {
        let array = literal(dtype, &[2, 2], &[0.0, 1.0, 1.0, 0.0]);
        let buffer = runtime.upload(&array).unwrap();
        assert_eq!(buffer.ty(), array.ty());
        assert_eq!(buffer.to_literal().unwrap(), array);
        assert_eq!(buffer.to_bytes().unwrap(), array.to_bytes());
        let zeros = runtime.zeros(array.ty()).unwrap();
        assert_eq!(zeros.to_literal().unwrap(), literal(dtype, &[2, 2], &[0.0; 4]));
        let one = runtime.upload(&Literal::scalar(dtype, 1.0)).unwrap();
        assert_eq!(one.to_f64().unwrap(), 1.0);
    }
    let numbers = [half::bf16::from_f32(1.5), half::bf16::NEG_INFINITY];
    let buffer = runtime.upload_slice(&numbers, &[1, 2]).unwrap();
    assert_eq!(buffer.ty().to_string(), "bf16[1,2]");
    assert_eq!(buffer.to_vec::<half::bf16>().unwrap(), numbers);
    let transfer = buffer.start_to_host().unwrap();
    assert_eq!(transfer.wait().unwrap().to_f64_vec(), [1.5, f64::NEG_INFINITY]);
}

fn expect(error: Error, message: &str) {
    assert_eq!(error.to_string(), message);
}

#[test]
fn wrong_inputs_are_named() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile(&update(2)).unwrap();
    let w = runtime.upload_slice(&[1.0f32, 2.0], &[2]).unwrap();
    let narrow = runtime.upload_slice(&[1.0f32], &[1]).unwrap();
    let integers = runtime.upload_slice(&[1i32, 2], &[2]).unwrap();
    expect(program.run(&[&w]).unwrap_err(), "program `update` takes 2 inputs, got 1");
    expect(
        program.run(&[&w, &narrow]).unwrap_err(),
        "program `update`: input 1 `gradient` is f32[1], expected f32[2]",
    );
    expect(
        program.run(&[&integers, &w]).unwrap_err(),
        "program `update`: input 0 `w` is i32[2], expected f32[2]",
    );
    expect(
        program.run_literals(&[literal(DType::F32, &[2], &[0.0; 2])]).unwrap_err(),
        "program `update` takes 2 inputs, got 1",
    );
    expect(
        program.run(&[&w, &w]).unwrap_err(),
        "program `update`: inputs 0 and 1 are one buffer, but input 0 `w` gives its memory to an output; upload it twice",
    );
    let gradient = runtime.upload_slice(&[0.0f32, 0.0], &[2]).unwrap();
    // Nothing was used up by the attempts above.
    program.run(&[&w, &gradient]).unwrap();
    expect(
        program.run(&[&w, &gradient]).unwrap_err(),
        "program `update`: input 0 `w` can no longer be used: it was donated to an earlier execution",
    );
    expect(gradient.to_f64().unwrap_err(), "f32[2] is not one number");
    assert!(w.to_vec::<f32>().is_err());
    assert!(runtime.upload_slice(&[1.0f32], &[2]).is_err());
    assert!(runtime.upload_bytes(&TensorType::new(DType::F32, [2]), &[0; 7]).is_err());
    assert!(matches!(gradient.to_vec::<i32>().unwrap_err(), Error::Device(_)));
}

#[test]
fn a_refused_program_names_the_operation() {
    let Some(runtime) = runtime() else { return };
    let function = update(2);
    let code = graph::to_stablehlo(&function).unwrap();
    // The sum of the gradient along a dimension it does not have.
    let broken = code.replace("across dimensions = [0]", "across dimensions = [1]");
    assert_ne!(code, broken);
    let error = runtime.compile_code(&function, broken.as_bytes(), &CompileOptions::default()).unwrap_err();
    let Error::Compile { program, operation, .. } = &error else { panic!("{error}") };
    assert_eq!((program.as_str(), operation.as_deref()), ("update", Some("reduce")), "{error}");
    assert!(error.to_string().starts_with("cannot compile program `update` at `reduce`: "), "{error}");
}

#[test]
fn a_program_with_other_inputs_than_its_function_is_refused() {
    let Some(runtime) = runtime() else { return };
    let code = graph::to_stablehlo(&update(2)).unwrap();
    let error = runtime.compile_code(&update(3), code.as_bytes(), &CompileOptions::default()).unwrap_err();
    assert!(error.to_string().contains("f32[3]"), "{error}");
}

#[test]
fn compiler_options_are_passed_on() {
    let Some(runtime) = runtime() else { return };
    let overrides = vec![("no_such_option".to_owned(), true.into())];
    let options = CompileOptions { overrides, ..Default::default() };
    let error = runtime.compile_with(&update(2), &options).unwrap_err();
    assert!(error.to_string().contains("no_such_option"), "{error}");
}

#[test]
fn bfloat16_programs_compile_and_run() {
    let Some(runtime) = runtime() else { return };
    let builder = Builder::new("narrow");
    let x = builder.param("x", TensorType::new(DType::BF16, [64, 64]), &[]);
    let inputs = ScanInputs { length: 3, carries: &[x], ..Default::default() };
    let scan = |body: graph::ScanBody<'_>| {
        let product = body.builder.einsum("ij,jk->ik", body.carries[0], body.carries[0])?;
        Ok(ScanOutputs { carries: vec![body.builder.tanh(product)?], ys: vec![] })
    };
    let outputs = builder.scan("layers", inputs, scan).unwrap();
    builder.output("y", outputs.carries[0]);
    let function = builder.finish().unwrap();
    let program = runtime.compile(&function).unwrap();
    let x = literal(DType::BF16, &[64, 64], &vec![0.0625; 4096]);
    let expected = graph::interpret(&function, std::slice::from_ref(&x)).unwrap();
    let got = program.run_literals(&[x]).unwrap();
    assert_eq!(support::difference(&expected[0], &got[0], 1.6e-2), None);
}

#[test]
fn many_threads_share_a_runtime() {
    let Some(runtime) = runtime() else { return };
    let program = runtime.compile(&update(4)).unwrap();
    let run = |runtime: &Runtime, scale: f32| {
        let w = runtime.upload_slice(&[scale; 4], &[4]).unwrap();
        let gradient = runtime.upload_slice(&[2.0f32; 4], &[4]).unwrap();
        let outputs = program.run(&[&w, &gradient]).unwrap();
        assert_eq!(outputs[0].to_vec::<f32>().unwrap(), [scale - 1.0; 4]);
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let run = &run;
            scope.spawn(move || (0..50).for_each(|step| run(runtime, (thread * 100 + step) as f32)));
        }
    });
}
