//! A compiler's findings for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Compiled, Rates};
use sharding::machine::Collective;

/// The findings as lines of text: memory, cycles, collective operations, and with `rates` the time of one execution.
pub fn table(compiled: &Compiled, rates: Option<&Rates>) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut text, compiled, rates);
    text
}

fn write(out: &mut String, compiled: &Compiled, rates: Option<&Rates>) -> std::fmt::Result {
    let cost = &compiled.cost;
    let of = compiled.device_memory.map_or_else(String::new, |available| {
        let part = 100.0 * compiled.peak_bytes_per_device as f64 / available as f64;
        format!(" of {} ({part:.1}%)", memory(available))
    });
    writeln!(out, "{} × {}, slices: {}", compiled.devices, compiled.device_kind, compiled.slices)?;
    writeln!(out, "memory per device: peak {}{of}", memory(compiled.peak_bytes_per_device))?;
    writeln!(
        out,
        "  arguments {}, outputs {} (aliased {}), temporaries {}",
        memory(compiled.arguments),
        memory(compiled.outputs),
        memory(compiled.aliased),
        memory(compiled.temporaries)
    )?;
    writeln!(
        out,
        "compiled in {:.1} s, host memory {}",
        compiled.compile_seconds,
        memory(compiled.host_peak_rss)
    )?;
    let loops = cost.loops.iter().map(|each| match each.trips {
        Some(trips) => format!("{} × {trips}", each.name),
        None => format!("{} × ? (counted once)", each.name),
    });
    writeln!(out, "loops: {}", loops.collect::<Vec<_>>().join(", "))?;
    writeln!(out, "matmuls: {:.3e} FLOPs per device", cost.matmul_flops)?;
    if !cost.cycles.is_empty() {
        writeln!(out, "cycles: {:.4e}", cost.total_cycles())?;
    }
    let mut cycles: Vec<_> = cost.cycles.iter().collect();
    cycles.sort_by(|a, b| b.1.total_cmp(a.1));
    for (name, &cycles) in cycles.into_iter().take(8) {
        let seconds = rates.map_or_else(String::new, |rates| format!("  {:.4} s", cycles / rates.clock));
        writeln!(out, "  {name:<24} {cycles:>12.4e}{seconds}")?;
    }
    if !cost.without_cycles.is_empty() {
        let uncosted: Vec<_> =
            cost.without_cycles.iter().map(|(name, count)| format!("{name} × {count}")).collect();
        writeln!(out, "  without an estimate: {}", uncosted.join(", "))?;
    }
    collectives(out, compiled, rates)?;
    let Some(rates) = rates else { return Ok(()) };
    let estimate = compiled.estimate(rates);
    writeln!(
        out,
        "one execution: {:.4} s serial, {:.4} s if everything overlaps (compute {:.4}, of it matrix {:.4}; collectives \
         {:.4})",
        estimate.serial, estimate.overlapped, estimate.compute, estimate.matrix, estimate.collectives
    )?;
    let between = rates.between_slices.map_or_else(
        || "transfers between slices free".to_owned(),
        |rate| format!("{:.1} GB/s between slices", rate / 1e9),
    );
    writeln!(
        out,
        "  assumed: {:.0} MHz, rings at {:.0} GB/s limited by bandwidth alone, {between}",
        rates.clock / 1e6,
        rates.link / 1e9
    )
}

/// Collective operations, those of one kind and group together.
fn collectives(out: &mut String, compiled: &Compiled, rates: Option<&Rates>) -> std::fmt::Result {
    type Row = (Collective, bool, bool, usize);
    let mut rows: BTreeMap<Row, (u64, f64, f64)> = BTreeMap::new();
    for each in &compiled.cost.collectives {
        let row = rows.entry((each.kind, each.crosses_slices, each.fused, each.group_size)).or_default();
        row.0 += each.executions;
        row.1 += each.bytes as f64 * each.executions as f64;
        row.2 += each.ring_bytes();
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    rows.sort_by(|a, b| b.1.2.total_cmp(&a.1.2));
    writeln!(out, "collectives: {}", if rows.is_empty() { "none" } else { "" })?;
    for ((kind, crosses, fused, group), (count, bytes, ring)) in rows {
        let rate = rates.and_then(|rates| if crosses { rates.between_slices } else { Some(rates.link) });
        let seconds = rate.map_or_else(String::new, |rate| format!("  {:.4} s", ring / rate));
        let notes = [(crosses, "between slices"), (fused, "fused")];
        let notes: Vec<_> = notes.iter().filter(|note| note.0).map(|note| note.1).collect();
        writeln!(
            out,
            "  {kind:<20} group {group:>5} × {count:>7}  {:>12} {seconds}  {}",
            traffic(bytes),
            notes.join(", ")
        )?;
    }
    Ok(())
}

/// Memory, which is measured in powers of two.
fn memory(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", bytes as f64 / (1u64 << 20) as f64),
        _ => format!("{:.3} GiB", bytes as f64 / (1u64 << 30) as f64),
    }
}

/// Traffic, which is measured in powers of ten.
fn traffic(bytes: f64) -> String {
    match bytes {
        0.0..1e6 => format!("{:.1} kB", bytes / 1e3),
        1e6..1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.2} GB", bytes / 1e9),
    }
}
