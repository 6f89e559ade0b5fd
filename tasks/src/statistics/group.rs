//! Several tasks together.

use serde::{Deserialize, Serialize};

use super::bootstrap::{self, Bootstrap};
use super::estimate::{Estimate, Score, Statistic, mean_of};
use super::moments::standard_error;

/// The scores of a task's documents.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskScores {
    /// The task's name.
    pub task: String,
    /// How its number is made.
    pub statistic: Statistic,
    /// A score for each document.
    pub scores: Vec<Score>,
}

/// The two means of several tasks, which differ where tasks have different numbers of documents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Each task counts once: the mean of the tasks' numbers.
    pub unweighted: Estimate,
    /// Each document counts once: the mean of the tasks' numbers, weighted by their documents.
    pub question_weighted: Estimate,
    /// Tasks in it.
    pub tasks: usize,
}

/// The two means of tasks; `None` if none of them has a document. Tasks without documents are left out.
///
/// Standard errors are lm-evaluation-harness's: of the unweighted mean √Σsₜ² / k; of the question-weighted one
/// √(Σ(nₜ − 1)sₜ²nₜ / (N − k) / N), where sₜ is a task's standard error, k the number of tasks, nₜ and N of documents. Intervals are
/// from resamples of each task's documents.
pub fn group(tasks: &[TaskScores], bootstrap: &Bootstrap) -> Option<Group> {
    let tasks: Vec<&TaskScores> = tasks.iter().filter(|task| !task.scores.is_empty()).collect();
    if tasks.is_empty() {
        return None;
    }
    let sizes: Vec<usize> = tasks.iter().map(|task| task.scores.len()).collect();
    let documents: usize = sizes.iter().sum();
    let values: Vec<f64> = tasks.iter().map(|task| task.statistic.of_all(&task.scores)).collect();
    let errors: Option<Vec<f64>> = tasks.iter().map(|task| task_error(task, bootstrap)).collect();
    let unweighted_error = errors
        .as_ref()
        .map(|errors| errors.iter().map(|error| error * error).sum::<f64>().sqrt() / errors.len() as f64);
    let pooled_error = errors.as_ref().map(|errors| {
        let parts = errors.iter().zip(&sizes);
        let sum: f64 = parts.map(|(error, &size)| (size - 1) as f64 * error * error * size as f64).sum();
        (sum / (documents - sizes.len()) as f64 / documents as f64).sqrt()
    });
    // Both means of one resample, so that it is drawn once.
    let mut weighted = Vec::new();
    let resampled = if documents < 2 {
        Vec::new()
    } else {
        bootstrap.distribution(&sizes, |drawn| {
            let values: Vec<f64> = (tasks.iter().zip(drawn))
                .map(|(task, drawn)| task.statistic.of(&task.scores, drawn.iter().copied()))
                .collect();
            weighted.push(question_weighted(&values, &sizes));
            mean_of(values.into_iter())
        })
    };
    weighted.sort_by(f64::total_cmp);
    let estimate = |value, standard_error, resampled: &[f64]| Estimate {
        value,
        standard_error,
        interval: bootstrap::interval(resampled),
        documents,
    };
    Some(Group {
        unweighted: estimate(mean_of(values.iter().copied()), unweighted_error, &resampled),
        question_weighted: estimate(question_weighted(&values, &sizes), pooled_error, &weighted),
        tasks: tasks.len(),
    })
}

/// The standard error of a task's number, as [`super::estimate()`] has it.
fn task_error(task: &TaskScores, bootstrap: &Bootstrap) -> Option<f64> {
    match task.statistic {
        Statistic::Mean => {
            let values: Vec<f64> =
                task.scores.iter().map(|&score| Statistic::Mean.of(&[score], [0])).collect();
            standard_error(&values)
        }
        statistic => super::estimate(statistic, &task.scores, bootstrap)?.standard_error,
    }
}

/// The mean of tasks' values weighted by their numbers of documents.
pub(super) fn question_weighted(values: &[f64], sizes: &[usize]) -> f64 {
    let sum: f64 = values.iter().zip(sizes).map(|(value, &size)| value * size as f64).sum();
    sum / sizes.iter().sum::<usize>() as f64
}
