//! Which tasks gain from a small model to a large one.

use analyses::scaling::gain::{Count, Gains, Heading, gains};
use tasks::results::{Documents, MetricScore, Results, TaskSummary};
use tasks::statistics::Statistic;
use tasks::suite::entries;

/// Results of tasks with a metric, its value and its standard error.
fn results(tasks: &[(&str, &str, f64, f64)]) -> Results {
    let mut results = Results::default();
    for &(name, metric, value, error) in tasks {
        let score = MetricScore {
            statistic: Statistic::Mean,
            higher_is_better: metric != "bits_per_byte",
            value,
            standard_error: Some(error),
            interval: None,
            documents: 100,
        };
        let summary = TaskSummary {
            category: String::new(),
            protocol: "paper".into(),
            shots: 0,
            prompt_hash: name.into(),
            checkpoint_hash: String::new(),
            metric: metric.into(),
            documents: Documents { original: 100, scored: 100, ..Documents::default() },
            tokens: 0,
            seconds: 0.0,
            tokens_per_second: None,
            metrics: [(metric.to_owned(), score)].into(),
            leak: None,
        };
        results.gopher.tasks.insert(name.into(), summary);
    }
    results
}

#[test]
fn gains_are_parts_of_the_small_models_number_under_the_papers_headings() {
    let small = results(&[
        ("wikitext103", "bits_per_byte", 2.0, 0.01),
        ("piqa", "acc", 0.50, 0.05),
        ("hellaswag", "acc", 0.30, 0.01),
        ("mmlu_anatomy", "acc", 0.0, 0.01),
        ("own", "acc", 0.5, 0.01),
    ]);
    let large = results(&[
        ("wikitext103", "bits_per_byte", 1.0, 0.01),
        ("piqa", "acc", 0.55, 0.05),
        ("hellaswag", "acc", 0.24, 0.01),
        ("mmlu_anatomy", "acc", 0.2, 0.01),
        ("own", "acc", 0.5, 0.01),
    ]);
    let Gains { tasks, headings, all, left_out } = gains(&small, &large);
    let found: Vec<_> = tasks.iter().map(|gain| (gain.task.as_str(), gain.heading, gain.clear)).collect();
    assert_eq!(
        found,
        [
            ("wikitext103", Heading::LanguageModelling, Some(true)),
            ("mmlu_anatomy", Heading::Medicine, Some(true)),
            ("hellaswag", Heading::CommonSense, Some(true)),
            ("piqa", Heading::CommonSense, Some(false)),
            ("own", Heading::Other, Some(false)),
        ]
    );
    let by: Vec<Option<f64>> = tasks.iter().map(|gain| gain.gain).collect();
    assert_eq!(by[0], Some(1.0), "bits per byte halved");
    assert_eq!(by[1], None, "nothing is a part of 0");
    assert!((by[2].unwrap() + 0.2).abs() < 1e-12 && (by[3].unwrap() - 0.1).abs() < 1e-12);
    assert_eq!(by[4], Some(0.0));
    let common = headings.iter().find(|(heading, _)| *heading == Heading::CommonSense).unwrap().1;
    let mean = common.mean.unwrap();
    assert!((mean + 0.05).abs() < 1e-12);
    assert_eq!(
        Count { mean: None, ..common },
        Count { tasks: 2, large: 0, some: 1, none: 1, clearly_better: 0, clearly_worse: 1, mean: None }
    );
    assert_eq!((all.tasks, all.large, all.some, all.none), (5, 2, 1, 2));
    assert!(left_out.is_empty());
}

#[test]
fn what_does_not_compare_is_left_out_and_named() {
    let small =
        results(&[("piqa", "acc", 0.5, 0.1), ("hellaswag", "acc", 0.5, 0.1), ("siqa", "acc", f64::NAN, 0.1)]);
    let mut large =
        results(&[("piqa", "acc", 0.5, 0.1), ("race_high", "acc", 0.5, 0.1), ("siqa", "acc", 0.4, 0.1)]);
    large.gopher.tasks.get_mut("piqa").unwrap().prompt_hash = "another".into();
    let found = gains(&small, &large);
    assert!(found.tasks.is_empty() && found.headings.is_empty() && found.all == Count::default());
    let why: Vec<_> = found.left_out.iter().map(|(task, why)| (task.as_str(), why.as_str())).collect();
    assert_eq!(
        why,
        [
            ("hellaswag", "only one of the two was asked"),
            ("piqa", "the two were asked differently"),
            ("race_high", "only one of the two was asked"),
            ("siqa", "a score is no number"),
        ]
    );
}

/// Every subject of MMLU has a field, but for two of none.
#[test]
fn every_task_of_the_paper_has_a_heading() {
    let of = |heading| entries().iter().filter(|task| Heading::of(&task.name) == heading).count();
    assert_eq!(
        (of(Heading::BigBench), of(Heading::LanguageModelling), of(Heading::CommonSense)),
        (62, 20, 4)
    );
    let fields = [
        Heading::Medicine,
        Heading::Science,
        Heading::SocialSciences,
        Heading::Humanities,
        Heading::Maths,
        Heading::Logic,
        Heading::GeneralKnowledge,
    ];
    assert_eq!(fields.map(of), [8, 13, 16, 11, 5, 2, 2]);
    assert_eq!(fields.map(of).iter().sum::<usize>(), 57);
    assert!(
        entries()
            .iter()
            .filter(|task| task.is_of_the_paper())
            .all(|task| Heading::of(&task.name) != Heading::Other)
    );
}
