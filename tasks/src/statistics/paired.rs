//! Two models on the same documents.

use serde::{Deserialize, Serialize};

use super::bootstrap::{self, Bootstrap};
use super::estimate::{Interval, Score, Statistic, mean_of};
use super::group::question_weighted;

/// Which of two is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The first.
    A,
    /// The second.
    B,
}

/// The scores of a task's documents, of two models in the same order.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskPairs {
    /// The task's name.
    pub task: String,
    /// How its number is made.
    pub statistic: Statistic,
    /// Whether a higher number is the better.
    pub higher_is_better: bool,
    /// The first model's and the second's score of each document.
    pub scores: Vec<(Score, Score)>,
}

impl TaskPairs {
    fn sides(&self) -> (Vec<Score>, Vec<Score>) {
        self.scores.iter().copied().unzip()
    }

    /// Documents that only the first, and only the second, is right on; `None` if a document is more than right or wrong.
    fn discordant(&self) -> Option<(u64, u64)> {
        let mut counts = (0, 0);
        for (a, b) in &self.scores {
            match (a.is_right()?, b.is_right()?) {
                (true, false) => counts.0 += 1,
                (false, true) => counts.1 += 1,
                _ => {}
            }
        }
        Some(counts)
    }
}

/// Two models' numbers on one task, or on documents of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// Documents that both were scored on.
    pub documents: usize,
    /// The first's number.
    pub a: f64,
    /// The second's.
    pub b: f64,
    /// The second's less the first's.
    pub difference: f64,
    /// Where the difference would be expected with other documents: resamples of pairs. `None` of fewer than two.
    pub interval: Option<Interval>,
    /// Documents only the first is right on, where they are right or wrong.
    pub only_a: Option<u64>,
    /// Documents only the second is right on.
    pub only_b: Option<u64>,
    /// How likely so unequal counts are if both are equally good: McNemar's exact test, where documents are right or wrong.
    pub mcnemar: Option<f64>,
    /// The better one, if the interval of the difference leaves out 0.
    pub better: Option<Side>,
}

/// Two models' numbers on several tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupDifference {
    /// Each task counts once.
    pub unweighted: Paired,
    /// Each document counts once.
    pub question_weighted: Paired,
    /// Tasks in it.
    pub tasks: usize,
}

/// Compares two models on a task; `None` without documents.
pub fn pair(task: &TaskPairs, bootstrap: &Bootstrap) -> Option<Paired> {
    // Of one task, both means are its number.
    Some(pair_group(std::slice::from_ref(task), bootstrap)?.unweighted)
}

/// Compares two models on several tasks; `None` if none has documents. Tasks without documents are left out.
///
/// Documents are resampled within their tasks, the pair as one. If lower is better in a part of the tasks, means of them say
/// nothing, and `better` is `None`.
pub fn pair_group(tasks: &[TaskPairs], bootstrap: &Bootstrap) -> Option<GroupDifference> {
    let tasks: Vec<&TaskPairs> = tasks.iter().filter(|task| !task.scores.is_empty()).collect();
    let first = tasks.first()?;
    let higher = tasks
        .iter()
        .all(|task| task.higher_is_better == first.higher_is_better)
        .then_some(first.higher_is_better);
    let sizes: Vec<usize> = tasks.iter().map(|task| task.scores.len()).collect();
    let documents: usize = sizes.iter().sum();
    let sides: Vec<(Vec<Score>, Vec<Score>)> = tasks.iter().map(|task| task.sides()).collect();
    let numbers =
        |of: &dyn Fn(usize) -> (f64, f64)| -> (Vec<f64>, Vec<f64>) { (0..tasks.len()).map(of).unzip() };
    let (a, b) = numbers(&|task| {
        let statistic = tasks[task].statistic;
        (statistic.of_all(&sides[task].0), statistic.of_all(&sides[task].1))
    });
    let mut weighted = Vec::new();
    let resampled = if documents < 2 {
        Vec::new()
    } else {
        bootstrap.distribution(&sizes, |drawn| {
            let (a, b) = numbers(&|task| {
                let (statistic, drawn) = (tasks[task].statistic, &drawn[task]);
                let of = |scores: &[Score]| statistic.of(scores, drawn.iter().copied());
                (of(&sides[task].0), of(&sides[task].1))
            });
            weighted.push(question_weighted(&b, &sizes) - question_weighted(&a, &sizes));
            mean_of(b.into_iter()) - mean_of(a.into_iter())
        })
    };
    weighted.sort_by(f64::total_cmp);
    let counts: Option<Vec<(u64, u64)>> = tasks.iter().map(|task| task.discordant()).collect();
    let counts =
        counts.map(|counts| counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1)));
    let paired = |a: f64, b: f64, resampled: &[f64]| {
        let interval = bootstrap::interval(resampled);
        let better = interval.zip(higher).and_then(|(interval, higher)| {
            let b_is_higher = if interval.low > 0.0 {
                true
            } else if interval.high < 0.0 {
                false
            } else {
                return None;
            };
            Some(if b_is_higher == higher { Side::B } else { Side::A })
        });
        Paired {
            documents,
            a,
            b,
            difference: b - a,
            interval,
            only_a: counts.map(|counts| counts.0),
            only_b: counts.map(|counts| counts.1),
            mcnemar: counts.map(|(only_a, only_b)| mcnemar(only_a, only_b)),
            better,
        }
    };
    Some(GroupDifference {
        unweighted: paired(mean_of(a.iter().copied()), mean_of(b.iter().copied()), &resampled),
        question_weighted: paired(question_weighted(&a, &sizes), question_weighted(&b, &sizes), &weighted),
        tasks: tasks.len(),
    })
}

/// McNemar's exact test, two-sided: of `only_a` + `only_b` documents that one of two models is right on, the probability of
/// counts at least so unequal if each is as likely to be either's.
pub fn mcnemar(only_a: u64, only_b: u64) -> f64 {
    let (few, all) = (only_a.min(only_b), only_a + only_b);
    if only_a == only_b {
        return 1.0;
    }
    // ln (n choose i) − n ln 2, of which the last is the largest: summed from there down, nothing is lost below it.
    let mut terms = vec![-(all as f64) * std::f64::consts::LN_2];
    for i in 0..few {
        let last = terms[i as usize];
        terms.push(last + ((all - i) as f64).ln() - ((i + 1) as f64).ln());
    }
    let largest = terms[few as usize];
    let sum: f64 = terms.iter().rev().map(|term| (term - largest).exp()).sum();
    (2.0 * (largest + sum.ln()).exp()).min(1.0)
}
