//! Every operation, in every dtype it accepts, gives the interpreter's numbers on the plugin, edge cases included.

mod support;

use graph::*;
use support::{difference, literal, programs, runtime, tolerance};

/// Builds `body` on parameters of the inputs' types, and compares the plugin with the interpreter.
fn check(
    name: &str,
    inputs: &[Literal],
    body: impl FnOnce(&Builder, &[Tensor]) -> Result<Vec<Tensor>, Error>,
) {
    let Some(runtime) = runtime() else { return };
    let builder = Builder::new(name);
    let params: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(index, input)| builder.param(format!("p{index}"), input.ty().clone(), &[]))
        .collect();
    let outputs = body(&builder, &params).unwrap_or_else(|error| panic!("{name}: {error}"));
    outputs.iter().enumerate().for_each(|(index, &output)| builder.output(format!("r{index}"), output));
    let function = builder.finish().unwrap();
    let expected = interpret(&function, inputs).unwrap();
    for (form, text, program) in programs(runtime, &function) {
        let got = program.run_literals(inputs).unwrap();
        for (index, (got, expected)) in got.iter().zip(&expected).enumerate() {
            if let Some(difference) = difference(expected, got, tolerance(expected.ty().dtype)) {
                panic!("{name} from {form}, result {index}: {difference}\n{text}");
            }
        }
    }
}

const FLOATS: [DType; 4] = [DType::F16, DType::BF16, DType::F32, DType::F64];
const INTS: [DType; 4] = [DType::U8, DType::I32, DType::U32, DType::I64];

fn floats(dtype: DType) -> Literal {
    let special = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, -0.0];
    let values = [0.5, -0.5, 1.0, -1.5, 2.25, 7.0, -3.75, 0.1, 1e-3, 20.0];
    literal(dtype, &[15], &[&special[..], &values[..]].concat())
}

fn ints(dtype: DType) -> Literal {
    let (low, high) = match dtype {
        DType::U8 => (0, u8::MAX.into()),
        DType::I32 => (i32::MIN.into(), i32::MAX.into()),
        DType::U32 => (0, u32::MAX.into()),
        DType::I64 => (i64::MIN, i64::MAX),
        _ => (0, 1),
    };
    let values = vec![low, high, 0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 100, high - 1, low + 1];
    Literal::from_ints(TensorType::new(dtype, [values.len()]), values).unwrap()
}

fn preds(values: &[i64]) -> Literal {
    Literal::from_ints(TensorType::new(DType::Pred, [values.len()]), values.to_vec()).unwrap()
}

/// All ordered pairs of the elements of `x`, as two operands.
fn pairs(x: &Literal) -> [Literal; 2] {
    let size = x.ty().elements();
    let ty = TensorType::new(x.ty().dtype, [size * size]);
    let pick = |index: &dyn Fn(usize) -> usize| match x.elements() {
        Elements::Float(v) => {
            Literal::from_floats(ty.clone(), (0..size * size).map(|i| v[index(i)]).collect()).unwrap()
        }
        Elements::Int(v) => {
            Literal::from_ints(ty.clone(), (0..size * size).map(|i| v[index(i)]).collect()).unwrap()
        }
    };
    [pick(&|i| i / size), pick(&|i| i % size)]
}

fn samples() -> Vec<Literal> {
    let mut samples: Vec<_> = FLOATS.into_iter().map(floats).collect();
    samples.extend(INTS.into_iter().map(ints));
    samples.push(preds(&[0, 1]));
    samples
}

#[test]
fn unary() {
    for x in samples() {
        check(&format!("unary_{}", x.ty().dtype), &[x], |b, p| {
            let accepted = Unary::ALL.into_iter().filter_map(|unary| b.unary(unary, p[0]).ok());
            Ok(accepted.collect())
        });
    }
}

#[test]
fn binary_and_compare() {
    for x in samples() {
        check(&format!("binary_{}", x.ty().dtype), &pairs(&x), |b, p| {
            // Powers have tests of their own.
            let binary = Binary::ALL.into_iter().filter(|&binary| binary != Binary::Pow);
            let mut results: Vec<_> = binary.filter_map(|binary| b.binary(binary, p[0], p[1]).ok()).collect();
            results.extend(Comparison::ALL.into_iter().filter_map(|c| b.compare(c, p[0], p[1]).ok()));
            Ok(results)
        });
    }
}

