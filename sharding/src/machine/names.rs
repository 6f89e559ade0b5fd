//! Machines as people name them elsewhere: `v3-8`, `8xh100`, `ironwood`.

use super::limits::{MOST_HOSTS, MOST_SLICES};
use super::sizes::Sizes;
use super::topology::name;
use super::{Chip, Nearest, Topology, TopologyError};

/// The generation of TPU that a name stands for.
pub(super) fn generation(text: &str) -> Option<&'static str> {
    // As Kubernetes' labels begin: `tpu-v5-lite-podslice`.
    Some(match text.strip_prefix("tpu-").unwrap_or(text) {
        "v2" => "v2",
        "v3" => "v3",
        "v4" => "v4",
        "v5e" | "v5lite" | "v5litepod" | "v5-lite" | "v5-lite-podslice" => "v5e",
        "v5p" => "v5p",
        "v6e" | "v6" | "trillium" => "v6e",
        "7x" | "v7x" | "v7" | "tpu7x" | "ironwood" => "7x",
        _ => return None,
    })
}

/// The GPU that a name stands for. Hyphens and underscores do not matter, nor the maker's name before it.
pub(super) fn gpu(text: &str) -> Option<&'static str> {
    let squashed: String = text.chars().filter(|letter| !matches!(letter, '-' | '_')).collect();
    let mut short = squashed.as_str();
    for maker in ["nvidia", "geforce", "tesla"] {
        short = short.strip_prefix(maker).unwrap_or(short);
    }
    Some(match short {
        "a100" | "a10040g" | "a10040gb" | "a100sxm440gb" => "a100",
        "a10080g" | "a10080gb" | "a100sxm480gb" => "a100-80g",
        "h100" | "h10080g" | "h10080gb" | "h100sxm" | "h100sxm5" | "h100sxm580gb" | "h10080gbhbm3" => "h100",
        "h200" | "h200sxm" | "h200141g" | "h200141gb" => "h200",
        "b200" | "b200sxm" | "b200180g" | "b200180gb" => "b200",
        "gb200" | "gb200nvl72" => "gb200",
        "l4" => "l4",
        "l40s" => "l40s",
        "rtx4090" | "4090" => "rtx-4090",
        "rtx5090" | "5090" => "rtx-5090",
        "rtx6000ada" | "rtx6000adageneration" | "6000ada" => "rtx-6000-ada",
        "rtxpro6000" | "rtxpro6000blackwell" | "rtx6000blackwell" | "pro6000" | "6000blackwell" => {
            "rtx-pro-6000"
        }
        _ => return None,
    })
}

/// Whether the number in a name such as `v3-8` counts cores, of which a chip has two.
fn counts_cores(generation: &str) -> bool {
    !matches!(generation, "v5e" | "v6e")
}

