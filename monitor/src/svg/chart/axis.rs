//! Ticks and numbers.

/// A range of values with round ticks.
pub(super) struct Axis {
    low: f64,
    high: f64,
    spacing: f64,
}

impl Axis {
    /// About `count` ticks, no closer than `finest`; the range grows to the ticks around it.
    pub(super) fn new(low: f64, high: f64, count: f64, finest: f64) -> Axis {
        // Numbers so close together that no digits would tell them apart are one number.
        let least = low.abs().max(high.abs()) * 1e-6;
        let rough = ((high - low) / count).max(finest).max(if least > 0.0 { least } else { 1.0 });
        let power = 10f64.powf(rough.log10().floor());
        let factor =
            [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
        let spacing = factor * power;
        let (low, high) = ((low / spacing).floor() * spacing, (high / spacing).ceil() * spacing);
        Axis { low, high: if high > low { high } else { low + spacing }, spacing }
    }

    /// Where a value lies: 0 at the low end, 1 at the high one; values beyond the ends lie on them.
    pub(super) fn fraction(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    pub(super) fn high(&self) -> f64 {
        self.high
    }

    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let Axis { low, high, spacing } = *self;
        let count = ((high - low) / spacing).round() as usize;
        (0..=count).map(move |index| low + spacing * index as f64)
    }

    /// Just the digits the spacing needs; thousands and more are abbreviated, small numbers written with an exponent.
    pub(super) fn label(&self, value: f64) -> String {
        // A tick that should be zero may be a rounding error below it.
        let value = if value.abs() < self.spacing * 1e-9 { 0.0 } else { value };
        let largest = self.high.abs().max(self.low.abs());
        if !(1e-2..1e15).contains(&largest) {
            let exponent = largest.log10().floor();
            let decimals = (exponent - self.spacing.log10().floor()).max(0.0) as usize;
            let mantissa = value / 10f64.powf(exponent);
            return if value == 0.0 { "0".to_owned() } else { format!("{mantissa:.decimals$}e{exponent}") };
        }
        let (unit, suffix) = match largest {
            largest if largest >= 2e12 => (1e12, "T"),
            largest if largest >= 2e9 => (1e9, "G"),
            largest if largest >= 2e6 => (1e6, "M"),
            largest if largest >= 1e4 => (1e3, "k"),
            _ => (1.0, ""),
        };
        let decimals = (-(self.spacing / unit).log10().floor()).max(0.0) as usize;
        if value == 0.0 && unit > 1.0 {
            "0".to_owned()
        } else {
            format!("{:.decimals$}{suffix}", value / unit)
        }
    }
}

/// A number as people read it in a legend.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e3..1e12).contains(&size) => grouped(value),
        size if (1e-2..1e3).contains(&size) => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ticks(low: f64, high: f64, finest: f64, expected: &[&str]) {
        let axis = Axis::new(low, high, 6.0, finest);
        assert_eq!(axis.ticks().map(|tick| axis.label(tick)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        check_ticks(0.0, 300.0, 1.0, &["0", "50", "100", "150", "200", "250", "300"]);
        check_ticks(0.0, 3.0, 1.0, &["0", "1", "2", "3"]);
        check_ticks(1.3, 6.9, 0.0, &["1", "2", "3", "4", "5", "6", "7"]);
        check_ticks(2.31, 2.34, 0.0, &["2.310", "2.315", "2.320", "2.325", "2.330", "2.335", "2.340"]);
        check_ticks(-0.4, 0.5, 0.0, &["-0.4", "-0.2", "0.0", "0.2", "0.4", "0.6"]);
        check_ticks(0.0, 12_000.0, 1.0, &["0", "2k", "4k", "6k", "8k", "10k", "12k"]);
        check_ticks(0.0, 3_000_000.0, 1.0, &["0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M", "3.0M"]);
        check_ticks(0.0, 5e9, 0.0, &["0", "1G", "2G", "3G", "4G", "5G"]);
        check_ticks(2.0, 2.0, 0.0, &["2.000000", "2.000002"]);
        check_ticks(0.0, 0.0, 0.0, &["0", "1"]);
    }

    #[test]
    fn small_and_enormous_numbers_have_an_exponent() {
        check_ticks(0.0, 6e-4, 0.0, &["0", "1e-4", "2e-4", "3e-4", "4e-4", "5e-4", "6e-4"]);
        check_ticks(0.0, 2e-3, 0.0, &["0", "0.5e-3", "1.0e-3", "1.5e-3", "2.0e-3"]);
        check_ticks(0.0, 3e20, 0.0, &["0", "0.5e20", "1.0e20", "1.5e20", "2.0e20", "2.5e20", "3.0e20"]);
    }

    #[test]
    fn numbers_have_as_many_digits_as_they_deserve() {
        let texts = [0.0, 4.18951, 15405.2, 1_234_567.0, 2e-3, -0.5, 3e20].map(number);
        assert_eq!(texts, ["0", "4.190", "15,405", "1,234,567", "2.00e-3", "-0.500", "3.00e20"]);
    }
}
