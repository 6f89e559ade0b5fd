//! How far the memory that plans are predicted to need is off, and what follows for a plan that nothing has compiled.
//!
//! Compilers' own numbers for many plans are in `sharding/calibration/verified.json`, each beside the prediction. What they
//! needed more than predicted, in all but one plan of ten, is the room that a plan must leave to count as one that
//! compiles. Plans that are held out of the calibration are held out here too.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use xla_sys::locate::DeviceKind;

/// The verified plans.
const VERIFIED: &str = include_str!("../calibration/verified.json");

/// Of ten plans like those that were verified, nine need at most [`MemoryError::excess`] more than predicted.
const LEVEL: f64 = 0.9;

/// What a compiler said of a plan, beside the prediction, as `verified.json` has it.
#[derive(Deserialize)]
struct Record {
    topology: String,
    held_out: bool,
    predicted_peak_bytes: u64,
    compiled: Compiled,
}

#[derive(Deserialize)]
struct Compiled {
    peak_bytes_per_device: u64,
}

/// How much more memory compiled programs need than predicted, on one kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryError {
    /// What is needed more than predicted in all but a tenth of the cases, as a part of the prediction.
    pub excess: f64,
    /// Verified plans that this was learnt from.
    pub plans: usize,
}

impl MemoryError {
    /// What verified plans teach about a kind of device; `None` where none are verified, as on CPUs, whose plugins refuse
    /// no program.
    pub fn of(kind: DeviceKind) -> Option<MemoryError> {
        let records = records().iter().filter(|(of, held_out, _)| *of == kind && !held_out);
        MemoryError::from_excesses(records.map(|(_, _, excess)| *excess).collect())
    }

    /// The smallest of these numbers that at least nine of ten further ones like them are not above, be they drawn from
    /// anywhere (split conformal prediction: Vovk et al. 2005); the largest if there are fewer than nine.
    fn from_excesses(mut excesses: Vec<f64>) -> Option<MemoryError> {
        excesses.sort_by(f64::total_cmp);
        let plans = excesses.len();
        let rank = ((plans + 1) as f64 * LEVEL).ceil() as usize;
        let excess = *excesses.get(rank.min(plans).checked_sub(1)?)?;
        Some(MemoryError { excess: excess.max(0.0), plans })
    }

    /// Bytes that a plan may be predicted to need at most, to count as one that compiles for devices of `memory` bytes.
    pub fn certain_bytes(self, memory: u64) -> u64 {
        (memory as f64 / (1.0 + self.excess)) as u64
    }
}

/// Kind of device, whether held out, and compiled over predicted less 1, of each verified plan.
fn records() -> &'static [(DeviceKind, bool, f64)] {
    static RECORDS: OnceLock<Vec<(DeviceKind, bool, f64)>> = OnceLock::new();
    RECORDS.get_or_init(|| {
        // A test reads the file: it is there and whole.
        let records: Vec<Record> = serde_json::from_str(VERIFIED).unwrap_or_default();
        let row = |record: Record| {
            let kind = if record.topology.starts_with("gpu:") { DeviceKind::Cuda } else { DeviceKind::Tpu };
            let compiled = record.compiled.peak_bytes_per_device as f64;
            (kind, record.held_out, compiled / record.predicted_peak_bytes.max(1) as f64 - 1.0)
        };
        records.into_iter().map(row).collect()
    })
}

/// Whether a plan's program fits the memory of a device, as far as that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Fit {
    /// The compiler made the program, and it fits.
    Proven {
        /// Bytes that it needs on each device.
        needed: u64,
        /// Whether that was known from before.
        known: bool,
    },
    /// Nothing compiled it. It leaves more room than predictions for such devices are off.
    Margin {
        /// Memory of a device over the prediction, less 1.
        room: f64,
        /// How far predictions are off.
        error: MemoryError,
    },
    /// Nothing compiled it, and it leaves less room than that.
    Doubtful {
        /// Memory of a device over the prediction, less 1; negative if it is not even predicted to fit.
        room: f64,
        /// How far predictions are off.
        error: MemoryError,
    },
    /// The compiler refuses it.
    Refused {
        /// Bytes that it needs on each device, where memory is the reason and the compiler says how much.
        needed: Option<u64>,
        /// Bytes that there are, likewise.
        available: Option<u64>,
        /// The compiler's words.
        reason: String,
    },
    /// The compiler was asked, and gave no verdict.
    Unfinished {
        /// Why: it took too long, or it crashed.
        reason: String,
    },
    /// Nothing compiled it, and of such devices no predictions were verified.
    Predicted {
        /// Memory of a device over the prediction, less 1.
        room: f64,
    },
}

impl Fit {
    /// What a prediction alone says.
    pub fn predicted(kind: DeviceKind, predicted: u64, memory: u64) -> Fit {
        let room = memory as f64 / predicted.max(1) as f64 - 1.0;
        match MemoryError::of(kind) {
            Some(error) if predicted <= error.certain_bytes(memory) => Fit::Margin { room, error },
            Some(error) => Fit::Doubtful { room, error },
            None => Fit::Predicted { room },
        }
    }

