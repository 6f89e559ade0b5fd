//! Scans: their derivatives equal those of the same loop written out, and finite differences.

use graph::{Builder, DType, Literal, Op, ScanOutputs, Tensor, TensorType};
use proptest::prelude::*;

use crate::common::{How, Loop, Random, check_loop, count, gradient_function, scans};

fn outputs(carries: &[Tensor], ys: &[Tensor]) -> Result<ScanOutputs, graph::Error> {
    Ok(ScanOutputs { carries: carries.to_vec(), ys: ys.to_vec() })
}

/// All elements of several tensors in one vector.
fn all(b: &Builder, tensors: &[Tensor]) -> graph::BuildResult {
    let flat = tensors.iter().map(|&x| b.reshape(x, &[b.ty(x).elements()]));
    b.concatenate(&flat.collect::<Result<Vec<_>, _>>()?, 0)
}

/// A recurrent layer: `h ← tanh(h·W + x)`, `y = h ⊙ x`.
fn recurrent(length: usize, reverse: bool) -> impl Fn(&How, &Builder, &[Tensor]) -> graph::BuildResult {
    move |how, b, x| {
        let inputs = Loop { length, reverse, carries: &x[..1], xs: &x[1..2], constants: &x[2..] };
        let out = how.build(b, inputs, &|b, carries, xs, constants| {
            let product = b.name(b.einsum("i,ij->j", carries[0], constants[0])?, "kept")?;
            let h = b.tanh(b.add(product, xs[0])?)?;
            outputs(&[h], &[b.mul(h, xs[0])?])
        })?;
        all(b, &[out.carries[0], out.ys[0]])
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn carries_stacks_constants(length in 1usize..5, width in 1usize..4, reverse: bool, seed: u64) {
        let mut random = Random(seed);
        let inputs = [
            random.floats(&[width], -1.0, 1.0),
            random.floats(&[length, width], -1.0, 1.0),
            random.floats(&[width, width], -1.0, 1.0),
        ];
        check_loop(&inputs, &recurrent(length, reverse));
    }
}

#[test]
fn an_integer_carry_counts_along() {
    let mut random = Random(1);
    let inputs = [random.floats(&[2], -1.0, 1.0), random.ints(&[], 0, 0), random.floats(&[4, 2], -1.0, 1.0)];
    check_loop(&inputs, &|how, b, x| {
        let inputs = Loop { length: 3, reverse: false, carries: &x[..2], xs: &[], constants: &x[2..] };
        let out = how.build(b, inputs, &|b, carries, _, constants| {
            let row = b.take(constants[0], carries[1])?;
            let scaled = b.scale(b.convert(carries[1], DType::F64)?, 0.5)?;
            let h = b.add(b.mul(carries[0], row)?, scaled)?;
            outputs(&[b.sin(h)?, b.offset(carries[1], 1.0)?], &[])
        })?;
        Ok(out.carries[0])
    });
}

#[test]
fn a_carry_becomes_active_through_a_stacked_input() {
    let mut random = Random(2);
    let xs = random.floats(&[3, 2], -1.0, 1.0);
    let check = |reverse| {
        check_loop(std::slice::from_ref(&xs), &|how, b, x| {
            let start = b.full(&TensorType::new(DType::F64, [2]), 0.5)?;
            let inputs = Loop { length: 3, reverse, carries: &[start, start], xs: x, constants: &[] };
            // The second carry depends on the first one of the iteration before, and it on x.
            let out = how.build(b, inputs, &|b, carries, xs, _| {
                let first = b.mul(carries[0], b.exp(xs[0])?)?;
                outputs(&[first, b.add(carries[1], carries[0])?], &[carries[1]])
            })?;
            all(b, &[out.carries[1], out.ys[0]])
        });
    };
    check(false);
    check(true);
}

#[test]
fn inactive_parts_get_no_backward_work() {
    let mut random = Random(3);
    let inputs = [random.floats(&[2], -1.0, 1.0)];
    let table = random.floats(&[3, 2], -1.0, 1.0);
    let program = |how: &How, b: &Builder, x: &[Tensor]| {
        let table = b.constant(table.clone())?;
        let start = b.full(&b.ty(x[0]), 0.3)?;
        let inputs =
            Loop { length: 3, reverse: false, carries: &[x[0], start], xs: &[table], constants: &[start] };
        let out = how.build(b, inputs, &|b, carries, xs, constants| {
            let inactive = b.mul(carries[1], b.add(xs[0], constants[0])?)?;
            outputs(&[b.sin(b.add(carries[0], inactive)?)?, inactive], &[inactive])
        })?;
        all(b, &[out.carries[0], out.ys[0]])
    };
    check_loop(&inputs, &program);
    let function = gradient_function(&inputs, &|b, x| program(&How::scans()[0], b, x));
    let [_, backward] = scans(&function)[..] else { panic!("two scans") };
    assert_eq!(backward.carries, 1, "only the cotangent of the active carry");
    assert_eq!(backward.body.results.len(), 1);
}

#[test]
fn a_result_that_nothing_reads_gets_no_backward_work() {
    let mut random = Random(4);
    let inputs = [random.floats(&[2], 0.5, 1.0), random.floats(&[3, 2], 0.5, 1.0)];
    // A running statistic and a stacked one beside the loss, as metrics are.
    let program = |how: &How, b: &Builder, x: &[Tensor]| {
        let inputs = Loop { length: 3, reverse: false, carries: &[x[0], x[0]], xs: &x[1..], constants: &[] };
        let out = how.build(b, inputs, &|b, carries, xs, _| {
            let h = b.mul(carries[0], xs[0])?;
            let statistic = b.add(carries[1], b.cos(b.log(h)?)?)?;
            outputs(&[h, statistic], &[b.sqrt(h)?, h])
        })?;
        all(b, &[out.carries[0], out.ys[1]])
    };
    check_loop(&inputs, &program);
    let function = gradient_function(&inputs, &|b, x| program(&How::scans()[0], b, x));
    let [_, backward] = scans(&function)[..] else { panic!("two scans") };
    assert_eq!(backward.carries, 1, "no cotangent of the statistic is carried");
    for op in ["sin", "log", "div", "sqrt", "constant"] {
        assert_eq!(count(&backward.body, op), 0, "{op}");
    }
}

#[test]
fn a_result_that_is_read_only_through_other_carries() {
    let mut random = Random(12);
    let inputs = [(); 3].map(|()| random.floats(&[2], 0.5, 1.0));
    // The third carry reaches the loss after two more iterations.
    check_loop(&inputs, &|how, b, x| {
        let inputs = Loop { length: 4, reverse: false, carries: x, xs: &[], constants: &[] };
        let out = how.build(b, inputs, &|b, carries, _, _| {
            let first = b.add(carries[0], carries[1])?;
            outputs(&[first, b.mul(carries[1], carries[2])?, b.sin(carries[2])?], &[])
        })?;
        Ok(out.carries[0])
    });
}

#[test]
fn a_feed_forward_layer_with_what_is_computed_again_from_what_is_kept() {
    let mut random = Random(13);
    let inputs = [
        random.floats(&[2], -1.0, 1.0),
        random.floats(&[3, 2, 4], -1.0, 1.0),
        random.floats(&[3, 4, 2], -1.0, 1.0),
    ];
    check_loop(&inputs, &|how, b, x| {
        let inputs = Loop { length: 3, reverse: false, carries: &x[..1], xs: &x[1..], constants: &[] };
        let out = how.build(b, inputs, &|b, carries, xs, _| {
            let x = b.name(b.einsum("i,ij->j", carries[0], xs[0])?, "kept")?;
            let inner = b.scale(b.add(x, b.scale(b.mul(x, b.mul(x, x)?)?, 0.044715)?)?, 0.8)?;
            let gelu = b.mul(b.scale(x, 0.5)?, b.offset(b.tanh(inner)?, 1.0)?)?;
            outputs(&[b.add(carries[0], b.einsum("j,ji->i", gelu, xs[1])?)?], &[])
        })?;
        Ok(out.carries[0])
    });
}

#[test]
fn an_operand_in_several_roles_gets_the_sum() {
    let mut random = Random(5);
    let inputs = [random.floats(&[3], -1.0, 1.0), random.floats(&[3, 3], -1.0, 1.0)];
    check_loop(&inputs, &|how, b, x| {
        let inputs = Loop {
            length: 3,
            reverse: true,
            carries: &[x[0], x[0]],
            xs: &[x[1], x[0], x[1]],
            constants: &[x[1], x[0], x[1]],
        };
        let out = how.build(b, inputs, &|b, carries, xs, constants| {
            let h = b.mul(b.einsum("i,ij->j", carries[0], constants[0])?, b.add(xs[0], constants[1])?)?;
            let g = b.mul(b.einsum("i,ji->j", carries[1], constants[2])?, b.sin(b.add(xs[1], xs[2])?)?)?;
            outputs(&[g, h], &[])
        })?;
        // Read again after the loop, so that a sum of cotangents exists before the loop's own.
        let after = b.einsum("i,ij->j", x[0], x[1])?;
        all(b, &[out.carries[0], out.carries[1], after])
    });
}

#[test]
fn carries_that_are_passed_on_swapped_or_reset() {
    let mut random = Random(6);
    let inputs =
        [random.floats(&[2], -1.0, 1.0), random.floats(&[2], -1.0, 1.0), random.floats(&[2], -1.0, 1.0)];
    check_loop(&inputs, &|how, b, x| {
        let inputs =
            Loop { length: 3, reverse: false, carries: &[x[0], x[1], x[2], x[0]], xs: &[], constants: &[] };
        let out = how.build(b, inputs, &|b, carries, _, _| {
            let fixed = b.full(&b.ty(carries[0]), 0.7)?;
            let product = b.mul(carries[0], carries[3])?;
            outputs(&[carries[1], product, carries[2], fixed], &[carries[0], carries[0], carries[2]])
        })?;
        all(b, &[&out.carries[..], &out.ys].concat())
    });
}

#[test]
fn every_op_with_integer_attributes_inside_a_loop() {
    let mut random = Random(7);
    let inputs =
        [random.floats(&[4, 2], -1.0, 1.0), random.floats(&[3, 2], -1.0, 1.0), random.ints(&[3], -1, 4)];
    check_loop(&inputs, &|how, b, x| {
        let inputs = Loop { length: 3, reverse: false, carries: &x[..1], xs: &x[1..], constants: &[] };
        let out = how.build(b, inputs, &|b, carries, xs, _| {
            let zero = b.scalar(DType::I32, 0.0)?;
            let table = b.sin(carries[0])?;
            let row = b.mul(b.take(table, xs[1])?, xs[0])?;
            let slice = b.dynamic_slice(table, &[xs[1], zero], &[2, 2])?;
            let table = b.scatter_add(table, xs[1], row)?;
            let table = b.dynamic_update_slice(table, b.mul(slice, slice)?, &[xs[1], zero])?;
            outputs(&[table], &[b.max(row, xs[0])?])
        })?;
        all(b, &[out.carries[0], out.ys[0]])
    });
}

#[test]
fn a_scan_inside_a_scan() {
    let mut random = Random(8);
    let inputs = [
        random.floats(&[2], -1.0, 1.0),
        random.floats(&[2, 3, 2], -1.0, 1.0),
        random.floats(&[2, 2], -1.0, 1.0),
    ];
    let program = |outer: &How, inner: &How, b: &Builder, x: &[Tensor]| {
        let inputs = Loop { length: 2, reverse: false, carries: &x[..1], xs: &x[1..2], constants: &x[2..] };
        let out = outer.build(b, inputs, &|b, carries, xs, constants| {
            let start = b.sin(carries[0])?;
            let inputs = Loop { length: 3, reverse: true, carries: &[start], xs, constants };
            let out = inner.build(b, inputs, &|b, carries, xs, constants| {
                let product = b.name(b.einsum("i,ij->j", carries[0], constants[0])?, "kept")?;
                let h = b.tanh(b.add(product, xs[0])?)?;
                outputs(&[h], &[b.mul(h, carries[0])?])
            })?;
            let all = b.sum(out.ys[0], &[0])?;
            // Reads results of the inner loop, so that recomputing it is demanded before its own derivative.
            outputs(&[b.mul(out.carries[0], b.tanh(all)?)?], &[all])
        })?;
        all(b, &[out.carries[0], out.ys[0]])
    };
    for inner in How::scans().into_iter().chain([How::Unroll]) {
        check_loop(&inputs, &|how, b, x| program(how, &inner, b, x));
    }
    check_loop(&inputs, &|how, b, x| program(how, how, b, x));
    // Recomputing the outer body runs the inner forward loop once, not once more for what it keeps.
    let full = How::scans()[2].clone();
    let function = gradient_function(&inputs, &|b, x| program(&full, &full, b, x));
    let [forward, backward] = scans(&function)[..] else { panic!("two scans") };
    assert_eq!((scans(&forward.body).len(), scans(&backward.body).len()), (1, 2));
}

#[test]
fn a_long_chain_of_scans_and_a_loss_that_is_a_carry() {
    let mut random = Random(9);
    let inputs = [random.floats(&[], -1.0, 1.0), random.floats(&[3], -1.0, 1.0)];
    check_loop(&inputs, &|how, b, x| {
        let mut total = x[0];
        for reverse in [false, true, false] {
            let inputs = Loop { length: 3, reverse, carries: &[total], xs: &x[1..], constants: &[x[0]] };
            let out = how.build(b, inputs, &|b, carries, xs, constants| {
                outputs(&[b.add(b.mul(carries[0], xs[0])?, b.sin(constants[0])?)?], &[])
            })?;
            total = out.carries[0];
        }
        Ok(total)
    });
}

#[test]
fn derivatives_with_respect_to_values_inside_the_program() {
    // `wrt` need not be parameters: with respect to the loop's own result nothing goes through the loop.
    let xs = Random(10).floats(&[3], 0.5, 1.0);
    let b = Builder::new("inside");
    let x = b.param("x", xs.ty().clone(), &[]);
    let start = b.scalar(DType::F64, 1.0).unwrap();
    let inputs = Loop { length: 3, reverse: false, carries: &[start], xs: &[x], constants: &[] };
    let step =
        How::scans()[0].build(&b, inputs, &|b, carries, xs, _| outputs(&[b.mul(carries[0], xs[0])?], &[]));
    let product = step.unwrap().carries[0];
    let loss = b.mul(product, product).unwrap();
    let gradient = graph::gradient(&b, loss, &[product]).unwrap();
    b.output("d", gradient[0]);
    let function = crate::common::finish(b);
    assert_eq!(function.nodes.iter().filter(|node| matches!(node.op, Op::Scan(_))).count(), 1);
    let product: f64 = xs.floats().unwrap().iter().product();
    let found = crate::common::run(&function, std::slice::from_ref::<Literal>(&xs));
    assert!((found[0][0] - 2.0 * product).abs() < 1e-12);
}
