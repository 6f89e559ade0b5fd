//! Laws of the interpreter. What each op gives at its edges stands in `filetests/`; here ops are compared with
//! Rust's own arithmetic, and with each other, on random values.

use graph::testing::{Options, Random, random_function, random_inputs};
use graph::{
    BuildResult, Builder, DType, DotDims, Error, Literal, Remat, ScanInputs, ScanOutputs, Tensor, TensorType,
    interpret,
};
use proptest::prelude::*;

/// The result of a program of one result, built from parameters that hold the given literals.
fn run(inputs: &[Literal], build: impl FnOnce(&Builder, &[Tensor]) -> BuildResult) -> Literal {
    let run = || -> Result<Literal, Error> {
        let b = Builder::new("law");
        let params: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(index, input)| b.param(format!("input{index}"), input.ty().clone(), &[]))
            .collect();
        b.output("result", build(&b, &params)?);
        Ok(interpret(&b.finish()?, inputs)?.remove(0))
    };
    run().unwrap_or_else(|error| panic!("{error}"))
}

/// A tensor of rank 1 to 3 and of any value, from a seed.
fn any_tensor(random: &mut Random, dtype: DType) -> Literal {
    let mut shape = random.shape(false);
    if shape.is_empty() {
        shape.push(3);
    }
    random.literal(&TensorType::new(dtype, shape), false)
}

fn dtypes() -> impl Strategy<Value = DType> {
    prop::sample::select(DType::ALL.to_vec())
}

fn float_dtypes() -> impl Strategy<Value = DType> {
    prop::sample::select(vec![DType::F16, DType::BF16, DType::F32, DType::F64])
}

