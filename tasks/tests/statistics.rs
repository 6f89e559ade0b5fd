//! Numbers against scipy 1.18, statsmodels and numpy; laws as properties.
//!
//! Expected numbers were made by (`xs` as below, `idx` 200,000 draws of 200 documents by `numpy.random.default_rng(0)`):
//! `mcnemar([[0, b], [c, 0]], exact=True).pvalue` and `proportion_confint(k, n, 0.05, method="wilson")` of statsmodels;
//! `scipy.stats.sem(x)`, `numpy.std(x, ddof=1)`, `numpy.percentile(x, q)`; of each statistic over `idx`,
//! `d.std(ddof=1)` and `numpy.percentile(d, [2.5, 97.5])`.

use proptest::prelude::*;
use tasks::statistics::*;

/// Numbers from 0 to 1, after `skip` others.
fn xs(skip: usize, count: usize) -> Vec<f64> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    (0..skip).for_each(|_| _ = next());
    (0..count).map(|_| next()).collect()
}

fn texts() -> Vec<Score> {
    let (log_probabilities, words) = (xs(0, 200), xs(200, 200));
    let pairs = log_probabilities.iter().zip(words);
    pairs.map(|(x, w)| Score::Weighted(-0.5 - 4.0 * x, 10.0 + 40.0 * w)).collect()
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected} within {tolerance}");
}

#[test]
fn moments_are_those_of_scipy() {
    let x = [0.5, -1.25, 3.0, 2.5, 0.0, -7.75, 1.5];
    near(mean(&x), -0.214_285_714_285_714_27, 1e-15);
    near(sample_deviation(&x).unwrap(), 3.629_820_276_280_251, 1e-14);
    near(standard_error(&x).unwrap(), 1.371_943_107_842_472_6, 1e-14);
    let mut sorted = x;
    sorted.sort_by(f64::total_cmp);
    let expected =
        [(0.0, -7.75), (2.5, -6.775), (25.0, -0.625), (50.0, 0.5), (90.0, 2.7), (97.5, 2.925), (100.0, 3.0)];
    for (percent, value) in expected {
        near(percentile(&sorted, percent / 100.0), value, 1e-14);
    }
    assert_eq!((sample_deviation(&[1.0]), standard_error(&[])), (None, None));
}

/// The numbers that lm-evaluation-harness 0.4.13 printed for 604 of 919 documents.
#[test]
fn an_accuracy_has_the_standard_error_of_lm_eval() {
    let scores: Vec<Score> = (0..919).map(|i| Score::Number(f64::from(u8::from(i < 604)))).collect();
    let found = estimate(Statistic::Mean, &scores, &Bootstrap::default()).unwrap();
    near(found.value, 0.657_236_126_224_156_7, 1e-15);
    near(found.standard_error.unwrap(), 0.015_665_234_276_405_3, 1e-15);
    assert_eq!(found.interval.unwrap(), wilson(604, 919));
}

#[test]
fn wilson_intervals_are_those_of_statsmodels() {
    for (right, documents, low, high) in [
        (0, 10, 0.0, 0.277_532_799_862_889_26),
        (10, 10, 0.722_467_200_137_110_6, 1.0),
        (5, 10, 0.236_593_090_512_563_94, 0.763_406_909_487_436_1),
        (604, 919, 0.625_951_964_098_493_6, 0.687_211_252_874_132_8),
        (1, 2, 0.094_531_205_734_230_68, 0.905_468_794_265_769_3),
        (0, 1, 0.0, 0.793_450_685_622_762_7),
        (8401, 14042, 0.590_142_142_032_415_6, 0.606_357_299_321_220_1),
    ] {
        let Interval { low: found_low, high: found_high, method } = wilson(right, documents);
        near(found_low, low, 1e-14);
        near(found_high, high, 1e-14);
        assert_eq!(method, Method::Wilson);
    }
}

