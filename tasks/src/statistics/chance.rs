//! Whether models that know nothing choose right by chance.

use std::collections::BTreeMap;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng as _;

use super::bootstrap::below;

/// A document with choices, and what several models chose.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// What each choice is worth: 1 for a right one and 0 for others, or grades.
    pub grades: Vec<f64>,
    /// The position of each model's choice.
    pub chosen: Vec<usize>,
    /// What could have been right instead.
    pub exchange: Exchange,
}

/// What the right answer of a document is exchanged with, under the hypothesis that nothing gives it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exchange {
    /// With the document's other choices: each was as likely to be the right one.
    Within,
    /// With the right answers of the other documents of this number, which have as many choices. How often each position is right
    /// stays as it is, and so does how often a model chooses it.
    Between(usize),
}

/// The numbers of models that should know nothing, beside what they would be by chance.
#[derive(Clone, Debug, PartialEq)]
pub struct Chance {
    /// The mean grade of each model's choices.
    pub values: Vec<f64>,
    /// What it is by chance: its mean over all exchanges of right answers.
    pub expected: Vec<f64>,
    /// Its standard deviation over all exchanges.
    pub deviations: Vec<f64>,
    /// The probability that right answers exchanged at random are as far from chance for one of the models, in its standard
    /// deviations, as the true ones are for the furthest.
    pub p: f64,
    /// Documents.
    pub documents: usize,
}

impl Chance {
    /// How many standard deviations a model is above chance, or below: 0 where every exchange gives the same number.
    pub fn z(&self, model: usize) -> f64 {
        z(self.values[model], self.expected[model], self.deviations[model])
    }

    /// The model that is furthest from chance, and how far.
    pub fn furthest(&self) -> (usize, f64) {
        let all = (0..self.values.len()).map(|model| (model, self.z(model)));
        all.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap_or((0, 0.0))
    }
}

fn z(value: f64, expected: f64, deviation: f64) -> f64 {
    // Rounding is no deviation.
    if deviation > 1e-12 { (value - expected) / deviation } else { 0.0 }
}

/// How many exchanges are drawn at most, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    /// At most so many; a probability is at least 1 / (1 + this).
    pub most: usize,
    /// Fewer, if so many of them were as far from chance as the true answers (Besag and Clifford 1991).
    pub enough: usize,
    /// Where the draws begin.
    pub seed: u64,
}

impl Default for Draws {
    fn default() -> Self {
        Self { most: 19_999, enough: 20, seed: 1234 }
    }
}

