//! The optimiser: clipping by global norm, Adam, and the rounding of new parameters.

use graph::{BuildResult, Builder, Comparison, DType, Error, Tensor};
use model::placement::{Table, put};
use model::random::{bits_from, threefry};

use super::{Adam, Rounding, StepOptions, pipeline};

/// The key that separates the random bits of rounding from other uses of the same seed and parameter.
const ROUNDING: f64 = 0x524F_554E_u32 as f64;

/// The state that a step reads and writes.
pub(super) struct OptimizerState {
    pub(super) parameters: Vec<Tensor>,
    pub(super) means: Vec<Tensor>,
    pub(super) squares: Vec<Tensor>,
    /// The parameters in float32, which are updated instead of them.
    pub(super) copy: Option<Vec<Tensor>>,
}

/// The scalars that an update depends on.
pub(super) struct Scalars {
    pub(super) step: Tensor,
    pub(super) learning_rate: Tensor,
    /// The loss, and the one above which the update is left out.
    pub(super) loss: Tensor,
    pub(super) loss_limit: Tensor,
    /// 0 if the update is to be left out.
    pub(super) apply: Tensor,
}

/// The results of an update.
pub(super) struct Updated {
    /// The state's groups, each a tensor for each parameter.
    pub(super) state: Vec<Vec<Tensor>>,
    /// The gradients' global norm before clipping.
    pub(super) norm: Tensor,
    /// 1, or 0 if the state is the one before.
    pub(super) applied: Tensor,
}

/// The state after a step; that before it, if the step is a bad one.
pub(super) fn update(
    b: &Builder,
    options: &StepOptions,
    state: &OptimizerState,
    gradients: &[Tensor],
    scalars: &Scalars,
) -> Result<Updated, Error> {
    let &Scalars { step, learning_rate, .. } = scalars;
    let _scope = b.scope("optimizer");
    let specs = options.model.parameters();
    let place = |index: usize, x: Tensor| put(b, x, (Table::Optimizer, specs[index].axes), None);
    let mut wide = Vec::with_capacity(specs.len());
    for (index, &gradient) in gradients.iter().enumerate() {
        wide.push(place(index, b.convert(gradient, DType::F32)?)?);
    }
    let norm = global_norm(b, options, &wide)?;
    let good = is_good(b, scalars, norm)?;
    let limit = b.scalar(DType::F32, options.clip_norm)?;
    let clip = b.div(limit, b.max(norm, limit)?)?;

    let Adam { beta1, beta2, epsilon, weight_decay } = options.adam;
    let correction = |beta: f64| -> Result<Tensor, Error> {
        let power = b.exp(b.scale(step, beta.ln())?)?;
        b.offset(b.neg(power)?, 1.0)
    };
    let (correction1, correction2) = (correction(beta1)?, correction(beta2)?);
    let rate = b.div(learning_rate, correction1)?;
    let keep_unless_good = |new: Tensor, old: Tensor| {
        let good = b.broadcast(good, &b.shape(new), &[])?;
        b.select(good, new, old)
    };
    let mut new = vec![Vec::new(); options.state_groups().len()];
    for (index, spec) in specs.iter().enumerate() {
        let old = match &state.copy {
            Some(copy) => place(index, copy[index])?,
            None => place(index, state.parameters[index])?,
        };
        let (mean, square) = (place(index, state.means[index])?, place(index, state.squares[index])?);
        let gradient = b.mul(wide[index], clip)?;
        let squared = b.mul(gradient, gradient)?;
        let new_mean = b.add(b.scale(mean, beta1)?, b.scale(gradient, 1.0 - beta1)?)?;
        let new_square = b.add(b.scale(square, beta2)?, b.scale(squared, 1.0 - beta2)?)?;
        let root = b.offset(b.sqrt(b.div(new_square, correction2)?)?, epsilon)?;
        let mut change = b.div(b.mul(new_mean, rate)?, root)?;
        let wide_old = b.convert(old, DType::F32)?;
        if weight_decay > 0.0 && spec.is_matrix() {
            let decay = b.mul(wide_old, b.scale(learning_rate, weight_decay)?)?;
            change = b.add(change, decay)?;
        }
        let sum = b.sub(wide_old, change)?;
        let dtype = options.precision.parameters;
        let parameter = if state.copy.is_some() {
            new[3].push(keep_unless_good(sum, old)?);
            b.convert(sum, dtype)?
        } else if (dtype, options.rounding) == (DType::BF16, Rounding::Stochastic) {
            round(b, sum, rounding_bits(b, options, index, step, sum)?)?
        } else {
            b.convert(sum, dtype)?
        };
        // Chosen after it is gathered, not before: an all-gather whose result becomes the donated parameter makes the TPU
        // compiler copy the parameter for the whole step.
        let parameter = put(b, parameter, (Table::Parameters, spec.axes), None)?;
        new[0].push(keep_unless_good(parameter, state.parameters[index])?);
        new[1].push(keep_unless_good(new_mean, mean)?);
        new[2].push(keep_unless_good(new_square, square)?);
    }
    Ok(Updated { state: new, norm, applied: b.convert(good, DType::F32)? })
}

