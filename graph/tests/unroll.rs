//! Programs whose loops are written out compute what they did, of inputs and with outputs in parts.

use graph::testing::{Options, random_function, random_inputs, size};
use graph::{DType, Elements, Function, Literal, Op, Piece, Scan, TensorType, interpret, unroll};
use proptest::prelude::*;

/// What a piece of an array is.
fn piece(array: &Literal, piece: Piece) -> Literal {
    let Some(part) = piece.part else { return array.clone() };
    let ty = TensorType::new(array.ty().dtype, &array.ty().shape[1..]);
    let count = ty.elements();
    let range = part * count..(part + 1) * count;
    match array.elements() {
        Elements::Float(numbers) => Literal::from_floats(ty, numbers[range].to_vec()).unwrap(),
        Elements::Int(numbers) => Literal::from_ints(ty, numbers[range].to_vec()).unwrap(),
    }
}

fn loops(function: &Function) -> impl Iterator<Item = &Scan> {
    function.nodes.iter().filter_map(|node| match &node.op {
        Op::Scan(scan) => Some(&**scan),
        _ => None,
    })
}

fn options() -> Options {
    Options { nodes: 25, dtypes: DType::ALL.to_vec(), tame: true, collectives: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(size::cases(100, 500)))]

    #[test]
    fn unrolled_programs_compute_the_same(seed: u64) {
        let function = random_function(seed, &options());
        let unrolled = unroll(&function).unwrap();
        // Loops in loops stay, as often as those run that they are in.
        let inner: usize = loops(&function).map(|scan| scan.length * loops(&scan.body).count()).sum();
        prop_assert!(loops(&unrolled.function).count() <= inner);
        let inputs = random_inputs(seed, &function, true);
        let expected = interpret(&function, &inputs).unwrap();
        let pieces: Vec<_> = unrolled.inputs.iter().map(|&of| piece(&inputs[of.of], of)).collect();
        let outputs = interpret(&unrolled.function, &pieces).unwrap();
        prop_assert_eq!(outputs.len(), unrolled.outputs.len());
        for (output, &of) in outputs.iter().zip(&unrolled.outputs) {
            prop_assert_eq!(output, &piece(&expected[of.of], of));
        }
        // Inputs and outputs are in their order, whole or with all their parts.
        for (pieces, count) in [(&unrolled.inputs, inputs.len()), (&unrolled.outputs, expected.len())] {
            let numbers: Vec<_> = pieces.iter().map(|piece| (piece.of, piece.part.unwrap_or(0))).collect();
            prop_assert!(numbers.is_sorted());
            prop_assert!((0..count).all(|of| numbers.contains(&(of, 0))));
        }
    }
}

/// The property above would say nothing of programs without any.
#[test]
fn random_programs_have_inputs_in_parts() {
    let all = (0..200).map(|seed| unroll(&random_function(seed, &options())).unwrap());
    let apart = all.filter(|unrolled| unrolled.inputs.iter().any(|piece| piece.part.is_some()));
    assert!(apart.count() > 0);
}
