//! The family's rule: which sizes a model of a number of parameters has, and how fast it learns (Rae et al. 2021, Table 1).

use model::{Gopher, ModelConfig};

/// Widths of Table 1 with their layers.
const LAYERS: [(usize, usize); 6] = [(512, 8), (768, 12), (1536, 12), (2048, 24), (4096, 32), (16384, 80)];

/// The widest model there is a rule for.
const WIDEST: usize = 16384;

/// Weights and highest learning rates at the ends of Table 1.
const SMALLEST: (f64, f64) = (43_646_976.0, 6e-4);
const LARGEST: (f64, f64) = (279_697_162_240.0, 4e-5);

/// No model learns faster than this.
const FASTEST: f64 = 1e-2;

/// The width of a head in a model of a width.
fn head(d_model: usize) -> usize {
    match d_model {
        ..64 => 8,
        64..256 => 16,
        256..768 => 32,
        768..1536 => 64,
        _ => 128,
    }
}

/// Layers of a model of a width: by powers between the rows of the table, and below it by one through its ends.
fn layers(d_model: usize) -> usize {
    let power = |from: (usize, usize), to: (usize, usize)| {
        let exponent = (to.1 as f64 / from.1 as f64).ln() / (to.0 as f64 / from.0 as f64).ln();
        from.1 as f64 * (d_model as f64 / from.0 as f64).powf(exponent)
    };
    let (first, last) = (LAYERS[0], LAYERS[LAYERS.len() - 1]);
    let between = LAYERS.windows(2).find(|rows| (rows[0].0..=rows[1].0).contains(&d_model));
    let layers = between.map_or_else(|| power(first, last), |rows| power(rows[0], rows[1]));
    (layers.round() as usize).max(2)
}

/// The model of a width.
fn of_width(d_model: usize, vocabulary_size: usize) -> Gopher {
    let key_value_size = head(d_model);
    let heads = d_model / key_value_size;
    Gopher { layers: layers(d_model), heads, key_value_size, d_model, vocabulary_size }
}

/// All models of the family with a vocabulary, smallest first.
pub fn family(vocabulary_size: usize) -> impl Iterator<Item = Gopher> {
    let widths = std::iter::successors(Some(8usize), |d_model| Some(d_model + head(*d_model)))
        .take_while(|d_model| *d_model <= WIDEST);
    widths.map(move |d_model| of_width(d_model, vocabulary_size))
}

/// All trained numbers of a model.
pub fn parameters(model: &Gopher) -> f64 {
    ModelConfig::from(model.clone()).total_parameters() as f64
}

/// The highest learning rate of a model: a power of its parameters.
pub fn learning_rate(parameters: f64) -> f64 {
    let exponent = (SMALLEST.1 / LARGEST.1).ln() / (LARGEST.0 / SMALLEST.0).ln();
    let rate = SMALLEST.1 * (SMALLEST.0 / parameters).powf(exponent);
    // Three digits are as much as anybody reads of it; as text, so that they are three in every file.
    format!("{rate:.2e}").parse().map_or(rate, |rounded: f64| rounded.min(FASTEST))
}

#[cfg(test)]
mod tests {
    use model::Kind;

    use super::*;

    #[test]
    fn the_rows_of_the_table_are_the_rules() {
        let presets = (Kind::find("gopher").unwrap().presets)();
        assert_eq!(presets.len(), 6);
        for preset in &presets {
            let model = of_width(preset.config.sizes().d_model, 32_000);
            assert_eq!(ModelConfig::from(model), preset.config, "{}", preset.name);
        }
        for ((weights, rate), preset) in [(SMALLEST, &presets[0]), (LARGEST, &presets[5])] {
            assert_eq!((preset.config.matrix_parameters() as f64, preset.max_learning_rate), (weights, rate));
            assert!((learning_rate(weights) / rate - 1.0).abs() < 1e-9, "{}", preset.name);
        }
    }

    #[test]
    fn every_width_has_a_model_that_is_larger_than_the_one_before() {
        let all: Vec<Gopher> = family(2048).collect();
        assert_eq!((all[0].d_model, all[all.len() - 1].d_model), (8, WIDEST));
        for (one, next) in all.iter().zip(&all[1..]) {
            assert_eq!(one.heads * one.key_value_size, one.d_model);
            assert!(ModelConfig::from(one.clone()).check().is_ok(), "{one:?}");
            assert!(parameters(one) < parameters(next) && one.layers <= next.layers, "{one:?} {next:?}");
        }
    }

    #[test]
    fn small_models_learn_fast_and_none_too_fast() {
        assert!((learning_rate(1.8e6) - 1.61e-3).abs() < 1e-9, "{}", learning_rate(1.8e6));
        assert_eq!(learning_rate(1.0), FASTEST);
        assert_eq!(family(512).filter(|model| model.d_model < 64).map(|model| model.layers).max(), Some(2));
    }
}
