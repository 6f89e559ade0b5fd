//! Filters and aggregations are lm-evaluation-harness's: files/measures.jsonl is what lm_eval_measures.py wrote with version
//! 0.4.13 for made-up answers.

mod common;

use common::{file, jsonl};
use serde_json::{Value, json};
use tasks::format::{Measure, Task};
use tasks::statistics::{Score, Statistic};
use tasks::{Answer, Ask};

/// Whether what these filters leave of answers to a document is `left`, by the only metric there is of texts.
fn leaves(filters: &Value, answers: &[String], document: &Value, left: &str) -> Result<bool, String> {
    let text = format!(
        "task: t\ntest_split: test\noutput_type: generate_until\ndoc_to_text: '?'\ndoc_to_target: target\nrepeats: {}\n\
         metric_list: [{{metric: exact_match}}]\nfilter_list: [{{name: f, filter: {filters}}}]\n",
        answers.len()
    );
    let task = Task::parse("t.yaml", &text, &|_| None).map_err(|error| error.to_string())?;
    let mut fields = document.clone();
    fields["target"] = json!(left);
    // Text of no letters would be a template that is not one.
    let item = task.items(&[fields], &[], 0, None).map_err(|error| error.to_string())?.remove(0);
    assert!(matches!(&item.ask, Ask::Generate { generation, .. } if generation.repeats == answers.len()));
    let measured =
        task.score(&item, &Answer::Repeated(answers.to_vec())).map_err(|error| error.to_string())?;
    Ok(measured[0].value == Measure::Number(1.0))
}

#[test]
fn filters_and_aggregations_are_the_harness_s() {
    let (mut filtered, mut aggregated) = (0, 0);
    for line in jsonl(&file("measures.jsonl")) {
        if let Some(left) = line["left"].as_str() {
            let answers: Vec<String> = serde_json::from_value(line["answers"].clone()).unwrap();
            assert_eq!(leaves(&line["filters"], &answers, &line["document"], left), Ok(true), "{line}");
            filtered += 1;
            continue;
        }
        let values: Vec<Value> = serde_json::from_value(line["values"].clone()).unwrap();
        let name = line["aggregation"].as_str().unwrap();
        let statistic = match name {
            "nanmean" | "brier_score" => Statistic::Mean,
            name => serde_json::from_value(json!(name)).unwrap(),
        };
        let number = |value: &Value| value.as_f64().unwrap();
        let label = |value: &Value| value.as_u64().unwrap() as usize;
        let score = |value: &Value| match name {
            "f1" | "matthews_corrcoef" => Score::Labels { gold: label(&value[0]), chosen: label(&value[1]) },
            "weighted_perplexity" | "bits_per_byte" => Score::Weighted(number(&value[0]), number(&value[1])),
            "brier_score" => {
                let probabilities = value[1].as_array().unwrap().iter().map(number).collect();
                let measure = Measure::Probabilities { gold: label(&value[0]), probabilities };
                Score::Number(measure.number().unwrap())
            }
            _ => Score::Number(number(value)),
        };
        let scores: Vec<Score> = values.iter().map(score).collect();
        let (ours, theirs) = (statistic.of_all(&scores), number(&line["number"]));
        assert!((ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0), "{ours}, not {theirs}: {line}");
        aggregated += 1;
    }
    assert!(filtered > 700 && aggregated > 15, "{filtered} {aggregated}");
}

/// A pattern that takes for ever is an error of the document, and soon.
#[test]
fn a_pattern_that_gives_up_names_the_document() {
    let filters = json!([{ "function": "regex", "regex_pattern": r"(a*)(a*)(a*)(a*)(a*)\1\2\3\4\5b" }, { "function": "take_first" }]);
    let error = leaves(&filters, &["a".repeat(60)], &json!({}), "x").unwrap_err();
    assert!(error.starts_with("task t, document 0: the regular expression cannot be matched"), "{error}");
}
