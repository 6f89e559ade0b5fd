//! Flattened programs compute what they did.

use graph::testing::{Options, Random, random_function, random_inputs};
use graph::verify::verify;
use graph::{Builder, DType, DotDims, Literal, TensorType, flatten_matmuls, interpret};
use proptest::prelude::*;

/// Two operands of up to five dimensions, and how a contraction pairs them.
fn random_contraction(seed: u64) -> (TensorType, TensorType, DotDims) {
    let mut random = Random::new(seed);
    let mut dims = DotDims::default();
    let (mut lhs, mut rhs) = (Vec::new(), Vec::new());
    for _ in 0..1 + random.below(5) {
        let size = 1 + random.below(3);
        let part = random.below(4);
        let mut insert = |shape: &mut Vec<usize>, others: [&mut Vec<usize>; 2]| {
            let at = random.below(shape.len() + 1);
            shape.insert(at, size);
            others.into_iter().flatten().filter(|dim| **dim >= at).for_each(|dim| *dim += 1);
            at
        };
        let left = (part != 3).then(|| insert(&mut lhs, [&mut dims.lhs_batch, &mut dims.lhs_contract]));
        let right = (part != 2).then(|| insert(&mut rhs, [&mut dims.rhs_batch, &mut dims.rhs_contract]));
        if let (Some(left), Some(right)) = (left, right) {
            let (lefts, rights) = match part {
                0 => (&mut dims.lhs_batch, &mut dims.rhs_batch),
                _ => (&mut dims.lhs_contract, &mut dims.rhs_contract),
            };
            lefts.push(left);
            rights.push(right);
        }
    }
    (TensorType::new(DType::F64, lhs), TensorType::new(DType::F64, rhs), dims)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Contractions of small integers are exact, so the order of additions does not matter.
    #[test]
    fn contractions_are_the_same(seed: u64) {
        let (lhs, rhs, dims) = random_contraction(seed);
        let b = Builder::new("contraction");
        let (x, y) = (b.param("x", lhs.clone(), &[]), b.param("y", rhs.clone(), &[]));
        b.output("z", b.dot(x, y, dims, DType::F64).unwrap());
        let function = b.finish().unwrap();
        let mut random = Random::new(seed);
        let inputs = [lhs, rhs].map(|ty| {
            let values = (0..ty.elements()).map(|_| random.below(9) as f64 - 4.0).collect();
            Literal::from_floats(ty, values).unwrap()
        });
        let mut flat = function.clone();
        flatten_matmuls(&mut flat);
        verify(&flat).unwrap();
        prop_assert_eq!(interpret(&flat, &inputs).unwrap(), interpret(&function, &inputs).unwrap());
    }

    #[test]
    fn any_program_stays_valid_and_flattening_again_changes_nothing(seed: u64) {
        let function = random_function(seed, &Options { nodes: 30, dtypes: DType::ALL.to_vec(), tame: true, collectives: true });
        let mut flat = function.clone();
        flatten_matmuls(&mut flat);
        verify(&flat).unwrap();
        prop_assert_eq!(flat.param_types(), function.param_types());
        prop_assert_eq!(flat.result_types(), function.result_types());
        interpret(&flat, &random_inputs(seed, &flat, true)).unwrap();
        let mut again = flat.clone();
        flatten_matmuls(&mut again);
        prop_assert_eq!(again, flat);
    }
}
