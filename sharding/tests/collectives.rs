//! Collectives as the TPU compiler makes them.

use graph::{Builder, DType, Mesh, MeshAxis, Partitioned, TensorType};
use serde::Deserialize;
use sharding::cost::{Estimate, Rates};
use sharding::machine::Topology;

/// What libtpu 0.0.52 made of reduce-scatters of an array of 1,024 rows or columns over `data`: the sizes of the parts along the
/// dimension that is scattered. Those under `fused` are all-reduces of a padded operand in one fusion with the slice of the
/// result, which send as much as reduce-scatters.
#[derive(Deserialize)]
struct Made {
    topology: String,
    data: usize,
    model: usize,
    #[serde(rename = "reduce-scatter")]
    reduce_scatter: Vec<String>,
    fused: Vec<String>,
    #[serde(rename = "all-reduce")]
    all_reduce: Vec<String>,
}

/// The collectives of a program that does one reduce-scatter over `data`; `part` is as `128 columns bf16`.
fn collectives(topology: &Topology, data: usize, model: usize, part: &str) -> Vec<String> {
    let mut words = part.split(' ');
    let size: usize = words.next().unwrap().parse().unwrap();
    let dim = ["rows", "columns"].iter().position(|name| Some(*name) == words.clone().next()).unwrap();
    let dtype = if part.ends_with("bf16") { DType::BF16 } else { DType::F32 };
    let mut shape = [1024, 1024];
    shape[dim] = size * data;
    let axis = |name: &str, size| MeshAxis { name: name.into(), size };
    let b = Builder::new("scatter");
    let gradient = b.param("gradient", TensorType::new(dtype, shape.to_vec()), &["rows", "columns"]);
    let part = b.reduce_scatter(gradient, dim, &[axis("data", data)]).unwrap();
    b.output("part", part);
    let program = Partitioned {
        function: b.finish().unwrap(),
        mesh: Mesh { axes: vec![axis("data", data), axis("model", model)] },
        params: vec![vec![Vec::new(); 2]],
        results: vec![vec![Vec::new(); 2]],
    };
    let estimate = Estimate::of(&program, &Rates::of(topology)).unwrap();
    estimate.collectives.into_keys().collect()
}

#[test]
fn reduce_scatters_are_priced_as_what_they_become() {
    let made: Vec<Made> = serde_json::from_str(include_str!("../calibration/reduce_scatters.json")).unwrap();
    let mut counted = 0;
    for Made { topology, data, model, reduce_scatter, fused, all_reduce } in made {
        let machine = Topology::parse(&topology, 1).unwrap();
        let scattered = reduce_scatter.iter().chain(&fused).map(|part| (part, "reduce-scatter"));
        for (part, expected) in scattered.chain(all_reduce.iter().map(|part| (part, "all-reduce"))) {
            let found = collectives(&machine, data, model, part);
            assert_eq!(found, [format!("{expected} x {data}")], "{topology}, {data} x {model}: {part}");
            counted += 1;
        }
    }
    assert!(counted > 300, "{counted}");
}

/// Over several slices each has its own sum, of which the parts go from slice to slice: counted in a program for four pods.
#[test]
fn what_goes_over_several_slices_is_summed_whole_in_each() {
    let machine = Topology::parse("tpu:v3:32x32", 4).unwrap();
    let found = collectives(&machine, 1024, 8, "16 rows bf16");
    assert_eq!(found, ["all-reduce x 256", "reduce-scatter x 4 between slices"]);
}

/// NCCL's rings go through all hosts.
#[test]
fn gpus_do_as_the_program_says() {
    let machine = Topology::parse("gpu:h100:4x8", 1).unwrap();
    assert_eq!(collectives(&machine, 32, 1, "128 columns bf16"), ["reduce-scatter x 32 between slices"]);
}
