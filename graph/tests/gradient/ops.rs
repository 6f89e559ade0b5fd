//! Every op's derivative against central differences, over random shapes and attributes.

use graph::{
    Binary, Comparison, DType, DotDims, Literal, Op, Placement, PlacementTable, Reduction, TensorType, Unary,
};
use proptest::prelude::*;

use crate::common::{Random, check, compare_with_differences, one};

/// One application of an op: float inputs are differentiated, others are given.
struct Case {
    op: Op,
    inputs: Vec<Literal>,
}

/// One op of each kind that has a derivative; attributes are replaced by random ones.
fn differentiable() -> Vec<Op> {
    let unary = Unary::ALL.into_iter().filter(|unary| unary_domain(*unary).is_some()).map(Op::Unary);
    let binary = [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Pow, Binary::Max, Binary::Min];
    let reductions = [Reduction::Sum, Reduction::Max, Reduction::Min];
    let others = [
        Op::Select,
        Op::Convert(DType::F64),
        Op::Broadcast { shape: vec![], dims: vec![] },
        Op::Reshape { shape: vec![] },
        Op::Transpose { permutation: vec![] },
        Op::Slice { starts: vec![], limits: vec![], strides: vec![] },
        Op::Pad { low: vec![], high: vec![], interior: vec![] },
        Op::Concatenate { dim: 0 },
        Op::Reverse { dims: vec![] },
        Op::Dot { dims: DotDims::default(), output: DType::F64 },
        Op::Take,
        Op::ScatterAdd,
        Op::DynamicSlice { sizes: vec![] },
        Op::DynamicUpdateSlice,
        Op::Barrier,
        Op::Name("x".into()),
        Op::Shard { to: Placement { table: PlacementTable::Activations, axes: vec![] }, gradient: None },
    ];
    unary
        .chain(binary.map(Op::Binary))
        .chain(reductions.map(|kind| Op::Reduce { kind, dims: vec![] }))
        .chain(others)
        .collect()
}

/// Where a function of one operand is smooth; `None` when its derivative is zero or it accepts no floats.
fn unary_domain(unary: Unary) -> Option<(f64, f64)> {
    match unary {
        Unary::Neg | Unary::Exp | Unary::Tanh | Unary::Logistic | Unary::Sin | Unary::Cos => {
            Some((-1.5, 1.5))
        }
        Unary::Abs => Some((0.3, 1.5)),
        Unary::Log | Unary::Sqrt | Unary::Rsqrt => Some((0.3, 2.0)),
        Unary::Sign | Unary::Floor | Unary::Not | Unary::IsFinite => None,
    }
}