#[test]
fn power() {
    for dtype in FLOATS {
        let x = literal(dtype, &[6], &[0.0, 0.5, 1.0, 1.5, 2.0, 3.0]);
        check("power", &pairs(&x), |b, p| Ok(vec![b.pow(p[0], p[1])?]));
    }
}

#[test]
fn convert() {
    for x in samples() {
        check(&format!("convert_{}", x.ty().dtype), &[x], |b, p| {
            DType::ALL.into_iter().map(|dtype| b.convert(p[0], dtype)).collect()
        });
    }
}

#[test]
fn bitcast() {
    for x in samples() {
        check(&format!("bitcast_{}", x.ty().dtype), &[x], |b, p| {
            Ok(DType::ALL.into_iter().filter_map(|dtype| b.bitcast(p[0], dtype).ok()).collect())
        });
    }
}

#[test]
fn select() {
    for x in samples() {
        let size = x.ty().elements();
        let condition = preds(&(0..size).map(|i| (i % 3 == 0) as i64).collect::<Vec<_>>());
        check("select", &[condition, x], |b, p| Ok(vec![b.select(p[0], p[1], b.reverse(p[1], &[0])?)?]));
    }
}

#[test]
fn constants() {
    let long: Vec<f64> = (0..3000).map(|i| i as f64 * 0.37 - 500.0).collect();
    check("constants", &[], |b, _| {
        let mut results = Vec::new();
        for x in samples() {
            results.push(b.constant(x)?);
        }
        for dtype in DType::ALL {
            results.push(b.scalar(dtype, 1.0)?);
            results.push(b.constant(literal(dtype, &[2, 3], &[5.0; 6]))?);
            results.push(b.constant(literal(dtype, &[2, 1, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))?);
            results.push(b.constant(literal(dtype, &[2, 0], &[]))?);
            results.push(b.constant(literal(dtype, &[2, 1500], &long))?);
        }
        Ok(results)
    });
}

#[test]
fn nan_constants_keep_their_bits() {
    let single = [0x7fc0_0000, 0xffc0_0000, 0x7fc0_0001, 0xffff_ffff_u32].map(u32::to_le_bytes);
    let double = [0x7ff8 << 48, 0xfff8 << 48, (0x7ff8 << 48) + 1, u64::MAX].map(u64::to_le_bytes);
    for (dtype, bits, bytes) in
        [(DType::F32, DType::U32, single.as_flattened()), (DType::F64, DType::I64, double.as_flattened())]
    {
        let nans = Literal::from_bytes(TensorType::new(dtype, [4]), bytes).unwrap();
        let pattern = Literal::from_bytes(TensorType::new(bits, [4]), bytes).unwrap();
        assert_eq!(nans.to_bytes(), bytes);
        check("nan_constants", &[pattern], |b, p| {
            let nans = b.bitcast(b.constant(nans)?, bits)?;
            Ok(vec![nans, b.compare(Comparison::Eq, nans, p[0])?])
        });
    }
}

#[test]
fn iota() {
    check("iota", &[], |b, _| {
        let numbers = DType::ALL.into_iter().filter(|&dtype| dtype != DType::Pred);
        let cases = numbers.flat_map(|dtype| [0, 1].map(|dim| (dtype, dim)));
        cases.map(|(dtype, dim)| b.iota(TensorType::new(dtype, [3, 4]), dim)).collect()
    });
}

#[test]
fn shapes() {
    // Moving elements depends on their size alone.
    for dtype in [DType::Pred, DType::BF16, DType::F32, DType::I64] {
        let x = literal(dtype, &[2, 3, 4], &(0..24).map(f64::from).collect::<Vec<_>>());
        let row = literal(dtype, &[1, 4], &[1.0, 0.0, 3.0, 4.0]);
        let scalar = literal(dtype, &[], &[1.0]);
        check("shapes", &[x, row, scalar], |b, p| {
            let [x, row, scalar] = [p[0], p[1], p[2]];
            let slice = |starts: &[usize], limits: &[usize], strides: &[usize]| Op::Slice {
                starts: starts.to_vec(),
                limits: limits.to_vec(),
                strides: strides.to_vec(),
            };
            let pad = |low: &[i64], high: &[i64], interior: &[usize]| Op::Pad {
                low: low.to_vec(),
                high: high.to_vec(),
                interior: interior.to_vec(),
            };
            Ok(vec![
                b.broadcast(x, &[5, 2, 3, 4], &[1, 2, 3])?,
                b.broadcast(row, &[3, 2, 4], &[0, 2])?,
                b.broadcast(row, &[1, 4, 2], &[0, 1])?,
                b.broadcast(scalar, &[2, 2], &[])?,
                b.broadcast(scalar, &[0, 2], &[])?,
                b.reshape(x, &[6, 4])?,
                b.reshape(x, &[24, 1])?,
                b.reshape(row, &[4])?,
                b.reshape(scalar, &[1, 1])?,
                b.transpose(x, &[2, 0, 1])?,
                b.op(slice(&[0, 1, 1], &[2, 3, 4], &[1, 2, 2]), &[x])?[0],
                b.op(slice(&[1, 1, 4], &[1, 3, 4], &[1, 1, 3]), &[x])?[0],
                b.op(slice(&[], &[], &[]), &[scalar])?[0],
                b.op(pad(&[1, 0, -1], &[0, 2, -1], &[0, 1, 2]), &[x, scalar])?[0],
                b.op(pad(&[0, -2, 0], &[0, -1, 3], &[0, 0, 0]), &[x, scalar])?[0],
                b.concatenate(&[x, b.slice_dim(x, 1, 0, 1)?, x], 1)?,
                b.concatenate(&[row], 0)?,
                b.reverse(x, &[0, 2])?,
                b.reverse(x, &[])?,
                b.stop_gradient(b.name(x, "kept")?)?,
                x,
                x,
            ])
        });
    }
}

#[test]
fn dot() {
    for dtype in FLOATS.into_iter().chain(INTS) {
        let x = literal(dtype, &[2, 3, 4], &(0..24).map(|i| f64::from(i % 5)).collect::<Vec<_>>());
        let y = literal(dtype, &[4, 2, 5], &(0..40).map(|i| f64::from(i % 7)).collect::<Vec<_>>());
        check("dot", &[x, y], |b, p| {
            let dims = |lb: &[usize], rb: &[usize], lc: &[usize], rc: &[usize]| DotDims {
                lhs_batch: lb.to_vec(),
                rhs_batch: rb.to_vec(),
                lhs_contract: lc.to_vec(),
                rhs_contract: rc.to_vec(),
            };
            let mut results = vec![
                b.dot(p[0], p[1], dims(&[0], &[1], &[2], &[0]), dtype)?,
                b.dot(p[0], p[1], dims(&[], &[], &[2], &[0]), dtype)?,
                b.dot(p[0], p[1], dims(&[], &[], &[0, 2], &[1, 0]), dtype)?,
                b.dot(p[0], p[1], dims(&[0, 2], &[1, 0], &[], &[]), dtype)?,
                b.dot(p[0], p[1], dims(&[], &[], &[], &[]), dtype)?,
            ];
            for wide in [DType::F32, DType::F64] {
                if dtype.is_float() && wide.size() > dtype.size() {
                    results.push(b.dot(p[0], p[1], dims(&[0], &[1], &[2], &[0]), wide)?);
                }
            }
            Ok(results)
        });
    }
}

#[test]
fn reduce() {
    for x in samples().into_iter().chain([
        literal(DType::F32, &[2, 3, 4], &(0..24).map(|i| f64::from(i * 7 % 11)).collect::<Vec<_>>()),
        literal(DType::I32, &[3, 0], &[]),
        literal(DType::F32, &[3, 0], &[]),
        literal(DType::Pred, &[3, 0], &[]),
        literal(DType::U8, &[0], &[]),
        literal(DType::I64, &[0], &[]),
        literal(DType::F32, &[], &[3.0]),
    ]) {
        let rank = x.ty().rank();
        check("reduce", &[x], |b, p| {
            let mut results = Vec::new();
            for kind in Reduction::ALL {
                let sets = [vec![], vec![0], vec![rank.max(1) - 1], (0..rank).collect()];
                results.extend(sets.iter().filter_map(|dims| b.reduce(kind, p[0], dims).ok()));
            }
            Ok(results)
        });
    }
}

#[test]
fn take() {
    for (dtype, index) in DType::ALL.into_iter().zip(INTS.into_iter().cycle()) {
        let table = literal(dtype, &[300, 2], &(0..600).map(f64::from).collect::<Vec<_>>());
        let vector = literal(dtype, &[3], &[1.0, 0.0, 2.0]);
        let signed = matches!(index, DType::I32 | DType::I64);
        let out = if signed { [-1.0, -300.0] } else { [255.0, 250.0] };
        let indices = literal(index, &[2, 3], &[0.0, 2.0, 200.0, 255.0, out[0], out[1]]);
        let one = literal(index, &[], &[250.0]);
        check("take", &[table.clone(), vector.clone(), indices, one], |b, p| {
            Ok(vec![b.take(p[0], p[2])?, b.take(p[1], p[2])?, b.take(p[0], p[3])?, b.take(p[1], p[3])?])
        });
    }
}

#[test]
fn scatter_add() {
    for (dtype, index) in FLOATS.into_iter().chain(INTS).zip(INTS.into_iter().cycle()) {
        let table = literal(dtype, &[300, 2], &(0..600).map(|i| f64::from(i % 9)).collect::<Vec<_>>());
        let vector = literal(dtype, &[3], &[1.0, 0.0, 2.0]);
        let signed = matches!(index, DType::I32 | DType::I64);
        let outside = if signed { -1.0 } else { 255.0 };
        let indices = literal(index, &[2, 3], &[0.0, 2.0, 2.0, 255.0, outside, 0.0]);
        let rows = literal(dtype, &[2, 3, 2], &(0..12).map(f64::from).collect::<Vec<_>>());
        let numbers = literal(dtype, &[2, 3], &(0..6).map(f64::from).collect::<Vec<_>>());
        let (one, row) = (literal(index, &[], &[2.0]), literal(dtype, &[2], &[1.0, 2.0]));
        check("scatter_add", &[table.clone(), vector.clone(), indices, rows, numbers, one, row], |b, p| {
            Ok(vec![
                b.scatter_add(p[0], p[2], p[3])?,
                b.scatter_add(p[1], p[2], p[4])?,
                b.scatter_add(p[0], p[5], p[6])?,
            ])
        });
    }
}

#[test]
fn dynamic_slices() {
    for (dtype, index) in DType::ALL.into_iter().zip(INTS.into_iter().cycle()) {
        let x = literal(dtype, &[3, 4], &(0..12).map(f64::from).collect::<Vec<_>>());
        let update = literal(dtype, &[2, 2], &[9.0, 8.0, 7.0, 6.0]);
        let signed = matches!(index, DType::I32 | DType::I64);
        let starts = [1.0, 200.0, if signed { -5.0 } else { 0.0 }].map(|start| literal(index, &[], &[start]));
        let inputs = [&[x, update][..], &starts].concat();
        check("dynamic_slices", &inputs, |b, p| {
            let mut results = Vec::new();
            for starts in [[p[2], p[2]], [p[3], p[4]], [p[4], p[3]]] {
                results.push(b.dynamic_slice(p[0], &starts, &[2, 3])?);
                results.push(b.dynamic_update_slice(p[0], p[1], &starts)?);
            }
            let scalar = b.reshape(b.slice(p[0], &[1, 1], &[2, 2])?, &[])?;
            results.push(b.dynamic_slice(scalar, &[], &[])?);
            results.push(b.dynamic_update_slice(scalar, scalar, &[])?);
            Ok(results)
        });
    }
}

#[test]
fn far_indices() {
    let ints = |dtype, values: &[i64]| {
        Literal::from_ints(TensorType::new(dtype, [values.len()]), values.to_vec()).unwrap()
    };
    let table = literal(DType::F32, &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for far in [
        ints(DType::I64, &[i64::MAX, i64::MIN, 1 << 32, (1 << 32) + 1]),
        ints(DType::I32, &[i32::MAX.into(), i32::MIN.into()]),
        ints(DType::U32, &[u32::MAX.into(), 1 << 31]),
    ] {
        let count = far.ty().elements();
        let updates = literal(DType::F32, &[count, 2], &vec![1.0; 2 * count]);
        check("far", &[table.clone(), far, updates], |b, p| {
            let mut results = vec![b.take(p[0], p[1])?, b.scatter_add(p[0], p[1], p[2])?];
            let row = b.slice_dim(p[2], 0, 0, 1)?;
            for index in 0..count {
                let start = b.reshape(b.slice_dim(p[1], 0, index, index + 1)?, &[])?;
                results.push(b.dynamic_slice(p[0], &[start, start], &[2, 1])?);
                results.push(b.dynamic_update_slice(p[0], row, &[start, start])?);
            }
            Ok(results)
        });
    }
}

#[test]
fn scan() {
    for reverse in [false, true] {
        let carry = literal(DType::F32, &[2], &[1.0, 2.0]);
        let counter = literal(DType::I32, &[], &[10.0]);
        let xs = literal(DType::F32, &[4, 2], &[0.5, 1.0, -1.0, 2.0, 0.25, 3.0, 1.5, -2.0]);
        let flags = literal(DType::Pred, &[4], &[1.0, 0.0, 0.0, 1.0]);
        let constant = literal(DType::F32, &[2], &[0.1, 0.2]);
        check("scan", &[carry, counter, xs, flags, constant], |b, p| {
            let inputs = ScanInputs {
                length: 4,
                reverse,
                carries: &[p[0], p[1]],
                xs: &[p[2], p[3]],
                constants: &[p[4], p[0]],
                ..ScanInputs::default()
            };
            let outputs = b.scan("layers", inputs, |body| {
                let i = body.builder;
                let sum = i.add(i.mul(body.carries[0], body.constants[0])?, body.xs[0])?;
                let chosen = i.select(body.xs[1], sum, body.constants[1])?;
                // A scan inside a scan, with a carry that passes through unchanged.
                let nested = ScanInputs {
                    length: 3,
                    carries: &[chosen, sum],
                    constants: &[sum],
                    ..Default::default()
                };
                let nested = i.scan("inner", nested, |body| {
                    let next = body.builder.add(body.carries[0], body.constants[0])?;
                    Ok(ScanOutputs { carries: vec![next, body.carries[1]], ys: vec![body.constants[0]] })
                })?;
                Ok(ScanOutputs {
                    carries: vec![nested.carries[0], i.offset(body.carries[1], 3.0)?],
                    ys: vec![sum, body.xs[1], body.carries[1], nested.ys[0], body.constants[1]],
                })
            })?;
            Ok([outputs.carries, outputs.ys].concat())
        });
    }
    // Only stacked outputs; only carries; a single iteration.
    check("scan_small", &[literal(DType::I64, &[], &[1.0])], |b, p| {
        let only_ys = ScanInputs { length: 3, constants: &[p[0]], ..Default::default() };
        let only_ys =
            b.scan("ys", only_ys, |body| Ok(ScanOutputs { carries: vec![], ys: vec![body.constants[0]] }))?;
        let only_carry = ScanInputs { length: 1, carries: &[p[0]], reverse: true, ..Default::default() };
        let only_carry = b.scan("carry", only_carry, |body| {
            Ok(ScanOutputs { carries: vec![body.builder.offset(body.carries[0], 1.0)?], ys: vec![] })
        })?;
        Ok(vec![only_ys.ys[0], only_carry.carries[0]])
    });
}

#[test]
fn names_that_are_no_identifiers() {
    let Some(runtime) = runtime() else { return };
    let builder = Builder::new("names");
    let ty = TensorType::new(DType::F32, [2]);
    let names = ["params/layers.w", "params.layers.w", "3", "a-b:c"];
    let params: Vec<_> = names.iter().map(|name| builder.param(*name, ty.clone(), &[])).collect();
    let scope = builder.scope("attention:1/q.k-v");
    let sum = params[1..].iter().try_fold(params[0], |sum, &param| builder.add(sum, param)).unwrap();
    drop(scope);
    builder.output("out/put", sum);
    let function = builder.finish().unwrap();
    let program = runtime.compile(&function).unwrap();
    let inputs = [1.0, 2.0, 3.0, 4.0].map(|value| literal(DType::F32, &[2], &[value, -value]));
    assert_eq!(program.run_literals(&inputs).unwrap(), [literal(DType::F32, &[2], &[10.0, -10.0])]);
    assert_eq!(program.input_index("a-b:c"), Some(3));
    assert_eq!(program.output_index("out/put"), Some(0));
}
