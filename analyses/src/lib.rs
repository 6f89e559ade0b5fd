//! Analyses of trained models, as in sections 2.2 and 2.4 to 2.7 of the paper's (Rae et al. 2021): what changes with scale, and what does not.
//!
//! [`toxicity`] judges texts and what models write, [`bias`] whom they prefer. An analysis of a
//! model reads its data, says what is to be asked ([`question`]), and makes figures ([`figure`]) of the answers, which a [`ledger`] keeps.
//! [`scaling`] fits how the loss follows parameters, tokens and compute, and says what a
//! model that was left out should reach.
//!
//! What is absent: no model is loaded and nothing is generated here. Texts, labels and losses come in, numbers with their
//! intervals go out, each a function of these and a seed.

pub mod bias;
pub mod dialect;
pub mod dialogue;
mod error;
pub mod figure;
pub mod folder;
pub mod ledger;
pub mod question;
pub mod scaling;
pub mod scorer;
pub mod sentiment;
pub mod toxicity;

pub use error::{Error, Result};
