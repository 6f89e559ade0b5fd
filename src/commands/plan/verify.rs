//! What the platform's compiler says of plans.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use runtime::aot::{Refusal, Request, Target, Verified, Worker, measure};
use sharding::machine::Topology;
use sharding::report::Report;
use train::plan::Planned;

use crate::output::{fetching, note};

/// Time between two lines while the compiler is at work.
const INTERVAL: Duration = Duration::from_secs(30);

/// The compiler's verdict on one plan.
pub struct Verdict {
    /// Position of the plan in the report.
    pub plan: usize,
    /// Why it is refused.
    pub refusal: Option<Refusal>,
}

/// Has plans of a report compiled, best first, until `count` are confirmed, and adds what comes of it.
///
/// # Errors
/// When there is no compiler, or it crashes, with the plan that it was given.
pub fn verify(
    planned: &Planned,
    topology: &Topology,
    report: &mut Report,
    count: usize,
    peak: f64,
    limit: Duration,
) -> anyhow::Result<Vec<Verdict>> {
    let verified = Verified::from_environment()?;
    let worker = Worker::this_program(&["plan", "--serve"])?.limit(limit);
    let target = Target::of(topology)?;
    let mut verdicts = Vec::new();
    let model = report.model.clone();
    let mut confirmed = 0;
    for (index, entry) in report.plans.iter_mut().enumerate() {
        if confirmed == count {
            break;
        }
        let program = graph::to_stablehlo_partitioned(&planned.step(&entry.plan)?)?;
        let request = Request::new(target.clone(), program);
        let what = format!("verifying plan {} for {}", index + 1, topology.with_slices());
        note(format_args!("{what}: the compiler may take minutes"));
        let say = |since: Duration| note(format_args!("{what}: {} s so far", since.as_secs()));
        let verdict = saying(INTERVAL, say, || verified.verdict(&request, &worker, &mut fetching));
        let verdict = verdict.map_err(|error| {
            note(format_args!("the plan was {}", serde_json::to_string(&entry.plan).unwrap_or_default()));
            anyhow::Error::new(error).context(format!("plan {} cannot be verified", index + 1))
        })?;
        if let Some(text) = verdict.note {
            note(text);
        }
        let refusal = match verdict.outcome {
            Ok(compiled) => {
                measure(entry, &compiled, verdict.known, &model, topology, peak);
                let needed = compiled.peak_bytes_per_device;
                let available = topology.chip().memory_bytes;
                // Only TPU compilers refuse what does not fit.
                (needed > available).then(|| Refusal::OutOfMemory {
                    needed,
                    available,
                    message: "by the compiler's own count".into(),
                })
            }
            Err(refusal) => Some(refusal),
        };
        confirmed += usize::from(refusal.is_none());
        verdicts.push(Verdict { plan: index, refusal });
    }
    Ok(verdicts)
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
