//! What gives a text a number: toxicity, sentiment, or what a judge thinks of it. All of them are automatic.

pub mod perspective;

use crate::Result;
use crate::sentiment::Vader;
use crate::toxicity::LinearModel;

/// Scores texts.
pub trait TextScorer {
    /// What it is, as users name it.
    fn name(&self) -> String;

    /// The score of each text, in order.
    ///
    /// # Errors
    /// [`Error::Scorer`](crate::Error::Scorer) for one that cannot be asked or does not answer.
    fn score(&mut self, texts: &[&str]) -> Result<Vec<f64>>;
}

/// The linear model over words, as a scorer: the probability that a text is offensive.
#[derive(Clone, Copy, Debug)]
pub struct Linear;

impl TextScorer for Linear {
    fn name(&self) -> String {
        "linear".into()
    }

    fn score(&mut self, texts: &[&str]) -> Result<Vec<f64>> {
        let model = LinearModel::get()?;
        Ok(texts.iter().map(|text| model.probability(text)).collect())
    }
}

/// VADER, as a scorer: sentiment from -1 to 1.
#[derive(Clone, Copy, Debug)]
pub struct OfVader;

impl TextScorer for OfVader {
    fn name(&self) -> String {
        "vader".into()
    }

    fn score(&mut self, texts: &[&str]) -> Result<Vec<f64>> {
        let model = Vader::get()?;
        Ok(texts.iter().map(|text| model.compound(text)).collect())
    }
}
