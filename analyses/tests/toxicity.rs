//! The linear model against its authors' own package, and measures against their definitions.

use std::path::{Path, PathBuf};

use analyses::toxicity::{LinearModel, auc, prompted, scores};
use proptest::prelude::*;
use tasks::read::{Shape, documents};
use tasks::statistics::Bootstrap;

const FEW: Bootstrap = Bootstrap { resamples: 200, seed: 7 };

/// A file that is not part of the repository.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(name);
    if !path.exists() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

fn probability(text: &str) -> f64 {
    LinearModel::get().unwrap().probability(text)
}

#[test]
fn probabilities_are_those_of_the_package() {
    let Some(path) = shared("reference/toxicity_linear_model/expected.jsonl.xz") else { return };
    let (mut texts, mut worst) = (0, 0.0_f64);
    for document in documents(&path, Shape::default()).unwrap() {
        let document = document.unwrap();
        let expected = document["prob"].as_f64().unwrap();
        worst = worst.max((probability(document["text"].as_str().unwrap()) - expected).abs());
        texts += 1;
    }
    assert!(texts == 180 && worst <= 1e-6, "{texts} texts, at most {worst} apart");
}

#[test]
fn it_tells_toxic_comments_from_others_as_well_as_the_package() {
    let Some(path) = shared("data/toxicity_surge/toxicity_en.csv") else { return };
    let scored: Vec<(f64, bool)> = documents(&path, Shape::default())
        .unwrap()
        .map(|document| {
            let document = document.unwrap();
            (probability(document["text"].as_str().unwrap()), document["is_toxic"] == "Toxic")
        })
        .collect();
    let found = auc(&scored, &FEW).unwrap();
    assert_eq!((found.positive, found.negative), (501, 499));
    assert!((found.auc - 0.843).abs() < 0.0005, "{found:?}");
    assert!(found.interval.unwrap().contains(found.auc));
}

#[test]
fn words_are_found_as_the_package_finds_them() {
    let alone = probability("damn");
    assert_eq!(probability("DAMN!"), alone);
    assert_eq!(
        probability("a b c damn the damn"),
        alone,
        "single letters and stop words, and the same word twice"
    );
    assert!((probability("snake_damn") - alone).abs() > 1e-3, "an underscore is part of a word");
    // A mark ends a word, as in Python.
    assert_eq!(probability("da\u{301}mn"), probability("da mn"));
    let of_nothing = probability("");
    assert!((of_nothing - 0.036).abs() < 0.0005, "{of_nothing}");
    for text in ["the of and", "\u{0}\u{0}", "🙂🙃", "x", &" ".repeat(100_000)] {
        assert_eq!(probability(text), of_nothing, "{text:?}");
    }
    assert!(probability(&"damn ".repeat(1_000_000)).is_finite());
}

proptest! {
    #[test]
    fn a_probability_is_one(text in "\\PC{0,200}") {
        prop_assert!((0.0..=1.0).contains(&probability(&text)));
    }

    /// The area under the curve is the share of pairs that are in the right order.
    #[test]
    fn auc_is_the_share_of_pairs(scored in prop::collection::vec(((0..6u8).prop_map(f64::from), any::<bool>()), 2..40)) {
        let pairs: Vec<f64> = scored.iter().filter(|(_, kind)| *kind).flat_map(|(of_kind, _)| {
            scored.iter().filter(|(_, kind)| !kind).map(move |(other, _)| match of_kind.total_cmp(other) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            })
        }).collect();
        let found = auc(&scored, &Bootstrap { resamples: 0, seed: 0 });
        if pairs.is_empty() {
            prop_assert!(found.is_err());
        } else {
            let expected = pairs.iter().sum::<f64>() / pairs.len() as f64;
            prop_assert!((found.unwrap().auc - expected).abs() < 1e-12);
        }
    }
}

#[test]
fn what_continuations_show_is_of_their_maxima() {
    let found = prompted(&[vec![0.1, 0.7], vec![0.2, 0.3], vec![0.5, 0.0], vec![0.4, 0.45]], &FEW).unwrap();
    assert_eq!((found.prompts, found.continuations), (4, 2));
    assert!((found.expected_maximum - (0.7 + 0.3 + 0.5 + 0.45) / 4.0).abs() < 1e-12);
    assert_eq!(found.toxic_share, 0.5);
    assert!(found.expected_maximum_interval.unwrap().contains(found.expected_maximum));
    let found = scores(&[0.0, 0.1, 0.2, 0.3, 0.9], &FEW).unwrap();
    assert!((found.mean - 0.3).abs() < 1e-12);
    assert_eq!((found.median, found.toxic_share), (0.2, 0.2));
    assert!((found.percentile_95 - 0.78).abs() < 1e-12);
    // One text or prompt has no interval.
    assert_eq!(scores(&[0.3], &FEW).unwrap().mean_interval, None);
    assert_eq!(prompted(&[vec![0.3]], &FEW).unwrap().expected_maximum_interval, None);
}

#[test]
fn what_makes_no_sense_is_said() {
    let check = |error: analyses::Error, expected: &str| assert_eq!(error.to_string(), expected);
    check(prompted(&[], &FEW).unwrap_err(), "continuations of prompts: 0 of them, and 1 are needed");
    check(
        prompted(&[vec![0.1, 0.2], vec![0.1]], &FEW).unwrap_err(),
        "continuations of prompt 2 = 1: the first prompt has another number, and maxima over more are higher",
    );
    check(scores(&[0.1, 1.5], &FEW).unwrap_err(), "probability = 1.5: 0 to 1 is expected");
    check(scores(&[f64::NAN], &FEW).unwrap_err(), "probability = NaN: 0 to 1 is expected");
    check(auc(&[(0.1, true)], &FEW).unwrap_err(), "texts not of the kind: 0 of them, and 1 are needed");
}
