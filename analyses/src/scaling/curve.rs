//! A sum of powers, by the logarithms of everything.

/// The logarithm of a sum of terms: exp(e) if there is that one, and for each variable with logarithm x, exp(c − γ x).
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// e first, if there is one; then c and γ of each variable.
    pub numbers: Vec<f64>,
    pub with_constant: bool,
    /// What was taken from each variable, so that c is of the middle of the data.
    pub middle: Vec<f64>,
}

impl Curve {
    /// Exponents of the terms at a place.
    fn exponents<'a>(&'a self, variables: &'a [f64]) -> impl Iterator<Item = f64> + Clone + 'a {
        let constant = self.with_constant.then(|| self.numbers[0]);
        let pairs = self.numbers[usize::from(self.with_constant)..].chunks_exact(2);
        let terms = pairs.zip(variables).zip(&self.middle);
        constant.into_iter().chain(terms.map(|((pair, x), middle)| pair[0] - pair[1] * (x - middle)))
    }

    /// The logarithm of the sum, at these logarithms of the variables.
    pub fn at(&self, variables: &[f64]) -> f64 {
        let exponents = self.exponents(variables);
        let largest = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
        largest + exponents.map(|exponent| (exponent - largest).exp()).sum::<f64>().ln()
    }

    /// Its derivative by each of the numbers.
    pub fn slope(&self, variables: &[f64]) -> Vec<f64> {
        let whole = self.at(variables);
        let mut shares = self.exponents(variables).map(|exponent| (exponent - whole).exp());
        let constant = self.with_constant.then(|| shares.next().unwrap_or_default());
        let mut slope: Vec<f64> = constant.into_iter().collect();
        for ((share, x), middle) in shares.zip(variables).zip(&self.middle) {
            slope.extend([share, -share * (x - middle)]);
        }
        slope
    }

    /// E, if there is one, then coefficient and exponent of each variable.
    pub fn constants(&self) -> Vec<f64> {
        let constant = self.with_constant.then(|| self.numbers[0].exp());
        let pairs = self.numbers[usize::from(self.with_constant)..].chunks_exact(2).zip(&self.middle);
        constant
            .into_iter()
            .chain(pairs.flat_map(|(pair, middle)| [(pair[0] + pair[1] * middle).exp(), pair[1]]))
            .collect()
    }
}