/// The neighbours of a value of a float dtype, found through its bits.
fn neighbours(dtype: DType, value: f64) -> [f64; 2] {
    [-1, 1].map(|step| {
        let bytes = Literal::scalar(dtype, value).to_bytes();
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(&bytes);
        let next = i64::from_le_bytes(wide).wrapping_add(step).to_le_bytes();
        let literal = Literal::from_bytes(TensorType::scalar(dtype), &next[..bytes.len()]);
        literal.expect("as many bytes as the dtype has").floats().expect("a float dtype")[0]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn rounding_gives_the_nearest_value(dtype in prop::sample::select(vec![DType::F16, DType::BF16]), seed: u64) {
        let mut random = Random::new(seed);
        let exact = dtype.round((1 + random.below(4000)) as f64 / 64.0);
        let [below, above] = neighbours(dtype, exact);
        // Values around the middle between two neighbours, where rounding is decided.
        let middle = (exact + above) / 2.0;
        for value in [middle, f64::from_bits(middle.to_bits() + 1), f64::from_bits(middle.to_bits() - 1), below] {
            let rounded = dtype.round(value);
            prop_assert_eq!(dtype.round(rounded), rounded);
            for other in neighbours(dtype, rounded) {
                let (near, far) = ((value - rounded).abs(), (value - other).abs());
                let even = |value: f64| Literal::scalar(dtype, value).to_bytes()[0] & 1 == 0;
                prop_assert!(near < far || (near == far && even(rounded)), "{value:e} became {rounded:e}");
            }
        }
    }

    #[test]
    fn float32_arithmetic_is_that_of_the_processor(x: f32, y: f32) {
        let input = |value: f32| Literal::scalar(DType::F32, f64::from(value));
        let inputs = [input(x), input(y)];
        let check = |expected: f32, op: fn(&Builder, Tensor, Tensor) -> BuildResult| {
            let actual = run(&inputs, |b, params| op(b, params[0], params[1]));
            prop_assert_eq!(actual, input(if expected.is_nan() { f32::NAN } else { expected }));
            Ok(())
        };
        check(x + y, Builder::add)?;
        check(x - y, Builder::sub)?;
        check(x * y, Builder::mul)?;
        check(x / y, Builder::div)?;
        check(x.abs().sqrt(), |b, x, _| b.sqrt(b.abs(x)?))?;
    }

    #[test]
    fn integer_arithmetic_is_that_of_the_processor(x: i32, y: i32) {
        let inputs = [x, y].map(|value| Literal::scalar(DType::I32, f64::from(value)));
        let check = |expected: i32, op: fn(&Builder, Tensor, Tensor) -> BuildResult| {
            let actual = run(&inputs, |b, params| op(b, params[0], params[1]));
            prop_assert_eq!(actual, Literal::scalar(DType::I32, f64::from(expected)));
            Ok(())
        };
        check(x.wrapping_add(y), Builder::add)?;
        check(x.wrapping_sub(y), Builder::sub)?;
        check(x.wrapping_mul(y), Builder::mul)?;
        check(x.checked_div(y).unwrap_or(if y == 0 { -1 } else { x }), Builder::div)?;
        check(x ^ y, Builder::xor)?;
    }

    #[test]
    fn movements_undo_each_other(seed: u64, dtype in dtypes()) {
        let mut random = Random::new(seed);
        let x = any_tensor(&mut random, dtype);
        let (shape, rank) = (x.ty().shape.clone(), x.ty().rank());
        let dim = random.below(rank);
        let check = |name: &str, there_and_back: &dyn Fn(&Builder, Tensor) -> BuildResult| {
            let actual = run(std::slice::from_ref(&x), |b, params| there_and_back(b, params[0]));
            prop_assert_eq!(&actual, &x, "{}", name);
            Ok(())
        };
        check("reverse", &|b, x| b.reverse(b.reverse(x, &[dim])?, &[dim]))?;
        let rotation: Vec<_> = (0..rank).map(|each| (each + 1) % rank).collect();
        check("transpose", &|b, x| {
            (0..rank).try_fold(x, |x, _| b.transpose(x, &rotation))
        })?;
        check("reshape", &|b, x| b.reshape(b.reshape(x, &[x_elements(&shape)])?, &shape))?;
        let cut = shape[dim] / 2;
        check("slice and concatenate", &|b, x| {
            let parts = [b.slice_dim(x, dim, 0, cut)?, b.slice_dim(x, dim, cut, shape[dim])?];
            b.concatenate(&parts, dim)
        })?;
        let (ones, minus_ones) = (vec![1; rank], vec![-1; rank]);
        check("pad", &|b, x| b.pad(b.pad(x, 1.0, &ones, &ones)?, 0.0, &minus_ones, &minus_ones))?;
        if shape[0] > 0 {
            let rows = TensorType::new(DType::I32, [shape[0]]);
            check("take", &|b, x| b.take(x, b.iota(rows.clone(), 0)?))?;
        }
        check("update with itself", &|b, x| {
            let zeros = (0..rank).map(|_| b.scalar(DType::I32, 0.0)).collect::<Result<Vec<_>, _>>()?;
            b.dynamic_update_slice(x, b.dynamic_slice(x, &zeros, &shape)?, &zeros)
        })?;
    }

    #[test]
    fn wider_types_hold_narrower_ones(seed: u64, dtype in float_dtypes()) {
        let x = any_tensor(&mut Random::new(seed), dtype);
        let back = run(std::slice::from_ref(&x), |b, params| {
            b.convert(b.convert(params[0], DType::F64)?, dtype)
        });
        prop_assert_eq!(back, x);
    }

    #[test]
    fn a_dot_is_a_product_and_a_sum(seed: u64, batch in 0usize..3, free in 0usize..4, contract in 0usize..4) {
        let mut random = Random::new(seed);
        let x = random.literal(&TensorType::new(DType::F64, [contract, batch, free]), true);
        let y = random.literal(&TensorType::new(DType::F64, [2, batch, contract]), true);
        let inputs = [x, y];
        let dims = DotDims {
            lhs_batch: vec![1],
            rhs_batch: vec![1],
            lhs_contract: vec![0],
            rhs_contract: vec![2],
        };
        let dot = run(&inputs, |b, params| b.dot(params[0], params[1], dims, DType::F64));
        // Both as [batch, free, 2, contract].
        let sum = run(&inputs, |b, params| {
            let shape = [batch, free, 2, contract];
            let x = b.broadcast(b.transpose(params[0], &[1, 2, 0])?, &shape, &[0, 1, 3])?;
            let y = b.broadcast(b.transpose(params[1], &[1, 0, 2])?, &shape, &[0, 2, 3])?;
            b.sum(b.mul(x, y)?, &[3])
        });
        prop_assert_eq!(dot, sum);
    }

    #[test]
    fn adding_rows_is_a_product_with_a_one_hot_matrix(seed: u64, rows in 1usize..5, updates in 0usize..6) {
        let mut random = Random::new(seed);
        let inputs = [
            random.literal(&TensorType::new(DType::F64, [rows, 2]), true),
            random.literal(&TensorType::new(DType::I32, [updates]), true),
            random.literal(&TensorType::new(DType::F64, [updates, 2]), true),
        ];
        let scattered = run(&inputs, |b, params| b.scatter_add(params[0], params[1], params[2]));
        let multiplied = run(&inputs, |b, params| {
            let row = b.iota(TensorType::new(DType::I32, [rows, updates]), 0)?;
            let one_hot = b.convert(b.compare(graph::Comparison::Eq, row, params[1])?, DType::F64)?;
            b.add(params[0], b.einsum("ru,uc->rc", one_hot, params[2])?)
        });
        prop_assert_eq!(scattered, multiplied);
    }

    #[test]
    fn a_scan_is_its_iterations_one_after_the_other(seed: u64, length in 1usize..5, reverse: bool) {
        let mut random = Random::new(seed);
        let row = TensorType::new(DType::F32, [2]);
        let stack = TensorType::new(DType::F32, [length, 2]);
        let inputs = [random.literal(&row, true), random.literal(&stack, true), random.literal(&row, true)];
        let step = |b: &Builder, carry, x, constant| b.tanh(b.add(b.mul(carry, constant)?, x)?);
        let scanned = run(&inputs, |b, params| {
            let parts = ScanInputs {
                length,
                reverse,
                remat: Remat::None,
                carries: &params[..1],
                xs: &params[1..2],
                constants: &params[2..],
            };
            let outputs = b.scan("step", parts, |body| {
                let next = step(body.builder, body.carries[0], body.xs[0], body.constants[0])?;
                Ok(ScanOutputs { carries: vec![next], ys: vec![body.carries[0]] })
            })?;
            b.concatenate(&[b.expand(outputs.carries[0], 0)?, outputs.ys[0]], 0)
        });
        let unrolled = run(&inputs, |b, params| {
            let mut carry = params[0];
            let mut before = vec![None; length];
            for index in 0..length {
                let index = if reverse { length - 1 - index } else { index };
                before[index] = Some(b.expand(carry, 0)?);
                let x = b.reshape(b.slice_dim(params[1], 0, index, index + 1)?, &[2])?;
                carry = step(b, carry, x, params[2])?;
            }
            let rows: Vec<_> = std::iter::once(b.expand(carry, 0)?).chain(before.into_iter().flatten()).collect();
            b.concatenate(&rows, 0)
        });
        prop_assert_eq!(scanned, unrolled);
    }

    #[test]
    fn tame_functions_give_moderate_numbers(seed: u64, nodes in 0usize..40) {
        let options = Options { nodes, dtypes: DType::ALL.to_vec(), tame: true, collectives: true };
        let function = random_function(seed, &options);
        let inputs = random_inputs(seed, &function, true);
        let results = interpret(&function, &inputs).map_err(|error| TestCaseError::fail(error.to_string()))?;
        for result in &results {
            let moderate = |value: &f64| value.is_finite() && value.abs() < 1e4;
            let large = result.floats().unwrap_or_default().iter().find(|value| !moderate(value));
            prop_assert_eq!(large, None, "{}", function);
        }
    }
}

fn x_elements(shape: &[usize]) -> usize {
    shape.iter().product()
}
