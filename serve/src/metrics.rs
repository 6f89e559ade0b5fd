//! Counters and latencies, in Prometheus's text format.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A number that goes up, or that is set.
#[derive(Debug, Default)]
pub struct Number(AtomicU64);

impl Number {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Not below 0.
    pub(crate) fn sub(&self, count: u64) {
        let less = |value: u64| Some(value.saturating_sub(count));
        // Never an error: there is always a next value.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Adds if the sum is at most `limit`: whether it has.
    pub(crate) fn add_within(&self, count: u64, limit: u64) -> bool {
        let more = |value: u64| value.checked_add(count).filter(|&sum| sum <= limit);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper ends of a histogram's buckets, in seconds.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// How long something took, how often.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    microseconds: AtomicU64,
}

impl Histogram {
    pub(crate) fn observe(&self, seconds: f64) {
        if let Some(bucket) = BOUNDS.iter().position(|&bound| seconds <= bound) {
            self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add((seconds * 1e6) as u64, Ordering::Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
        let mut total = 0;
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            total += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {total}");
        }
        // What is counted while this is written must not make a bucket larger than all.
        let count = self.count.load(Ordering::Relaxed).max(total);
        let sum = self.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

/// What a server counts.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Answers that wait for a slot.
    pub waiting: Number,
    /// Slots that are taken.
    pub slots: Number,
    /// Tokens of prompts that were read or scored.
    pub prompt_tokens: Number,
    /// Tokens of prompts that were found among those of earlier ones.
    pub found_tokens: Number,
    /// Bytes that beginnings of prompts take.
    pub prefix_bytes: Number,
    /// Tokens of answers.
    pub tokens: Number,
    /// Steps of texts side by side.
    pub steps: Number,
    /// Answers whose client went away.
    pub vanished: Number,
    /// Failures of the device.
    pub failures: Number,
    /// Connections that are open.
    pub connections: Number,
    /// From a request's arrival to the first token of an answer.
    pub first_token: Histogram,
    /// From one token of an answer to the next.
    pub next_token: Histogram,
    /// Answered requests by path and status.
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, path: &'static str, status: u16) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry((path, status)).or_default() += 1;
    }

    /// Everything, as Prometheus reads it.
    pub fn exposition(&self) -> String {
        let mut out = String::new();
        let numbers = [
            ("gopher_answers_waiting", "gauge", "Answers that wait for a slot.", &self.waiting),
            ("gopher_slots_taken", "gauge", "Slots that are taken.", &self.slots),
            ("gopher_connections", "gauge", "Connections that are open.", &self.connections),
            ("gopher_prefix_bytes", "gauge", "Bytes that beginnings of prompts take.", &self.prefix_bytes),
            ("gopher_prompt_tokens_total", "counter", "Tokens of prompts.", &self.prompt_tokens),
            (
                "gopher_prompt_tokens_found_total",
                "counter",
                "Tokens of prompts that did not have to be read.",
                &self.found_tokens,
            ),
            ("gopher_tokens_total", "counter", "Tokens of answers.", &self.tokens),
            ("gopher_steps_total", "counter", "Steps of texts side by side.", &self.steps),
            ("gopher_clients_vanished_total", "counter", "Answers whose client went away.", &self.vanished),
            ("gopher_device_failures_total", "counter", "Failures of the device.", &self.failures),
        ];
        for (name, kind, help, number) in numbers {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {}", number.get());
        }
        let name = "gopher_requests_total";
        let _ = writeln!(out, "# HELP {name} Answered requests.\n# TYPE {name} counter");
        for ((path, status), count) in &*self.requests.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = writeln!(out, "{name}{{path=\"{path}\",status=\"{status}\"}} {count}");
        }
        self.first_token.write(&mut out, "gopher_first_token_seconds", "From request to first token.");
        self.next_token.write(&mut out, "gopher_next_token_seconds", "From one token to the next.");
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_count_up() {
        let metrics = Metrics::default();
        [0.004, 0.3, 1e6].iter().for_each(|&seconds| metrics.first_token.observe(seconds));
        metrics.answered("/v1/models", 200);
        metrics.waiting.sub(1);
        let text = metrics.exposition();
        for line in [
            "gopher_first_token_seconds_bucket{le=\"0.005\"} 1",
            "gopher_first_token_seconds_bucket{le=\"0.5\"} 2",
            "gopher_first_token_seconds_bucket{le=\"300\"} 2",
            "gopher_first_token_seconds_bucket{le=\"+Inf\"} 3",
            "gopher_requests_total{path=\"/v1/models\",status=\"200\"} 1",
            "gopher_answers_waiting 0",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
        }
    }
}
