//! How far two arrays are from one another.

use anyhow::{Result, ensure};

/// The largest difference of two numbers that are to be the same.
pub const TOLERANCE: f32 = 1e-5;

/// How far an array is from the one it is compared with.
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// Largest absolute difference of two elements; infinite where either is not a number.
    pub largest: f32,
    /// Largest absolute value of the array compared with.
    pub largest_value: f32,
    /// Root of the mean square of the array compared with.
    pub root_mean_square: f64,
}

impl Difference {
    /// Whether the arrays are taken to be the same.
    pub fn is_within_tolerance(&self) -> bool {
        self.largest <= TOLERANCE
    }
}

/// Compares two arrays, element by element.
///
/// # Errors
/// When they are not of the same length, or there is nothing to compare: no elements, or only zeros.
pub fn compare(ours: &[f32], theirs: &[f32]) -> Result<Difference> {
    ensure!(ours.len() == theirs.len(), "{} numbers are to be compared with {}", theirs.len(), ours.len());
    ensure!(ours.iter().any(|&value| value != 0.0), "there is nothing to compare with but zeros");
    let largest = |values: &mut dyn Iterator<Item = f32>| {
        // f32::max would pass over what is not a number.
        values
            .fold(0.0, |largest: f32, value| if value.is_nan() { f32::INFINITY } else { largest.max(value) })
    };
    let sum: f64 = ours.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
    Ok(Difference {
        largest: largest(&mut ours.iter().zip(theirs).map(|(a, b)| (a - b).abs())),
        largest_value: largest(&mut ours.iter().map(|value| value.abs())),
        root_mean_square: (sum / ours.len() as f64).sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_difference_counts_whatever_its_sign() {
        let difference = compare(&[1.0, -4.0, 2.0], &[1.5, -4.0, 1.0]).unwrap();
        assert_eq!(
            difference,
            Difference { largest: 1.0, largest_value: 4.0, root_mean_square: 7f64.sqrt() }
        );
        assert!(!difference.is_within_tolerance());
    }

    #[test]
    fn the_tolerance_is_absolute() {
        assert!(compare(&[1.0], &[1.0 + 9e-6]).unwrap().is_within_tolerance());
        assert!(!compare(&[1.0], &[1.0 + 2e-5]).unwrap().is_within_tolerance());
        assert!(!compare(&[1e3], &[1e3 + 1e-3]).unwrap().is_within_tolerance());
    }

    #[test]
    fn what_is_not_a_number_is_never_within_tolerance() {
        for (ours, theirs) in [(1.0, f32::NAN), (f32::NAN, f32::NAN), (f32::INFINITY, f32::INFINITY)] {
            let difference = compare(&[1.0, ours, 1.0], &[1.0, theirs, 1.0]).unwrap();
            assert_eq!(difference.largest, f32::INFINITY);
            assert!(!difference.is_within_tolerance());
        }
    }

    #[test]
    fn there_must_be_something_to_compare() {
        for (ours, theirs) in [(&[][..], &[][..]), (&[0.0; 2], &[0.0; 2]), (&[1.0; 2], &[1.0; 3])] {
            assert!(compare(ours, theirs).is_err());
        }
    }
}
