//! A chip that the user describes in a file (docs/topologies.md).

use std::borrow::Cow;
use std::path::Path;

use toml::{Table, Value};

use super::Chip;
use super::chip::{CARD_NETWORK, PCIE_4, card};

/// A number of the file: its key, the unit it counts in, and the value when it is left out.
struct Field {
    key: &'static str,
    unit: f64,
    usual: Option<f64>,
}

const MEMORY: Field = Field { key: "memory_gb", unit: 1e9, usual: None };
const BF16: Field = Field { key: "bf16_tflops", unit: 1e12, usual: None };
const F32: Field = Field { key: "f32_tflops", unit: 1e12, usual: None };
const MEMORY_RATE: Field = Field { key: "memory_gb_per_second", unit: 1e9, usual: None };
const LINK: Field = Field { key: "link_gb_per_second", unit: 1e9, usual: Some(PCIE_4) };
const NETWORK: Field = Field { key: "network_gb_per_second", unit: 1e9, usual: Some(CARD_NETWORK) };
const FIELDS: [Field; 6] = [MEMORY, BF16, F32, MEMORY_RATE, LINK, NETWORK];

/// The GPU that a file describes.
///
/// # Errors
/// In words: when the file cannot be read or is no TOML, a key is missing or unknown, or a value is no number above 0.
pub(super) fn chip(path: &str) -> Result<Chip, String> {
    let text = inputs::open(Path::new(path))
        .and_then(std::io::read_to_string)
        .map_err(|error| format!("cannot be read: {error}"))?;
    read(path, &text)
}

fn read(name: &str, text: &str) -> Result<Chip, String> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count());
        let reason = inputs::toml_words(error.message());
        format!("line {}: not TOML: {reason}", line + 1)
    })?;
    let keys = || FIELDS.map(|field| field.key).join(", ");
    if let Some(key) = table.keys().find(|key| FIELDS.iter().all(|field| field.key != **key)) {
        return Err(format!("unknown key `{key}`; a chip has {}", keys()));
    }
    let number = |field: Field| -> Result<f64, String> {
        let Some(value) = table.get(field.key) else {
            return field.usual.ok_or_else(|| format!("`{}` is missing; a chip has {}", field.key, keys()));
        };
        let number = match value {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::String(_) | Value::Boolean(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
                None
            }
        };
        let number = number.filter(|number| (1e-3..=1e9).contains(number));
        let wrong = || format!("{} = {value}: expected a number above 0", field.key);
        number.map(|number| number * field.unit).ok_or_else(wrong)
    };
    let (memory, rate, link) = (number(MEMORY)?, number(MEMORY_RATE)?, number(LINK)?);
    Ok(Chip {
        name: Cow::Owned(name.to_owned()),
        network_bytes_per_second: number(NETWORK)?,
        // A compiler's cycles are not asked of GPUs.
        ..card("", memory as u64, number(BF16)?, number(F32)?, 1e9, rate, link)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::GPU_MEMORY_FRACTION;

    const CARD: &str =
        "memory_gb = 48\nbf16_tflops = 181.05\nf32_tflops = 90.5\nmemory_gb_per_second = 864\n";

    #[test]
    fn a_file_describes_a_chip() {
        let chip = read("l40.toml", CARD).unwrap();
        assert_eq!((&*chip.name, chip.bf16_flops, chip.f32_flops), ("l40.toml", 181.05e12, 90.5e12));
        assert_eq!(chip.memory_bytes, (48e9 * GPU_MEMORY_FRACTION) as u64);
        assert_eq!((chip.memory_bytes_per_second, chip.estimator_link_bytes_per_second()), (864e9, 32e9));
        let linked =
            read("x", &format!("{CARD}link_gb_per_second = 300\nnetwork_gb_per_second = 25.0")).unwrap();
        assert_eq!(
            (linked.estimator_link_bytes_per_second(), linked.network_bytes_per_second),
            (300e9, 25e9)
        );
    }

    #[test]
    fn what_does_not_describe_one_is_refused_in_a_line() {
        for (text, expected) in [
            (
                "",
                "`memory_gb` is missing; a chip has memory_gb, bf16_tflops, f32_tflops, memory_gb_per_second",
            ),
            ("memory_gb = ", "line 1: not TOML: "),
            (&CARD.replace("48", "99999999999999999999"), "line 1: not TOML: the whole number is too large"),
            (&format!("{CARD}memory = 3"), "unknown key `memory`; a chip has memory_gb, "),
            (&CARD.replace("48", "\"48 GB\""), "memory_gb = \"48 GB\": expected a number above 0"),
            (&CARD.replace("864", "0"), "memory_gb_per_second = 0: expected a number above 0"),
            (&CARD.replace("90.5", "nan"), "f32_tflops = nan: expected a number above 0"),
            (&CARD.replace("90.5", "1e300"), "f32_tflops = "),
        ] {
            let error = read("x.toml", text).unwrap_err();
            assert!(error.starts_with(expected) && !error.contains('\n'), "{error}");
        }
    }
}
