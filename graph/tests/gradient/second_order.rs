//! Derivatives of derivatives.

use graph::{BuildResult, Builder, DType, ScanOutputs, Tensor, TensorType};

use crate::common::{How, Loop, Random, check, check_loop_against_unrolled, weighted_sum};

/// A weighted sum of the first derivatives of a weighted sum, all in one vector.
fn first_derivatives(b: &Builder, x: &[Tensor], y: Tensor) -> BuildResult {
    let derivatives = graph::gradient(b, weighted_sum(b, y)?, x)?;
    let flat = derivatives.iter().map(|&d| b.reshape(d, &[b.ty(d).elements()]));
    b.concatenate(&flat.collect::<Result<Vec<_>, _>>()?, 0)
}

#[test]
fn of_elementwise_programs_reductions_and_dots() {
    let mut random = Random(1);
    let inputs = [random.floats(&[2, 3], 0.4, 1.2), random.floats(&[3, 2], 0.4, 1.2)];
    check(&inputs, &|b, x| {
        let product = b.einsum("ij,jk->ik", b.log(x[0])?, b.pow(x[1], b.scale(x[1], 1.5)?)?)?;
        let ratio = b.div(b.logistic(product)?, b.rsqrt(b.sum(b.mul(x[0], x[0])?, &[0, 1])?)?)?;
        first_derivatives(b, x, b.sin(ratio)?)
    });
    check(&inputs, &|b, x| {
        // Softmax over rows, as the model writes it.
        let top = b.stop_gradient(b.reduce(graph::Reduction::Max, x[0], &[1])?)?;
        let exp = b.exp(b.sub(x[0], b.expand(top, 1)?)?)?;
        let softmax = b.div(exp, b.expand(b.sum(exp, &[1])?, 1)?)?;
        first_derivatives(b, x, b.einsum("ij,jk->ik", softmax, x[1])?)
    });
}

#[test]
fn of_indexing() {
    let mut random = Random(2);
    let inputs = [random.floats(&[4, 2], -1.0, 1.0), random.ints(&[5], -1, 4)];
    check(&inputs, &|b, x| {
        let rows = b.take(b.sin(x[0])?, x[1])?;
        let table = b.scatter_add(x[0], x[1], b.mul(rows, rows)?)?;
        first_derivatives(b, &x[..1], b.exp(table)?)
    });
}

#[test]
fn of_a_polynomial_through_third_order() {
    let b = Builder::new("third");
    let x = b.param("x", TensorType::scalar(DType::F64), &[]);
    let four = b.scalar(DType::F64, 4.0).unwrap();
    let mut y = b.pow(x, four).unwrap();
    for order in 1..=3 {
        y = graph::gradient(&b, y, &[x]).unwrap()[0];
        b.output(format!("order{order}"), y);
    }
    let two = graph::Literal::scalar(DType::F64, 2.0);
    assert_eq!(crate::common::run(&crate::common::finish(b), &[two]), [[32.0], [48.0], [48.0]]);
}

#[test]
fn of_scans_under_every_policy() {
    let mut random = Random(3);
    let inputs = [
        random.floats(&[2], -1.0, 1.0),
        random.floats(&[3, 2], -1.0, 1.0),
        random.floats(&[2, 2], -1.0, 1.0),
    ];
    check_loop_against_unrolled(&inputs, &|how, b, x| {
        let inputs = Loop { length: 3, reverse: false, carries: &x[..1], xs: &x[1..2], constants: &x[2..] };
        let out = how.build(b, inputs, &|b, carries, xs, constants| {
            let product = b.name(b.einsum("i,ij->j", carries[0], constants[0])?, "kept")?;
            let h = b.tanh(b.add(product, xs[0])?)?;
            Ok(ScanOutputs { carries: vec![h], ys: vec![b.mul(h, xs[0])?] })
        })?;
        let y = b.concatenate(&[out.carries[0], b.reshape(out.ys[0], &[6])?], 0)?;
        first_derivatives(b, x, y)
    });
}

#[test]
fn inside_a_scan_body() {
    // Gradient descent on `sum(sin(p·x))`, differentiated through its steps.
    let mut random = Random(4);
    let inputs = [random.floats(&[2], -1.0, 1.0), random.floats(&[3, 2], -1.0, 1.0)];
    check_loop_against_unrolled(&inputs, &|how, b, x| {
        let inputs = Loop { length: 3, reverse: false, carries: &x[..1], xs: &x[1..], constants: &[] };
        let out = how.build(b, inputs, &|b, carries, xs, _| {
            let loss = b.sum(b.sin(b.mul(carries[0], xs[0])?)?, &[0])?;
            let slope = graph::gradient(b, loss, carries)?[0];
            Ok(ScanOutputs { carries: vec![b.sub(carries[0], b.scale(slope, 0.3)?)?], ys: vec![] })
        })?;
        Ok(out.carries[0])
    });
}

#[test]
fn two_gradients_of_one_scan_share_what_it_keeps() {
    let mut random = Random(5);
    let inputs = [random.floats(&[2], -1.0, 1.0), random.floats(&[3, 2], -1.0, 1.0)];
    let program = |b: &Builder, x: &[Tensor]| {
        let inputs = Loop { length: 3, reverse: false, carries: &x[..1], xs: &x[1..], constants: &[] };
        let out = How::scans()[0].build(b, inputs, &|b, carries, xs, _| {
            Ok(ScanOutputs { carries: vec![b.sin(b.mul(carries[0], xs[0])?)?], ys: vec![] })
        })?;
        let loss = weighted_sum(b, out.carries[0])?;
        let first = graph::gradient(b, loss, &x[..1])?[0];
        let second = graph::gradient(b, loss, &x[1..])?[0];
        b.mul(second, first)
    };
    check(&inputs, &program);
    let function = crate::common::loss_function(&inputs, &program);
    assert_eq!(crate::common::scans(&function)[0].body.results.len(), 3, "the carry, and two kept values");
}
