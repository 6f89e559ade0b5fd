//! Devices of several processes: which parts each uploads, runs on, reads and is to save. Two runtimes of the fake
//! plugin, which computes nothing, stand for two processes.

#[path = "../../xla_sys/tests/common/mod.rs"]
mod common;

use std::ops::Range;
use std::sync::Arc;

use common::Fake;
use graph::{Builder, DType, Mesh, MeshAxis, Partitioned, TensorType};
use runtime::{
    Buffer, CompileOptions, DeviceKind, DeviceLayout, Error, HostArray, MemoryStore, Processes, Program,
    Runtime, RuntimeOptions,
};

fn start(
    fake: &Fake,
    kind: DeviceKind,
    count: usize,
    index: usize,
    store: Arc<MemoryStore>,
) -> Result<Runtime, Error> {
    let processes = Some(Processes { count, index, store });
    let options = RuntimeOptions {
        plugin: Some(fake.plugin.path().to_owned()),
        processes,
        ..RuntimeOptions::default()
    };
    Ok(Runtime::find_with(kind, &options)?.expect("a plugin that was named"))
}

/// The runtimes of two processes that have met.
fn pair(fake: &Fake) -> [Runtime; 2] {
    let store = Arc::new(MemoryStore::default());
    std::thread::scope(|scope| {
        [0, 1]
            .map(|index| {
                let store = store.clone();
                scope.spawn(move || start(fake, DeviceKind::Cuda, 2, index, store).unwrap())
            })
            .map(|thread| thread.join().unwrap())
    })
}

fn mesh() -> Mesh {
    let axis = |name: &str| MeshAxis { name: name.to_owned(), size: 2 };
    Mesh { axes: vec![axis("data"), axis("model")] }
}

fn split(axes: &[&str]) -> Vec<Vec<String>> {
    axes.iter().map(|axis| if axis.is_empty() { vec![] } else { vec![(*axis).to_owned()] }).collect()
}

/// A program of two inputs that are its outputs: `x` split over both axes, `y` over the second.
fn program(runtime: &Runtime) -> Program {
    let builder = Builder::new("f");
    let x = builder.param("x", TensorType::new(DType::F32, [2, 3]), &[]);
    let y = builder.param("y", TensorType::new(DType::I64, [4]), &[]);
    builder.output("x", x);
    builder.output("y", y);
    let function = builder.finish().unwrap();
    let splits = vec![split(&["data", "model"]), split(&["model"])];
    let partitioned = Partitioned { function, mesh: mesh(), params: splits.clone(), results: splits };
    let code = b"outputs=2 donate=-1 partitions=4";
    runtime.compile_partitioned_code(&partitioned, code, &CompileOptions::default()).unwrap()
}

fn x() -> Vec<f32> {
    (0..24).map(|number| number as f32).collect()
}

/// Uploads `x` by its parts, and says which were asked for.
fn upload(program: &Program) -> (Buffer, Vec<Vec<Range<usize>>>) {
    let mut asked = Vec::new();
    let buffer = program
        .upload_parts::<Error>(0, |ranges| {
            asked.push(ranges.to_vec());
            let row = |row: usize| ranges[1].clone().map(move |column| x()[row * 6 + column]);
            let part: Vec<f32> = ranges[0].clone().flat_map(row).collect();
            Ok(HostArray::from_slice(&part, &[ranges[0].len(), ranges[1].len()])?)
        })
        .unwrap();
    (buffer, asked)
}

#[test]
fn devices_are_in_the_same_order_in_every_process() {
    let fake = Fake::new();
    for (index, runtime) in pair(&fake).iter().enumerate() {
        let ids: Vec<_> = runtime.devices().iter().map(|device| device.id()).collect();
        assert_eq!(ids, [0, 1, 2, 3]);
        let own: Vec<_> = (0..5).filter(|&number| runtime.is_addressable(number)).collect();
        assert_eq!(own, [2 * index, 2 * index + 1]);
        assert_eq!(runtime.device().id(), 2 * index as i32);
        let layout = DeviceLayout::replicated(&mesh(), 0).unwrap().on_devices(&[3, 0, 1, 2]).unwrap();
        assert_eq!(runtime.addressable_positions(&layout), [[1, 2], [0, 3]][index]);
    }
}

#[test]
fn each_process_uploads_the_parts_of_its_devices_and_each_part_is_one_process_to_save() {
    let fake = Fake::new();
    let mut saved = vec![Vec::new(); 24];
    for (index, runtime) in pair(&fake).iter().enumerate() {
        let program = program(runtime);
        let rows = [0..2, 2..4][index].clone();
        let (x, asked) = upload(&program);
        assert_eq!(asked, [vec![rows.clone(), 0..3], vec![rows.clone(), 3..6]]);
        let y: Vec<i64> = (0..8).collect();
        let y = program.upload_slice(1, &y).unwrap();

        let outputs = program.run(&[&x, &y]).unwrap();
        for x in [&x, &outputs[0]] {
            let error = x.to_host().unwrap_err().to_string();
            assert_eq!(
                error,
                "an array f32[4,6] that lies [data, model] over data=2,model=2 has parts on devices of other \
                 processes, and this one has 2 of 4: read the parts it has"
            );
            let parts = x.owned_parts().unwrap();
            assert_eq!(
                parts.iter().map(|part| part.position).collect::<Vec<_>>(),
                [2 * index, 2 * index + 1]
            );
            assert_eq!(parts[1].ranges, [rows.clone(), 3..6]);
        }
        for part in outputs[0].owned_parts().unwrap() {
            let values = part.shard.to_host().unwrap();
            let places = part.ranges[0]
                .clone()
                .flat_map(|row| part.ranges[1].clone().map(move |column| row * 6 + column));
            places
                .zip(values.as_slice::<f32>().unwrap())
                .for_each(|(place, &value)| saved[place].push(value));
        }
        // All parts of `y` are at hand in both processes, and the first one is to save them.
        assert_eq!(outputs[1].to_vec::<i64>().unwrap(), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(outputs[1].parts().unwrap().len(), 2);
        assert_eq!(outputs[1].owned_parts().unwrap().len(), [2, 0][index]);
    }
    assert_eq!(saved, x().into_iter().map(|value| vec![value]).collect::<Vec<_>>());
}

#[test]
fn a_part_of_another_size_is_refused() {
    let fake = Fake::new();
    let [runtime, _other] = pair(&fake);
    let wrong = |_: &[Range<usize>]| Ok::<_, Error>(HostArray::from_slice(&[1.0f32], &[1, 1])?);
    let error = program(&runtime).upload_parts(0, wrong).unwrap_err().to_string();
    assert_eq!(
        error,
        "impossible layout: indices [0..2, 0..3] of an array f32[4,6] are f32[2,3], got f32[1,1]"
    );
}

#[test]
fn what_lies_on_one_device_is_for_its_process_alone() {
    let fake = Fake::new();
    let [first, second] = pair(&fake);
    first.upload_slice(&[1.0f32], &[1]).unwrap();
    let error = second.upload_slice(&[1.0f32], &[1]).unwrap_err().to_string();
    assert!(
        error.starts_with("an array f32[1] that lies on one device has parts on devices of other"),
        "{error}"
    );
}

#[test]
fn a_processor_joins_no_processes() {
    let fake = Fake::new();
    let error = start(&fake, DeviceKind::Cpu, 2, 0, Arc::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "the cpu plugin cannot join 2 processes: use devices of kind cuda or tpu, or one process"
    );
}
