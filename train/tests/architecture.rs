//! The smallest architecture, as ARCHITECTURE.md's recipe adds one: everything that trains, plans and decodes takes it as it
//! is. What stands here is its own file, and a line registers it ([`KIND`]).

use graph::testing::Random;
use graph::{BuildResult, Builder, DType, Error, Literal, Tensor, TensorType, interpret};
use model::architecture::DecodeInputs;
use model::blocks::embedding::project_to_vocabulary;
use model::blocks::feed_forward::gelu;
use model::config::Configured;
use model::{
    Architecture, CacheSpec, ConfigError, DecodeShape, ForwardOptions, Initializer, Kind, ModelConfig,
    ParameterSpec, Precision, Preset, QueryBlocks, Sizes, Value, decode,
};
use serde::{Deserialize, Serialize};
use sharding::cost::Rates;
use sharding::machine::Topology;
use sharding::plan::{MeshShape, Plan, RematPolicy};
use sharding::search::{Kept, Numbers, Pins, PolicyWork, Traffic, Work, Workload, exhaustive, search};
use train::plan::{OnMachine, Planned};
use train::step::{StepOptions, train_step};

/// A decoder that looks at nothing but the newest token: each layer is `x + gelu(x·in)·out`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Toy {
    layers: usize,
    d_model: usize,
    width: usize,
    vocabulary_size: usize,
}

/// The line that registers it.
const KIND: Kind = Kind::of::<Toy>();

impl Configured for Toy {
    const KIND: &'static str = "toy";

    fn like(sizes: &Sizes) -> Self {
        let Sizes { layers, d_model, vocabulary_size, .. } = *sizes;
        Toy { layers, d_model, width: 4 * d_model, vocabulary_size }
    }

    fn presets() -> Vec<Preset> {
        Vec::new()
    }
}

impl Architecture for Toy {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn sizes(&self) -> Sizes {
        let Toy { layers, d_model, width: feed_forward_size, vocabulary_size } = *self;
        Sizes { layers, d_model, vocabulary_size, heads: 1, key_value_size: 1, feed_forward_size }
    }

    fn keys(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("layers", self.layers.into()),
            ("d_model", self.d_model.into()),
            ("width", self.width.into()),
            ("vocabulary_size", self.vocabulary_size.into()),
        ]
    }

    fn with_layers(&self, layers: usize) -> ModelConfig {
        Toy { layers, ..self.clone() }.into()
    }

    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let Toy { layers, d_model, width, vocabulary_size } = *self;
        let weight = Initializer::Normal { standard_deviation: 0.02 };
        let spec = ParameterSpec::new;
        vec![
            spec("embedding", &["vocabulary", "embed"], &[vocabulary_size, d_model], weight),
            spec("layers/in", &["layers", "embed", "feed_forward"], &[layers, d_model, width], weight),
            spec("layers/out", &["layers", "feed_forward", "embed"], &[layers, width, d_model], weight),
        ]
    }

    fn layer(&self, b: &Builder, weights: &[Tensor], x: Tensor, _queries: QueryBlocks) -> BuildResult {
        let hidden = b.einsum("btd,df->btf", x, weights[0])?;
        b.add(x, b.einsum("btf,fd->btd", gelu(b, hidden)?, weights[1])?)
    }

    fn head(&self, b: &Builder, parameters: &[Tensor], x: Tensor) -> BuildResult {
        project_to_vocabulary(b, x, parameters[0])
    }

    fn caches(&self, _batch: usize, _window: usize) -> Vec<CacheSpec> {
        Vec::new()
    }

    fn decode_layer(
        &self,
        b: &Builder,
        x: Tensor,
        inputs: DecodeInputs<'_>,
    ) -> Result<(Tensor, Vec<Tensor>), Error> {
        Ok((self.layer(b, inputs.weights, x, QueryBlocks::default())?, Vec::new()))
    }

    fn work(&self, _sequence_length: usize, _queries: QueryBlocks) -> Work {
        let (d, width) = (self.d_model as f64, self.width as f64);
        let policy = |recomputed_matmuls| PolicyWork {
            recomputed_matmuls,
            score_matmuls: 0.0,
            score_matmul_traffic: Numbers::default(),
            traffic: Traffic {
                scores: Numbers::default(),
                split: Numbers::default(),
                stream: Numbers::default(),
            },
            kept: Kept {
                scores: Numbers::default(),
                split: Numbers::default(),
                stream: Numbers::new(0.0, d),
            },
        };
        Work {
            layers: self.layers,
            divided: vec![("width", self.width)],
            embed: self.d_model,
            layer_parameters: 2 * (self.d_model * self.width) as u64,
            other_parameters: (self.vocabulary_size * self.d_model) as u64,
            layer_matmuls: 2.0 * d * width,
            head_matmuls: d * self.vocabulary_size as f64,
            scores: 0.0,
            score_matmuls: 0.0,
            policies: [policy(0.0), policy(0.0), policy(0.0), policy(d * width)],
        }
    }

    fn flops_per_token(&self, _sequence_length: usize) -> f64 {
        6.0 * self.parameters().iter().map(ParameterSpec::elements).sum::<u64>() as f64
    }
}

fn toy() -> ModelConfig {
    Toy { layers: 4, d_model: 8, width: 12, vocabulary_size: 11 }.into()
}

fn planned() -> Planned {
    Planned::new(toy(), Precision::FLOAT32, 1.0, 8, sharding::DeviceKind::Cpu)
}