/// A random application of an op of this kind; `None` when it has no derivative. A new op must be given a place here.
fn case(kind: &Op, random: &mut Random) -> Option<Case> {
    let rank = random.below(4);
    let shape = random.sizes(rank);
    let case = match kind {
        Op::Constant(_)
        | Op::Iota { .. }
        | Op::Compare(_)
        | Op::Bitcast(_)
        | Op::StopGradient
        | Op::AxisIndex { .. }
        | Op::Reduce { kind: Reduction::And | Reduction::Or, .. } => return None,
        // Tested in `collectives.rs`.
        Op::AllReduce { .. }
        | Op::AllGather { .. }
        | Op::ReduceScatter { .. }
        | Op::AllToAll { .. }
        | Op::Permute { .. } => return None,
        // Tested in `scan.rs`.
        Op::Scan(_) => return None,
        Op::Shard { .. } => {
            let placement = |table| Placement { table, axes: vec!["any".into(); rank] };
            let gradient = random.flip().then(|| placement(PlacementTable::Gradients));
            let op = Op::Shard { to: placement(PlacementTable::Activations), gradient };
            Case { op, inputs: vec![random.floats(&shape, -1.5, 1.5)] }
        }
        Op::Unary(unary) => {
            let (low, high) = unary_domain(*unary)?;
            let input =
                if *unary == Unary::Abs { random.nonzero(&shape) } else { random.floats(&shape, low, high) };
            Case { op: kind.clone(), inputs: vec![input] }
        }
        Op::Binary(binary) => {
            let inputs = match binary {
                Binary::Add | Binary::Sub | Binary::Mul => {
                    vec![random.floats(&shape, -1.5, 1.5), random.floats(&shape, -1.5, 1.5)]
                }
                Binary::Div => vec![random.floats(&shape, -1.5, 1.5), random.nonzero(&shape)],
                Binary::Pow => vec![random.floats(&shape, 0.3, 2.0), random.floats(&shape, -2.0, 3.0)],
                Binary::Max | Binary::Min => {
                    let both = random.distinct(&[&[2], &shape[..]].concat());
                    let (left, right) = both.floats()?.split_at(both.ty().elements() / 2);
                    let literal = |values: &[f64]| {
                        Literal::from_floats(TensorType::new(DType::F64, shape.clone()), values.to_vec())
                            .unwrap()
                    };
                    vec![literal(left), literal(right)]
                }
                Binary::Rem
                | Binary::And
                | Binary::Or
                | Binary::Xor
                | Binary::ShiftLeft
                | Binary::ShiftRight => return None,
            };
            Case { op: kind.clone(), inputs }
        }
        Op::Select => {
            let ty = TensorType::new(DType::Pred, shape.clone());
            let choice = (0..ty.elements()).map(|_| random.flip() as i64).collect();
            let inputs = vec![
                Literal::from_ints(ty, choice).unwrap(),
                random.floats(&shape, -1.0, 1.0),
                random.floats(&shape, -1.0, 1.0),
            ];
            Case { op: Op::Select, inputs }
        }
        Op::Convert(_) | Op::Barrier | Op::Name(_) => {
            Case { op: kind.clone(), inputs: vec![random.floats(&shape, -1.0, 1.0)] }
        }
        Op::Broadcast { .. } => {
            let dims = random.some_of(rank);
            let from: Vec<_> = dims.iter().map(|&dim| if random.flip() { shape[dim] } else { 1 }).collect();
            Case { op: Op::Broadcast { shape, dims }, inputs: vec![random.floats(&from, -1.0, 1.0)] }
        }
        Op::Reshape { .. } => {
            let mut target = shape.clone();
            target.rotate_left(rank.min(1));
            if random.flip() {
                target = vec![target.iter().product()];
            }
            Case { op: Op::Reshape { shape: target }, inputs: vec![random.floats(&shape, -1.0, 1.0)] }
        }
        Op::Transpose { .. } => {
            let permutation = random.permutation(rank);
            Case { op: Op::Transpose { permutation }, inputs: vec![random.floats(&shape, -1.0, 1.0)] }
        }
        Op::Slice { .. } => {
            let from: Vec<_> = shape.iter().map(|size| size + 3).collect();
            let starts: Vec<_> = from.iter().map(|&size| random.below(size)).collect();
            let limits = starts.iter().zip(&from).map(|(start, end)| start + random.below(end - start + 1));
            let limits = limits.collect();
            let strides = from.iter().map(|_| 1 + random.below(3)).collect();
            Case { op: Op::Slice { starts, limits, strides }, inputs: vec![random.floats(&from, -1.0, 1.0)] }
        }
        Op::Pad { .. } => {
            let interior: Vec<_> = shape.iter().map(|_| random.below(3)).collect();
            let spread = |dim: usize| (shape[dim] + (shape[dim] - 1) * interior[dim]) as i64;
            let low: Vec<_> = (0..rank).map(|dim| random.between(-spread(dim).min(2), 2)).collect();
            let high = (0..rank).map(|dim| random.between((-2).max(-spread(dim) - low[dim]), 2)).collect();
            let inputs = vec![random.floats(&shape, -1.0, 1.0), random.floats(&[], -1.0, 1.0)];
            Case { op: Op::Pad { low, high, interior }, inputs }
        }
        Op::Concatenate { .. } => {
            let rank = 1 + random.below(3);
            let (mut shape, dim) = (random.sizes(rank), random.below(rank));
            let inputs = (0..1 + random.below(3))
                .map(|_| {
                    shape[dim] = random.below(3);
                    random.floats(&shape, -1.0, 1.0)
                })
                .collect();
            Case { op: Op::Concatenate { dim }, inputs }
        }
        Op::Reverse { .. } => {
            let dims = random.some_of(rank);
            Case { op: Op::Reverse { dims }, inputs: vec![random.floats(&shape, -1.0, 1.0)] }
        }
        Op::Dot { .. } => dot_case(random),
        Op::Reduce { kind, .. } => {
            let dims = random.some_of(rank);
            Case { op: Op::Reduce { kind: *kind, dims }, inputs: vec![random.distinct(&shape)] }
        }
        // Indices go beyond both ends of the table, where `take` clamps and `scatter_add` drops, and repeat.
        Op::Take | Op::ScatterAdd => {
            let rows = 1 + random.below(4);
            let rest = random.below(3);
            let rest = random.sizes(rest);
            let table = random.floats(&[&[rows], &rest[..]].concat(), -1.0, 1.0);
            let index_rank = random.below(3);
            let index_shape = random.sizes(index_rank);
            let indices = random.ints(&index_shape, -2, rows as i64 + 1);
            let mut inputs = vec![table, indices];
            if *kind == Op::ScatterAdd {
                inputs.push(random.floats(&[&index_shape[..], &rest].concat(), -1.0, 1.0));
            }
            Case { op: kind.clone(), inputs }
        }
        Op::DynamicSlice { .. } | Op::DynamicUpdateSlice => {
            let sizes: Vec<_> = shape.iter().map(|&size| 1 + random.below(size)).collect();
            let mut inputs = vec![random.floats(&shape, -1.0, 1.0)];
            let op = if *kind == Op::DynamicUpdateSlice {
                inputs.push(random.floats(&sizes, -1.0, 1.0));
                Op::DynamicUpdateSlice
            } else {
                Op::DynamicSlice { sizes }
            };
            inputs.extend(shape.iter().map(|&size| random.ints(&[], -1, size as i64)));
            Case { op, inputs }
        }
    };
    Some(case)
}

