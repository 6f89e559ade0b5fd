//! The curve of least error, by L-BFGS.

use argmin::core::{CostFunction, Error, Executor, Gradient, State as _};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

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

struct Problem<'a> {
    data: &'a Data,
    with_constant: bool,
}

impl Problem<'_> {
    fn curve(&self, numbers: &[f64]) -> Curve {
        Curve {
            numbers: numbers.to_vec(),
            with_constant: self.with_constant,
            middle: self.data.middle.clone(),
        }
    }
}

impl CostFunction for Problem<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, numbers: &Vec<f64>) -> Result<f64, Error> {
        let huber = |error: f64| if error.abs() <= 1.0 { error * error / 2.0 } else { error.abs() - 0.5 };
        let residuals = self.data.residuals(&self.curve(numbers));
        Ok(residuals.into_iter().map(|residual| huber(residual / HUBER)).sum())
    }
}

impl Gradient for Problem<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, numbers: &Vec<f64>) -> Result<Vec<f64>, Error> {
        let curve = self.curve(numbers);
        let mut gradient = vec![0.0; numbers.len()];
        for (variables, residual) in self.data.variables.iter().zip(self.data.residuals(&curve)) {
            let by = -(residual / HUBER).clamp(-1.0, 1.0) / HUBER;
            for (sum, slope) in gradient.iter_mut().zip(curve.slope(variables)) {
                *sum += by * slope;
            }
        }
        Ok(gradient)
    }
}

/// The best curve from a start, with its cost.
fn descend(data: &Data, with_constant: bool, start: Vec<f64>) -> Option<(Curve, f64)> {
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7);
    let solver = solver.with_tolerance_grad(1e-7).ok()?.with_tolerance_cost(1e-14).ok()?;
    let problem = Problem { data, with_constant };
    let run = Executor::new(problem, solver).configure(|state| state.param(start).max_iters(500)).run();
    // A line search that finds nothing better ends with an error: this start leads nowhere.
    let state = run.ok()?.state;
    let best = state.get_best_param()?.clone();
    let problem = Problem { data, with_constant };
    let cost = problem.cost(&best).ok().filter(|cost| cost.is_finite())?;
    Some((problem.curve(&best), cost))
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