#[test]
fn mcnemar_is_that_of_statsmodels() {
    for (only_a, only_b, expected) in [
        (0, 0, 1.0),
        (0, 1, 1.0),
        (5, 5, 1.0),
        (10, 3, 0.092_285_156_25),
        (3, 10, 0.092_285_156_25),
        (0, 20, 1.907_348_632_812_5e-6),
        (150, 120, 0.077_389_398_980_218_49),
        (700, 600, 0.006_015_793_861_044_939_5),
        (4000, 4200, 0.027_972_423_571_324_654),
        (1, 15_000, 0.0),
    ] {
        near(mcnemar(only_a, only_b), expected, 1e-11);
    }
}

#[test]
fn resamples_have_the_spread_that_numpy_finds() {
    let scores = texts();
    for (statistic, value, error, low, high) in [
        (Statistic::Perplexity, 11.749_894_857_555_48, 0.9089, 10.104, 13.658),
        (Statistic::WeightedPerplexity, 1.085_297_817_254_754_3, 0.003_882, 1.077_99, 1.093_20),
        (Statistic::BitsPerByte, 0.118_090_987_849_080_8, 0.005_159, 0.108_34, 0.128_56),
    ] {
        let found = estimate(statistic, &scores, &Bootstrap::default()).unwrap();
        near(found.value, value, 1e-12);
        near(found.standard_error.unwrap(), error, error * 0.03);
        let interval = found.interval.unwrap();
        near(interval.low, low, error * 0.1);
        near(interval.high, high, error * 0.1);
        assert_eq!(interval.method, Method::Bootstrap);
    }
    let grades: Vec<Score> = xs(0, 200).iter().map(|x| Score::Number(-0.5 - 4.0 * x)).collect();
    let found = estimate(Statistic::Mean, &grades, &Bootstrap::default()).unwrap();
    near(found.standard_error.unwrap(), 0.0769, 0.0003);
    near(found.interval.unwrap().low, -2.6152, 0.008);
    near(found.interval.unwrap().high, -2.3139, 0.008);
}

#[test]
fn pairs_have_the_spread_that_numpy_finds() {
    let right = |x: &f64, share| Score::Number(f64::from(u8::from(*x < share)));
    let (a, b) = (xs(0, 200), xs(400, 200));
    let scores = a.iter().zip(&b).map(|(a, b)| (right(a, 0.6), right(b, 0.5))).collect();
    let task = TaskPairs { task: "t".into(), statistic: Statistic::Mean, higher_is_better: true, scores };
    let found = pair(&task, &Bootstrap::default()).unwrap();
    near(found.difference, -0.15, 1e-15);
    assert_eq!((found.only_a, found.only_b), (Some(68), Some(38)));
    assert_eq!(found.mcnemar, Some(mcnemar(68, 38)));
    let interval = found.interval.unwrap();
    near(interval.low, -0.25, 0.01);
    near(interval.high, -0.05, 0.01);
    assert_eq!(found.better, Some(Side::A));
    let lower = pair(&TaskPairs { higher_is_better: false, ..task }, &Bootstrap::default()).unwrap();
    assert_eq!(lower.better, Some(Side::B));
}

/// Two tasks of 1 in 2 and 3 in 4 right, by hand: the means 0.625 and 2/3, and standard errors of 0.5 and 0.25.
#[test]
fn a_group_has_two_means() {
    let task = |scores: &[f64]| TaskScores {
        task: "t".into(),
        statistic: Statistic::Mean,
        scores: scores.iter().map(|&score| Score::Number(score)).collect(),
    };
    let tasks = [task(&[1.0, 0.0]), task(&[1.0, 1.0, 1.0, 0.0]), task(&[])];
    let found = group(&tasks, &Bootstrap::default()).unwrap();
    assert_eq!((found.tasks, found.unweighted.documents), (2, 6));
    near(found.unweighted.value, 0.625, 1e-15);
    near(found.question_weighted.value, 4.0 / 6.0, 1e-15);
    near(found.unweighted.standard_error.unwrap(), (0.25f64 + 0.0625).sqrt() / 2.0, 1e-15);
    let pooled = ((0.25f64 * 2.0 + 3.0 * 0.0625 * 4.0) / 4.0 / 6.0).sqrt();
    near(found.question_weighted.standard_error.unwrap(), pooled, 1e-15);
    assert_eq!(group(&tasks[2..], &Bootstrap::default()), None);
}

