//! Fits y = 2·a − b to eight points on two devices, with nothing of this project but its graph, planner and runtime.

use graph::{Builder, DType, Function, Literal, Mesh, MeshAxis, TensorType};
use graph::{gradient, interpret, to_stablehlo_partitioned};
use runtime::{CompileOptions, DeviceKind, Runtime, RuntimeOptions};
use sharding::machine::Topology;
use sharding::partition::{Rules, partition};

const POINTS: usize = 8;

/// One step of gradient descent: weights and points to better weights and the loss.
fn step() -> Result<Function, graph::Error> {
    let f32s = |shape: &[usize]| TensorType::new(DType::F32, shape.to_vec());
    let b = Builder::new("step");
    let weights = b.param("weights", f32s(&[2]), &[]);
    let points = b.param("points", f32s(&[POINTS, 2]), &[]);
    let wanted = b.param("wanted", f32s(&[POINTS]), &[]);
    let error = b.sub(b.einsum("pi,i->p", points, weights)?, wanted)?;
    let loss = b.mean(b.mul(error, error)?, &[0])?;
    // The derivative is more nodes of the same function.
    let slope = gradient(&b, loss, &[weights])?[0];
    let better = b.sub(weights, b.scale(slope, 0.1)?)?;
    // The new weights take over the memory of the old ones, input 0.
    b.output_aliased("weights", better, Some(0));
    b.output("loss", loss);
    b.finish()
}

/// Fits the weights, and says what became of them.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let whole = step()?;

    // Split over the two devices of a machine: each has half of the points, and all of the weights.
    let machine = Topology::parse("cpu:2", 1)?;
    let mesh = Mesh { axes: vec![MeshAxis { name: "data".into(), size: machine.devices() }] };
    let (over, all) = (|| vec!["data".to_owned()], Vec::new);
    let inputs = [vec![all()], vec![over(), all()], vec![over()]];
    let outputs = [vec![all()], vec![]];
    let split = partition(&whole, &mesh, &[], &Rules::default(), &inputs, &outputs)?;
    println!("{}", split.function);
    println!("{} bytes of StableHLO", to_stablehlo_partitioned(&split)?.len());

    let points: Vec<f32> = (0..2 * POINTS).map(|index| (index as f32 * 0.7).sin()).collect();
    let wanted: Vec<f32> = points.chunks(2).map(|point| 2.0 * point[0] - point[1]).collect();

    // The interpreter needs no plugin, and is what all else is held against.
    let floats = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
    let literal = |shape: &[usize], values: &[f32]| {
        Literal::from_floats(TensorType::new(DType::F32, shape.to_vec()), floats(values))
    };
    let given = [literal(&[2], &[0.0, 0.0])?, literal(&[POINTS, 2], &points)?, literal(&[POINTS], &wanted)?];
    let expected = interpret(&whole, &given)?;

    // `Runtime::start` would fetch the plugin; this takes one that is here.
    let options = RuntimeOptions { virtual_devices: Some(machine.devices()), ..RuntimeOptions::default() };
    let Some(runtime) = Runtime::find_with(DeviceKind::Cpu, &options)? else {
        println!("no CPU plugin here: `gopher runtime install cpu` fetches it");
        return Ok(());
    };
    let program = runtime.compile_partitioned(&split, &CompileOptions::default())?;
    // Arrays are whole for who uploads and reads them; each device gets its part.
    let mut weights = program.upload_slice(0, &[0.0f32, 0.0])?;
    let points = program.upload_slice(1, &points)?;
    let wanted = program.upload_slice(2, &wanted)?;
    let mut loss = f64::INFINITY;
    for count in 0..300 {
        let mut results = program.run(&[&weights, &points, &wanted])?.into_iter();
        let (Some(better), Some(now)) = (results.next(), results.next()) else {
            return Err("two results".into());
        };
        (weights, loss) = (better, now.to_f64()?);
        if count == 0 {
            let first = expected[1].floats().ok_or("a float")?[0];
            assert!((loss - first).abs() < 1e-5, "{loss} on devices, {first} by the interpreter");
        }
    }
    let weights = weights.to_vec::<f32>()?;
    println!("weights {weights:?}, loss {loss:.1e}");
    assert!((weights[0] - 2.0).abs() < 1e-2 && (weights[1] + 1.0).abs() < 1e-2);
    Ok(())
}
