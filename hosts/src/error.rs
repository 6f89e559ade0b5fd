//! The errors of a group of processes.

use runtime::KeyValueError;

/// Why the processes of a run cannot begin or go on together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store does not answer, or does not let us in.
    #[error("{0}")]
    Store(#[from] KeyValueError),
    /// Process 0 cannot hold the store.
    #[error(
        "process 0 cannot hold the store on port {port}: {source}; name another port with --coordinator HOST:PORT, in all processes"
    )]
    Listen {
        /// The port.
        port: u16,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Process 0 did not answer.
    #[error(
        "process {index} of {count}: process 0 has not answered within {seconds} s; is it running, with the same \
         --coordinator and the same --run?{hint}"
    )]
    NoAnswer {
        /// This process.
        index: usize,
        /// How many there should be.
        count: usize,
        /// How long it waited.
        seconds: u64,
        /// What may be the cause; empty, or with a space before it.
        hint: String,
    },
    /// Processes did not come, or not so far.
    #[error(
        "process {index} of {count}: {} not come as far as `{topic}` within {seconds} s; see what they say, or wait longer \
         with --process-timeout",
        have(.missing)
    )]
    Missing {
        /// This process.
        index: usize,
        /// How many there should be.
        count: usize,
        /// Those that are not there.
        missing: Vec<usize>,
        /// What was waited for.
        topic: String,
        /// How long.
        seconds: u64,
    },
    /// A process is about to do something else than the others.
    #[error("{0}; start all processes with the same program, configuration and plan")]
    Differs(String),
    /// Processes have read different numbers of the same step.
    #[error(
        "step {step}: {reason}; all processes read the same numbers from their devices, so that one of these is at fault: \
         continue from the last checkpoint, and without that host if it happens again"
    )]
    Numbers {
        /// The step.
        step: u64,
        /// The process that differs, and the facts.
        reason: String,
    },
    /// Another start of the same run has begun.
    #[error(
        "process {index} of {count}: another start of this run has begun in the same store; this one ends, so that only \
         one writes to the run directory"
    )]
    Superseded {
        /// This process.
        index: usize,
        /// How many there should be.
        count: usize,
    },
    /// Another process has ended with an error, or vanished.
    #[error("{0}; this process ends too")]
    Failed(String),
    /// Something in the store that no process of this program has put there.
    #[error(
        "the store holds `{value}` for {key}, which is not what a process puts there; is something else using it?"
    )]
    Nonsense {
        /// The key.
        key: String,
        /// What it holds, shortened.
        value: String,
    },
}

/// `process 3 has`, `processes 3 and 4 have`, or the first few of many.
fn have(processes: &[usize]) -> String {
    const MOST: usize = 8;
    let shown: Vec<_> = processes.iter().take(MOST).map(ToString::to_string).collect();
    match (&shown[..], processes.len() - shown.len()) {
        ([one], 0) => format!("process {one} has"),
        ([first @ .., last], 0) => format!("processes {} and {last} have", first.join(", ")),
        (some, more) => format!("processes {} and {more} more have", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_are_missing_are_named() {
        assert_eq!(have(&[3]), "process 3 has");
        assert_eq!(have(&[1, 3, 4]), "processes 1, 3 and 4 have");
        assert_eq!(have(&(1..20).collect::<Vec<_>>()), "processes 1, 2, 3, 4, 5, 6, 7, 8 and 11 more have");
    }
}
