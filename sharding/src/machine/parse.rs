//! From text to a machine.

use xla_sys::locate::DeviceKind;

use super::limits::{GPUS_PER_HOST, MOST_CPU_DEVICES, MOST_HOSTS, MOST_SLICES};
use super::sizes::Sizes;
use super::topology::name;
use super::{Chip, Nearest, Topology, TopologyError};

impl Topology {
    /// Reads `cpu:N` (virtual devices), `tpu:GEN:XxY[xZ]` (chips of a slice), or `gpu:NAME:HOSTSxGPUS` (hosts, and GPUs
    /// in each). `slices` of a TPU are joined by the data centre's network; it is 1 otherwise. Case does not matter.
    ///
    /// # Errors
    /// [`TopologyError::Syntax`] if the text has another form; [`TopologyError::UnknownChip`] if there is no chip of the
    /// name; [`TopologyError::NoSuchMachine`], with those that come nearest, if no machine has that many or that shape.
    pub fn parse(text: &str, slices: usize) -> Result<Topology, TopologyError> {
        parse(text, slices)
    }
}

fn parse(text: &str, slices: usize) -> Result<Topology, TopologyError> {
    let syntax = |reason: &str| TopologyError::Syntax { text: text.to_owned(), reason: reason.to_owned() };
    let lower = text.trim().to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(':').collect();
    match parts[..] {
        ["cpu", devices] => cpu(text, devices, slices),
        ["tpu", generation, shape] => tpu(text, generation, shape, slices),
        ["gpu", name, shape] => gpu(text, name, shape, slices),
        ["cpu" | "tpu" | "gpu", ..] => Err(syntax("parts are missing, or there are too many")),
        [""] => Err(syntax("nothing is given")),
        [family, ..] => Err(syntax(&format!("`{family}` is none of cpu, tpu, gpu"))),
        [] => Err(syntax("nothing is given")),
    }
}

fn cpu(text: &str, devices: &str, slices: usize) -> Result<Topology, TopologyError> {
    let [devices] = sides(text, devices)?[..] else {
        return Err(TopologyError::Syntax {
            text: text.to_owned(),
            reason: "the devices of a processor are one number".to_owned(),
        });
    };
    let refuse = |reason: String, nearest: usize| {
        let nearest = vec![Nearest { topology: format!("cpu:{nearest}"), slices: 1 }];
        Err(TopologyError::NoSuchMachine { text: text.to_owned(), reason, nearest })
    };
    let most = MOST_CPU_DEVICES;
    if !(1..=most).contains(&devices) {
        return refuse(format!("a processor is 1 to {most} virtual devices"), devices.clamp(1, most));
    }
    if slices != 1 {
        let together = devices.saturating_mul(slices).clamp(1, most);
        return refuse(format!("a processor is one slice, not {slices}"), together);
    }
    Ok(Topology::new(Chip::cpu(devices), vec![devices], 1))
}

fn tpu(text: &str, generation: &str, shape: &str, slices: usize) -> Result<Topology, TopologyError> {
    // The names that Cloud TPU and libtpu also use.
    let generation = match generation {
        "v7x" | "tpu7x" => "7x",
        "v5litepod" => "v5e",
        other => other,
    };
    let chip = find(text, "TPU", DeviceKind::Tpu, generation)?;
    let unknown = || unknown_chip(text, "TPU", DeviceKind::Tpu, generation);
    let sizes = Sizes::of(generation).ok_or_else(unknown)?;
    let shape = sides(text, shape)?;
    let machine =
        |shape: &[usize], slices: usize| Nearest { topology: name("tpu", chip.name, shape), slices };
    let refuse =
        |reason, nearest| Err(TopologyError::NoSuchMachine { text: text.to_owned(), reason, nearest });
    if !sizes.contains(&shape) {
        let (reason, nearest) = sizes.nearest(&shape);
        let nearest = nearest
            .iter()
            .map(|(shape, count)| machine(shape, count.saturating_mul(slices).clamp(1, MOST_SLICES)))
            .collect();
        return refuse(format!("TPU {}: {reason}", chip.name), nearest);
    }
    if !(1..=MOST_SLICES).contains(&slices) {
        let nearest = vec![machine(&shape, slices.clamp(1, MOST_SLICES))];
        return refuse(format!("{slices} slices, which must be 1 to {MOST_SLICES}"), nearest);
    }
    Ok(Topology::new(chip, shape, slices))
}

fn gpu(text: &str, gpu: &str, shape: &str, slices: usize) -> Result<Topology, TopologyError> {
    let chip = find(text, "GPU", DeviceKind::Cuda, gpu)?;
    let [hosts, gpus] = sides(text, shape)?[..] else {
        return Err(TopologyError::Syntax {
            text: text.to_owned(),
            reason: "GPUs are given as hosts and the GPUs of each, such as 4x8".to_owned(),
        });
    };
    let machine =
        |hosts: usize, gpus: usize| Nearest { topology: name("gpu", gpu, &[hosts, gpus]), slices: 1 };
    let refuse =
        |reason, nearest| Err(TopologyError::NoSuchMachine { text: text.to_owned(), reason, nearest });
    let real_hosts = hosts.clamp(1, MOST_HOSTS);
    if !GPUS_PER_HOST.contains(&gpus) {
        let most = GPUS_PER_HOST[GPUS_PER_HOST.len() - 1];
        let below = GPUS_PER_HOST.into_iter().rev().find(|&count| count <= gpus);
        let mut nearest = vec![machine(real_hosts, below.unwrap_or(1))];
        let needed = hosts.saturating_mul(gpus).div_ceil(most);
        if gpus > most && needed <= MOST_HOSTS {
            nearest.push(machine(needed, most));
        } else if let Some(above) = GPUS_PER_HOST.into_iter().find(|&count| gpus > 0 && count > gpus) {
            nearest.push(machine(real_hosts, above));
        }
        return refuse(format!("a host has 1, 2, 4 or 8 GPUs, not {gpus}"), nearest);
    }
    if hosts != real_hosts {
        return refuse(
            format!("{hosts} hosts, which must be 1 to {MOST_HOSTS}"),
            vec![machine(real_hosts, gpus)],
        );
    }
    if slices != 1 {
        let together = hosts.saturating_mul(slices).clamp(1, MOST_HOSTS);
        let reason = format!("GPUs have hosts instead of slices, {slices} were given");
        return refuse(reason, vec![machine(together, gpus)]);
    }
    Ok(Topology::new(chip, vec![hosts, gpus], 1))
}

/// `4x8` to `[4, 8]`.
fn sides(text: &str, shape: &str) -> Result<Vec<usize>, TopologyError> {
    let side = |side: &str| {
        // `parse` alone would take a sign.
        let digits = !side.is_empty() && side.bytes().all(|byte| byte.is_ascii_digit());
        side.parse().ok().filter(|_| digits).ok_or_else(|| TopologyError::Syntax {
            text: text.to_owned(),
            reason: format!("`{shape}` is not a size"),
        })
    };
    shape.split('x').map(side).collect()
}

fn find(text: &str, family: &'static str, kind: DeviceKind, name: &str) -> Result<Chip, TopologyError> {
    let chip = Chip::find(name).filter(|chip| chip.kind == kind);
    chip.ok_or_else(|| unknown_chip(text, family, kind, name))
}

fn unknown_chip(text: &str, family: &'static str, kind: DeviceKind, name: &str) -> TopologyError {
    let known = Chip::ALL.iter().filter(|chip| chip.kind == kind).map(|chip| chip.name).collect();
    TopologyError::UnknownChip { text: text.to_owned(), family, name: name.to_owned(), known }
}
