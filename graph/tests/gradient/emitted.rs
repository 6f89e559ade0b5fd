//! The emitted programs are those one would write by hand: no pass over a table, no transposition, no padding to spare.

use graph::{Builder, DType, Function, Literal, Op, TensorType};

use crate::common::{Program, Random, check, count, gradient_function, one};

/// The ops of the gradient with respect to the inputs, beyond those the program has by itself and constants.
fn emitted(inputs: &[Literal], program: Program) -> Vec<&'static str> {
    let backward = |function: &Function| -> Vec<&'static str> {
        let of_gradient =
            function.nodes.iter().filter(|node| function.scope(node).starts_with("gradient/program"));
        of_gradient.map(|node| node.op.name()).filter(|&name| name != "constant").collect()
    };
    let scoped: Program = &|b: &Builder, x: &[graph::Tensor]| {
        let _scope = b.scope("program");
        program(b, x)
    };
    check(inputs, scoped);
    backward(&gradient_function(inputs, scoped))
}

#[test]
fn rows_are_added_into_the_cotangent_a_tied_table_already_has() {
    let mut random = Random(1);
    let inputs = [random.floats(&[5, 2], -1.0, 1.0), random.ints(&[4], 0, 4)];
    let program: Program = &|b, x| {
        let h = b.sin(b.take(x[0], x[1])?)?;
        b.einsum("ti,vi->tv", h, x[0])
    };
    check(&inputs, program);
    let function = gradient_function(&inputs, program);
    assert_eq!(count(&function, "scatter_add"), 1);
    let additions = function.nodes.iter().filter(|node| node.op.name() == "add");
    assert_eq!(additions.filter(|node| function.ty(node.results[0]).shape == [5, 2]).count(), 0);
    let scatter = function.nodes.iter().find(|node| node.op == Op::ScatterAdd).unwrap();
    let sum = function.definitions()[scatter.operands[0].index()].unwrap();
    assert_eq!(function.nodes[sum].op.name(), "dot");
}

#[test]
fn a_slice_is_added_in_place_into_the_cotangent_there_already_is() {
    let mut random = Random(2);
    let inputs = [random.floats(&[5, 2], -1.0, 1.0), random.ints(&[], 0, 4), random.ints(&[], 0, 4)];
    let ops = emitted(&inputs, &|b, x| {
        let zero = b.scalar(DType::I32, 0.0)?;
        let slice = |start| b.dynamic_slice(x[0], &[start, zero], &[2, 2]);
        b.add(slice(x[1])?, slice(x[2])?)
    });
    // One buffer of zeros, then one update of a slice of it for each.
    assert_eq!(ops, ["broadcast", "dynamic_update_slice", "dynamic_slice", "add", "dynamic_update_slice"]);
}

#[test]
fn dots_of_the_model_need_no_transposition() {
    let mut random = Random(3);
    // Projection, attention scores and context, output projection, logits.
    let equations = [
        ("btd,dhk->bthk", [1, 3, 2].as_slice(), [2, 3, 4].as_slice()),
        ("bthk,hkd->btd", &[1, 3, 2, 4], &[2, 4, 3]),
        ("btd,vd->btv", &[1, 3, 2], &[4, 2]),
        ("ti,ij->tj", &[3, 2], &[2, 4]),
    ];
    for (equation, lhs, rhs) in equations {
        let inputs = [random.floats(lhs, -1.0, 1.0), random.floats(rhs, -1.0, 1.0)];
        let ops = emitted(&inputs, &|b, x| b.einsum(equation, x[0], x[1]));
        assert_eq!(ops, ["dot", "dot"], "{equation}");
    }
}

#[test]
fn padding_is_undone_by_one_slice() {
    let x = [Random(4).floats(&[3, 2], -1.0, 1.0)];
    let pad = |low: [i64; 2], high: [i64; 2], interior: [usize; 2]| {
        emitted(&x, &|b, x| {
            let zero = b.scalar(DType::F64, 0.0)?;
            let op = Op::Pad { low: low.into(), high: high.into(), interior: interior.into() };
            one(b, op, &[x[0], zero])
        })
    };
    assert_eq!(pad([1, 0], [0, 2], [0, 0]), ["slice"]);
    assert_eq!(pad([1, 0], [0, 2], [2, 0]), ["slice"]);
    assert_eq!(pad([-1, 0], [0, 1], [0, 0]), ["pad", "slice"]);
    assert_eq!(pad([-1, 0], [0, -1], [0, 0]), ["pad"]);
}

#[test]
fn elementwise_rules() {
    let x = [Random(5).floats(&[3], 0.5, 1.5)];
    type Build = fn(&Builder, graph::Tensor) -> graph::BuildResult;
    let programs: [(Build, &[&str]); 6] = [
        (|b, x| b.exp(x), &["mul"]),
        (|b, x| b.log(x), &["div"]),
        (|b, x| b.add(x, x), &["add"]),
        (|b, x| b.reshape(x, &[1, 3]), &["reshape"]),
        (|b, x| b.broadcast(x, &[3, 2], &[0]), &["reduce"]),
        (|b, x| b.sum(x, &[0]), &["broadcast"]),
    ];
    for (index, (program, expected)) in programs.into_iter().enumerate() {
        assert_eq!(emitted(&x, &|b, x| program(b, x[0])), expected, "program {index}");
    }
}

#[test]
fn nodes_say_which_place_of_the_model_they_differentiate() {
    let b = Builder::new("scopes");
    let x = b.param("x", TensorType::scalar(DType::F32), &[]);
    let loss = {
        let _scope = b.scope("layers/attention");
        b.sin(x).unwrap()
    };
    b.output("d", graph::gradient(&b, loss, &[x]).unwrap()[0]);
    let function = crate::common::finish(b);
    let cos = function.nodes.iter().find(|node| node.op.name() == "cos").unwrap();
    assert_eq!(function.scope(cos), "gradient/layers/attention");
}
