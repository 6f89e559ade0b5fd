//! A report as text, and as a picture.

use std::collections::{BTreeMap, BTreeSet};

use monitor::svg::plan::{Figure, MemoryPart, TimePart};
use sharding::cost::CollectiveTotal;
use sharding::margin::Fit;
use sharding::plan::Plan;
use sharding::report::{PlanEntry, Report};

use super::verify;
use crate::output::{bytes, grouped, table};

fn percent(part: f64) -> String {
    format!("{:.1}%", 100.0 * part)
}

fn signed(part: f64) -> String {
    format!("{:+.1}%", 100.0 * part)
}

fn seconds(value: f64) -> String {
    match value {
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 0.1 => format!("{value:.3}"),
        value => format!("{value:.5}"),
    }
}

/// The plans, and in a few words why the first is the first.
pub fn table_of(report: &Report, listed: usize, took: f64) -> String {
    let machine = if report.slices > 1 {
        format!("{} x {} slices", report.topology, report.slices)
    } else {
        report.topology.clone()
    };
    let mut text = format!(
        "{} ({} parameters; {}) on {machine}: {} devices with {} each\n{} tokens per step, in sequences of {}",
        report.model.name,
        grouped(report.model.parameters),
        report.model.precision,
        grouped(report.devices as u64),
        bytes(report.memory_bytes_per_device),
        grouped(report.batch_tokens),
        grouped(report.sequence_length as u64),
    );
    if report.candidates > 0 {
        let (all, priced) = (grouped(report.candidates as u64), grouped(report.priced as u64));
        text += &format!("; {all} plans, {priced} of them built and priced, in {took:.1} s");
    }
    text += "\n\n";
    let titles = [
        "plan",
        "stage",
        "data",
        "model",
        "zero",
        "remat",
        "microbatches",
        "sequence",
        "memory",
        "step s",
        "tokens/s",
        "MFU",
        "HFU",
        "bubble",
    ];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for (index, entry) in report.plans.iter().enumerate().take(listed) {
        let (plan, predicted) = (&entry.plan, &entry.predicted);
        rows.push(vec![
            (index + 1).to_string(),
            plan.mesh.stage.to_string(),
            plan.mesh.data.to_string(),
            plan.mesh.model.to_string(),
            by_rules(plan, plan.zero.to_string()),
            plan.remat.name().to_owned(),
            plan.microbatches.to_string(),
            by_rules(plan, if plan.sequence_sharding { "split" } else { "whole" }.to_owned()),
            bytes(predicted.peak_bytes_per_device),
            seconds(predicted.step_seconds),
            grouped(predicted.tokens_per_second as u64),
            percent(predicted.mfu),
            percent(predicted.hfu),
            percent(predicted.bubble),
        ]);
    }
    text += &table(&rows);
    if let Some(best) = report.plans.first() {
        text += &format!("\n{}\n", why(best));
        text += &sensitivity(best);
        text += &recommended(report);
    }
    text += "\nassumptions\n";
    report.assumptions.iter().for_each(|line| text += &format!("  {line}\n"));
    text
}

/// What a field says, unless rules made by hand say otherwise: it is they that count.
fn by_rules(plan: &Plan, field: String) -> String {
    if plan.rules == plan.derived_rules() { field } else { "by rules".to_owned() }
}

/// Whether the recommended plan fits; and which faster ones may not.
pub fn recommended(report: &Report) -> String {
    let Some(best) = report.plans.first() else { return String::new() };
    let mut text = format!("plan 1 is {}\n", best.fit);
    let faster = report.plans.iter().enumerate().skip(1);
    for (index, entry) in faster.take_while(|(_, entry)| verify::by_time(entry, best).is_lt()) {
        let gain = best.predicted.step_seconds / entry.predicted.step_seconds - 1.0;
        text += &format!("plan {} would be {} faster, and is {}\n", index + 1, percent(gain), entry.fit);
    }
    let doubts = report.plans.iter().any(|entry| matches!(entry.fit, Fit::Doubtful { .. }));
    if doubts && !matches!(best.fit, Fit::Proven { .. }) {
        text += "--verify has the compiler decide what is doubtful\n";
    }
    text
}

