//! A curve in bounded memory.

/// The most points a curve is drawn with: no more than pixels.
pub(super) const MOST_POINTS: usize = 700;

/// A curve that grows at its end, however long. It keeps means over equal numbers of values, at the mean step of each:
/// single values at first, and twice as many for each mean whenever there are too many means.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    sums: Vec<Sum>,
    /// Values in each mean.
    size: usize,
    last: Option<(u64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Sum {
    step: f64,
    value: f64,
    count: usize,
}

impl Default for Curve {
    fn default() -> Self {
        Curve { sums: Vec::new(), size: 1, last: None }
    }
}

impl Curve {
    /// Adds a value after a step later than those before. One that is not finite is left out.
    pub fn push(&mut self, step: u64, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.last = Some((step, value));
        match self.sums.last_mut() {
            Some(sum) if sum.count < self.size => sum.add(step as f64, value),
            _ => {
                if self.sums.len() == MOST_POINTS {
                    self.halve();
                }
                // Halving may have left room in the last one.
                match self.sums.last_mut() {
                    Some(sum) if sum.count < self.size => sum.add(step as f64, value),
                    _ => self.sums.push(Sum { step: step as f64, value, count: 1 }),
                }
            }
        }
    }

    fn halve(&mut self) {
        let pairs = self.sums.chunks(2).map(|pair| {
            pair.iter().fold(Sum::default(), |all, sum| Sum {
                step: all.step + sum.step,
                value: all.value + sum.value,
                count: all.count + sum.count,
            })
        });
        self.sums = pairs.collect();
        self.size *= 2;
    }

    /// The last value with its step.
    pub fn last(&self) -> Option<(u64, f64)> {
        self.last
    }

    /// Means with their steps.
    pub fn points(&self) -> Vec<(f64, f64)> {
        let mean = |sum: &Sum| (sum.step / sum.count as f64, sum.value / sum.count as f64);
        self.sums.iter().map(mean).collect()
    }
}

impl FromIterator<(u64, f64)> for Curve {
    fn from_iter<I: IntoIterator<Item = (u64, f64)>>(points: I) -> Self {
        let mut curve = Curve::default();
        points.into_iter().for_each(|(step, value)| curve.push(step, value));
        curve
    }
}

impl Sum {
    fn add(&mut self, step: f64, value: f64) {
        self.step += step;
        self.value += value;
        self.count += 1;
    }
}

/// Each point with the mean of the middle half of itself and its neighbours, as many on either side as a fiftieth of all
/// points: single values far from the others do not count. `None` if there are too few points for that, or the curve
/// hardly differs from it.
pub(super) fn smoothed(points: &[(f64, f64)]) -> Option<Vec<(f64, f64)>> {
    let reach = points.len() / 50;
    if reach < 2 {
        return None;
    }
    let smooth: Vec<_> = (0..points.len())
        .map(|at| {
            // As many before as after, so that a slope does not shift it; but the last value does not stand alone.
            let after = reach.min(at).min(points.len() - 1 - at);
            let before = after.max((reach / 2).min(at));
            let mut near: Vec<f64> = points[at - before..=at + after].iter().map(|point| point.1).collect();
            near.sort_by(f64::total_cmp);
            let middle = &near[near.len() / 4..near.len() - near.len() / 4];
            (points[at].0, middle.iter().sum::<f64>() / middle.len() as f64)
        })
        .collect();
    // Of what is usual: a single spike makes no curve smooth.
    let sorted = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values
    };
    let values = sorted(points.iter().map(|point| point.1).collect());
    let range = values[values.len() * 49 / 50] - values[values.len() / 50];
    let distances = sorted(points.iter().zip(&smooth).map(|(a, b)| (a.1 - b.1).abs()).collect());
    (distances[distances.len() / 2] > 0.003 * range).then_some(smooth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_curve_keeps_every_value_and_a_long_one_means() {
        let line = |steps: u64| (1..=steps).map(|step| (step, step as f64)).collect::<Curve>();
        assert_eq!(line(3).points(), [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]);
        for steps in [700, 701, 1400, 1401, 100_003] {
            let (curve, points) = (line(steps), line(steps).points());
            assert!((MOST_POINTS / 2..=MOST_POINTS).contains(&points.len()), "{steps}: {}", points.len());
            assert_eq!(curve.last(), Some((steps, steps as f64)));
            // Means of a line lie on it, and nothing is lost.
            assert!(points.iter().all(|point| point.0 == point.1));
            let total: f64 = curve.sums.iter().map(|sum| sum.value).sum();
            assert_eq!(total, (steps * (steps + 1) / 2) as f64);
        }
    }

    #[test]
    fn values_that_are_not_finite_are_left_out() {
        let values = [(1, f64::NAN), (2, 5.0), (3, f64::INFINITY)];
        let curve: Curve = values.into_iter().collect();
        assert_eq!((curve.points(), curve.last()), (vec![(2.0, 5.0)], Some((2, 5.0))));
    }

    #[test]
    fn a_noisy_curve_is_smoothed_and_a_smooth_one_is_not() {
        let points = |noise: f64| -> Vec<(f64, f64)> {
            (0..400).map(|i| (i as f64, i as f64 + if i % 2 == 0 { noise } else { -noise })).collect()
        };
        let mut noisy = points(40.0);
        // It does not notice that a value is far away.
        noisy[200].1 = 1e6;
        let smooth = smoothed(&noisy[..201]).unwrap();
        assert!(smooth[10..190].iter().all(|(x, y)| (x - y).abs() < 30.0), "{smooth:?}");
        assert_eq!(smoothed(&points(0.0)), None);
        assert_eq!(smoothed(&points(40.0)[..99]), None);
    }
}
