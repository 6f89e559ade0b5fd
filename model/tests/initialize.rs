//! Initial parameters: zeros, ones and normal numbers of the deviations that their specifications promise.

mod common;

use common::{relative_difference, run_everywhere};
use graph::{DType, Literal, TensorType};
use model::parameters::Initializer;
use model::{Architecture, Gopher, initialize};

fn config() -> Gopher {
    Gopher { layers: 2, heads: 2, key_value_size: 16, d_model: 32, vocabulary_size: 200 }
}

fn run(seed: u32, dtype: DType) -> Vec<(&'static str, Vec<Literal>)> {
    let seed = Literal::from_ints(TensorType::scalar(DType::U32), vec![i64::from(seed)]).unwrap();
    run_everywhere(&initialize(&config().into(), dtype).unwrap(), &[seed])
}

/// Mean and deviation of each normal parameter lie within five standard errors of what they should be.
#[test]
fn each_parameter_is_what_its_specification_says() {
    for (place, parameters) in run(3, DType::F32) {
        for (spec, parameter) in config().parameters().iter().zip(&parameters) {
            assert_eq!(parameter.ty(), &TensorType::new(DType::F32, spec.shape.clone()), "{}", spec.name);
            let numbers = parameter.floats().unwrap();
            let count = numbers.len() as f64;
            match spec.initializer {
                Initializer::Zeros => assert!(numbers.iter().all(|&x| x == 0.0), "{}", spec.name),
                Initializer::Ones => assert!(numbers.iter().all(|&x| x == 1.0), "{}", spec.name),
                Initializer::Normal { standard_deviation } => {
                    let mean = numbers.iter().sum::<f64>() / count;
                    let deviation = (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
                    let error = standard_deviation / count.sqrt();
                    assert!(mean.abs() < 5.0 * error, "{place}: {} has mean {mean}", spec.name);
                    assert!(
                        (deviation - standard_deviation).abs() < 5.0 * error / 2f64.sqrt(),
                        "{place}: {} has deviation {deviation}, not {standard_deviation}",
                        spec.name
                    );
                }
            }
        }
    }
}

#[test]
fn projections_to_the_residual_stream_shrink_with_depth() {
    let deviation = |layers| {
        let config = Gopher { layers, ..config() };
        let spec =
            config.parameters().into_iter().find(|spec| spec.name == "layers/attention/output").unwrap();
        spec.initializer
    };
    assert_eq!(deviation(8), Initializer::Normal { standard_deviation: 0.005 });
}

#[test]
fn seeds_parameters_and_layers_differ_and_a_seed_repeats() {
    let first = &run(3, DType::F32)[0].1;
    assert_eq!(first, &run(3, DType::F32)[0].1);
    assert_ne!(first, &run(4, DType::F32)[0].1);
    let numbers = |index: usize| first[index].floats().unwrap();
    let (query, key) = (numbers(2), numbers(3));
    assert_ne!(query, key);
    assert_ne!(query[..query.len() / 2], query[query.len() / 2..]);
}

/// The interpreter rounds exact results; the plugin's logarithm and cosine are a few units in the last place off.
#[test]
fn the_plugin_agrees_with_the_interpreter() {
    if let [(_, expected), (_, got)] = &run(5, DType::F32)[..] {
        for (got, expected) in got.iter().zip(expected) {
            assert!(relative_difference(got, expected) < 1e-6);
        }
    }
}

#[test]
fn bfloat16_parameters_are_the_float32_ones_rounded() {
    let (wide, narrow) = (&run(3, DType::F32)[0].1, &run(3, DType::BF16)[0].1);
    for (wide, narrow) in wide.iter().zip(narrow) {
        let rounded = wide.floats().unwrap().iter().map(|&x| DType::BF16.round(x));
        assert!(rounded.eq(narrow.floats().unwrap().iter().copied()));
    }
}