/// What becomes of the step on worse links.
fn sensitivity(entry: &PlanEntry) -> String {
    let Some(worse) = &entry.sensitivity else { return String::new() };
    let step = entry.predicted.step_seconds;
    let one = |value: f64| format!("{} s ({})", seconds(value), signed(value / step - 1.0));
    let mut text =
        format!("plan 1 at half the bandwidth of all links: {}", one(worse.half_bandwidth_step_seconds));
    if let Some(latency) = worse.millisecond_latency_step_seconds {
        text += &format!("; at 1 ms of latency between slices or hosts: {}", one(latency));
    }
    text + "\n"
}

/// Verdicts, in the order of the plans that were asked about: predicted beside compiled.
pub fn verified(report: &Report, asked: &[usize]) -> String {
    let mut text = String::new();
    for &index in asked {
        let entry = &report.plans[index];
        let number = index + 1;
        match &entry.fit {
            Fit::Refused { reason, .. } => {
                text += &format!("\nplan {number} is refused by the compiler: {reason}\n");
            }
            Fit::Unfinished { reason } => {
                text += &format!("\nplan {number} has no verdict: {reason}\n");
            }
            _ => {}
        }
        let (Some(compiled), Some(errors)) = (&entry.compiled, &entry.errors) else { continue };
        let known = if compiled.known { ", known from before" } else { "" };
        text += &format!(
            "\nplan {number} compiled in {:.0} s with {} of host memory{known}\n",
            compiled.compile_seconds,
            bytes(compiled.host_bytes)
        );
        let mut rows = vec![["", "predicted", "compiled", "error"].map(str::to_owned).to_vec()];
        let predicted = &entry.predicted;
        rows.push(vec![
            "memory per device".into(),
            bytes(predicted.peak_bytes_per_device),
            bytes(compiled.peak_bytes_per_device),
            signed(errors.peak_bytes_per_device),
        ]);
        let mut time = |name: &str, predicted: f64, compiled: Option<f64>, error: Option<f64>| {
            if let Some(compiled) = compiled {
                let error = error.map_or(String::new(), signed);
                rows.push(vec![name.into(), seconds(predicted), seconds(compiled), error]);
            }
        };
        time("matmuls, s", predicted.matmul_seconds, compiled.matrix_seconds, errors.matrix_seconds);
        time(
            "step by the estimator, s",
            predicted.estimator_seconds,
            compiled.step_seconds,
            errors.step_seconds,
        );
        time("step by the final schedule, s", predicted.estimator_seconds, compiled.schedule_seconds, None);
        text += &table(&rows);
        if let Some(mfu) = compiled.schedule_mfu {
            text += &format!(
                "MFU of the compiled program by its final schedule, which counts no waiting: {}\n",
                percent(mfu)
            );
        }
        if let (Some(serial), Some(overlapped)) = (compiled.mfu, compiled.overlapped_mfu) {
            text += &format!(
                "MFU of the compiled program by the estimator: {} with everything one after the other, {} with collectives \
                 entirely beside the rest\n",
                percent(serial),
                percent(overlapped)
            );
        }
        let titles = ["collectives of a step", "count", "sent per device", "predicted"];
        let mut rows = vec![titles.map(str::to_owned).to_vec()];
        let kinds: BTreeSet<&String> =
            compiled.collectives.keys().chain(predicted.collectives.keys()).collect();
        for kind in kinds {
            let of =
                |totals: &BTreeMap<String, CollectiveTotal>| totals.get(kind).cloned().unwrap_or_default();
            let (made, priced) = (of(&compiled.collectives), of(&predicted.collectives));
            let (made_bytes, priced_bytes) = (made.ring_bytes as u64, priced.ring_bytes as u64);
            rows.push(vec![kind.clone(), grouped(made.count), bytes(made_bytes), bytes(priced_bytes)]);
        }
        text += &table(&rows);
    }
    text
}

