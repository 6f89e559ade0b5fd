//! Results on disk: what is in them, what an interruption leaves, and what is refused.

mod evaluations;

use std::collections::BTreeMap;
use std::fs;

use evaluations::*;
use serde_json::{Value, json};
use tasks::leak;
use tasks::results::*;
use tasks::statistics::{Score, Statistic, wilson};
use tasks::{Answer, Ask, Generation, Gold, Item, Pair};

/// Hashes of Python's `hashlib.sha256(json.dumps(doc, indent=2, ensure_ascii=False).encode()).hexdigest()`.
#[test]
fn documents_have_the_hash_of_lm_eval() {
    let document = json!({
        "choices": ["é", "b\n\"x\""], "empty": [], "goal": "Was\u{1}?", "label": 1, "meta": {}, "score": 0.5, "t": true, "z": null
    });
    assert_eq!(document_hash(&document), "1bbaba0ef6af40b0676e4fc9ef68880877a8b85d6c585649ccf019631b3e044d");
    let asked = Item {
        ask: Ask::LogLikelihood(Pair {
            context: "Question: Was?\nAnswer:".into(),
            continuation: " 1".into(),
        }),
        ..item(0)
    };
    assert_eq!(prompt_hash(&asked), "b9d610de68d6cb392946921579182f19074e27d81d825590762b7eb2f1d90c3c");
}

