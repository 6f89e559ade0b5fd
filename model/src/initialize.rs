//! The program that makes a model's initial parameters.

use graph::{Builder, DType, Error, Function, TensorType};

use crate::config::ModelConfig;
use crate::parameters::Initializer;
use crate::random::normal;

/// A program from a seed (u32 scalar `seed`) to all parameters of dtype `dtype`, in the order of
/// [`ModelConfig::parameters`].
///
/// Every number is a function of the seed, the parameter's position in the list, and the element's index.
///
/// # Errors
/// [`Error`] if the sizes make no valid program, such as a tensor too large to count.
pub fn initialize(config: &ModelConfig, dtype: DType) -> Result<Function, Error> {
    initialize_as(config, &[("", dtype)])
}

/// As [`initialize`], with the same numbers once for each prefix of names, in its dtype: all parameters of the first, then
/// all of the next.
///
/// # Errors
/// [`Error`] if the sizes make no valid program, such as a tensor too large to count.
pub fn initialize_as(config: &ModelConfig, groups: &[(&str, DType)]) -> Result<Function, Error> {
    let b = Builder::new("initialize");
    let seed = b.param("seed", TensorType::scalar(DType::U32), &[]);
    for &(prefix, dtype) in groups {
        for (position, spec) in config.parameters().into_iter().enumerate() {
            let _scope = b.scope(spec.name);
            let ty = TensorType::new(dtype, spec.shape.clone());
            let value = match spec.initializer {
                Initializer::Zeros => b.full(&ty, 0.0)?,
                Initializer::Ones => b.full(&ty, 1.0)?,
                Initializer::Normal { standard_deviation } => {
                    let key = [seed, b.scalar(DType::U32, position as f64)?];
                    b.convert(b.scale(normal(&b, key, &spec.shape)?, standard_deviation)?, dtype)?
                }
            };
            b.output(format!("{prefix}{}", spec.name), value);
        }
    }
    b.finish()
}