/// A plan's time and memory in one line each.
fn why(entry: &PlanEntry) -> String {
    let predicted = &entry.predicted;
    let part = |seconds: f64| percent(seconds / predicted.step_seconds);
    let largest: Vec<String> =
        predicted.memory.iter().take(4).map(|item| format!("{} {}", item.name, bytes(item.bytes))).collect();
    format!(
        "plan 1: matmuls {}, memory-bound ops {}, collectives {} of the step; {} of it is pipeline bubble\n        {}",
        part(predicted.matmul_seconds),
        part(predicted.memory_bound_seconds),
        part(predicted.collective_seconds),
        percent(predicted.bubble),
        largest.join(", ")
    )
}

/// What everything costs, and what decides between two plans.
pub fn explain(report: &Report, against: Option<&PlanEntry>) -> String {
    let Some(best) = report.plans.first() else { return String::new() };
    let mut text = String::from("\nmemory of plan 1 at its peak, per device\n");
    let mut rows = Vec::new();
    for item in best.predicted.memory.iter().filter(|item| item.bytes >= 1 << 10) {
        let share = item.bytes as f64 / best.predicted.peak_bytes_per_device as f64;
        rows.push(vec![format!("  {}", item.name), bytes(item.bytes), percent(share)]);
    }
    text += &table(&rows);
    let free = report.memory_bytes_per_device as i64 - best.predicted.peak_bytes_per_device as i64;
    text +=
        &format!("  {} of {} are free\n", bytes(free.max(0) as u64), bytes(report.memory_bytes_per_device));
    text += "\ntime of plan 1, per step\n";
    let titles = ["  where", "what", "times", "bytes", "s", "of step"];
    let mut rows = vec![titles.map(str::to_owned).to_vec()];
    for item in best.predicted.time.iter().take(30) {
        let scope = if item.scope.is_empty() { "(outside the model)" } else { &item.scope };
        rows.push(vec![
            format!("  {scope}"),
            item.kind.clone(),
            grouped(item.times),
            bytes(item.bytes as u64),
            seconds(item.seconds),
            percent(item.seconds / best.predicted.step_seconds),
        ]);
    }
    text += &table(&rows);
    let (other, name) = match against {
        Some(entry) => (Some(entry), "the other plan"),
        None => (report.plans.get(1), "plan 2"),
    };
    if let Some(other) = other {
        text += &compare(best, other, name);
    }
    text
}