/// Compares what models chose with chance: the right answers are exchanged as the documents say, for all models at once, so
/// that it does not matter how alike the models are (Westfall and Young 1993). `None` of no documents.
///
/// # Panics
/// When a document has a choice beyond its grades, or not one of each model, or not as many grades as the others of its
/// number.
pub fn chance(documents: &[Choices], draws: &Draws) -> Option<Chance> {
    let models = documents.first()?.chosen.len();
    assert!(documents.iter().all(|document| document.chosen.len() == models), "a choice of each model");
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut within = Vec::new();
    for (position, document) in documents.iter().enumerate() {
        match document.exchange {
            Exchange::Within => within.push(position),
            Exchange::Between(group) => groups.entry(group).or_default().push(position),
        }
    }
    let count = documents.len() as f64;
    let sums = |grades: &[&[f64]]| -> Vec<f64> {
        let mut sums = vec![0.0; models];
        for (document, grades) in documents.iter().zip(grades) {
            for (sum, &choice) in sums.iter_mut().zip(&document.chosen) {
                *sum += grades[choice];
            }
        }
        sums
    };
    let grades: Vec<&[f64]> = documents.iter().map(|document| document.grades.as_slice()).collect();
    let values: Vec<f64> = sums(&grades).iter().map(|sum| sum / count).collect();
    let (mut expected, mut deviations) = (Vec::new(), Vec::new());
    for model in 0..models {
        let (mut mean, mut variance) = (0.0, 0.0);
        for &position in &within {
            let (own, spread) = moments(&documents[position].grades);
            (mean, variance) = (mean + own, variance + spread);
        }
        for group in groups.values() {
            let (own, spread) = exchanged(documents, group, model);
            (mean, variance) = (mean + own, variance + spread);
        }
        expected.push(mean / count);
        deviations.push(variance.sqrt() / count);
    }
    let far = |values: &[f64]| {
        let each = values.iter().zip(&expected).zip(&deviations);
        each.map(|((&value, &expected), &deviation)| z(value, expected, deviation).abs()).fold(0.0, f64::max)
    };
    let true_far = far(&values);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(draws.seed);
    let mut shuffled: Vec<Vec<f64>> = within.iter().map(|&at| documents[at].grades.clone()).collect();
    let (mut as_far, mut drawn) = (0, 0);
    while drawn < draws.most && as_far < draws.enough {
        for own in &mut shuffled {
            shuffle(own, &mut random);
        }
        let mut between = grades.clone();
        for group in groups.values() {
            let mut order = group.clone();
            shuffle(&mut order, &mut random);
            for (&to, &from) in group.iter().zip(&order) {
                between[to] = &documents[from].grades;
            }
        }
        for (&position, own) in within.iter().zip(&shuffled) {
            between[position] = own;
        }
        let drawn_values: Vec<f64> = sums(&between).iter().map(|sum| sum / count).collect();
        drawn += 1;
        as_far += usize::from(far(&drawn_values) >= true_far - 1e-9);
    }
    // The true answers are one of the exchanges, unless the draws ended before their number was up.
    let p = if as_far >= draws.enough && drawn > 0 {
        as_far as f64 / drawn as f64
    } else {
        (as_far + 1) as f64 / (drawn + 1) as f64
    };
    Some(Chance { values, expected, deviations, p, documents: documents.len() })
}

/// Mean and variance of one of the values, each as likely as the others.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count)
}

/// Mean and variance of the sum of grades of one model's choices over all exchanges between documents (Hoeffding 1951).
fn exchanged(documents: &[Choices], group: &[usize], model: usize) -> (f64, f64) {
    let choices = documents[group[0]].grades.len();
    assert!(group.iter().all(|&at| documents[at].grades.len() == choices), "as many grades in a group");
    let count = group.len() as f64;
    let mut chosen = vec![0.0; choices];
    let mut means = vec![0.0; choices];
    for &position in group {
        chosen[documents[position].chosen[model]] += 1.0;
        for (mean, grade) in means.iter_mut().zip(&documents[position].grades) {
            *mean += grade / count;
        }
    }
    let mean = chosen.iter().zip(&means).map(|(chosen, mean)| chosen * mean).sum();
    let of_one = |&position: &usize| {
        let off: Vec<f64> = documents[position].grades.iter().zip(&means).map(|(g, mean)| g - mean).collect();
        let middle = off.iter().zip(&chosen).map(|(off, chosen)| off * chosen).sum::<f64>() / count;
        off.iter().zip(&chosen).map(|(off, chosen)| chosen * (off - middle).powi(2)).sum::<f64>()
    };
    let squares: f64 = group.iter().map(of_one).sum();
    (mean, if group.len() < 2 { 0.0 } else { squares / (count - 1.0) })
}

/// A random order (Fisher and Yates).
fn shuffle<T>(values: &mut [T], random: &mut Xoshiro256PlusPlus) {
    for last in (1..values.len()).rev() {
        values.swap(last, below(random, last as u64 + 1) as usize);
    }
}

/// Which of several hypotheses are rejected so that the probability of rejecting any that is true is at most `level`
/// (Holm 1979).
pub fn holm(probabilities: &[f64], level: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let mut rejected = vec![false; probabilities.len()];
    for (rank, &at) in order.iter().enumerate() {
        if probabilities[at] > level / (probabilities.len() - rank) as f64 {
            break;
        }
        rejected[at] = true;
    }
    rejected
}
