//! `gopher eval compare`: two evaluations of the same documents.

use std::path::PathBuf;

use clap::Args;
use tasks::compare::{CategoryComparison, Comparison, Options, TaskComparison, compare};
use tasks::statistics::{Bootstrap, Paired, Side, Statistic};

use crate::output::{grouped, note, print, print_json, table};

/// Arguments of `gopher eval compare`.
#[derive(Args)]
pub struct CompareArgs {
    /// The first: a folder that gopher eval -o wrote, or the results.json in it.
    #[arg(value_name = "RESULTS_A")]
    a: PathBuf,
    /// The second, whose numbers are compared with the first's.
    #[arg(value_name = "RESULTS_B")]
    b: PathBuf,
    /// Metric to compare [default: the one that stands for each task in the first results].
    #[arg(long, value_name = "METRIC")]
    metric: Option<String>,
    /// Compare documents that were asked in different ways too: other protocols, shots or prompts.
    #[arg(long)]
    different_prompts: bool,
    /// How often documents are drawn for the intervals.
    #[arg(long, value_name = "N", default_value_t = Bootstrap::default().resamples as u32, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    resamples: u32,
    /// Where the draws begin.
    #[arg(long, value_name = "S", default_value_t = Bootstrap::default().seed)]
    seed: u64,
    /// Print a JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// Prints a comparison.
///
/// # Errors
/// Results that cannot be read, that have nothing in common, or whose documents were asked in different ways.
pub fn run(args: &CompareArgs) -> anyhow::Result<()> {
    let CompareArgs { a, b, metric, different_prompts, resamples, seed, json } = args;
    let options = Options {
        metric: metric.clone(),
        different_prompts: *different_prompts,
        bootstrap: Bootstrap { resamples: *resamples as usize, seed: *seed },
    };
    let comparison = compare(a, b, &options)?;
    comparison.differences.iter().for_each(|difference| note(format_args!("warning: {difference}")));
    if *json { print_json(&comparison) } else { print(text(&comparison)) }
}

const TITLES: [&str; 9] = ["task", "metric", "n", "A", "B", "B - A", "95% interval", "McNemar p", "better"];

fn text(comparison: &Comparison) -> String {
    let Comparison { a, b, tasks, categories, tasks_only_a, tasks_only_b, .. } = comparison;
    let mut out = String::new();
    for (name, of) in [("A", a), ("B", b)] {
        let hash = of.checkpoint_hash.get(..12).unwrap_or(&of.checkpoint_hash);
        out +=
            &format!("{name}  {} (step {}, checkpoint {hash}), {}\n", of.model, of.step, of.path.display());
    }
    let titles =
        |first: &str| [first].into_iter().chain(TITLES.into_iter().skip(1)).map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = vec![titles("task")];
    rows.extend(tasks.iter().map(task_row));
    out += &format!("\n{}", table(&rows));
    let mut rows: Vec<Vec<String>> = vec![titles("category")];
    rows.extend(categories.iter().filter(|category| category.means.tasks > 1).flat_map(category_rows));
    if rows.len() > 1 {
        out += &format!("\n{}", table(&rows));
    }
    let mut rest = String::new();
    for task in tasks.iter().filter(|task| task.documents_only_a + task.documents_only_b > 0) {
        let [a, b] = [task.documents_only_a, task.documents_only_b].map(|count| grouped(count as u64));
        rest += &format!("{}: {a} documents have a score in A only, {b} in B only\n", task.task);
    }
    for (name, only) in [("A", tasks_only_a), ("B", tasks_only_b)] {
        if !only.is_empty() {
            rest += &format!("in {name} only: {}\n", only.join(", "));
        }
    }
    if rest.is_empty() { out } else { format!("{out}\n{rest}") }
}

fn task_row(task: &TaskComparison) -> Vec<String> {
    match &task.pairs {
        Some(pairs) => row(task.task.clone(), &task.metric, pairs),
        None => vec![task.task.clone(), task.metric.clone(), "0".into()],
    }
}

fn category_rows(category: &CategoryComparison) -> [Vec<String>; 2] {
    let CategoryComparison { category, statistic, means } = category;
    let statistic = match statistic {
        Statistic::Mean => "mean",
        Statistic::Perplexity | Statistic::WeightedPerplexity => "perplexity",
        Statistic::BitsPerByte => "bits per byte",
        Statistic::Median => "median",
        Statistic::F1 => "F1",
        Statistic::MatthewsCorrcoef => "Matthews' correlation",
    };
    let tasks = means.tasks;
    [
        row(format!("{category}, {tasks} tasks, each once"), statistic, &means.unweighted),
        row(format!("{category}, {tasks} tasks, by document"), statistic, &means.question_weighted),
    ]
}

fn row(name: String, metric: &str, pairs: &Paired) -> Vec<String> {
    let number = |value: f64| format!("{value:.4}");
    let signed = |value: f64| format!("{value:+.4}");
    let interval =
        pairs.interval.map_or("-".into(), |found| format!("{} to {}", signed(found.low), signed(found.high)));
    let better = match pairs.better {
        Some(Side::A) => "A",
        Some(Side::B) => "B",
        None => "-",
    };
    vec![
        name,
        metric.to_owned(),
        grouped(pairs.documents as u64),
        number(pairs.a),
        number(pairs.b),
        signed(pairs.difference),
        interval,
        pairs.mcnemar.map_or("-".into(), |p| format!("{p:.2e}")),
        better.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use tasks::compare::Of;
    use tasks::statistics::{GroupDifference, Interval, Method};

    fn pairs() -> Paired {
        Paired {
            documents: 1_838,
            a: 0.65,
            b: 0.6875,
            difference: 0.0375,
            interval: Some(Interval { low: 0.0125, high: 0.0625, method: Method::Bootstrap }),
            only_a: Some(20),
            only_b: Some(89),
            mcnemar: Some(2.5e-11),
            better: Some(Side::B),
        }
    }

    fn task(name: &str, pairs: Option<Paired>) -> TaskComparison {
        TaskComparison {
            task: name.into(),
            category: "commonsense".into(),
            metric: "acc".into(),
            statistic: Statistic::Mean,
            higher_is_better: true,
            documents_only_a: 3,
            documents_only_b: 0,
            pairs,
        }
    }

    #[test]
    fn tables_have_a_row_for_each_task_and_two_for_each_category() {
        let of = |name: &str| Of {
            path: format!("{name}/results.json").into(),
            model: format!("runs/{name}"),
            step: 300,
            checkpoint_hash: "0123456789abcdef".into(),
        };
        let means = GroupDifference { unweighted: pairs(), question_weighted: pairs(), tasks: 2 };
        let undecided = Paired { interval: None, mcnemar: None, better: None, ..pairs() };
        let comparison = Comparison {
            a: of("a"),
            b: of("b"),
            tasks: vec![task("piqa", Some(pairs())), task("siqa", Some(undecided)), task("boolq", None)],
            categories: vec![CategoryComparison {
                category: "commonsense".into(),
                statistic: Statistic::Mean,
                means,
            }],
            tasks_only_a: vec!["race_h".into()],
            tasks_only_b: vec![],
            differences: vec![],
        };
        let expected = "\
A  runs/a (step 300, checkpoint 0123456789ab), a/results.json
B  runs/b (step 300, checkpoint 0123456789ab), b/results.json

task   metric      n       A       B    B - A       95% interval  McNemar p  better
piqa      acc  1,838  0.6500  0.6875  +0.0375  +0.0125 to +0.0625   2.50e-11       B
siqa      acc  1,838  0.6500  0.6875  +0.0375                  -          -       -
boolq     acc      0

category                        metric      n       A       B    B - A       95% interval  McNemar p  better
commonsense, 2 tasks, each once   mean  1,838  0.6500  0.6875  +0.0375  +0.0125 to +0.0625   2.50e-11       B
commonsense, 2 tasks, by document   mean  1,838  0.6500  0.6875  +0.0375  +0.0125 to +0.0625   2.50e-11       B

piqa: 3 documents have a score in A only, 0 in B only
siqa: 3 documents have a score in A only, 0 in B only
boolq: 3 documents have a score in A only, 0 in B only
in A only: race_h
";
        let squeeze =
            |text: &str| text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&text(&comparison)), squeeze(expected));
    }
}
