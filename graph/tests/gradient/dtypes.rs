//! Mixed precision: derivatives have their variable's dtype, and long sums run in float32.

use graph::{BuildResult, Builder, DType, Literal, Op, ScanInputs, ScanOutputs, Tensor, TensorType};

use crate::common::{Random, difference, finish, run};

/// A small model in `compute` precision over f32 parameters: embedding, a scan of layers, tied logits, softmax in f32.
fn model(b: &Builder, x: &[Tensor], compute: DType) -> BuildResult {
    let [table, weights, tokens] = x else { unreachable!("three inputs") };
    let table = b.convert(*table, compute)?;
    let start = b.take(table, *tokens)?;
    let inputs = ScanInputs {
        length: 2,
        carries: &[start],
        xs: &[b.convert(*weights, compute)?],
        constants: &[table],
        ..ScanInputs::default()
    };
    let out = b.scan("layers", inputs, |body| {
        let b = body.builder;
        let product = b.einsum_as("ti,ij->tj", body.carries[0], body.xs[0], DType::F32)?;
        let h = b.convert(b.tanh(product)?, compute)?;
        let bias = b.sum(b.slice_dim(body.constants[0], 0, 0, 1)?, &[0])?;
        Ok(ScanOutputs { carries: vec![b.add(b.add(body.carries[0], h)?, bias)?], ys: vec![] })
    })?;
    let logits = b.einsum_as("ti,vi->tv", out.carries[0], table, DType::F32)?;
    let total = b.log(b.sum(b.exp(logits)?, &[1])?)?;
    b.mean(total, &[0])
}

/// The derivatives of the model, with every dtype that a value of the function has.
fn gradient(compute: DType, inputs: &[Literal]) -> (Vec<Vec<f64>>, Vec<DType>) {
    let b = Builder::new("mixed");
    let x = crate::common::params(&b, inputs);
    let loss = model(&b, &x, compute).unwrap();
    assert_eq!(b.ty(loss), TensorType::scalar(DType::F32));
    for (index, d) in graph::gradient(&b, loss, &x[..2]).unwrap().into_iter().enumerate() {
        assert_eq!(b.ty(d), b.ty(x[index]));
        b.output(format!("d{index}"), d);
    }
    let function = finish(b);
    let dtypes = DType::ALL.into_iter().filter(|dtype| function.types.iter().any(|ty| ty.dtype == *dtype));
    (run(&function, inputs), dtypes.collect())
}

#[test]
fn bf16_follows_f32() {
    let mut random = Random(1);
    let f32s = |literal: Literal| {
        let values = literal.floats().unwrap().to_vec();
        Literal::from_floats(literal.ty().with_dtype(DType::F32), values).unwrap()
    };
    let inputs = [
        f32s(random.floats(&[5, 4], -0.5, 0.5)),
        f32s(random.floats(&[2, 4, 4], -0.5, 0.5)),
        random.ints(&[6], 0, 4),
    ];
    let (exact, dtypes) = gradient(DType::F32, &inputs);
    assert_eq!(dtypes, [DType::I32, DType::F32]);
    let (mixed, dtypes) = gradient(DType::BF16, &inputs);
    assert_eq!(dtypes, [DType::I32, DType::BF16, DType::F32]);
    // bf16 has 8 significant bits, so each rounding is up to 2^-9 = 0.2%; derivatives are of order 1.
    let error = difference(&mixed, &exact);
    assert!(error < 0.02 && error > 0.0, "{error}");
}

/// 1000 terms of 1 in bf16 stay at 256, where the next number is 258, unless they are summed in float32.
fn sum_of_a_thousand(build: impl Fn(&Builder, Tensor) -> BuildResult) {
    let ty = TensorType::new(DType::BF16, [1, 1]);
    let b = Builder::new("thousand");
    let x = b.param("x", ty.clone(), &[]);
    let loss = build(&b, x).unwrap();
    b.output("d", graph::gradient(&b, loss, &[x]).unwrap()[0]);
    let function = finish(b);
    let narrow_sum = function.nodes.iter().find(|node| {
        matches!(node.op, Op::Reduce { .. } | Op::ScatterAdd)
            && function.ty(node.results[0]).dtype == DType::BF16
    });
    assert_eq!(narrow_sum, None, "a sum of many terms in bf16, which a compiler may run as written");
    let found = run(&function, &[Literal::from_floats(ty, vec![1.0]).unwrap()]);
    assert_eq!(found, [[1000.0]]);
}

#[test]
fn rows_of_a_table_in_bf16_are_summed_in_f32() {
    sum_of_a_thousand(|b, x| {
        let indices = b.iota(TensorType::new(DType::I32, [1000]), 0)?;
        let rows = b.take(x, b.mul(indices, b.scalar(DType::I32, 0.0)?)?)?;
        b.sum(b.convert(rows, DType::F32)?, &[0, 1])
    });
}

#[test]
fn a_loops_constant_in_bf16_is_summed_in_f32() {
    sum_of_a_thousand(|b, x| {
        let start = b.full(&TensorType::new(DType::F32, [1, 1]), 0.0)?;
        let inputs = ScanInputs { length: 1000, carries: &[start], constants: &[x], ..ScanInputs::default() };
        let out = b.scan("sum", inputs, |body| {
            let (b, total) = (body.builder, body.carries[0]);
            let next = b.add(total, b.convert(body.constants[0], DType::F32)?)?;
            Ok(ScanOutputs { carries: vec![next], ys: vec![] })
        })?;
        b.sum(out.carries[0], &[0, 1])
    });
}

#[test]
fn a_repeated_bf16_is_summed_in_f32() {
    sum_of_a_thousand(|b, x| b.sum(b.convert(b.broadcast(x, &[1000, 1], &[0, 1])?, DType::F32)?, &[0, 1]));
}