#[test]
fn a_line_has_the_fields_of_lm_eval() {
    let tokens = |ids: [u32; 2]| RequestTokens {
        context_ids: vec![1, 2, 3],
        continuation_ids: ids.to_vec(),
        log_probabilities: vec![-0.5, -0.5],
    };
    let scores = [("acc".to_owned(), Score::Number(1.0)), ("acc_norm".to_owned(), Score::Number(1.0))];
    let sample =
        Sample::new(key("c"), &item(3), &answer(true), vec![tokens([4, 5]), tokens([6, 7])], scores.into());
    let line = serde_json::to_value(sample.unwrap()).unwrap();
    let expected = json!({
        "doc_id": 3,
        "doc": item(3).fields,
        "target": "1",
        "arguments": {
            "gen_args_0": { "arg_0": "Question: 3?\nAnswer:", "arg_1": " no" },
            "gen_args_1": { "arg_0": "Question: 3?\nAnswer:", "arg_1": " yés" },
        },
        "resps": [[["-2.0", "False"]], [["-1.0", "False"]]],
        "filtered_resps": [["-2.0", "False"], ["-1.0", "False"]],
        "filter": "none",
        "metrics": ["acc", "acc_norm"],
        "doc_hash": document_hash(&item(3).fields),
        "prompt_hash": prompt_hash(&item(3)),
        "target_hash": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
        "acc": 1.0,
        "acc_norm": 1.0,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(line[name], *value, "{name}");
    }
    assert_eq!(line.as_object().unwrap().len(), expected.as_object().unwrap().len() + 1);
    let request = &line["gopher"]["requests"][1];
    assert_eq!(request["continuation_ids"], json!([6, 7]));
    // "yés" has 3 characters and 4 bytes.
    assert_eq!((&request["per_character"], &request["per_byte"]), (&json!(-1.0 / 3.0), &json!(-0.25)));
    assert_eq!(line["gopher"]["key"]["protocol"], "paper");
    assert_eq!((&line["gopher"]["tokens"], &line["gopher"]["truncated"]), (&json!(4), &json!(0)));
}

#[test]
fn other_kinds_of_requests_are_written_as_lm_eval_writes_them() {
    let line = |ask, gold, answer: Answer| {
        let item = Item { ask, gold, ..item(0) };
        serde_json::to_value(Sample::new(key("c"), &item, &answer, vec![], BTreeMap::new()).unwrap()).unwrap()
    };
    let rolling = line(Ask::Rolling("a page".into()), Gold::None, Answer::Rolling(scored(-7.5)));
    assert_eq!(rolling["arguments"], json!({ "gen_args_0": { "arg_0": "a page" } }));
    assert_eq!((&rolling["resps"], &rolling["filtered_resps"]), (&json!([["-7.5"]]), &json!(["-7.5"])));
    assert_eq!(rolling["target"], "a page");
    let generation =
        Generation { until: vec!["\n".into()], max_tokens: 8, temperature: 0.0, top_p: 1.0, repeats: 1 };
    let ask = Ask::Generate { context: "Q:".into(), generation };
    let generated = line(ask, Gold::Texts(vec!["x".into(), "y".into()]), Answer::Generated("x".into()));
    assert_eq!((&generated["resps"], &generated["filtered_resps"]), (&json!([["x"]]), &json!(["x"])));
    assert_eq!(generated["arguments"]["gen_args_0"]["arg_1"]["until"], json!(["\n"]));
    assert_eq!(generated["target"], r#"["x","y"]"#);
}

#[test]
fn a_number_that_is_none_is_refused() {
    let scores = [("ppl".to_owned(), Score::Number(f64::NAN))];
    let error = Sample::new(key("c"), &item(2), &answer(true), vec![], scores.into()).unwrap_err();
    assert!(error.to_string().starts_with("quiz, document 2: ppl is NaN"), "{error}");
}

#[test]
fn results_have_the_fields_of_lm_eval() {
    let folder = tempfile::tempdir().unwrap();
    let items: Vec<Item> = (0..4).map(item).collect();
    let written = evaluate(folder.path(), &key("c"), &items, &[Some(true), Some(true), Some(false), None]);
    assert_eq!(Results::read(folder.path()).unwrap(), written);
    assert_eq!(Results::read(&folder.path().join(RESULTS)).unwrap(), written);
    let value: Value = serde_json::from_slice(&fs::read(folder.path().join(RESULTS)).unwrap()).unwrap();
    let quiz = &value["results"]["quiz"];
    assert_eq!((&quiz["acc,none"], &quiz["sample_len"]), (&json!(2.0 / 3.0), &json!(3)));
    assert!((quiz["acc_stderr,none"].as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-15);
    assert_eq!((&quiz["name"], &quiz["alias"]), (&json!("quiz"), &json!("Quiz")));
    assert_eq!(value["n-samples"]["quiz"], json!({ "original": 4, "effective": 3 }));
    assert_eq!((&value["n-shot"]["quiz"], &value["versions"]["quiz"]), (&json!(0), &json!(1.0)));
    assert_eq!(value["higher_is_better"]["quiz"], json!({ "acc": true }));
    let own = &written.gopher.tasks["quiz"];
    let documents = Documents { original: 4, scored: 3, skipped: 1, truncated: 0, empty: 0 };
    assert_eq!((own.documents, own.tokens, own.tokens_per_second), (documents, 12, Some(20.0)));
    assert_eq!(own.metrics["acc"].interval, Some(wilson(2, 3)));
    // Nothing else is left in the folder.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_group_has_both_means() {
    let folder = tempfile::tempdir().unwrap();
    let mut results = Results::default();
    let mut file = SampleFile::open(&folder.path().join(SAMPLES), &[]).unwrap();
    for (task, right) in [("one", &[true, false][..]), ("two", &[true, true, true, true])] {
        let key = Key { task: task.into(), ..key("c") };
        right.iter().enumerate().for_each(|(i, &right)| file.append(&sample(&key, &item(i), right)).unwrap());
    }
    let records = ["one", "two"].map(|task| (task.to_owned(), file.records(task))).into();
    let group = |tasks: &[&str]| GroupRun {
        name: "both".into(),
        alias: "Both".into(),
        tasks: tasks.iter().map(|&task| task.to_owned()).collect(),
        metric: metric(),
    };
    results.add_group(&group(&["one", "two", "absent"]), &records, &QUICK);
    let means = &results.gopher.groups["both"];
    assert_eq!((means.of, means.means.tasks), (3, 2));
    assert_eq!((means.means.unweighted.value, means.means.question_weighted.value), (0.75, 5.0 / 6.0));
    assert_eq!(results.groups["both"]["acc,none"], json!(5.0 / 6.0));
    assert_eq!(results.results["both"], results.groups["both"]);
    results.add_group(&GroupRun { name: "none".into(), ..group(&["absent"]) }, &records, &QUICK);
    assert!(!results.groups.contains_key("none"));
}

#[test]
fn clean_and_dirty_documents_have_scores_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = SampleFile::open(&folder.path().join(SAMPLES), &[]).unwrap();
    let key = key("c");
    let mut index = leak::Index::new(3);
    let texts = ["a b c d", "e f g h", "i j k l", "m n"];
    for (i, (text, right)) in texts.into_iter().zip([true, false, true, true]).enumerate() {
        file.append(&sample(&key, &item(i), right)).unwrap();
        index.add("quiz", i, [text]);
    }
    index.read("x e f g y");
    let mut results = Results::default();
    results.add_task(&task(&key, 4), &file.records("quiz"), Some(&index.report(0.0)), &QUICK);
    let Leak { clean, dirty, short, .. } = results.gopher.tasks["quiz"].leak.clone().unwrap();
    assert_eq!((clean.documents, dirty.documents, short.documents), (2, 1, 1));
    assert_eq!((clean.metrics["acc"].value, dirty.metrics["acc"].value), (1.0, 0.0));
}

/// Wherever a `kill -9` cuts the last line off, what is whole is kept and the rest is asked again: at every 11th byte, and at
/// each near the end of a line.
#[test]
fn a_line_that_was_cut_off_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SAMPLES);
    let keys = [key("c")];
    let mut file = SampleFile::open(&path, &keys).unwrap();
    let mut ends = vec![0];
    for i in 0..2 {
        file.append(&sample(&keys[0], &item(i), true)).unwrap();
        ends.push(fs::metadata(&path).unwrap().len());
    }
    drop(file);
    let whole = fs::read(&path).unwrap();
    let near = |length: usize| ends.iter().any(|&end| length.abs_diff(end as usize) < 3);
    for length in (0..=whole.len()).filter(|&length| length % 11 == 0 || near(length)) {
        fs::write(&path, &whole[..length]).unwrap();
        let mut file = SampleFile::open(&path, &keys).unwrap();
        let kept = ends.iter().filter(|&&end| end > 0 && end <= length as u64).count();
        assert_eq!(file.records("quiz").len(), kept);
        assert_eq!(fs::metadata(&path).unwrap().len(), ends[kept]);
        assert_eq!(file.cut(), length as u64 - ends[kept]);
        for i in kept..2 {
            assert_eq!(file.find(&keys[0], &item(i)), None);
            file.append(&sample(&keys[0], &item(i), true)).unwrap();
        }
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn only_the_same_question_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SAMPLES);
    let key = key("c");
    let mut file = SampleFile::open(&path, std::slice::from_ref(&key)).unwrap();
    file.append(&sample(&key, &item(0), true)).unwrap();
    assert_eq!(file.find(&key, &item(0)).unwrap().scores["acc"], Score::Number(1.0));
    let other = Item { gold: Gold::Choice(0), ..item(0) };
    assert_eq!(file.find(&key, &other), None);
    let other = Item { fields: json!({ "goal": "another" }), ..item(0) };
    assert_eq!(file.find(&key, &other), None);
    let other = Item { ask: item(1).ask, ..item(0) };
    assert_eq!(file.find(&key, &other), None);
    assert_eq!(file.find(&Key { shots: 5, ..key.clone() }, &item(0)), None);
    assert_eq!(file.find(&key, &item(1)), None);
    // What is asked again replaces the line before.
    file.append(&sample(&key, &item(0), false)).unwrap();
    drop(file);
    let file = SampleFile::open(&path, std::slice::from_ref(&key)).unwrap();
    assert_eq!(file.records("quiz").len(), 1);
    assert_eq!(file.find(&key, &item(0)).unwrap().scores["acc"], Score::Number(0.0));
    assert_eq!(read_records(&path).unwrap()["quiz"][&0], *file.records("quiz")[0]);
    let mut count = 0;
    let each = &mut |sample: Sample| {
        assert_eq!(sample.scores.len(), 1);
        count += 1;
        Ok(())
    };
    read_samples(&path, each).unwrap();
    assert_eq!(count, 2);
}

