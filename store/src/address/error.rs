//! Why an object store cannot be used.

use std::path::PathBuf;

use super::{Address, Scheme};

/// Why an object store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not the address of a store.
    #[error("{given}: not the address of an object store: {reason}")]
    Address {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },

    /// This program can use none.
    #[error(
        "{address}: this gopher was built without object stores; build it with them: cargo build --release --features object-store"
    )]
    NotBuilt {
        /// The address.
        address: Address,
    },

    /// A variable has no meaning.
    #[error("{variable}={value}: expected {expected}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },

    /// The store does not do what it is asked.
    #[error("{address}: cannot {doing}: {reason}; {}", advice(address, *.failure))]
    Failed {
        /// The store.
        address: Address,
        /// What was asked of it.
        doing: String,
        /// How it failed.
        failure: Failure,
        /// What it, or the way to it, says.
        reason: String,
    },

    /// An object is not what it was.
    #[error("{}: it has changed since it was listed; run this again", .place.display())]
    Changed {
        /// The object.
        place: PathBuf,
    },

    /// Something is in the way.
    #[error(
        "{address} holds checkpoints already: go on from them with --resume auto, or name another place with --set checkpoint.store=ADDRESS"
    )]
    Taken {
        /// The store.
        address: Address,
    },

    /// The store is where the run directory has its checkpoints.
    #[error(
        "{address} is the folder of the run's own checkpoints, with their own retention: name another place with --set checkpoint.store=ADDRESS"
    )]
    OwnFolder {
        /// The store.
        address: Address,
    },

    /// Another process writes there now.
    #[error(
        "{address}: another gopher train has taken this run over ({by}), and so this one ends; only one can save there: give this one an address of its own (--set checkpoint.store=ADDRESS)"
    )]
    TakenOver {
        /// The store.
        address: Address,
        /// Where it runs and since when.
        by: String,
    },

    /// The run directory and the store hold different runs.
    #[error(
        "{address} holds the checkpoints of another run than {run}: name another place with --set checkpoint.store=ADDRESS, or another --run DIR"
    )]
    OtherRun {
        /// The store.
        address: Address,
        /// The run directory.
        run: String,
    },

    /// There is no such checkpoint.
    #[error("{address} holds no {what}: `gopher checkpoint ls {address}` lists what there is")]
    Missing {
        /// The store.
        address: Address,
        /// What was asked for.
        what: String,
    },
}

impl Error {
    /// Whether it was asked for in a wrong way, before any store was.
    pub fn is_usage(&self) -> bool {
        matches!(self, Error::Address { .. } | Error::NotBuilt { .. } | Error::Variable { .. })
    }
}

/// How a store fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It knows no such bucket or object.
    Missing,
    /// It does not let us.
    Refused,
    /// There are no credentials, neither in the environment nor from the machine.
    Credentials,
    /// It does not answer within so many seconds, or only with errors.
    Unreachable(u64),
}

fn advice(address: &Address, failure: Failure) -> String {
    match (failure, address.scheme()) {
        (_, Scheme::File) => "check the folder and its rights".to_owned(),
        (Failure::Missing, _) => format!("is there a bucket named {}?", address.bucket()),
        (Failure::Credentials, Scheme::S3) => {
            "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (docs/checkpoints.md)".to_owned()
        }
        (Failure::Credentials, Scheme::Gs) => {
            "no credentials: set GOOGLE_APPLICATION_CREDENTIALS (docs/checkpoints.md)".to_owned()
        }
        (Failure::Refused, Scheme::S3) => {
            "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and \
            what they allow (docs/checkpoints.md)"
                .to_owned()
        }
        (Failure::Refused, Scheme::Gs) => {
            "check GOOGLE_APPLICATION_CREDENTIALS, and what it allows (docs/checkpoints.md)".to_owned()
        }
        (Failure::Unreachable(seconds), scheme) => {
            let variable = if scheme == Scheme::S3 { "AWS_ENDPOINT_URL" } else { "GOOGLE_BASE_URL" };
            format!(
                "tried for {seconds} s (GOPHER_STORE_TIMEOUT); check the network, and {variable} if it is set"
            )
        }
    }
}