fn plan(mesh: [usize; 3], microbatches: usize) -> Plan {
    let [stage, data, model] = mesh;
    Plan {
        topology: format!("cpu:{}", stage * data * model),
        slices: 1,
        mesh: MeshShape { stage, data, model },
        stages: stage,
        microbatches,
        zero: 0,
        remat: RematPolicy::None,
        sequence_sharding: false,
        batch: 8,
        sequence_length: 8,
        rules: Default::default(),
    }
}

/// Inputs of a step with these types: a state away from zero, and a batch.
fn inputs(params: &[(String, TensorType)]) -> Vec<Literal> {
    let mut random = Random(1);
    let literal = |(name, ty): &(String, TensorType)| match (name.as_str(), ty.dtype) {
        ("tokens" | "targets", _) => {
            // The same tokens in any shape.
            let ids = (0..ty.elements()).map(|index| (index * index + 3) as i64 % 11).collect();
            Literal::from_ints(ty.clone(), ids).unwrap()
        }
        ("loss_limit", _) => Literal::scalar(DType::F32, f64::INFINITY),
        ("step" | "apply" | "learning_rate", _) => Literal::scalar(DType::F32, 1.0),
        (name, _) if name.starts_with("adam/v") => {
            Literal::from_floats(ty.clone(), vec![0.1; ty.elements()]).unwrap()
        }
        _ => random.scaled(ty.dtype, &ty.shape, 0.5),
    };
    params.iter().map(literal).collect()
}

#[test]
fn it_reads_and_writes_its_configuration() {
    let keys = toml::to_string(&toy()).unwrap();
    assert_eq!(keys, "kind = \"toy\"\nlayers = 4\nd_model = 8\nwidth = 12\nvocabulary_size = 11\n");
    assert_eq!((KIND.name, (KIND.like)(&toy().sizes()).sizes().feed_forward_size), ("toy", 32));
}

/// Whole, in microbatches, in stages, and on two and four devices, with a vocabulary of 11 padded to 12: the same step.
#[test]
fn it_trains_in_any_plan() {
    let whole = train_step(&planned().step_options(&plan([1, 1, 1], 1))).unwrap();
    let names = whole.params.iter().map(|param| param.name.clone());
    let params: Vec<_> = names.zip(whole.param_types()).collect();
    let expected = interpret(&whole, &inputs(&params)).unwrap();
    for (mesh, microbatches) in [([1, 1, 1], 4), ([2, 1, 1], 2), ([1, 2, 1], 1), ([1, 2, 2], 2)] {
        let split = planned().step(&plan(mesh, microbatches)).unwrap();
        let types = split.param_types().unwrap();
        let fitted = inputs(&params).into_iter().zip(&types).map(|(literal, ty)| match literal.floats() {
            Some(numbers) => {
                let mut numbers = numbers.to_vec();
                numbers.resize(ty.elements(), 0.3);
                Literal::from_floats(ty.clone(), numbers).unwrap()
            }
            None => Literal::from_ints(ty.clone(), literal.ints().unwrap().to_vec()).unwrap(),
        });
        let got = graph::interpret_partitioned(&split, &fitted.collect::<Vec<_>>()).unwrap();
        for ((got, expected), output) in got.iter().zip(&expected).zip(&whole.results) {
            let (got, expected) = (got.floats().unwrap(), expected.floats().unwrap());
            let near = |(x, y): (&f64, &f64)| (x - y).abs() < 1e-5;
            assert!(got.iter().zip(expected).all(near), "{mesh:?}: {}", output.name);
        }
    }
}

#[test]
fn it_decodes() {
    let shape = DecodeShape { batch: 1, groups: 1, chunk: 1, window: 4, attended: 4, own_positions: false };
    let step = decode(&toy(), Precision::FLOAT32, shape).unwrap();
    let b = Builder::new("forward");
    let parameters = model::parameters::add_params(&b, &toy(), "", DType::F32);
    let tokens = b.param("tokens", TensorType::new(DType::I32, [1, 1]), &[]);
    b.output(
        "logits",
        model::forward(&b, &toy(), &ForwardOptions::new(DType::F32), &parameters, tokens).unwrap(),
    );
    let forward = b.finish().unwrap();
    let mut random = Random(2);
    let mut all: Vec<Literal> =
        toy().parameters().iter().map(|spec| random.scaled(DType::F32, &spec.shape, 0.5)).collect();
    all.push(Literal::from_ints(TensorType::new(DType::I32, [1, 1]), vec![5]).unwrap());
    let expected = interpret(&forward, &all).unwrap();
    all.extend([0, 0].map(|zero| Literal::from_ints(TensorType::scalar(DType::I32), vec![zero]).unwrap()));
    assert_eq!(interpret(&step, &all).unwrap()[0].floats(), expected[0].floats());
}

#[test]
fn it_is_planned() {
    let topology = Topology::parse("cpu:4", 1).unwrap().with_memory_bytes(1 << 30);
    let planned = planned();
    let space = planned.space(&topology, 8, 8, Pins::default());
    let rates = Rates::of(&topology);
    let workload = OnMachine { planned: &planned, rates: &rates };
    let (found, all) = (search(&space, &workload, 2), exhaustive(&space, &workload, 2));
    let best = |found: &sharding::search::Found| found.plans[0].estimate.step_seconds;
    assert_eq!(best(&found), best(&all));
    assert!(workload.estimate(&found.plans[0].plan).is_ok());
    // And its step is what `gopher export` prints.
    let step = train_step(&StepOptions::new(toy(), 2, 8)).unwrap();
    assert!(graph::to_stablehlo(&step).unwrap().contains("func.func public @main"));
}
