//! What the platform's compiler says of plans.

use std::cmp::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use runtime::aot::{Error, Verified, Worker, measure};
use sharding::machine::Topology;
use sharding::margin::Fit;
use sharding::report::{PlanEntry, Report};
use train::plan::{Planned, fit_of};

use crate::output::{fetching, note};

/// Time between two lines while the compiler is at work.
const INTERVAL: Duration = Duration::from_secs(30);

/// What became of a verification.
pub struct Outcome {
    /// Positions in the report of the plans that the compiler was asked about, in that order.
    pub asked: Vec<usize>,
    /// How many of them it made.
    pub confirmed: usize,
    /// Why it ended before enough were confirmed: there is no compiler, it crashed, or time ran out.
    pub error: Option<anyhow::Error>,
}

/// The order that plans are verified in: the fastest first.
pub fn by_time(a: &PlanEntry, b: &PlanEntry) -> Ordering {
    let key = |entry: &PlanEntry| (entry.predicted.step_seconds, entry.predicted.peak_bytes_per_device);
    let ((seconds, bytes), (other_seconds, other_bytes)) = (key(a), key(b));
    seconds.total_cmp(&other_seconds).then(bytes.cmp(&other_bytes))
}

/// Has plans of a report compiled, fastest first, until `count` are confirmed or `limit` is over, and adds what comes of
/// it to each: numbers, and whether it fits.
pub fn verify(
    planned: &Planned,
    topology: &Topology,
    report: &mut Report,
    count: usize,
    peak: f64,
    limit: Duration,
) -> Outcome {
    let mut outcome = Outcome { asked: Vec::new(), confirmed: 0, error: None };
    let mut order: Vec<usize> = (0..report.plans.len()).collect();
    order.sort_by(|a, b| by_time(&report.plans[*a], &report.plans[*b]));
    let end = Instant::now() + limit;
    for index in order {
        let left = end.saturating_duration_since(Instant::now());
        if outcome.confirmed == count || left.is_zero() {
            break;
        }
        outcome.asked.push(index);
        let (fit, error) = match ask(planned, topology, report, index, peak, left) {
            Ok(fit) => (fit, None),
            Err(error) => (Fit::Unfinished { reason: error.to_string() }, Some(error)),
        };
        outcome.confirmed += usize::from(matches!(fit, Fit::Proven { .. }));
        report.plans[index].fit = fit;
        let Some(error) = error else { continue };
        let plan = serde_json::to_string(&report.plans[index].plan).unwrap_or_default();
        note(format_args!("the plan was {plan}"));
        // Another plan may do where a compiler fails over one; where there is none, or no time, it may not.
        let ends = !matches!(error, Error::Died { .. } | Error::Unreadable { .. });
        let error = anyhow::Error::new(error).context(format!("plan {} cannot be verified", index + 1));
        outcome.error.get_or_insert(error);
        if ends {
            return outcome;
        }
    }
    if outcome.confirmed == count {
        outcome.error = None;
    } else if outcome.error.is_none() && Instant::now() >= end {
        let seconds = limit.as_secs();
        outcome.error = Some(anyhow!(
            "{} of {count} plans are confirmed: --limit {seconds} is over; allow more seconds",
            outcome.confirmed
        ));
    }
    outcome
}

/// Asks the compiler about one plan, and adds its numbers to it.
fn ask(
    planned: &Planned,
    topology: &Topology,
    report: &mut Report,
    index: usize,
    peak: f64,
    left: Duration,
) -> Result<Fit, Error> {
    let verified = Verified::from_environment()?;
    let worker = Worker::this_program(&["plan", "--serve"])?.limit(left);
    let request = planned.request(topology, &report.plans[index].plan);
    let request = request.map_err(|error| Error::Unreadable { reason: error.to_string() })?;
    let what = format!("verifying plan {} for {}", index + 1, topology.with_slices());
    note(format_args!("{what}: the compiler may take minutes"));
    let say = |since: Duration| note(format_args!("{what}: {} s so far", since.as_secs()));
    let verdict = saying(INTERVAL, say, || verified.verdict(&request, &worker, &mut fetching))?;
    if let Some(text) = verdict.note {
        note(text);
    }
    if let Ok(compiled) = &verdict.outcome {
        let model = report.model.clone();
        measure(&mut report.plans[index], compiled, verdict.known, &model, topology, peak);
    }
    Ok(fit_of(&verdict.outcome, verdict.known, topology.chip().memory_bytes))
}

/// Does `work`, and calls `say` with the time since its beginning after every `interval` until it is done.
fn saying<T>(interval: Duration, say: impl Fn(Duration) + Send, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    thread::scope(|scope| {
        // Dropped when the work is done, and when it panics.
        let (_working, done) = channel::<()>();
        scope.spawn(move || {
            while done.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                say(start.elapsed());
            }
        });
        work()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn what_takes_long_is_heard_of_until_it_is_done() {
        let heard = Mutex::new(Vec::new());
        let say = |since| heard.lock().unwrap().push(since);
        let until_heard = || {
            while heard.lock().unwrap().len() < 3 {
                thread::sleep(Duration::from_millis(1));
            }
            "done"
        };
        assert_eq!(saying(Duration::from_millis(5), say, until_heard), "done");
        let times = heard.into_inner().unwrap();
        assert!(times[0] >= Duration::from_millis(5) && times.is_sorted(), "{times:?}");
        saying(Duration::from_secs(1000), |_| panic!("too early"), || ());
    }
}