    /// Whether such a plan may be recommended without a word of warning.
    pub fn is_trusted(&self) -> bool {
        match self {
            Fit::Proven { .. } | Fit::Margin { .. } | Fit::Predicted { .. } => true,
            Fit::Doubtful { .. } | Fit::Refused { .. } | Fit::Unfinished { .. } => false,
        }
    }
}

/// A few words for a line about a plan, such as `proven`.
impl std::fmt::Display for Fit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
        let learnt = |error: &MemoryError| {
            format!(
                "compiled programs need up to {:.1}% more than predicted, by {} verified plans",
                100.0 * error.excess,
                error.plans
            )
        };
        match self {
            Fit::Proven { needed, known } => {
                let known = if *known { ", known from before" } else { "" };
                write!(f, "proven: the compiler needs {:.2} GiB on each device{known}", gib(*needed))
            }
            Fit::Margin { room, error } => {
                write!(f, "chosen with a margin of {:.1}% of memory: {}", 100.0 * room, learnt(error))
            }
            Fit::Doubtful { room, error } if *room < 0.0 => {
                write!(f, "doubtful: it is {:.1}% too large; {}", -100.0 * room, learnt(error))
            }
            Fit::Doubtful { room, error } => {
                write!(f, "doubtful: it leaves {:.1}% of memory; {}", 100.0 * room, learnt(error))
            }
            Fit::Refused { needed: Some(needed), available: Some(available), .. } => {
                let (needed, available) = (gib(*needed), gib(*available));
                write!(f, "refused: the compiler needs {needed:.2} GiB of {available:.2} on each device")
            }
            Fit::Refused { reason, .. } => {
                write!(f, "refused: {}", reason.lines().next().unwrap_or_default())
            }
            Fit::Unfinished { reason } => {
                write!(f, "without a verdict: {}", reason.lines().next().unwrap_or_default())
            }
            Fit::Predicted { room } => write!(f, "predicted to leave {:.1}% of memory", 100.0 * room),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verified_plans_are_read_and_both_compilers_are_among_them() {
        let all: Vec<serde_json::Value> = serde_json::from_str(VERIFIED).unwrap();
        assert_eq!(records().len(), all.len());
        for kind in [DeviceKind::Tpu, DeviceKind::Cuda] {
            let error = MemoryError::of(kind).unwrap();
            let is_used = |record: &&(DeviceKind, bool, f64)| record.0 == kind && !record.1;
            assert_eq!(error.plans, records().iter().filter(is_used).count());
            assert!(error.excess > 0.0 && error.excess < 0.5, "{kind}: {error:?}");
        }
        assert_eq!(MemoryError::of(DeviceKind::Cpu), None);
    }

    #[test]
    fn of_ten_plans_nine_are_within_the_error() {
        let of = |count: u32| {
            MemoryError::from_excesses((1..=count).rev().map(|index| f64::from(index) / 100.0).collect())
        };
        assert_eq!(of(0), None);
        // Too few to leave any out.
        assert_eq!(of(1).unwrap().excess, 0.01);
        assert_eq!(of(8).unwrap().excess, 0.08);
        assert_eq!(of(9).unwrap().excess, 0.09);
        // ⌈0.9 · 20⌉ and ⌈0.9 · 100⌉.
        assert_eq!(of(19).unwrap().excess, 0.18);
        assert_eq!(of(99).unwrap().excess, 0.90);
        // Predictions that are always too high ask for no room.
        assert_eq!(MemoryError::from_excesses(vec![-0.2, -0.1]).unwrap().excess, 0.0);
    }

    /// The plans that were held out say whether the rule holds on plans that it was not made of.
    #[test]
    fn held_out_plans_need_no_more_than_the_error_says() {
        for kind in [DeviceKind::Tpu, DeviceKind::Cuda] {
            let error = MemoryError::of(kind).unwrap();
            let held_out: Vec<f64> = records()
                .iter()
                .filter(|(of, held_out, _)| *of == kind && *held_out)
                .map(|record| record.2)
                .collect();
            let within = held_out.iter().filter(|excess| **excess <= error.excess).count();
            assert!(within as f64 >= 0.75 * held_out.len() as f64, "{kind}: {held_out:?}, {error:?}");
        }
    }

    #[test]
    fn a_plan_is_trusted_as_far_as_it_leaves_room() {
        let error = MemoryError::of(DeviceKind::Tpu).unwrap();
        let memory = 16u64 << 30;
        let certain = error.certain_bytes(memory);
        assert!(matches!(Fit::predicted(DeviceKind::Tpu, certain, memory), Fit::Margin { .. }));
        let doubtful = Fit::predicted(DeviceKind::Tpu, certain + 2, memory);
        assert!(matches!(doubtful, Fit::Doubtful { .. }) && !doubtful.is_trusted());
        let said = Fit::predicted(DeviceKind::Tpu, memory * 5 / 4, memory).to_string();
        assert!(said.starts_with("doubtful: it is 20.0% too large; compiled programs need up to"), "{said}");
        assert_eq!(
            Fit::predicted(DeviceKind::Cpu, 1 << 30, 5 << 28).to_string(),
            "predicted to leave 25.0% of memory"
        );
    }
}
