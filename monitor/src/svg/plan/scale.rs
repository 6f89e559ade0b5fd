//! Round numbers for axes, and short texts for sizes and times.

/// About six round values from 0 to `high`.
pub(super) fn ticks(high: f64) -> Vec<f64> {
    let rough = high / 6.0;
    let power = 10f64.powf(rough.log10().floor());
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
    let spacing = factor * power;
    // Computed from the index, so that errors do not add up.
    (0..=(high / spacing * 1.000_001) as usize).map(|index| spacing * index as f64).collect()
}

/// The unit that an amount is written in, and its name.
pub(super) fn bytes_unit(bytes: f64) -> (f64, &'static str) {
    let units =
        [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")].map(|(power, name)| (2f64.powi(power), name));
    units.into_iter().find(|(unit, _)| bytes >= *unit).unwrap_or((1.0, "B"))
}

/// `4.35 GiB`.
pub(super) fn bytes_text(bytes: f64) -> String {
    let (unit, name) = bytes_unit(bytes);
    // A hundredth of a GiB still tells two plans apart.
    let decimals = if unit == 1.0 || bytes / unit >= 100.0 { 0 } else { 2 };
    format!("{:.decimals$} {name}", bytes / unit)
}

/// `69.3 s`, `2.04 ms`.
pub(super) fn seconds_text(seconds: f64) -> String {
    let units = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
    // A tick of 0.001 may be a rounding error below it.
    let (unit, name) =
        units.into_iter().find(|(unit, _)| seconds >= unit * 0.999_999).unwrap_or((1e-9, "ns"));
    if seconds == 0.0 {
        return "0".to_owned();
    }
    let value = seconds / unit;
    // Three digits, more only before the point.
    let decimals = [100.0, 10.0].into_iter().filter(|&bound| value < bound).count();
    format!("{value:.decimals$} {name}")
}

/// The text of a round number without the zeros that say nothing: `5 GiB` for `5.00 GiB`.
pub(super) fn short(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        Some(("0", _)) => "0".to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_written_with_their_unit() {
        for (bytes, text) in [
            (0.0, "0 B"),
            (1000.0, "1000 B"),
            (1536.0, "1.50 KiB"),
            (16_622_026_752.0, "15.48 GiB"),
            (2e14, "182 TiB"),
        ] {
            assert_eq!(bytes_text(bytes), text);
        }
        for (seconds, text) in [
            (0.0, "0"),
            (69.34, "69.3 s"),
            (0.002, "2.00 ms"),
            (3e-6, "3.00 µs"),
            (4e-10, "0.40 ns"),
            (1234.0, "1234 s"),
        ] {
            assert_eq!(seconds_text(seconds), text);
        }
    }

    #[test]
    fn ticks_are_written_shortly() {
        for (text, shorter) in [
            ("5.00 GiB", "5 GiB"),
            ("2.50 ms", "2.5 ms"),
            ("20.0 s", "20 s"),
            ("100 s", "100 s"),
            ("0 B", "0"),
            ("0", "0"),
        ] {
            assert_eq!(short(text), shorter);
        }
    }

    #[test]
    fn ticks_are_round_and_reach_the_end() {
        assert_eq!(ticks(16.0), [0.0, 5.0, 10.0, 15.0]);
        assert_eq!(ticks(1.0), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(69.3), [0.0, 20.0, 40.0, 60.0]);
        assert_eq!(ticks(60e-6).len(), 7);
    }
}