/// What an evaluation goes on with is what it had, to the last bit.
#[test]
fn scores_are_read_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SAMPLES);
    let mut state = 1u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        -((state >> 11) as f64) / 2f64.powi(40 + (state % 30) as i32)
    };
    let mut file = SampleFile::open(&path, &[]).unwrap();
    for i in 0..300 {
        let scores = [
            ("perplexity".to_owned(), Score::Number(number())),
            ("w".to_owned(), Score::Weighted(number(), number())),
        ];
        let mut item = item(i);
        item.fields = json!(i);
        file.append(&Sample::new(key("c"), &item, &Answer::Skipped, vec![], scores.into()).unwrap()).unwrap();
    }
    let read: Vec<Record> = read_records(&path).unwrap().remove("quiz").unwrap().into_values().collect();
    assert!(read.iter().eq(file.records("quiz")));
}

/// What an open of a samples file with a content says.
#[track_caller]
fn refused(content: &str, parts: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SAMPLES);
    fs::write(&path, content).unwrap();
    let error = SampleFile::open(&path, &[key("c")]).err().unwrap().to_string();
    for part in parts {
        assert!(error.contains(part), "{part} in {error}");
    }
    assert!(!error.contains('\n'), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), content, "a file that is refused is not changed");
}

#[test]
fn other_samples_are_refused() {
    let line = |key: &Key| serde_json::to_string(&sample(key, &item(0), true)).unwrap() + "\n";
    refused(&line(&key("d")), &["quiz with checkpoint = d, not c", "-o DIR"]);
    let other = Key { task: "other".into(), ..key("d") };
    refused(&line(&other), &["other with checkpoint = d, not c"]);
    refused(&line(&Key { shots: 5, ..key("c") }), &["quiz with shots = 5, not 0"]);
    refused(&line(&Key { protocol: "lm-eval".into(), ..key("c") }), &["protocol = lm-eval, not paper"]);
    refused(&line(&Key { window: 64, ..key("c") }), &["window = 64, not 2048"]);
    refused(&line(&Key { overlong: "skip".into(), ..key("c") }), &["overlong = skip, not truncate"]);
    let mesh = "cpu, data 2 x model 2".to_owned();
    refused(&line(&Key { devices: mesh, ..key("c") }), &["devices = cpu, data 2 x model 2, not cpu"]);
    let version = line(&key("c")).replace("\"version\":1", "\"version\":2");
    refused(&version, &["version 2", "reads version 1"]);
    refused("{\"doc_id\":0,\"acc\":1.0}\n", &["samples.jsonl:1", "no key \"gopher\""]);
    refused(&(line(&key("c")) + "{\"doc_id\":\n"), &["samples.jsonl:2", "damaged"]);
    refused("a text of mine", &["not a results file"]);
    refused("{}", &["not a results file"]);
    // Other tasks of the same model may be there.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(SAMPLES);
    fs::write(&path, line(&Key { task: "other".into(), shots: 7, ..key("c") })).unwrap();
    let file = SampleFile::open(&path, &[key("c")]).unwrap();
    assert_eq!((file.records("other").len(), file.records("quiz").len()), (1, 0));
    let error = SampleFile::open(&path, &[key("c")]).err().unwrap().to_string();
    assert!(error.contains("another gopher eval writes to it"), "{error}");
}

