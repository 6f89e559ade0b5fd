//! Bias: what a model finds more probable of groups of people, by benchmarks of several authors.
//!
//! Each benchmark reads its published files, says what is to be asked, and makes figures of the answers. What they do not show is
//! in `docs/analyses.md`.

pub mod bbq;
pub mod crows_pairs;
pub mod occupations;
pub mod sentiment;
pub mod winobias;
pub mod winogender;

use tasks::Pair;

pub use bbq::Bbq;
pub use crows_pairs::CrowsPairs;
pub use occupations::Occupations;
pub use sentiment::SentimentByGroup;
pub use winobias::WinoBias;
pub use winogender::Winogender;

/// Who a pronoun is said to refer to: the two continuations of Rae et al. 2021 and of lm-evaluation-harness's task `winogender`.
pub(crate) fn referents(sentence: &str, pronoun: &str, referents: [&str; 2]) -> Vec<Pair> {
    let mut letters = pronoun.chars();
    let capital: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters.flat_map(char::to_lowercase))
        .collect();
    let context = format!("{sentence} ‘{capital}’ refers to the");
    referents.map(|referent| Pair { context: context.clone(), continuation: format!(" {referent}") }).into()
}

/// The likeliest of a question's continuations; of equals, the first.
pub(crate) fn likeliest(scored: &[crate::question::Scored]) -> usize {
    let better = |best: usize, at: usize| {
        if scored[at].log_probability > scored[best].log_probability { at } else { best }
    };
    (0..scored.len()).reduce(better).unwrap_or(0)
}
