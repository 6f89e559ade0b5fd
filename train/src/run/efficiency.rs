//! Goodput and MFU, the efficiency of a run in time and arithmetic (docs/monitoring.md has the definitions).

use std::time::{Instant, SystemTime};

use graph::DType;
use runtime::{DeviceKind, Runtime};
use sharding::machine::{Chip, Topology};
use store::time::seconds_since_1970;

use monitor::metrics::Record;

/// The times and rates that goodput and MFU are computed from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Efficiency {
    /// Wall time of the whole run; `None` if its first start is not known.
    wall: Option<Wall>,
    /// Time in the steps that count.
    in_steps: f64,
    work: Option<Work>,
}

/// A clock that shows the time since the run's first start, and never goes back.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wall {
    /// Its reading at `since`.
    before: f64,
    since: Instant,
}

/// The two sides of MFU: model FLOPs and peak FLOPs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Work {
    /// Model FLOPs per token.
    pub(super) flops_per_token: f64,
    /// Peak FLOP/s of all devices together.
    pub(super) peak: f64,
}

impl Efficiency {
    /// The efficiency of a run that was started at `first` (seconds since 1970), in a process that was started at
    /// `start`.
    pub(super) fn new(first: Option<f64>, start: Instant, work: Option<Work>) -> Self {
        let now = SystemTime::now();
        let started = now.checked_sub(start.elapsed()).unwrap_or(now);
        let wall =
            first.map(|first| Wall { before: (seconds_since_1970(started) - first).max(0.0), since: start });
        Efficiency { wall, in_steps: 0.0, work }
    }

    /// Forgets all steps; those that count are added again.
    pub(super) fn recount(&mut self) {
        self.in_steps = 0.0;
    }

    /// Adds a step of an earlier process.
    pub(super) fn earlier(&mut self, record: &Record) {
        self.in_steps += record.seconds;
        // If the clock was set back since, time goes on from where it was.
        if let (Some(wall), Some(seconds)) = (&mut self.wall, record.wall_seconds) {
            wall.before = wall.before.max(seconds);
        }
    }

    /// Adds a step that was just done, and fills in its goodput and MFU.
    pub(super) fn complete(&mut self, record: &mut Record) {
        self.in_steps += record.seconds;
        record.wall_seconds = self.wall_seconds();
        record.goodput = record.wall_seconds.and_then(|wall| self.goodput(wall));
        record.mfu =
            self.work.map(|Work { flops_per_token, peak }| record.tokens_per_second * flops_per_token / peak);
    }

    /// Seconds since the run's first start.
    pub(super) fn wall_seconds(&self) -> Option<f64> {
        self.wall.map(|wall| wall.before + wall.since.elapsed().as_secs_f64())
    }

    /// The part of so many seconds of wall time that was spent in steps that count.
    pub(super) fn goodput(&self, wall_seconds: f64) -> Option<f64> {
        Some((self.in_steps / wall_seconds).min(1.0)).filter(|goodput| goodput.is_finite())
    }

    /// Model FLOPs utilisation at a rate.
    pub(super) fn mfu(&self, tokens_per_second: f64) -> Option<f64> {
        self.work.map(|Work { flops_per_token, peak }| tokens_per_second * flops_per_token / peak)
    }
}

/// Peak FLOP/s of all devices together for matmuls of a dtype; `None` where it is not known, as on CPUs.
pub(super) fn peak_flops(runtime: &Runtime, topology: Option<&Topology>, dtype: DType) -> Option<f64> {
    if runtime.kind() == DeviceKind::Cpu {
        return None;
    }
    let chip = Chip::of_device(&runtime.device().description().kind)
        .or_else(|| topology.map(|topology| topology.chip().clone()))?;
    Some(chip.peak_flops(dtype) * topology.map_or(1, Topology::devices) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn step(step: u64, seconds: f64) -> Record {
        Record { step, seconds, tokens_per_second: 1000.0 / seconds, ..Record::default() }
    }

    /// A run that was started `ago` seconds before this process, which started now.
    fn started(ago: f64) -> Efficiency {
        Efficiency::new(Some(seconds_since_1970(SystemTime::now()) - ago), Instant::now(), None)
    }

    #[test]
    fn goodput_is_time_in_steps_over_time_since_the_first_start() {
        let mut efficiency = started(100.0);
        efficiency.earlier(&Record { wall_seconds: Some(60.0), ..step(1, 20.0) });
        let mut record = step(2, 30.0);
        efficiency.complete(&mut record);
        // 40 seconds after the last step of the process before, in which nobody worked, included.
        assert!((record.wall_seconds.unwrap() - 100.0).abs() < 1.0, "{record:?}");
        assert!((record.goodput.unwrap() - 0.5).abs() < 0.01, "{record:?}");
    }

    #[test]
    fn a_clock_set_back_neither_shortens_wall_time_nor_makes_goodput_more_than_one() {
        // The first start seems to lie in the future.
        let mut efficiency = started(-5000.0);
        efficiency.earlier(&Record { wall_seconds: Some(60.0), ..step(1, 50.0) });
        let mut record = step(2, 40.0);
        efficiency.complete(&mut record);
        assert!(record.wall_seconds.unwrap() >= 60.0 && record.wall_seconds.unwrap() < 61.0, "{record:?}");
        assert_eq!(record.goodput, Some(1.0));
    }

    #[test]
    fn time_before_the_first_step_counts() {
        let start = Instant::now().checked_sub(Duration::from_secs(8)).unwrap();
        let first = seconds_since_1970(SystemTime::now()) - 8.0;
        let mut efficiency = Efficiency::new(Some(first), start, None);
        let mut record = step(1, 2.0);
        efficiency.complete(&mut record);
        assert!((record.goodput.unwrap() - 0.25).abs() < 0.01, "{record:?}");
    }

    #[test]
    fn what_is_not_known_is_left_away() {
        let mut efficiency = Efficiency::new(None, Instant::now(), None);
        let mut record = step(1, 2.0);
        efficiency.complete(&mut record);
        assert_eq!((record.wall_seconds, record.goodput, record.mfu), (None, None, None));
    }

    /// The 280B model at the rate of its paper: 6N + 12·L·H·K·T operations for each token, on 4096 chips of TPU v3.
    #[test]
    fn mfu_is_work_done_over_work_possible() {
        let model = model::Preset::find("280b").unwrap().config;
        let flops_per_token = model.flops_per_token(2048);
        let by_hand = 6.0 * model.total_parameters() as f64 + 12.0 * (80.0 * 128.0 * 128.0) * 2048.0;
        assert_eq!(flops_per_token, by_hand);
        let peak = 4096.0 * 123e12;
        let efficiency = Efficiency::new(None, Instant::now(), Some(Work { flops_per_token, peak }));
        assert_eq!(efficiency.mfu(100_000.0), Some(100_000.0 * by_hand / peak));
        assert_eq!(efficiency.mfu(peak / by_hand), Some(1.0));
    }
}
