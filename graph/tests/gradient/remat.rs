//! What the forward loop keeps for the backward loop, and what the backward loop computes again, under each policy.

use graph::{
    BuildResult, Builder, DType, Function, Literal, Remat, ScanInputs, ScanOutputs, Tensor, TensorType,
};

use crate::common::{Random, count, gradient_function, scans};

const LAYERS: usize = 3;

/// Residual feed-forward layers, `h ← h + tanh(swish(h·W) · V)`, in which `h·W` is named `hidden`.
fn layers(b: &Builder, x: &[Tensor], remat: Remat) -> BuildResult {
    let inputs = ScanInputs { length: LAYERS, remat, carries: &x[..1], xs: &x[1..], ..ScanInputs::default() };
    let out = b.scan("layers", inputs, |body| {
        let (b, h) = (body.builder, body.carries[0]);
        let hidden = b.name(b.einsum("i,ij->j", h, body.xs[0])?, "hidden")?;
        let swish = b.mul(hidden, b.logistic(hidden)?)?;
        let out = b.tanh(b.einsum("j,ji->i", swish, body.xs[1])?)?;
        Ok(ScanOutputs { carries: vec![b.add(h, out)?], ys: vec![] })
    })?;
    Ok(out.carries[0])
}

fn inputs() -> [Literal; 3] {
    let mut random = Random(1);
    [
        random.floats(&[4], -1.0, 1.0),
        random.floats(&[LAYERS, 4, 8], -1.0, 1.0),
        random.floats(&[LAYERS, 8, 4], -1.0, 1.0),
    ]
}

/// Types of one layer's kept values, sorted, and the gradient's function.
fn kept(remat: Remat) -> (Vec<String>, Function) {
    let function = gradient_function(&inputs(), &|b, x| layers(b, x, remat.clone()));
    let forward = scans(&function)[0];
    let mut types: Vec<_> =
        forward.body.result_types()[forward.carries..].iter().map(TensorType::to_string).collect();
    types.sort();
    (types, function)
}

fn check(remat: Remat, expected: &[&str], dots: usize, tanh: usize, logistic: usize) {
    let (types, function) = kept(remat.clone());
    assert_eq!(types, expected, "{remat:?}");
    let [_, backward] = scans(&function)[..] else { panic!("two scans") };
    let counts = [dots, tanh, logistic];
    assert_eq!(["dot", "tanh", "logistic"].map(|op| count(&backward.body, op)), counts, "{remat:?}");
}

#[test]
fn none_keeps_all_that_is_read() {
    // The carry, `hidden`, its logistic, their product, and tanh's result.
    check(Remat::None, &["f64[4]", "f64[4]", "f64[8]", "f64[8]", "f64[8]"], 4, 0, 0);
}

#[test]
fn dots_keeps_carries_and_contractions() {
    check(Remat::Dots, &["f64[4]", "f64[4]", "f64[8]"], 4, 1, 1);
}

#[test]
fn full_keeps_carries() {
    check(Remat::Full, &["f64[4]"], 6, 1, 1);
}

#[test]
fn save_keeps_carries_and_the_named() {
    check(Remat::Save(vec!["hidden".into()]), &["f64[4]", "f64[8]"], 5, 1, 1);
    check(Remat::Save(vec!["other".into()]), &["f64[4]"], 6, 1, 1);
}

#[test]
fn a_named_carry_is_kept_once() {
    let x = [Random(2).floats(&[2], -1.0, 1.0)];
    for remat in [Remat::None, Remat::Save(vec!["start".into()])] {
        let function = gradient_function(&x, &|b, x| {
            let inputs = ScanInputs { length: 3, remat: remat.clone(), carries: x, ..ScanInputs::default() };
            let out = b.scan("body", inputs, |body| {
                let (b, carry) = (body.builder, body.carries[0]);
                let h = b.name(carry, "start")?;
                Ok(ScanOutputs { carries: vec![b.add(b.sin(h)?, b.cos(carry)?)?], ys: vec![] })
            })?;
            Ok(out.carries[0])
        });
        assert_eq!(scans(&function)[0].body.results.len(), 2, "{remat:?}: the carry and its stack");
    }
}

#[test]
fn what_the_program_stacks_anyway_is_not_stacked_twice() {
    let x = [Random(3).floats(&[2], -1.0, 1.0)];
    let function = gradient_function(&x, &|b, x| {
        let inputs = ScanInputs { length: 3, carries: x, ..ScanInputs::default() };
        let out = b.scan("body", inputs, |body| {
            let h = body.builder.tanh(body.carries[0])?;
            Ok(ScanOutputs { carries: vec![h], ys: vec![h] })
        })?;
        b.add(out.carries[0], out.ys[0])
    });
    assert_eq!(scans(&function)[0].body.results.len(), 2);
}

#[test]
fn a_narrowed_value_is_kept_narrow() {
    let f32s = |shape: &[usize]| TensorType::new(DType::F32, shape);
    let b = Builder::new("mixed");
    let h = b.param("h", f32s(&[4]), &[]);
    let weights = b.param("weights", f32s(&[LAYERS, 4, 4]).with_dtype(DType::BF16), &[]);
    let inputs = ScanInputs { length: LAYERS, carries: &[h], xs: &[weights], ..ScanInputs::default() };
    let out = b.scan("layers", inputs, |body| {
        let (b, h) = (body.builder, body.carries[0]);
        let narrow = b.convert(b.sin(h)?, DType::BF16)?;
        let product = b.einsum("i,ij->j", narrow, body.xs[0])?;
        Ok(ScanOutputs { carries: vec![b.add(h, b.convert(product, DType::F32)?)?], ys: vec![] })
    });
    let loss = b.sum(out.unwrap().carries[0], &[0]).unwrap();
    for (index, d) in graph::gradient(&b, loss, &[h, weights]).unwrap().into_iter().enumerate() {
        b.output(format!("d{index}"), d);
    }
    let function = crate::common::finish(b);
    let forward = scans(&function)[0];
    let mut types: Vec<_> = forward.body.result_types()[1..].iter().map(TensorType::to_string).collect();
    types.sort();
    // The operand of the dot in bf16, the operand of sin in f32: not sin's result in f32.
    assert_eq!(types, ["bf16[4]", "f32[4]"]);
}