/// What a text of one part means.
pub(super) enum Name<'a> {
    /// A slice by Cloud TPU's name: the generation, what stands before the number, and the number.
    Slice(&'static str, &'a str, &'a str),
    /// Several of those: how many, and the slice.
    Slices(&'a str, &'a str),
    /// A generation without a size.
    Generation(&'static str),
    /// Hosts of GPUs, or a number of GPUs: the GPU's name, and `8` or `2x8`.
    Gpus(&'a str, &'a str),
    /// A GPU without a number.
    Gpu(&'static str),
}

/// Reads a text of one part, in lower case, with the family before it or not: `tpu-v3-8`.
pub(super) fn read(text: &str) -> Option<Name<'_>> {
    read_name(text).or_else(|| read_name(text.strip_prefix("tpu")?.trim_start_matches('-')))
}

fn read_name(text: &str) -> Option<Name<'_>> {
    if let Some(generation) = generation(text) {
        return Some(Name::Generation(generation));
    }
    if let Some(gpu) = gpu(text) {
        return Some(Name::Gpu(gpu));
    }
    if let Some((before, number)) = text.rsplit_once('-')
        && is_number(number)
        && let Some(generation) = generation(before)
    {
        return Some(Name::Slice(generation, before, number));
    }
    if let Some((before, number)) = text.rsplit_once('x')
        && is_number(number)
        && gpu(before).is_some()
    {
        return Some(Name::Gpus(before, number));
    }
    let (count, rest) = text.split_once('x')?;
    let begins = |text: &str| text.starts_with(|letter: char| letter.is_ascii_alphanumeric());
    if !is_number(count) || !begins(rest) {
        return None;
    }
    if matches!(read(rest), Some(Name::Slice(..))) {
        return Some(Name::Slices(count, rest));
    }
    match rest.split_once('x') {
        Some((gpus, name)) if is_number(gpus) && gpu(name).is_some() => {
            Some(Name::Gpus(name, &text[..count.len() + 1 + gpus.len()]))
        }
        _ if gpu(rest).is_some() || rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
            Some(Name::Gpus(rest, count))
        }
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The slice that Cloud TPU calls `v3-8`: where the number counts devices, and one slice has as many, it is taken.
pub(super) fn slice(
    text: &str,
    chip: Chip,
    (before, number): (&str, &str),
    slices: usize,
) -> Result<Topology, TopologyError> {
    let count: usize = number.parse().unwrap_or(usize::MAX);
    let cores = counts_cores(&chip.name);
    let chips = if cores { count.div_ceil(2) } else { count };
    let sizes = Sizes::of(&chip.name);
    let all = sizes.as_ref().map(Sizes::all).unwrap_or_default();
    let whole = !cores || count.is_multiple_of(2);
    let shapes: Vec<_> =
        all.iter().filter(|shape| whole && shape.iter().product::<usize>() == chips).collect();
    let (given, slices) = (slices, slices.clamp(1, MOST_SLICES));
    let machine =
        |shape: &[usize], slices: usize| Nearest { topology: name("tpu", &chip.name, shape), slices };
    match shapes[..] {
        // On v4, v5p and 7x, whose topologies elsewhere count chips, people mean either.
        [shape] if matches!(&*chip.name, "v2" | "v3" | "v5e" | "v6e") => {
            Topology::parse(&name("tpu", &chip.name, shape), given)
        }
        [] => {
            let (reason, nearest) = sizes.map(|sizes| sizes.nearest(&[chips])).unwrap_or_default();
            let most = all.last().map_or(0, |shape| shape.iter().product());
            let reason = match (1..=most).contains(&chips) {
                true => format!("no slice has {count} {}", if cores { "cores" } else { "chips" }),
                false => reason,
            };
            let machine = |(shape, more): &(Vec<usize>, usize)| {
                machine(shape, more.saturating_mul(slices).clamp(1, MOST_SLICES))
            };
            let nearest = nearest.iter().map(machine).collect();
            let reason = format!("TPU {}: {reason}", chip.name);
            Err(TopologyError::NoSuchMachine { text: text.to_owned(), reason, nearest })
        }
        _ => {
            let reason = format!("{before}-{count} counts {}", if cores { "cores" } else { "chips" });
            // The most cubic come first; of the larger slices there are a dozen.
            let nearest = shapes.iter().take(3).map(|shape| machine(shape, slices)).collect();
            Err(TopologyError::Spelling { text: text.to_owned(), reason, nearest })
        }
    }
}

/// The answer to a generation without a size.
pub(super) fn without_size(text: &str, generation: &'static str) -> TopologyError {
    let all = Sizes::of(generation).map(|sizes| sizes.all()).unwrap_or_default();
    let machine = |shape: &Vec<usize>| Nearest { topology: name("tpu", generation, shape), slices: 1 };
    let chips = |shape: &Vec<usize>| shape.iter().product::<usize>();
    // Of those with most chips, the most cubic.
    let largest = all.iter().find(|shape| all.iter().all(|other| chips(other) <= chips(shape)));
    let nearest = all.first().into_iter().chain(largest).map(machine).collect();
    let reason = format!("TPU {generation}, but not how many chips; from smallest to largest");
    TopologyError::Spelling { text: text.to_owned(), reason, nearest }
}

/// The answer to a GPU without a number.
pub(super) fn without_number(text: &str, gpu: &'static str) -> TopologyError {
    let most = super::limits::usual_gpus_per_host(gpu).last().copied().unwrap_or(1);
    let machine = |gpus: usize| Nearest { topology: name("gpu", gpu, &[1, gpus]), slices: 1 };
    let reason = "a GPU, but not how many; one, or a full host of them".to_owned();
    TopologyError::Spelling { text: text.to_owned(), reason, nearest: vec![machine(1), machine(most)] }
}

/// The answer to more GPUs than one host usually has, without a word on hosts.
pub(super) fn several_hosts(text: &str, gpu: &str, gpus: usize) -> TopologyError {
    let usual = super::limits::usual_gpus_per_host(gpu).last().copied().unwrap_or(1);
    let machine =
        |hosts: usize, gpus: usize| Nearest { topology: name("gpu", gpu, &[hosts, gpus]), slices: 1 };
    let hosts = gpus.div_ceil(usual).min(MOST_HOSTS);
    let mut nearest = vec![machine(hosts, usual)];
    if super::limits::gpus_per_host(gpu).contains(&gpus) {
        nearest.push(machine(1, gpus));
    }
    let reason = format!("{gpus} GPUs, but not on how many hosts");
    TopologyError::Spelling { text: text.to_owned(), reason, nearest }
}

/// The answer to several slices in one name.
pub(super) fn several_slices(text: &str, count: &str, one: &Topology) -> TopologyError {
    let slices = count.parse().unwrap_or(MOST_SLICES).clamp(1, MOST_SLICES);
    let reason = "the number of slices is an option".to_owned();
    let nearest = vec![Nearest { topology: one.to_string(), slices }];
    TopologyError::Spelling { text: text.to_owned(), reason, nearest }
}