/// Two tasks by hand: of 2 documents A has 1 and B 2 right, of 4 documents A 3 and B 1.
#[test]
fn a_group_of_pairs_has_two_differences() {
    let task = |pairs: &[(f64, f64)], higher_is_better| TaskPairs {
        task: "t".into(),
        statistic: Statistic::Mean,
        higher_is_better,
        scores: pairs.iter().map(|&(a, b)| (Score::Number(a), Score::Number(b))).collect(),
    };
    let one = task(&[(1.0, 1.0), (0.0, 1.0)], true);
    let two = task(&[(1.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0)], true);
    let found = pair_group(&[one.clone(), two.clone(), task(&[], false)], &Bootstrap::default()).unwrap();
    let GroupDifference { unweighted, question_weighted, tasks } = found;
    assert_eq!((tasks, unweighted.documents), (2, 6));
    near(unweighted.difference, 0.625 - 0.625, 1e-15);
    near(question_weighted.difference, 3.0 / 6.0 - 4.0 / 6.0, 1e-15);
    assert_eq!((question_weighted.only_a, question_weighted.only_b), (Some(2), Some(1)));
    assert_eq!((question_weighted.mcnemar, question_weighted.better), (Some(1.0), None));
    // Where more is better for one task and worse for another, no mean is better.
    let clear = |higher| task(&[(0.0, 1.0); 30], higher);
    let found = pair_group(&[clear(true), clear(true)], &Bootstrap::default()).unwrap();
    assert_eq!(found.unweighted.better, Some(Side::B));
    let found = pair_group(&[clear(true), clear(false)], &Bootstrap::default()).unwrap();
    assert_eq!(found.unweighted.better, None);
    assert_eq!(pair_group(&[], &Bootstrap::default()), None);
}

#[test]
fn few_documents_have_no_error() {
    let one = estimate(Statistic::BitsPerByte, &[Score::Weighted(-3.0, 4.0)], &Bootstrap::default()).unwrap();
    assert_eq!((one.standard_error, one.interval, one.documents), (None, None, 1));
    assert_eq!(estimate(Statistic::Mean, &[], &Bootstrap::default()), None);
    // A log-probability of nothing at all has a mean, but no spread that could be said.
    let infinite = [Score::Number(f64::NEG_INFINITY), Score::Number(-1.0)];
    let found = estimate(Statistic::Perplexity, &infinite, &Bootstrap::default()).unwrap();
    assert_eq!((found.value, found.standard_error, found.interval), (f64::INFINITY, None, None));
}

fn scores(right_only: bool) -> impl Strategy<Value = Vec<Score>> {
    let number = match right_only {
        true => prop_oneof![Just(0.0), Just(1.0)].boxed(),
        false => (-9.0..0.0).boxed(),
    };
    prop::collection::vec(number.prop_map(Score::Number), 2..40)
}