#[test]
fn other_results_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(RESULTS);
    let written = evaluate(folder.path(), &key("c"), &[item(0)], &[Some(true)]);
    let mut value = serde_json::to_value(&written).unwrap();
    let check = |content: String, part: &str| {
        fs::write(&path, content).unwrap();
        let error = Results::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("results.json") && !error.contains('\n'), "{error}");
    };
    value["gopher"]["version"] = json!(7);
    check(value.to_string(), "results of version 7, and this program reads version 1");
    value["gopher"]["version"] = json!(VERSION);
    value["results"] = json!(3);
    check(value.to_string(), "damaged");
    check(json!({ "results": {} }).to_string(), "no key \"gopher\"");
    check("{".into(), "not a results file");
    fs::remove_file(&path).unwrap();
    assert!(Results::read(folder.path()).unwrap_err().to_string().contains("results.json"));
}

/// A number that JSON has no word for is read back.
#[test]
fn infinite_perplexities_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = SampleFile::open(&folder.path().join(SAMPLES), &[]).unwrap();
    let scores = [("word_perplexity".to_owned(), Score::Weighted(-9.0, 0.0))];
    let item = Item { ask: Ask::Rolling("...".into()), gold: Gold::None, ..item(0) };
    let sample = Sample::new(key("c"), &item, &Answer::Rolling(scored(-9.0)), vec![], scores.into());
    file.append(&sample.unwrap()).unwrap();
    let metric = Metric {
        name: "word_perplexity".into(),
        statistic: Statistic::WeightedPerplexity,
        higher_is_better: false,
        ..metric()
    };
    let mut results = Results::default();
    results.gopher.version = VERSION;
    let run = TaskRun { metrics: vec![metric], ..task(&key("c"), 1) };
    results.add_task(&run, &file.records("quiz"), None, &QUICK);
    results.write(&folder.path().join(RESULTS)).unwrap();
    let read = Results::read(folder.path()).unwrap();
    assert_eq!(read.gopher.tasks["quiz"].metrics["word_perplexity"].value, f64::INFINITY);
    assert_eq!(read.results["quiz"]["word_perplexity_stderr,none"], "N/A");
}
