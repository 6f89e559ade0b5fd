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
fn none_keeps_all_that_is_read_and_costs_something() {
    // The carry, `hidden`, its logistic, and tanh's result; not the product of two of them, which is at hand.
    check(Remat::None, &["f64[4]", "f64[4]", "f64[8]", "f64[8]"], 4, 0, 0);
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

/// Types that a loop of one carry keeps, whose body is `step` of the carry and a constant like it, sorted.
fn kept_by(ty: TensorType, step: &dyn Fn(&Builder, Tensor, Tensor) -> BuildResult) -> Vec<String> {
    let b = Builder::new("kept");
    let carry = b.param("carry", ty.clone(), &[]);
    let inputs = ScanInputs { length: 3, carries: &[carry], constants: &[carry], ..ScanInputs::default() };
    let out = b.scan("body", inputs, |body| {
        let next = step(body.builder, body.carries[0], body.constants[0])?;
        Ok(ScanOutputs { carries: vec![next], ys: vec![] })
    });
    let dims: Vec<_> = (0..ty.rank()).collect();
    let loss = b.convert(b.sum(out.unwrap().carries[0], &dims).unwrap(), DType::F32).unwrap();
    b.output("d", graph::gradient(&b, loss, &[carry]).unwrap()[0]);
    let function = crate::common::finish(b);
    let mut types: Vec<_> =
        scans(&function)[0].body.result_types()[1..].iter().map(TensorType::to_string).collect();
    types.sort();
    types
}

#[test]
fn a_gelu_keeps_its_operand_and_its_tanh() {
    let gelu = |b: &Builder, x: Tensor, _| {
        let inner = b.scale(b.add(x, b.scale(b.mul(x, b.mul(x, x)?)?, 0.044715)?)?, 0.8)?;
        b.mul(b.scale(x, 0.5)?, b.offset(b.tanh(inner)?, 1.0)?)
    };
    assert_eq!(kept_by(TensorType::new(DType::F32, [2]), &gelu), ["f32[2]", "f32[2]"]);
}

#[test]
fn what_is_the_same_in_every_iteration_is_not_stacked() {
    let kept = kept_by(TensorType::new(DType::F32, [4, 4]), &|b, x, constant| {
        let ty = TensorType::new(DType::I32, [4, 4]);
        let (row, column) = (b.iota(ty.clone(), 0)?, b.iota(ty, 1)?);
        let row = b.add(row, b.scalar(DType::I32, 1.0)?)?;
        let visible = b.compare(graph::Comparison::Le, column, row)?;
        b.select(visible, b.mul(x, b.stop_gradient(b.exp(constant)?)?)?, b.full(&b.ty(x), 0.0)?)
    });
    assert_eq!(kept, [""; 0]);
}

#[test]
fn instead_of_slices_what_they_are_cut_from_is_kept() {
    // As attention in blocks does: of two biased queries, both read in two halves, only the query is kept.
    let kept = kept_by(TensorType::new(DType::F32, [4, 4]), &|b, x, constant| {
        let query = b.tanh(x)?;
        let mut blocks = Vec::new();
        for bias in [1.0, 2.0] {
            let biased = b.scale(b.offset(query, bias)?, 0.5)?;
            for start in [0, 2] {
                blocks.push(b.sin(b.slice_dim(biased, 0, start, start + 2)?)?);
            }
        }
        let [a, c, d, e] = blocks[..] else { unreachable!("four blocks") };
        let both = b.concatenate(&[b.add(a, c)?, b.add(d, e)?], 0)?;
        b.mul(both, b.stop_gradient(constant)?)
    });
    assert_eq!(kept, ["f32[4,4]"]);
    // But one small slice stays a small one.
    let kept = kept_by(TensorType::new(DType::F32, [4, 4]), &|b, x, _| {
        let row = b.sin(b.slice_dim(b.scale(x, 2.0)?, 0, 0, 1)?)?;
        b.add(x, b.broadcast(row, &[4, 4], &[0, 1])?)
    });
    assert_eq!(kept, ["f32[1,4]"]);
}

#[test]
fn of_a_value_in_two_widths_one_is_kept() {
    // Softmax weights as attention uses them: read in f32 by exp's rule and in bf16 by the contraction's.
    let kept = kept_by(TensorType::new(DType::BF16, [2, 2]), &|b, x, constant| {
        let weights = b.convert(b.exp(b.convert(x, DType::F32)?)?, DType::BF16)?;
        b.einsum("ij,jk->ik", weights, constant)
    });
    assert_eq!(kept, ["f32[2,2]"]);
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
