//! The curve of least error, by L-BFGS.

use std::collections::VecDeque;

use super::curve::Curve;

/// Errors of a logarithm above this count by their size, and those below by its square (Hoffmann et al. 2022).
const HUBER: f64 = 1e-3;

/// Logarithms of the variables and losses of runs.
#[derive(Clone, Debug)]
pub struct Data {
    variables: Vec<Vec<f64>>,
    losses: Vec<f64>,
    middle: Vec<f64>,
}

impl Data {
    pub fn new(variables: Vec<Vec<f64>>, losses: Vec<f64>) -> Self {
        let count = variables.len() as f64;
        let of = variables.first().map_or(0, Vec::len);
        let middle = (0..of).map(|of| variables.iter().map(|all| all[of]).sum::<f64>() / count).collect();
        Self { variables, losses, middle }
    }

    pub fn with_losses(&self, losses: Vec<f64>) -> Self {
        Self { losses, ..self.clone() }
    }

    /// Logarithms of losses by a curve.
    pub fn fitted(&self, curve: &Curve) -> Vec<f64> {
        self.variables.iter().map(|variables| curve.at(variables)).collect()
    }

    /// What a curve leaves of the logarithms of losses.
    pub fn residuals(&self, curve: &Curve) -> Vec<f64> {
        self.losses.iter().zip(self.fitted(curve)).map(|(loss, fitted)| loss - fitted).collect()
    }
}

/// Steps of a descent at most, and those that are remembered.
const STEPS: usize = 500;
const MEMORY: usize = 8;

impl Data {
    fn curve(&self, with_constant: bool, numbers: &[f64]) -> Curve {
        Curve { numbers: numbers.to_vec(), with_constant, middle: self.middle.clone() }
    }

    /// The cost of a curve, and its derivative by each of the numbers.
    fn cost(&self, curve: &Curve) -> (f64, Vec<f64>) {
        let mut gradient = vec![0.0; curve.numbers.len()];
        let mut cost = 0.0;
        for (variables, residual) in self.variables.iter().zip(self.residuals(curve)) {
            let error = residual / HUBER;
            cost += if error.abs() <= 1.0 { error * error / 2.0 } else { error.abs() - 0.5 };
            let by = -error.clamp(-1.0, 1.0) / HUBER;
            for (sum, slope) in gradient.iter_mut().zip(curve.slope(variables)) {
                *sum += by * slope;
            }
        }
        (cost, gradient)
    }
}

/// The best curve from a start, with its cost.
fn descend(data: &Data, with_constant: bool, start: Vec<f64>) -> Option<(Curve, f64)> {
    let cost = |numbers: &[f64]| data.cost(&data.curve(with_constant, numbers));
    let (numbers, cost) = lbfgs(cost, start)?;
    Some((data.curve(with_constant, &numbers), cost))
}

/// L-BFGS (Nocedal & Wright 2006, algorithm 7.4), with the line search of Lewis and Overton 2013, which needs no second
/// derivative: Huber's function has none where it bends. `cost` gives the value and its gradient. `None` if it begins where there is no value.
fn lbfgs(cost: impl Fn(&[f64]) -> (f64, Vec<f64>), start: Vec<f64>) -> Option<(Vec<f64>, f64)> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let moved = |at: &[f64], by: f64, along: &[f64]| -> Vec<f64> {
        at.iter().zip(along).map(|(at, along)| at + by * along).collect()
    };
    let (mut at, (mut value, mut gradient)) = (start.clone(), cost(&start));
    if !value.is_finite() {
        return None;
    }
    // What steps and gradients have changed by, with the inverse of their product.
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>, f64)> = VecDeque::new();
    let mut idle = 0;
    for _ in 0..STEPS {
        if dot(&gradient, &gradient).sqrt() < 1e-9 || idle > 3 {
            break;
        }
        let mut along = gradient.clone();
        let mut shares = Vec::with_capacity(memory.len());
        for (step, change, inverse) in memory.iter().rev() {
            let share = inverse * dot(step, &along);
            along = moved(&along, -share, change);
            shares.push(share);
        }
        if let Some((step, change, _)) = memory.back() {
            let scale = dot(step, change) / dot(change, change);
            along.iter_mut().for_each(|number| *number *= scale);
        }
        for ((step, change, inverse), share) in memory.iter().zip(shares.iter().rev()) {
            along = moved(&along, share - inverse * dot(change, &along), step);
        }
        along.iter_mut().for_each(|number| *number = -*number);
        let mut slope = dot(&along, &gradient);
        if slope >= 0.0 || slope.is_nan() {
            memory.clear();
            along = gradient.iter().map(|number| -number).collect();
            slope = -dot(&gradient, &gradient);
        }
        // Far enough that the slope is less steep, and not so far that the value is not lower.
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut by = if memory.is_empty() { 1.0 / dot(&gradient, &gradient).sqrt().max(1.0) } else { 1.0 };
        let mut found = None;
        for _ in 0..60 {
            let next = moved(&at, by, &along);
            let (next_value, next_gradient) = cost(&next);
            if next_value.is_nan() || next_value > value + 1e-4 * by * slope {
                high = by;
            } else {
                let is_flat = dot(&along, &next_gradient) >= 0.9 * slope;
                found = Some((next, next_value, next_gradient));
                if is_flat {
                    break;
                }
                low = by;
            }
            by = if high.is_finite() { (low + high) / 2.0 } else { 2.0 * low };
        }
        let Some((next, next_value, next_gradient)) = found else { break };
        let (step, change) = (moved(&next, -1.0, &at), moved(&next_gradient, -1.0, &gradient));
        let product = dot(&step, &change);
        if product > 1e-300 {
            memory.push_back((step, change, 1.0 / product));
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        idle = if value - next_value <= 1e-13 * value.abs() { idle + 1 } else { 0 };
        (at, value, gradient) = (next, next_value, next_gradient);
    }
    Some((at, value))
}

