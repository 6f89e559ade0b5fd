//! Toxicity: what judges a text, and what follows from the judgements.
//!
//! The paper asks the Perspective API, which is a service of others and changes. The [`linear`] model stands in for it without a
//! network: what it measures is how much a text's words are like those of comments that people called offensive, which is less than
//! toxicity (it sees no context, and identity terms and dialect raise it).

pub mod few_shot;
pub mod generated;
pub mod linear;
mod measures;

pub use few_shot::FewShot;
pub use linear::LinearModel;
pub use measures::{Auc, Prompted, Scores, TOXIC, auc, prompted, scores};
