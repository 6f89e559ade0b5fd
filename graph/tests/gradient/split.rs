//! The derivative in two halves: what the first keeps, and that both together are the derivative.

use graph::{Builder, DType, Error, Function, Literal, Remat, ScanInputs, ScanOutputs, Tensor, TensorType};
use graph::{Halves, interpret, pull_back, split_gradient};

use crate::common::{Random, count, difference, finish, finite_differences, run, weighted_sum};

const LAYERS: usize = 3;

/// A stage of a model: `x`, its layers' weights, which are inputs, a shift that all layers read, and one product behind
/// the layers. Results: the stage's output, and a number besides.
fn stage(remat: &Remat) -> Function {
    let b = Builder::new("stage");
    let param = |name: &str, shape: &[usize]| b.param(name, TensorType::new(DType::F64, shape), &[]);
    let (x, weights) = (param("x", &[2, 4]), param("weights", &[LAYERS, 4, 4]));
    let (shift, last) = (param("shift", &[4]), param("last", &[4, 3]));
    let inputs = ScanInputs {
        length: LAYERS,
        remat: remat.clone(),
        carries: &[x],
        xs: &[weights],
        constants: &[shift],
        ..ScanInputs::default()
    };
    let layers = b.scan("layers", inputs, |body| {
        let (b, x) = (body.builder, body.carries[0]);
        let hidden = b.name(b.einsum("bi,ij->bj", b.sin(x)?, body.xs[0])?, "hidden")?;
        let out = b.mul(b.tanh(b.add(hidden, body.constants[0])?)?, hidden)?;
        Ok(ScanOutputs { carries: vec![b.add(x, out)?], ys: vec![] })
    });
    let y = layers.unwrap().carries[0];
    b.output("y", b.einsum("bi,ij->bj", y, b.exp(last).unwrap()).unwrap());
    b.output("size", b.sum(b.mul(y, y).unwrap(), &[0, 1]).unwrap());
    finish(b)
}

const FIXED: [usize; 3] = [1, 2, 3];

fn inputs() -> Vec<Literal> {
    let mut random = Random(1);
    [&[2, 4][..], &[LAYERS, 4, 4], &[4], &[4, 3]].map(|shape| random.floats(shape, -1.0, 1.0)).into()
}

/// Cotangents of the inputs `wrt`, through both halves, for these cotangents of the outputs.
fn through(halves: &Halves, inputs: &[Literal], cotangents: &[Literal]) -> Vec<Vec<f64>> {
    let mut residuals = interpret(&halves.forward, inputs).unwrap();
    let outputs = residuals.len() - halves.residuals;
    let residuals = residuals.split_off(outputs);
    let read = halves.reads.iter().map(|&position| inputs[position].clone());
    let operands: Vec<_> = read.chain(residuals).chain(cotangents.iter().cloned()).collect();
    run(&halves.backward, &operands)
}

fn policies() -> [Remat; 4] {
    [Remat::None, Remat::Dots, Remat::Full, Remat::Save(vec!["hidden".into()])]
}

#[test]
fn both_halves_together_are_the_derivative() {
    let inputs = inputs();
    let mut random = Random(2);
    let cotangents = [random.floats(&[2, 3], -1.0, 1.0), random.floats(&[], -1.0, 1.0)];
    for inner in policies() {
        let function = stage(&inner);
        // The same in one piece, and its slopes: those of the sum of all outputs times their cotangents.
        let b = Builder::new("whole");
        let operands: Vec<_> =
            function.params.iter().map(|p| b.param(&p.name, function.ty(p.value).clone(), &[])).collect();
        let results = b.inline(&function, &operands).unwrap();
        let constants = cotangents.clone().map(|cotangent| b.constant(cotangent).unwrap());
        let pairs: Vec<_> = results.iter().copied().zip(constants).collect();
        for (index, ct) in pull_back(&b, &pairs, &operands).unwrap().into_iter().enumerate() {
            b.output(format!("ct{index}"), ct);
        }
        let whole = run(&finish(b), &inputs);
        let b = Builder::new("loss");
        let operands: Vec<_> =
            function.params.iter().map(|p| b.param(&p.name, function.ty(p.value).clone(), &[])).collect();
        let results = b.inline(&function, &operands).unwrap();
        let products: Vec<Tensor> = results
            .into_iter()
            .zip(&cotangents)
            .map(|(result, cotangent)| {
                let product = b.mul(result, b.constant(cotangent.clone()).unwrap()).unwrap();
                b.sum(product, &(0..cotangent.ty().rank()).collect::<Vec<_>>()).unwrap()
            })
            .collect();
        b.output("loss", b.add(products[0], products[1]).unwrap());
        let slopes = finite_differences(&finish(b), &inputs);
        assert!(difference(&whole, &slopes) < 1e-6, "{inner:?}");
        for outer in policies() {
            let halves = split_gradient(&function, &outer, &FIXED, &[0, 1, 2, 3]).unwrap();
            let found = through(&halves, &inputs, &cotangents);
            let error = difference(&found, &whole);
            assert!(error < 1e-12, "{outer:?} around {inner:?}: {error:e}");
        }
    }
}