const QUICK: Bootstrap = Bootstrap { resamples: 200, seed: 7 };

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    /// The interval holds the number, and the same scores give the same interval.
    #[test]
    fn intervals_hold_the_number(scores in any::<bool>().prop_flat_map(scores)) {
        let found = estimate(Statistic::Mean, &scores, &QUICK).unwrap();
        let interval = found.interval.unwrap();
        prop_assert!(interval.low <= found.value + 1e-9 && found.value <= interval.high + 1e-9);
        prop_assert_eq!(estimate(Statistic::Mean, &scores, &QUICK).unwrap(), found);
    }

    /// Swapping the models swaps everything that is said.
    #[test]
    fn pairs_can_be_swapped(a in scores(true), b in scores(true)) {
        let scores: Vec<_> = a.into_iter().zip(b).collect();
        let swapped = scores.iter().map(|&(a, b)| (b, a)).collect();
        let of = |scores| {
            pair(&TaskPairs { task: "t".into(), statistic: Statistic::Mean, higher_is_better: true, scores }, &QUICK)
        };
        let (one, other) = (of(scores).unwrap(), of(swapped).unwrap());
        prop_assert_eq!((one.a, one.b, one.difference), (other.b, other.a, -other.difference));
        prop_assert_eq!((one.only_a, one.only_b, one.mcnemar), (other.only_b, other.only_a, other.mcnemar));
        let swap = |side| if side == Side::A { Side::B } else { Side::A };
        // Percentiles of a few discrete values may meet 0 on one side only.
        if let (Some(one), Some(other)) = (one.better, other.better) {
            prop_assert_eq!(one, swap(other));
        }
    }

    /// A model is as good as itself.
    #[test]
    fn a_model_does_not_differ_from_itself(scores in scores(true)) {
        let scores = scores.into_iter().map(|score| (score, score)).collect();
        let task = TaskPairs { task: "t".into(), statistic: Statistic::Mean, higher_is_better: true, scores };
        let found = pair(&task, &QUICK).unwrap();
        prop_assert_eq!((found.difference, found.mcnemar, found.better), (0.0, Some(1.0), None));
        let interval = found.interval.unwrap();
        prop_assert_eq!((interval.low, interval.high), (0.0, 0.0));
    }

    /// Of tasks with equally many documents, both means and both standard errors are one.
    #[test]
    fn equal_tasks_have_one_mean(count in 2usize..9, k in 1usize..5, seed in 0usize..1000) {
        let task = |t: usize| TaskScores {
            task: t.to_string(),
            statistic: Statistic::Mean,
            scores: xs(seed + t * count, count).into_iter().map(Score::Number).collect(),
        };
        let tasks: Vec<_> = (0..k).map(task).collect();
        let Group { unweighted, question_weighted, .. } = group(&tasks, &QUICK).unwrap();
        prop_assert!((unweighted.value - question_weighted.value).abs() < 1e-12);
        let errors = (unweighted.standard_error.unwrap(), question_weighted.standard_error.unwrap());
        prop_assert!((errors.0 - errors.1).abs() < 1e-12, "{errors:?}");
    }

    /// The exact test is the sum of a binomial distribution's tails.
    #[test]
    fn mcnemar_sums_tails(only_a in 0u64..30, only_b in 0u64..30) {
        let n = only_a + only_b;
        let mut ways = vec![1.0];
        for i in 0..n {
            ways.push(ways[i as usize] * (n - i) as f64 / (i + 1) as f64);
        }
        let few = only_a.min(only_b) as usize;
        let tail: f64 = ways[..=few].iter().sum::<f64>() / 2f64.powi(n as i32);
        prop_assert!((mcnemar(only_a, only_b) - (2.0 * tail).min(1.0)).abs() < 1e-12);
    }
}

/// Every order of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let longer = |shorter: Vec<usize>| {
        (0..count).map(move |at| {
            let mut order = shorter.clone();
            order.insert(at, count - 1);
            order
        })
    };
    orders(count - 1).into_iter().flat_map(longer).collect()
}

/// Documents of three choices, and what two models chose.
fn choices(documents: usize, exchange: fn(usize) -> Exchange) -> Vec<Choices> {
    let xs = xs(3, 9 * documents);
    let document = |at: usize| {
        let x = &xs[9 * at..];
        let chosen = vec![(3.0 * x[0]) as usize, if x[1] < 0.8 { 1 } else { 2 }];
        Choices { grades: vec![x[2], f64::from(u8::from(x[3] < 0.5)), x[4]], chosen, exchange: exchange(at) }
    };
    (0..documents).map(document).collect()
}

#[track_caller]
fn has_moments(chance: &Chance, model: usize, drawn: &[f64]) {
    let mean = mean(drawn);
    let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / drawn.len() as f64;
    near(chance.expected[model], mean, 1e-12);
    near(chance.deviations[model], variance.sqrt(), 1e-12);
}