/// Any pairing: each dimension of either operand is batch, contracted or free, in any order.
fn dot_case(random: &mut Random) -> Case {
    let batch = random.below(3);
    let contract = random.below(3);
    let paired = random.sizes(batch + contract);
    let side = |random: &mut Random| {
        let free = random.below(3);
        let sizes = [&paired[..], &random.sizes(free)].concat();
        let order = random.permutation(sizes.len());
        let place = |role: usize| order.iter().position(|&other| other == role).unwrap_or_default();
        let shape: Vec<_> = order.iter().map(|&role| sizes[role]).collect();
        let batch_dims = (0..batch).map(place).collect();
        let contract_dims = (batch..batch + contract).map(place).collect();
        (random.floats(&shape, -1.0, 1.0), batch_dims, contract_dims)
    };
    let (lhs, lhs_batch, lhs_contract) = side(random);
    let (rhs, rhs_batch, rhs_contract) = side(random);
    let dims = DotDims { lhs_batch, rhs_batch, lhs_contract, rhs_contract };
    Case { op: Op::Dot { dims, output: DType::F64 }, inputs: vec![lhs, rhs] }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_op_agrees_with_finite_differences(seed: u64) {
        let mut random = Random(seed);
        for kind in differentiable() {
            let Some(Case { op, inputs }) = case(&kind, &mut random) else {
                return Err(TestCaseError::fail(format!("{kind:?} is listed and has no case")));
            };
            compare_with_differences(&inputs, &|b, x| one(b, op.clone(), x))
                .map_err(|message| TestCaseError::fail(format!("{op:?}: {message}")))?;
        }
    }
}

#[test]
fn every_variant_has_a_case_or_is_constant() {
    let mut random = Random(1);
    for unary in Unary::ALL {
        assert_eq!(case(&Op::Unary(unary), &mut random).is_some(), unary_domain(unary).is_some());
    }
    for binary in Binary::ALL {
        let has_case = case(&Op::Binary(binary), &mut random).is_some();
        assert_eq!(has_case, differentiable().contains(&Op::Binary(binary)), "{binary:?}");
    }
    for kind in Reduction::ALL {
        let op = Op::Reduce { kind, dims: vec![] };
        assert_eq!(case(&op, &mut random).is_some(), differentiable().contains(&op), "{kind:?}");
    }
}

#[test]
fn an_operand_used_twice_gets_both_derivatives() {
    let x = Random(2).floats(&[3], 0.5, 1.5);
    for binary in [Binary::Add, Binary::Sub, Binary::Mul, Binary::Div, Binary::Pow] {
        check(std::slice::from_ref(&x), &|b, x| b.binary(binary, x[0], x[0]));
    }
}