/// The loops' own policies say what stands between the halves, if the function's keeps what its loops keep.
#[test]
fn loops_keep_what_their_policies_say() {
    let types = |inner: Remat| {
        let halves = split_gradient(&stage(&inner), &Remat::None, &FIXED, &[0, 1, 2, 3]).unwrap();
        let all = halves.forward.result_types();
        let mut types: Vec<_> = all[2..].iter().map(TensorType::to_string).collect();
        types.sort();
        (types, halves)
    };
    let (full, halves) = types(Remat::Full);
    // The layers' inputs and the last product's operand.
    assert_eq!(full, ["f64[2,4]", "f64[3,2,4]"]);
    assert_eq!(count(&halves.backward, "scan"), 1, "no layer runs forward again");
    assert_eq!(halves.reads, [1, 2, 3], "weights are read again, the input is not");
    let (saved, halves) = types(Remat::Save(vec!["hidden".into()]));
    assert_eq!(saved, ["f64[2,4]", "f64[3,2,4]", "f64[3,2,4]"]);
    assert_eq!(count(&halves.backward, "tanh"), 1);
    // Of each layer its input, the sine, the product and its tanh.
    assert_eq!(types(Remat::None).0.len(), 5);
}

#[test]
fn only_what_is_asked_for_is_computed() {
    let halves = split_gradient(&stage(&Remat::None), &Remat::None, &FIXED, &[3]).unwrap();
    assert_eq!(halves.backward.results.len(), 1);
    assert_eq!(count(&halves.backward, "scan"), 0);
    let halves = split_gradient(&stage(&Remat::None), &Remat::None, &FIXED, &[]).unwrap();
    assert_eq!((halves.residuals, halves.reads), (0, vec![]));
}

#[test]
fn what_has_no_derivative_is_named() {
    let message = |wrt: usize| {
        let b = Builder::new("f");
        let index = b.param("index", TensorType::new(DType::I32, [2]), &[]);
        b.output("index", index);
        match split_gradient(&finish(b), &Remat::None, &[], &[wrt]) {
            Err(Error::Gradient(message)) => message,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(message(0), "input `index` of `f` is i32[2]; only floats have derivatives");
    assert_eq!(message(1), "`f` has 1 inputs, and no input 1");
}

/// `loss` by [`weighted_sum`] is a pull-back of its weights.
#[test]
fn a_pull_back_of_weights_is_the_gradient_of_the_weighted_sum() {
    let x = Random(3).floats(&[3], -1.0, 1.0);
    let function = |pulled: bool| {
        let b = Builder::new("f");
        let p = b.param("x", x.ty().clone(), &[]);
        let y = b.tanh(p).unwrap();
        let d = if pulled {
            let unit = b.param("unit", x.ty().clone(), &[]);
            let weighted = b.stop_gradient(unit).unwrap();
            pull_back(&b, &[(y, weighted)], &[p]).unwrap()
        } else {
            graph::gradient(&b, weighted_sum(&b, y).unwrap(), &[p]).unwrap()
        };
        b.output("d", d[0]);
        finish(b)
    };
    let weights = (0..3).map(|index| (1.0 + f64::from(index)).sin() + 0.1).collect();
    let weights = Literal::from_floats(x.ty().clone(), weights).unwrap();
    assert_eq!(run(&function(true), &[x.clone(), weights]), run(&function(false), std::slice::from_ref(&x)));
}
