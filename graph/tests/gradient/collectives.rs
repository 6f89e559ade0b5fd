//! Derivatives of the ops by which devices exchange values. What is differentiated is the sum of all devices' losses, each
//! of which depends on all devices' inputs.

use graph::{
    Binary, BuildResult, Builder, DType, Literal, Mesh, MeshAxis, Partitioned, Reduction, Split, Tensor,
    TensorType, gradient, interpret_partitioned,
};

use crate::common::{Random, weighted_sum};

fn mesh() -> Mesh {
    let axis = |(name, size): (&str, usize)| MeshAxis { name: name.into(), size };
    Mesh { axes: [("data", 2), ("model", 3)].map(axis).to_vec() }
}

/// Each of the six devices has its own row.
fn by_row(rank: usize) -> Split {
    let mut split = vec![Vec::new(); rank];
    split[0] = vec!["data".into(), "model".into()];
    split
}

fn program(builder: Builder, outputs: usize) -> Partitioned {
    let function = builder.finish().unwrap();
    let ranks: Vec<usize> = function.result_types().iter().map(TensorType::rank).collect();
    assert_eq!(ranks.len(), outputs);
    let results = ranks.into_iter().map(by_row).collect();
    Partitioned { function, mesh: mesh(), params: vec![by_row(3)], results }
}

/// Compares the derivative with central differences of the sum of the losses of all devices, each weighted by the device.
#[track_caller]
fn check(body: impl Fn(&Builder, Tensor) -> BuildResult) {
    let input = Random(7).distinct(&[6, 6, 6]);
    let loss = |b: &Builder| -> Result<[Tensor; 2], graph::Error> {
        let x = b.param("x", TensorType::new(DType::F64, [1, 6, 6]), &[]);
        let own = weighted_sum(b, body(b, b.reshape(x, &[6, 6])?)?)?;
        let number = |axis: usize| b.convert(b.axis_index(mesh().axes[axis].clone())?, DType::F64);
        let weight = b.offset(b.add(b.scale(number(0)?, 0.7)?, b.scale(number(1)?, 0.3)?)?, 1.0)?;
        Ok([x, b.mul(own, weight)?])
    };
    let b = Builder::new("derivative");
    let [x, own] = loss(&b).unwrap();
    b.output("x", gradient(&b, own, &[x]).unwrap()[0]);
    let derivative = interpret_partitioned(&program(b, 1), std::slice::from_ref(&input)).unwrap().remove(0);

    let b = Builder::new("losses");
    let [_, own] = loss(&b).unwrap();
    b.output("loss", b.reshape(own, &[1]).unwrap());
    let losses = program(b, 1);
    let total = |input: Literal| -> f64 {
        let losses = interpret_partitioned(&losses, &[input]).unwrap();
        losses[0].floats().unwrap().iter().sum()
    };
    let (values, step) = (input.floats().unwrap(), 1e-5);
    for (index, got) in derivative.floats().unwrap().iter().enumerate().step_by(7) {
        let at = |change: f64| {
            let mut values = values.to_vec();
            values[index] += change;
            total(Literal::from_floats(input.ty().clone(), values).unwrap())
        };
        let expected = (at(step) - at(-step)) / (2.0 * step);
        let close = (got - expected).abs() <= 1e-6 * (1.0 + expected.abs());
        assert!(close, "element {index}: {got}, by differences {expected}");
    }
}

fn groups() -> [Vec<MeshAxis>; 4] {
    let [data, model] = [mesh().axes[0].clone(), mesh().axes[1].clone()];
    [vec![data.clone()], vec![model.clone()], vec![data.clone(), model.clone()], vec![model, data]]
}

#[test]
fn sums_and_extrema_over_devices() {
    for axes in groups() {
        for kind in [Reduction::Sum, Reduction::Max, Reduction::Min] {
            check(|b, x| b.sin(b.all_reduce(kind, b.mul(x, x)?, &axes)?));
        }
    }
}

#[test]
fn gathered_and_scattered() {
    for axes in groups() {
        check(|b, x| b.tanh(b.all_gather(b.sin(x)?, 1, &axes)?));
        check(|b, x| b.tanh(b.reduce_scatter(b.sin(x)?, 0, &axes)?));
    }
}

#[test]
fn exchanged_and_moved() {
    for axes in groups() {
        check(|b, x| b.tanh(b.all_to_all(b.sin(x)?, 0, 1, &axes)?));
        check(|b, x| b.tanh(b.all_to_all(b.sin(x)?, 1, 1, &axes)?));
    }
    for axis in mesh().axes {
        for shift in [1, -1, 2, 0, i64::MIN] {
            check(|b, x| {
                let moved = b.permute(b.sin(x)?, axis.clone(), shift)?;
                b.binary(Binary::Mul, moved, x)
            });
        }
    }
}

/// Devices that attain a maximum together share its derivative.
#[test]
fn equal_maxima_share() {
    let b = Builder::new("shared");
    let x = b.param("x", TensorType::new(DType::F64, [1, 1, 1]), &[]);
    let model = [mesh().axes[1].clone()];
    let most = b.all_reduce(Reduction::Max, b.reshape(x, &[]).unwrap(), &model).unwrap();
    b.output("x", gradient(&b, most, &[x]).unwrap()[0]);
    let input = Literal::from_floats(TensorType::new(DType::F64, [6, 1, 1]), vec![1., 3., 3., 5., 4., 2.]);
    let got = interpret_partitioned(&program(b, 1), &[input.unwrap()]).unwrap();
    assert_eq!(got[0].floats().unwrap(), [0.0, 1.5, 1.5, 3.0, 0.0, 0.0]);
}