/// Chance and its deviation are those of all exchanges there are, and p is the share of those as far off as the true one.
#[test]
fn chance_is_the_mean_of_all_exchanges() {
    let draws = Draws { most: 20_000, enough: 20_000, seed: 1 };
    let documents = choices(6, |_| Exchange::Between(0));
    let chance_of = |documents: &[Choices]| chance(documents, &draws).unwrap();
    let found = chance_of(&documents);
    let value = |model: usize, order: &[usize]| {
        let graded = documents.iter().zip(order).map(|(to, &from)| documents[from].grades[to.chosen[model]]);
        graded.sum::<f64>() / 6.0
    };
    let all = orders(6);
    assert_eq!(all.len(), 720);
    (0..2).for_each(|model| {
        has_moments(&found, model, &all.iter().map(|order| value(model, order)).collect::<Vec<_>>())
    });
    let far = |order: &[usize]| {
        let z = |model: usize| (value(model, order) - found.expected[model]) / found.deviations[model];
        z(0).abs().max(z(1).abs())
    };
    let truth = far(&[0, 1, 2, 3, 4, 5]);
    near(found.furthest().1.abs(), truth, 1e-12);
    let share = all.iter().filter(|order| far(order) >= truth - 1e-9).count() as f64 / 720.0;
    near(found.p, share, 4.0 * (share * (1.0 - share) / 20_000.0).sqrt() + 1e-4);

    let documents = choices(3, |_| Exchange::Within);
    let found = chance_of(&documents);
    let mut drawn = vec![Vec::new(); 2];
    for a in orders(3) {
        for b in orders(3) {
            for c in orders(3) {
                for (model, drawn) in drawn.iter_mut().enumerate() {
                    let graded = documents.iter().zip([&a, &b, &c]);
                    let graded =
                        graded.map(|(document, order)| document.grades[order[document.chosen[model]]]);
                    drawn.push(graded.sum::<f64>() / 3.0);
                }
            }
        }
    }
    (0..2).for_each(|model| has_moments(&found, model, &drawn[model]));
}

/// Of tasks that give nothing away, at most a share of `level` is said to be beyond it, for models that are much alike too.
#[test]
fn p_is_no_smaller_than_it_should_be() {
    let (mut below, tasks) = (0, 400);
    for task in 0..tasks {
        let xs = xs(100 + 200 * task, 200);
        let document = |at: usize| {
            let mut grades = vec![0.0; 4];
            grades[(4.0 * xs[at]) as usize] = 1.0;
            let one = (4.0 * xs[100 + at]) as usize;
            Choices { grades, chosen: vec![one, one, (one + at / 30) % 4, 0], exchange: Exchange::Within }
        };
        let documents: Vec<Choices> = (0..40).map(document).collect();
        below += usize::from(chance(&documents, &Draws { most: 400, ..Draws::default() }).unwrap().p <= 0.05);
    }
    // 20 of 400 are expected at most, and not more than four standard deviations more.
    assert!(below <= 38, "{below}");
    assert!(below >= 5, "{below}: p says nothing");
}

#[test]
fn holm_rejects_the_smallest_first() {
    // 0.005 <= 0.05 / 4, 0.01 <= 0.05 / 3, 0.03 > 0.05 / 2.
    assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
    assert_eq!(holm(&[0.02, 0.02, 0.02], 0.05), [false; 3]);
    assert!(holm(&[], 0.05).is_empty());
    assert_eq!(chance(&[], &Draws::default()), None);
}

#[test]
fn labels_have_the_numbers_of_scikit_learn() {
    // f1_score and matthews_corrcoef of golds 0 1 1 0 1 2 and choices 0 1 0 1 1 2, without the 2 for f1.
    let labels = [(0, 0), (1, 1), (1, 0), (0, 1), (1, 1), (2, 2)];
    near(f1(&labels[..5]), 0.666_666_666_666_666_6, 1e-15);
    near(matthews(&labels), 0.454_545_454_545_454_53, 1e-15);
    assert_eq!((f1(&[]), matthews(&[]), matthews(&[(1, 1)])), (0.0, 0.0, 0.0));
    let scores: Vec<Score> = labels.iter().map(|&(gold, chosen)| Score::Labels { gold, chosen }).collect();
    let found = estimate(Statistic::MatthewsCorrcoef, &scores, &Bootstrap::default()).unwrap();
    assert!(found.interval.unwrap().contains(found.value) && found.standard_error.unwrap() > 0.0);
    assert_eq!(serde_json::to_string(&scores[2]).unwrap(), "{\"gold\":1,\"chosen\":0}");
    assert_eq!(serde_json::from_str::<Score>("{\"gold\":1,\"chosen\":0}").unwrap(), scores[2]);
}
