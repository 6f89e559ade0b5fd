use thiserror::Error;

/// What can go wrong.
#[derive(Debug, Error)]
pub enum Error {
    /// Too little to say anything.
    #[error("{what}: {have} of them, and {need} are needed")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// A number that makes no sense where it stands.
    #[error("{what} = {value}: {detail}")]
    Value {
        /// Which.
        what: String,
        /// What it is.
        value: f64,
        /// What is expected.
        detail: &'static str,
    },
    /// Data that no curve can be fitted to.
    #[error("{detail}")]
    Fit {
        /// Why.
        detail: String,
    },
    /// Parameters of the toxicity model that are not what they should be.
    #[error("the parameters of the linear toxicity model are damaged: {detail}; build the program again")]
    Parameters {
        /// Where.
        detail: String,
    },
}

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
