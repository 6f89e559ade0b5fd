//! Why a program is not verified.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use xla_sys::ErrorCode;
use xla_sys::locate::DeviceKind;

/// Any failure of ahead-of-time compilation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no plugin for this kind of device.
    #[error(transparent)]
    Plugin(#[from] xla_sys::locate::Error),
    /// The plugin is not on this machine, and nothing is fetched here.
    #[error("there is no {kind} plugin on this machine: name one with --plugin FILE or {}", kind.variable())]
    NoPlugin {
        /// The kind of device.
        kind: DeviceKind,
    },
    /// The plugin refused something that was not the program.
    #[error("{target}: {source}")]
    Target {
        /// The target.
        target: String,
        /// What the plugin says.
        source: xla_sys::Error,
    },
    /// The text names no target.
    #[error("unknown target `{text}`: {reason}")]
    UnknownTarget {
        /// The text.
        text: String,
        /// What is wrong with it and what would be right.
        reason: String,
    },
    /// The target has another number of devices than the program.
    #[error("the program is split over {partitions} devices, but {target} has {devices}")]
    DeviceCount {
        /// The target.
        target: String,
        /// Devices of the target.
        devices: usize,
        /// Devices of the program.
        partitions: usize,
    },
    /// The target's compiler gave its verdict: the program is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The plugin's answer makes no sense.
    #[error("cannot read the optimised program: {reason}")]
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// The process that compiles ended without an answer.
    #[error("the compiler ended its process without an answer ({how}){}", last_words(.said))]
    Died {
        /// Its exit code or the signal that ended it.
        how: String,
        /// The end of what it wrote to its standard error.
        said: String,
    },
    /// The process that compiles took too long and was stopped.
    #[error("the compiler was stopped after {} s without an answer; allow it more time", limit.as_secs())]
    TimedOut {
        /// The time it was allowed.
        limit: Duration,
    },
    /// The compiler wrote so much of its schedule that it was stopped.
    #[error("the compiler was stopped after it had written {bytes} bytes of its schedule")]
    ScheduleTooLarge {
        /// Bytes written.
        bytes: u64,
    },
    /// The process that compiles reported a failure of its own.
    #[error("{reason}")]
    Child {
        /// The failure, in its words.
        reason: String,
    },
    /// A file could not be read or written, or a process not started.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

fn last_words(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!("; the last it said:\n{said}") }
}

/// A compiler's verdict that a program cannot be compiled for a target. The same question gets the same verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The program takes more memory than a device has.
    #[error("it does not fit: {needed_text} needed on each device, {available_text} available ({message})", needed_text = gib(*.needed), available_text = gib(*.available))]
    OutOfMemory {
        /// Bytes needed on a device, to the digits the compiler prints.
        needed: u64,
        /// Bytes a program may use on a device, to the digits the compiler prints.
        available: u64,
        /// The compiler's message.
        message: String,
    },
    /// Anything else.
    #[error("the compiler refuses it{}: {code}: {message}", place(.operation))]
    Compiler {
        /// The status code's name.
        code: String,
        /// Scope and name of the operation, such as `layers/attention/dot`, when the compiler names one.
        operation: Option<String>,
        /// The compiler's message.
        message: String,
    },
}

fn place(operation: &Option<String>) -> String {
    operation.as_ref().map(|name| format!(" at `{name}`")).unwrap_or_default()
}

fn gib(bytes: u64) -> String {
    format!("{:.2} GiB", bytes as f64 / (1u64 << 30) as f64)
}

impl Refusal {
    /// The verdict in a compiler's error about a program.
    pub(super) fn from_compiler(code: ErrorCode, message: &str, program: &str) -> Refusal {
        if code == ErrorCode::ResourceExhausted
            && let Some((needed, available)) = needed_and_available(message)
        {
            return Refusal::OutOfMemory { needed, available, message: message.to_owned() };
        }
        let operation = crate::program::named_operation(message);
        let operation = operation.or_else(|| operation_at(message, program));
        Refusal::Compiler { code: code.to_string(), operation, message: message.to_owned() }
    }
}

/// The name that the program gives, with `loc("…")`, to what stands on the line of an error such as
/// `-:22:15: error: 'stablehlo.dynamic_slice' op …`.
fn operation_at(message: &str, program: &str) -> Option<String> {
    let (place, _) = message.split_once(": error: ")?;
    let line: usize = place.rsplit(':').nth(1)?.parse().ok()?;
    let (_, name) = program.lines().nth(line.checked_sub(1)?)?.rsplit_once("loc(\"")?;
    Some(name.split_once('"')?.0.to_owned())
}

/// The numbers of `… (33.72G) exceeds available HBM (15.48G)…`.
fn needed_and_available(message: &str) -> Option<(u64, u64)> {
    let (before, after) = message.split_once(") exceeds available ")?;
    let (_, needed) = before.rsplit_once('(')?;
    let (_, available) = after.split_once('(')?;
    let (available, _) = available.split_once(')')?;
    Some((size(needed)?, size(available)?))
}

/// Bytes of a size as XLA prints it: a number, with a binary unit or none.
fn size(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[number.len()..].chars().next() {
        None | Some('B' | 'b') => 0,
        Some('K' | 'k') => 10,
        Some('M') => 20,
        Some('G') => 30,
        Some('T') => 40,
        Some(_) => return None,
    };
    let value: f64 = number.parse().ok()?;
    value.is_finite().then_some((value * (1u64 << shift) as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: Option<(f64, f64)>) {
        let gib = |bytes: f64| (bytes * (1u64 << 30) as f64) as u64;
        let numbers = expected.map(|(needed, available)| (gib(needed), gib(available)));
        assert_eq!(needed_and_available(message), numbers, "{message}");
    }

    #[test]
    fn memory_is_read_from_the_compilers_words() {
        check(
            "E1000: CompileTimeHbmOom: Ran out of memory on HBM, the total memory required for HLO temporaries \
             (84.41G) exceeds available HBM (15.48G). HLO module: square.",
            Some((84.41, 15.48)),
        );
        check("the total memory required (512.0M) exceeds available HBM (256M)", Some((0.5, 0.25)));
        check("the total memory required (many) exceeds available HBM (15.48G)", None);
        check("out of luck", None);
    }

    #[test]
    fn a_refusal_names_the_operation_the_compiler_names() {
        let refusal = Refusal::from_compiler(
            ErrorCode::InvalidArgument,
            "loc(\"layers/attention/dot\"): error: contracting dimension sizes must match",
            "",
        );
        let text = "the compiler refuses it at `layers/attention/dot`: INVALID_ARGUMENT: \
                    loc(\"layers/attention/dot\"): error: contracting dimension sizes must match";
        assert_eq!(refusal.to_string(), text);
        let refusal =
            Refusal::from_compiler(ErrorCode::ResourceExhausted, "(2.5G) exceeds available HBM (1G)", "");
        let text = "it does not fit: 2.50 GiB needed on each device, 1.00 GiB available ((2.5G) exceeds available \
                    HBM (1G))";
        assert_eq!(refusal.to_string(), text);
    }

    #[test]
    fn an_operation_is_found_by_its_line() {
        let program = "module @m {\n  %0 = stablehlo.add %a, %b : tensor<f32> loc(\"loss/add\")\n}";
        let check = |message: &str, expected: Option<&str>| {
            assert_eq!(operation_at(message, program).as_deref(), expected, "{message}");
        };
        check("-:2:8: error: op requires the same element type\n-:2:8: note: see", Some("loss/add"));
        check("-:3:1: error: what is this", None);
        check("-:0:1: error: no line", None);
        check("an error without a place", None);
    }
}