/// Whether a step is to change the state.
fn is_good(b: &Builder, scalars: &Scalars, norm: Tensor) -> BuildResult {
    let &Scalars { loss, loss_limit, apply, .. } = scalars;
    let finite = b.and(b.is_finite(norm)?, b.is_finite(loss)?)?;
    let within = b.compare(Comparison::Le, b.convert(loss, DType::F32)?, loss_limit)?;
    let wanted = b.compare(Comparison::Ne, apply, b.scalar(DType::F32, 0.0)?)?;
    b.and(finite, b.and(within, wanted)?)
}

/// The root of the sum of all squares. Of the layers' gradients a stage has its own.
fn global_norm(b: &Builder, options: &StepOptions, gradients: &[Tensor]) -> BuildResult {
    let zero = b.scalar(DType::F32, 0.0)?;
    let (mut of_layers, mut others) = (zero, zero);
    for (&gradient, spec) in gradients.iter().zip(options.model.parameters()) {
        let all: Vec<_> = (0..spec.axes.len()).collect();
        let sum = if spec.is_of_layers() { &mut of_layers } else { &mut others };
        *sum = b.add(*sum, b.sum(b.mul(gradient, gradient)?, &all)?)?;
    }
    b.sqrt(b.add(others, pipeline::sum_over_stages(b, options, of_layers)?)?)
}

/// Random words, one for each element of the new value of parameter `index`: functions of seed, parameter, step, and
/// the element's index in the whole tensor.
fn rounding_bits(
    b: &Builder,
    options: &StepOptions,
    index: usize,
    step: Tensor,
    like: Tensor,
) -> BuildResult {
    let word = |number: f64| b.scalar(DType::U32, number);
    let key = [word(options.seed.into())?, word(index as f64)?];
    let key = threefry(b, key, [word(ROUNDING)?, b.convert(step, DType::U32)?])?;
    let shape = b.shape(like);
    let of_layers = options.model.parameters()[index].is_of_layers();
    let first = if of_layers { pipeline::first_layer(b, options, shape[0])? } else { None };
    Ok(bits_from(b, key, &shape, first)?[0])
}

/// A float32 tensor rounded to bfloat16, up or down with probabilities by which the mean is the number itself, as the
/// lower half of `words` says. What is not finite stays so.
///
/// The bits below bfloat16's, as a fraction, are the probability of rounding away from zero: a random number of as many
/// bits added to them carries into the rest that often.
fn round(b: &Builder, x: Tensor, words: Tensor) -> BuildResult {
    let word = |number: u32| b.scalar(DType::U32, number.into());
    let random = b.and(words, word(0xFFFF)?)?;
    let sum = b.add(b.bitcast(x, DType::U32)?, random)?;
    let rounded = b.bitcast(b.and(sum, word(0xFFFF_0000)?)?, DType::F32)?;
    b.convert(b.select(b.is_finite(x)?, rounded, x)?, DType::BF16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use graph::{Literal, TensorType};

    fn rounded(values: &[f64], words: &[i64]) -> Vec<f64> {
        let b = Builder::new("round");
        let shape = [values.len()];
        let x = b.param("x", TensorType::new(DType::F32, shape), &[]);
        let word = b.param("words", TensorType::new(DType::U32, shape), &[]);
        b.output("rounded", round(&b, x, word).unwrap());
        let x = Literal::from_floats(TensorType::new(DType::F32, shape), values.to_vec()).unwrap();
        let words = Literal::from_ints(TensorType::new(DType::U32, shape), words.to_vec()).unwrap();
        graph::interpret(&b.finish().unwrap(), &[x, words]).unwrap()[0].floats().unwrap().to_vec()
    }

    /// Between 1 and the next bfloat16, 1 + 2^-7.
    #[test]
    fn a_fraction_rounds_up_as_often_as_it_says() {
        let step = 2f64.powi(-7);
        let quarter = 1.0 + step / 4.0;
        let words: Vec<i64> = (0..16).map(|word| word * 0x1000 + 0xABC).collect();
        for sign in [1.0, -1.0] {
            let results = rounded(&[sign * quarter; 16], &words);
            let ups = results.iter().filter(|&&x| x == sign * (1.0 + step)).count();
            let downs = results.iter().filter(|&&x| x == sign).count();
            assert_eq!((ups, downs), (4, 12));
        }
    }

    #[test]
    fn what_bfloat16_holds_stays_and_so_does_what_is_not_finite() {
        let values = [0.0, -0.0, 1.5, -2f64.powi(100), f64::INFINITY, f64::NEG_INFINITY];
        for word in [0, 0xFFFF, 0xFFFF_FFFF] {
            assert_eq!(rounded(&values, &[word; 6]), values);
            assert!(rounded(&[f64::NAN], &[word])[0].is_nan());
        }
    }
}
