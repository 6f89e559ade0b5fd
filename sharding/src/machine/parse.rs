//! From text to a machine.

use xla_sys::locate::DeviceKind;

use super::limits::{MOST_CPU_DEVICES, MOST_HOSTS, MOST_SLICES, gpus_per_host, usual_gpus_per_host};
use super::names::Name;
use super::sizes::Sizes;
use super::topology::name;
use super::{Chip, Nearest, Topology, TopologyError, described, names};

impl Topology {
    /// Reads `cpu:N` (virtual devices), `tpu:GEN:XxY[xZ]` (chips of a slice), `gpu:NAME:HOSTSxGPUS` (hosts, and GPUs in
    /// each) or `gpu:FILE.toml:HOSTSxGPUS` (a GPU that the file describes); and what else means one of these, such as
    /// `v3-8` and `8xh100`. `slices` of a TPU are joined by the data centre's network; it is 1 otherwise. Case matters in
    /// the names of files only.
    ///
    /// # Errors
    /// [`TopologyError::Syntax`] if the text has another form; [`TopologyError::UnknownChip`] if there is no chip of the
    /// name; [`TopologyError::NoSuchMachine`], with those that come nearest, if no machine has that many or that shape;
    /// [`TopologyError::Spelling`] if a name counts something else, or leaves open what is meant;
    /// [`TopologyError::File`] if a file describes no chip.
    pub fn parse(text: &str, slices: usize) -> Result<Topology, TopologyError> {
        parse(text, slices)
    }
}

fn parse(text: &str, slices: usize) -> Result<Topology, TopologyError> {
    let syntax = |reason: &str| TopologyError::Syntax { text: text.to_owned(), reason: reason.to_owned() };
    if let Some((path, shape)) = described_by_file(text.trim()) {
        let chip = described::chip(path).map_err(|reason| TopologyError::File {
            text: text.to_owned(),
            path: path.to_owned(),
            reason,
        })?;
        return gpu(text, chip, &shape.to_ascii_lowercase(), slices);
    }
    let lower = text.to_ascii_lowercase().split_whitespace().collect::<String>();
    let parts: Vec<&str> = lower.split(':').collect();
    if let [name] | ["tpu" | "gpu" | "cuda", name] = parts[..]
        && let Some(read) = names::read(name)
    {
        return named(text, read, slices);
    }
    match parts[..] {
        ["cpu", devices] => cpu(text, devices, slices),
        ["tpu", generation, shape] => tpu(text, generation, shape, slices),
        ["gpu" | "cuda", name, shape] => gpu(text, find_gpu(text, name)?, shape, slices),
        ["cpu" | "tpu" | "gpu" | "cuda", ..] => Err(syntax("parts are missing, or there are too many")),
        [name, shape] if names::generation(name).is_some() => tpu(text, name, shape, slices),
        [name, shape] if names::gpu(name).is_some() => gpu(text, find_gpu(text, name)?, shape, slices),
        [""] => Err(syntax("nothing is given")),
        [family, ..] => Err(syntax(&format!("`{family}` is none of cpu, tpu, gpu"))),
        [] => Err(syntax("nothing is given")),
    }
}

/// File and shape of `gpu:FILE.toml:HOSTSxGPUS`; the file's name may have colons.
fn described_by_file(text: &str) -> Option<(&str, &str)> {
    let (family, rest) = text.split_once(':')?;
    let (path, shape) = rest.rsplit_once(':')?;
    let is_toml = path.len() > 5 && path.to_ascii_lowercase().ends_with(".toml");
    (is_toml && ["gpu", "cuda"].contains(&&*family.to_ascii_lowercase())).then_some((path, shape))
}

/// A machine by one of its other names.
fn named(text: &str, read: Name<'_>, slices: usize) -> Result<Topology, TopologyError> {
    match read {
        Name::Slice(generation, before, number) => {
            names::slice(text, find_tpu(text, generation)?, (before, number), slices)
        }
        Name::Slices(count, slice) => Err(match parse(slice, 1) {
            Ok(one) => names::several_slices(text, count, &one),
            Err(error) => error,
        }),
        Name::Generation(generation) => Err(names::without_size(text, generation)),
        Name::Gpus(name, shape) => gpu(text, find_gpu(text, name)?, shape, slices),
        Name::Gpu(name) => Err(names::without_number(text, name)),
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
    let chip = find_tpu(text, generation)?;
    let sizes =
        Sizes::of(&chip.name).ok_or_else(|| unknown_chip(text, "TPU", DeviceKind::Tpu, generation))?;
    let shape = match &sides(text, shape)?[..] {
        // Chips and devices are one there, and no two slices have equally many.
        &[_] if matches!(&*chip.name, "v5e" | "v6e") => {
            let chip_name = chip.name.clone();
            return names::slice(text, chip, (&chip_name, shape), slices);
        }
        sides => sides.to_vec(),
    };
    let machine =
        |shape: &[usize], slices: usize| Nearest { topology: name("tpu", &chip.name, shape), slices };
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

fn gpu(text: &str, chip: Chip, shape: &str, slices: usize) -> Result<Topology, TopologyError> {
    let (allowed, usual) = (gpus_per_host(&chip.name), usual_gpus_per_host(&chip.name));
    let full = usual.last().copied().unwrap_or(1);
    let (hosts, gpus) = match sides(text, shape)?[..] {
        [hosts, gpus] => (hosts, gpus),
        [gpus] if gpus <= full => (1, gpus),
        [gpus] => return Err(names::several_hosts(text, &chip.name, gpus)),
        _ => {
            return Err(TopologyError::Syntax {
                text: text.to_owned(),
                reason: "GPUs are given as hosts and the GPUs of each, such as 4x8".to_owned(),
            });
        }
    };
    let machine =
        |hosts: usize, gpus: usize| Nearest { topology: name("gpu", &chip.name, &[hosts, gpus]), slices: 1 };
    let refuse =
        |reason, nearest| Err(TopologyError::NoSuchMachine { text: text.to_owned(), reason, nearest });
    let real_hosts = hosts.clamp(1, MOST_HOSTS);
    if !allowed.contains(&gpus) {
        let below = allowed.iter().copied().rev().find(|&count| count <= gpus).unwrap_or(1);
        let mut nearest = vec![machine(real_hosts, below)];
        let needed = hosts.max(1).saturating_mul(gpus).div_ceil(full);
        if gpus > full && needed <= MOST_HOSTS {
            nearest.push(machine(needed, full));
        }
        nearest.dedup();
        let counts = if full == 8 { "1 to 8, 10 or 16" } else { "1, 2 or 4" };
        return refuse(format!("a host has {counts} GPUs, not {gpus}"), nearest);
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

fn find_tpu(text: &str, generation: &str) -> Result<Chip, TopologyError> {
    let chip = names::generation(generation).and_then(Chip::find);
    chip.ok_or_else(|| unknown_chip(text, "TPU", DeviceKind::Tpu, generation))
}

fn find_gpu(text: &str, name: &str) -> Result<Chip, TopologyError> {
    let chip = names::gpu(name).and_then(Chip::find);
    chip.ok_or_else(|| unknown_chip(text, "GPU", DeviceKind::Cuda, name))
}

fn unknown_chip(text: &str, family: &'static str, kind: DeviceKind, name: &str) -> TopologyError {
    let known = Chip::ALL.iter().filter(|chip| chip.kind == kind).map(|chip| chip.name.to_string()).collect();
    TopologyError::UnknownChip { text: text.to_owned(), family, name: name.to_owned(), known }
}