/// What is different in another plan, and which of it costs time.
fn compare(best: &PlanEntry, other: &PlanEntry, name: &str) -> String {
    let mut text = format!("\n{name} beside plan 1\n");
    let (a, b) = (&best.plan, &other.plan);
    let mut choices = Vec::new();
    let mut differs = |what: &str, first: String, second: String| {
        if first != second {
            choices.push(format!("{what} {second} instead of {first}"));
        }
    };
    differs("stage", a.mesh.stage.to_string(), b.mesh.stage.to_string());
    differs("data", a.mesh.data.to_string(), b.mesh.data.to_string());
    differs("model", a.mesh.model.to_string(), b.mesh.model.to_string());
    differs("microbatches", a.microbatches.to_string(), b.microbatches.to_string());
    differs("zero", a.zero.to_string(), b.zero.to_string());
    differs("remat", a.remat.name().into(), b.remat.name().into());
    differs("sequence sharding", a.sequence_sharding.to_string(), b.sequence_sharding.to_string());
    let choices = if choices.is_empty() { "makes the same choices".to_owned() } else { choices.join(", ") };
    text += &format!("  {choices}\n");
    let (p, q) = (&best.predicted, &other.predicted);
    let mut rows = vec![["", "plan 1", name, "difference"].map(str::to_owned).to_vec()];
    for (what, first, second) in [
        ("  step, s", p.step_seconds, q.step_seconds),
        ("  matmuls, s", p.matmul_seconds, q.matmul_seconds),
        ("  memory-bound, s", p.memory_bound_seconds, q.memory_bound_seconds),
        ("  collectives, s", p.collective_seconds, q.collective_seconds),
    ] {
        rows.push(vec![what.into(), seconds(first), seconds(second), format!("{:+.4}", second - first)]);
    }
    let (first, second) = (p.peak_bytes_per_device, q.peak_bytes_per_device);
    let sign = if second < first { "-" } else { "+" };
    let difference = format!("{sign}{}", bytes(second.abs_diff(first)));
    rows.push(vec!["  memory".into(), bytes(first), bytes(second), difference]);
    text += &table(&rows);
    let parts = [
        ("matmuls", q.matmul_seconds - p.matmul_seconds),
        ("memory-bound ops", q.memory_bound_seconds - p.memory_bound_seconds),
        ("collectives", q.collective_seconds - p.collective_seconds),
    ];
    let worst = parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
    match worst {
        Some((part, more)) if q.step_seconds > p.step_seconds && more > 0.0 => {
            text += &format!("  it loses by its {part}: {} s more\n", seconds(more));
        }
        _ if q.step_seconds < p.step_seconds => text += "  it is faster, by this model\n",
        _ => text += "  both take the same time; plan 1 needs no more memory\n",
    }
    text
}

/// Memory and time of the best plan.
pub fn figure(report: &Report) -> Figure {
    let Some(best) = report.plans.first() else { return Figure::default() };
    let (plan, predicted) = (&best.plan, &best.predicted);
    let mesh = plan.mesh;
    let mut memory: Vec<MemoryPart> =
        predicted.memory.iter().take(7).map(|item| MemoryPart::new(item.name.clone(), item.bytes)).collect();
    let rest: u64 = predicted.memory.iter().skip(7).map(|item| item.bytes).sum();
    memory.push(MemoryPart::new("all else", rest));
    let mut times = Vec::new();
    let mut start = 0.0;
    let bubble = predicted.bubble;
    for (lane, name, length) in [
        ("compute", "matmuls", predicted.matmul_seconds),
        ("compute", "memory-bound ops", predicted.memory_bound_seconds),
    ] {
        times.push(TimePart::new(lane, name, start, length * (1.0 - bubble)));
        start += length * (1.0 - bubble);
    }
    let waiting = (predicted.matmul_seconds + predicted.memory_bound_seconds) * bubble;
    times.push(TimePart::new("compute", "bubble", start, waiting));
    start += waiting;
    let mut kinds: Vec<(String, f64)> = Vec::new();
    for item in predicted.time.iter().filter(|item| item.kind.contains(" over ")) {
        match kinds.iter_mut().find(|(kind, _)| *kind == item.kind) {
            Some((_, seconds)) => *seconds += item.seconds,
            None => kinds.push((item.kind.clone(), item.seconds)),
        }
    }
    for (kind, seconds) in kinds {
        times.push(TimePart::new("collectives", kind, start, seconds));
        start += seconds;
    }
    Figure {
        title: format!("{} on {} x {}", report.model.name, report.topology, report.slices),
        notes: vec![
            format!(
                "stage {} x data {} x model {}, ZeRO {}, remat {}, {} microbatches, {} tokens per step",
                mesh.stage,
                mesh.data,
                mesh.model,
                plan.zero,
                plan.remat.name(),
                plan.microbatches,
                grouped(report.batch_tokens)
            ),
            "time by kind, not in order: nothing overlaps in this estimate".into(),
        ],
        memory,
        memory_limit: Some(report.memory_bytes_per_device),
        times,
    }
}