#[test]
fn only_the_active_operand_of_each_op_is_differentiated() {
    let mut random = Random(3);
    for kind in differentiable() {
        let Some(Case { op, inputs }) = case(&kind, &mut random) else { continue };
        let floats: Vec<_> = (0..inputs.len()).filter(|&index| inputs[index].floats().is_some()).collect();
        for &active in &floats {
            let input = std::slice::from_ref(&inputs[active]);
            check(input, &|b, x| {
                let mut operands = Vec::new();
                for (index, literal) in inputs.iter().enumerate() {
                    operands.push(if index == active { x[0] } else { b.constant(literal.clone())? });
                }
                one(b, op.clone(), &operands)
            });
        }
    }
}

#[test]
fn nothing_passes_where_the_derivative_is_zero() {
    let x = [Random(4).nonzero(&[4])];
    check(&x, &|b, x| b.mul(x[0], b.unary(Unary::Sign, x[0])?));
    check(&x, &|b, x| b.mul(x[0], b.unary(Unary::Floor, x[0])?));
    check(&x, &|b, x| {
        let zero = b.full(&b.ty(x[0]), 0.0)?;
        b.select(b.compare(Comparison::Gt, x[0], zero)?, b.sin(x[0])?, b.exp(x[0])?)
    });
    check(&x, &|b, x| b.mul(x[0], b.convert(b.is_finite(x[0])?, DType::F64)?));
    // The detour over integers is flat.
    check(&x, &|b, x| b.mul(x[0], b.convert(b.convert(x[0], DType::I32)?, DType::F64)?));
}

#[test]
fn indices_of_a_type_that_stops_short_of_the_last_row() {
    let mut random = Random(5);
    let table = random.floats(&[300], -1.0, 1.0);
    let indices = Literal::from_ints(TensorType::new(DType::U8, [3]), vec![0, 255, 43]).unwrap();
    check(&[table, indices, random.floats(&[3], -1.0, 1.0)], &|b, x| {
        b.scatter_add(x[0], x[1], b.mul(b.take(x[0], x[1])?, x[2])?)
    });
}

/// Derivatives of `sum(f(x))` at chosen points.
fn at(points: &[f64], f: &dyn Fn(&graph::Builder, graph::Tensor) -> graph::BuildResult) -> Vec<f64> {
    let ty = TensorType::new(DType::F64, [points.len()]);
    let b = graph::Builder::new("points");
    let x = b.param("x", ty.clone(), &[]);
    let y = f(&b, x).unwrap();
    let dims: Vec<_> = (0..b.ty(y).rank()).collect();
    let loss = b.sum(y, &dims).unwrap();
    b.output("d", graph::gradient(&b, loss, &[x]).unwrap()[0]);
    let inputs = [Literal::from_floats(ty, points.to_vec()).unwrap()];
    crate::common::run(&crate::common::finish(b), &inputs).remove(0)
}

#[test]
fn at_kinks_and_edges() {
    // abs: 0 at 0. max and min: of two equal operands the left one counts.
    assert_eq!(at(&[-2.0, 0.0, 3.0], &|b, x| b.abs(x)), [-1.0, 0.0, 1.0]);
    assert_eq!(at(&[0.0], &|b, x| b.max(x, b.full(&b.ty(x), 0.0)?)), [1.0]);
    assert_eq!(at(&[0.0], &|b, x| b.max(b.full(&b.ty(x), 0.0)?, x)), [0.0]);
    // Elements that share a maximum share its derivative.
    assert_eq!(at(&[2.0, 1.0, 2.0], &|b, x| b.reduce(Reduction::Max, x, &[0])), [0.5, 0.0, 0.5]);
    // x^0 is flat and x^2 has slope 0 at 0; so is 0^y for positive y.
    assert_eq!(at(&[0.0, 2.0], &|b, x| b.pow(x, b.full(&b.ty(x), 0.0)?)), [0.0, 0.0]);
    assert_eq!(at(&[0.0, 3.0], &|b, x| b.pow(x, b.full(&b.ty(x), 2.0)?)), [0.0, 6.0]);
    assert_eq!(at(&[1.0, 2.0], &|b, y| b.pow(b.full(&b.ty(y), 0.0)?, y)), [0.0, 0.0]);
}