/// The best curve from one that is near.
pub fn from(data: &Data, near: &Curve) -> Option<Curve> {
    descend(data, near.with_constant, near.numbers.clone()).map(|(curve, _)| curve)
}

/// The best curve from all starts of a grid: shares of the lowest loss that the constant is, and exponents.
pub fn from_grid(data: &Data, with_constant: bool) -> Option<Curve> {
    const SHARES: [f64; 4] = [0.05, 0.4, 0.7, 0.95];
    const EXPONENTS: [f64; 4] = [0.05, 0.2, 0.4, 0.8];
    let lowest = data.losses.iter().copied().fold(f64::INFINITY, f64::min);
    let mean = data.losses.iter().sum::<f64>() / data.losses.len().max(1) as f64;
    let shares: &[f64] = if with_constant { &SHARES } else { &[0.0] };
    let mut starts: Vec<Vec<f64>> = Vec::new();
    for share in shares {
        let mut of_share: Vec<Vec<f64>> =
            vec![with_constant.then(|| lowest + share.ln()).into_iter().collect()];
        let rest = mean.exp() - share * lowest.exp();
        let each = (rest / data.middle.len() as f64).ln();
        for _ in &data.middle {
            of_share = of_share
                .into_iter()
                .flat_map(|start| EXPONENTS.map(|exponent| [&start[..], &[each, exponent]].concat()))
                .collect();
        }
        starts.extend(of_share);
    }
    let ends = starts.into_iter().filter_map(|start| descend(data, with_constant, start));
    ends.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(curve, _)| curve)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minima_are_found() {
        // Rosenbrock's valley.
        let rosenbrock = |at: &[f64]| {
            let (x, y) = (at[0], at[1]);
            let value = (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
            (value, vec![-2.0 * (1.0 - x) - 400.0 * x * (y - x * x), 200.0 * (y - x * x)])
        };
        let (at, value) = lbfgs(rosenbrock, vec![-1.2, 1.0]).unwrap();
        assert!((at[0] - 1.0).abs() < 1e-6 && (at[1] - 1.0).abs() < 1e-6 && value < 1e-12, "{at:?} {value}");
        // Axes of very different lengths.
        let bowl = |at: &[f64]| {
            let scales = [1e-3, 1.0, 1e3];
            let value = at.iter().zip(scales).map(|(x, scale)| scale * x * x).sum();
            (value, at.iter().zip(scales).map(|(x, scale)| 2.0 * scale * x).collect())
        };
        let (_, value) = lbfgs(bowl, vec![5.0, -3.0, 2.0]).unwrap();
        assert!(value < 1e-12, "{value}");
        assert!(lbfgs(|_| (f64::NAN, vec![0.0]), vec![0.0]).is_none());
    }

    /// The gradient is that of the cost, by differences.
    #[test]
    fn the_gradient_is_the_slope_of_the_cost() {
        let variables = vec![vec![17.0, 21.0], vec![18.5, 24.0], vec![20.0, 22.0], vec![22.0, 25.0]];
        let data = Data::new(variables, vec![1.2, 1.1, 1.05, 0.9]);
        for with_constant in [true, false] {
            let numbers = [&[0.3][..usize::from(with_constant)], &[-0.4, 0.3, 0.1, 0.2]].concat();
            let cost = |numbers: &[f64]| data.cost(&data.curve(with_constant, numbers));
            let gradient = cost(&numbers).1;
            for (place, slope) in gradient.iter().enumerate() {
                let at = |by: f64| {
                    let mut moved = numbers.clone();
                    moved[place] += by;
                    cost(&moved).0
                };
                let differences = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!(
                    (differences - slope).abs() < 1e-4 * slope.abs().max(1.0),
                    "{place}: {differences} {slope}"
                );
            }
        }
    }
}
