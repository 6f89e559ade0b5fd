//! What is wrong with a task file or its documents is said in one line that names the place.

mod common;

use proptest::prelude::*;
use serde_json::{Value, json};
use tasks::format::{Error, File, Measure, Refusal};
use tasks::{Answer, Ask, Gold, Scored, Task};

/// A task of choices that is right, to be spoiled.
const CHOICES: &str = "task: colours
test_split: test
output_type: multiple_choice
doc_to_text: '{{question}}'
doc_to_choice: [red, green]
doc_to_target: answer
";

fn parse(text: &str) -> Result<Task, Error> {
    Task::parse("t.yaml", text, &|_| None)
}

fn refused(text: &str) -> String {
    parse(text).expect_err("an error").to_string()
}

fn document_error(text: &str, documents: &[Value]) -> String {
    let task = parse(text).expect("a task");
    task.items(documents, &[], 0, None).expect_err("an error").to_string()
}

#[test]
fn a_file_is_refused_by_line() {
    let cases = [
        ("task: [a", "t.yaml:1:7: malformed YAML: unclosed bracket '['"),
        ("task: a\n  b: c\n", "t.yaml:2:4: malformed YAML: "),
        ("a: 1\na: 2\n", "t.yaml:2:1: malformed YAML: key 'a' given twice, first in line 1; keep one"),
        (
            "a: !!python/object x\n",
            "t.yaml:1:20: malformed YAML: unknown tag tag:yaml.org,2002:python/object; the only one of this format is !function",
        ),
        (
            "- a\n",
            "t.yaml:1: a task file is a mapping of keys such as 'task' and 'doc_to_text', and this is a list",
        ),
        ("", "t.yaml:1: a task file is a mapping of keys such as 'task' and 'doc_to_text', and this is null"),
        ("task: a\n---\ntask: b\n", "t.yaml:2:1: malformed YAML: a second document; a task file has one"),
        ("output_type: multiple_choice\n", "t.yaml:1: no 'task': a task has a name"),
        (
            "task: a\noutput_type: multiple_choise\n",
            "t.yaml:2: unknown output_type 'multiple_choise'; did you mean 'multiple_choice'?",
        ),
        ("task: a\ndoc_to_target: b\n", "t.yaml:1: no 'doc_to_text', which output_type generate_until needs"),
        (
            "task: a\ndoc_to_text: '{{a'\ndoc_to_target: b\n",
            "t.yaml:2: template \"{{a\" does not parse: syntax error: ",
        ),
        ("task: a\ndoc_to_text: [a]\n", "t.yaml:2: 'doc_to_text' is text, and this is a list"),
        ("include: other.yaml\n", "t.yaml:1: 'include: other.yaml': other.yaml: no such file"),
    ];
    for (text, expected) in cases {
        let error = refused(text);
        assert!(error.starts_with(expected), "{text:?} gives {error:?}, not {expected:?}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_key_is_refused_by_name() {
    let cases = [
        ("doc_to_txt: a", "t.yaml:7: unknown key 'doc_to_txt' of a task; did you mean 'doc_to_text'?"),
        ("zzz: a", "t.yaml:7: unknown key 'zzz' of a task"),
        ("num_fewshot: -1", "t.yaml:7: 'num_fewshot' is -1; it is at least 0"),
        ("num_fewshot: many", "t.yaml:7: 'num_fewshot' is a whole number, and this is text"),
        (
            "description: !function utils.describe",
            "t.yaml:7: !function utils.describe is not known, and no Python is run; known are hellaswag, winogrande, race, wikitext, truthfulqa (mc1, mc2), bigbench of lm_eval 0.4.13 and gopher.*; write it as a template instead",
        ),
        ("process_docs: utils", "t.yaml:7: 'process_docs' is a !function, and this is text"),
        (
            "fewshot_config: {sampler: second_n}",
            "t.yaml:7: unknown sampler 'second_n'; known are default, first_n",
        ),
        (
            "fewshot_config: {smapler: first_n}",
            "t.yaml:7: unknown key 'smapler' of 'fewshot_config'; did you mean 'sampler'?",
        ),
        (
            "metric_list: [{metric: accuracy}]",
            "t.yaml:7: metric 'accuracy' of output_type multiple_choice is not supported; known are acc, acc_norm, acc_bytes, acc_mutual_info, exact_match, multiple_choice_grade, brier_score, f1, mcc",
        ),
        (
            "metric_list: [{metric: acc_nrom}]",
            "t.yaml:7: metric 'acc_nrom' of output_type multiple_choice is not supported; did you mean 'acc_norm'?",
        ),
        (
            "metric_list: [{metric: acc, aggregation: perplexity}]",
            "t.yaml:7: aggregation 'perplexity' does not fit this metric",
        ),
        (
            "metric_list: [{metric: !function utils.f1}]",
            "t.yaml:7: metric !function utils.f1 is Python, and no Python is run; known are acc,",
        ),
        (
            "filter_list: [{name: x, filter: [{function: format_span}]}]",
            "t.yaml:7: filter 'format_span' is not supported; known are take_first, take_first_k, majority_vote,",
        ),
        (
            "filter_list: [{name: x, filter: [{function: regex, regex_pattern: '(?<=a*)b'}]}]",
            "t.yaml:7: regular expression \"(?<=a*)b\" is not supported: look-around,",
        ),
        (
            "filter_list: [{name: x, filter: [{function: take_first_k, k: 3}, {function: majority_vote}]}]\nrepeats: 2",
            "t.yaml:8: filter take_first_k takes 3 answers, and 'repeats' is 2",
        ),
        (
            "filter_list: [{name: x, filter: [{function: lowercase}]}]\nrepeats: 2",
            "t.yaml:8: 'repeats' needs a filter take_first or majority_vote",
        ),
        ("repeats: 0", "t.yaml:7: 'repeats' is a whole number from 1 to 1024"),
        (
            "filter_list: [{name: x, filter: [{function: map, mapping_dict: {a: b}}]}]",
            "t.yaml:7: 'map' needs 'mapping_dict', of texts to texts, and 'default_value', a text",
        ),
        (
            "generation_kwargs: {untill: a}",
            "t.yaml:7: unknown key 'untill' of 'generation_kwargs'; did you mean 'until'?",
        ),
        ("generation_kwargs: {top_p: 2}", "t.yaml:7: 'top_p' is 2; it is above 0 and at most 1"),
        (
            "generation_kwargs: {num_beams: 4}",
            "t.yaml:7: 'num_beams' is not supported: there is no beam search",
        ),
        ("doc_to_image: a", "t.yaml:7: 'doc_to_image' is not supported: there are no images"),
    ];
    for (line, expected) in cases {
        let error = refused(&format!("{CHOICES}{line}\n"));
        assert!(error.starts_with(expected), "{line:?} gives {error:?}, not {expected:?}");
    }
}

#[test]
fn a_document_is_refused_by_position() {
    let good = json!({"question": "Grass?", "answer": 1});
    let cases = [
        (
            json!({"answer": 1}),
            "task colours, document 1: template \"{{question}}\" needs a field 'question'; this one has answer",
        ),
        (
            json!({"question": "Grass?"}),
            "task colours, document 1: no field 'answer', which others have; this one has question",
        ),
        (
            json!({"question": "Grass?", "answer": 2}),
            "task colours, document 1: target 2 is not one of 2 choices, which count from 0",
        ),
        (
            json!({"question": "Grass?", "answer": -1}),
            "task colours, document 1: target -1 is not one of 2 choices, which count from 0",
        ),
        (
            json!({"question": "Grass?", "answer": "blue"}),
            "task colours, document 1: target 'blue' is not one of the choices",
        ),
        (
            json!({"question": "Grass?", "answer": null}),
            "task colours, document 1: target None is neither a choice nor its position",
        ),
        (
            json!({"question": "Grass?", "answer": 0.5}),
            "task colours, document 1: target 0.5 is neither a choice nor its position",
        ),
        (json!("text"), "task colours, document 1: not an object with fields"),
    ];
    for (document, expected) in cases {
        assert_eq!(document_error(CHOICES, &[good.clone(), document]), expected);
    }
    let with = |line: &str| {
        let key = line.split(':').next().expect("a key");
        let kept: String =
            CHOICES.lines().filter(|other| !other.starts_with(key)).map(|line| format!("{line}\n")).collect();
        format!("{kept}{line}\n")
    };
    let cases = [
        ("doc_to_choice: []", "no choices"),
        (
            "doc_to_text: query",
            "no field 'query'; this one has question, answer (if it is to be the text itself, write {{'query'}})",
        ),
        ("doc_to_choice: ['']", "choice 0 is empty"),
        ("doc_to_choice: [yes, no]", "choice 0 is True, not text"),
        ("doc_to_choice: question", "'doc_to_choice' gives 'Grass?', not a list"),
        (
            "doc_to_choice: '{{question}}'",
            "'doc_to_choice' renders to \"Grass?\", which is not a list: not a Python literal from 'Grass?'",
        ),
        ("doc_to_text: '{{question.colour}}'", "template \"{{question.colour}}\" fails: undefined value"),
        (
            "doc_to_text: '{{question | nofilter}}'",
            "template \"{{question | nofilter}}\" fails: unknown filter: filter nofilter is unknown",
        ),
        ("doc_to_text: '{{question + 1}}'", "template \"{{question + 1}}\" fails: "),
        (
            "doc_to_text: \"{{['a'].index(question)}}\"",
            "template \"{{['a'].index(question)}}\" fails: invalid operation: Grass? is not in the list",
        ),
    ];
    for (line, expected) in cases {
        let error = document_error(&with(line), std::slice::from_ref(&good));
        assert!(
            error.starts_with(&format!("task colours, document 0: {expected}")),
            "{line:?} gives {error:?}"
        );
    }
    let empty =
        "task: t\ntest_split: test\noutput_type: loglikelihood\ndoc_to_text: 'A:'\ndoc_to_target: ''\n";
    assert_eq!(document_error(empty, &[good]), "task t, document 0: the continuation is empty");
}

#[test]
fn shots_are_never_the_document_itself() {
    let text = format!("{CHOICES}fewshot_split: test\n");
    for text in [CHOICES.to_owned(), text] {
        let task = parse(&text).expect("a task");
        let documents: Vec<Value> =
            (0..12).map(|i| json!({"question": format!("Question {i}."), "answer": i % 2})).collect();
        for shots in [1, 5, 11] {
            for item in task.items(&documents, &documents, shots, None).expect("items") {
                let Ask::Choices { pairs, .. } = &item.ask else { panic!("{item:?}") };
                let own = item.fields["question"].as_str().expect("text");
                assert_eq!(pairs[0].context.matches(own).count(), 1, "{}", pairs[0].context);
                assert_eq!(pairs[0].context.matches("\n\n").count(), shots);
            }
        }
        let error = task.items(&documents, &documents, 12, None).expect_err("an error").to_string();
        assert!(error.starts_with("task colours") && error.contains("12 shot"), "{error}");
    }
    // The same document twice.
    let task = parse(CHOICES).expect("a task");
    let twice = vec![json!({"question": "q", "answer": 0}); 3];
    let error = task.items(&twice, &twice, 2, None).expect_err("an error").to_string();
    assert_eq!(
        error,
        "task colours, document 0: 2 shots wanted, and 0 documents to draw from are not the document itself; ask for fewer shots"
    );
}

#[test]
fn a_shot_that_does_not_render_is_named() {
    let task = parse(&format!("{CHOICES}fewshot_split: train\nfewshot_config: {{sampler: first_n}}\n"))
        .expect("a task");
    let good = json!({"question": "q", "answer": 0});
    let error = task
        .items(std::slice::from_ref(&good), &[json!({"question": "r", "answer": 5})], 1, None)
        .expect_err("an error");
    assert_eq!(
        error.to_string(),
        "task colours, shot 0: target 5 is not one of 2 choices, which count from 0"
    );
    let error = task.items(&[good], &[], 1, None).expect_err("an error");
    assert_eq!(
        error.to_string(),
        "task colours: 1 shot(s) need 1 document(s) to draw from, and there are 0; ask for fewer"
    );
}

#[test]
fn includes_merge_and_do_not_go_round() {
    let files = |name: &str| {
        Some(
            match name {
                "base.yaml" => {
                    "task: base\nnum_fewshot: 3\nmetric_list: [{metric: acc}]\noutput_type: multiple_choice\n"
                }
                "sub/more.yaml" => "include: ../base.yaml\nnum_fewshot: 2\ndoc_to_text: text\n",
                "round.yaml" => "include: again.yaml\n",
                "again.yaml" => "include: round.yaml\n",
                _ => return None,
            }
            .to_owned(),
        )
    };
    let text = "include: sub/more.yaml\ntask: mine\ndoc_to_choice: [a, b]\ndoc_to_target: 0\n";
    let task = Task::parse("t.yaml", text, &files).expect("a task");
    assert_eq!((task.name(), task.num_fewshot()), ("mine", Some(2)));
    assert_eq!(task.metrics().len(), 1);
    let error = Task::parse("round.yaml", "include: again.yaml\n", &files).expect_err("an error");
    assert_eq!(
        error.to_string(),
        "again.yaml:1: 'include: round.yaml' leads back to round.yaml; take one of the includes out"
    );
    assert!(matches!(error, Error::Refused { refusal: Refusal::Include, .. }));
}

#[test]
fn python_beside_a_file_is_known_by_its_bytes_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("task.yaml");
    let text = CHOICES.replace("answer\n", "!function utils.doc_to_target\n");
    std::fs::write(&path, text).expect("written");
    std::fs::write(folder.path().join("utils.py"), "def doc_to_target(doc): return 0\n").expect("written");
    let error = Task::load(&path).expect_err("an error").to_string();
    let expected = format!(
        "{}:6: !function utils.doc_to_target is Python that this program does not know, and no Python is run; known are",
        path.display()
    );
    assert!(error.starts_with(&expected), "{error}");
    std::fs::write(&path, b"task: \xff\n").expect("written");
    let error = Task::load(&path).expect_err("an error").to_string();
    assert_eq!(error, format!("{}: not UTF-8 from byte 6 on; convert the file", path.display()));
}

#[test]
fn groups_are_not_tasks() {
    let text = "group: all\ntask: [a, b, {group: c}]\naggregate_metric_list:\n  - {metric: acc, weight_by_size: false}\n";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("all.yaml");
    std::fs::write(&path, text).expect("written");
    let File::Group(group) = File::load(&path).expect("a group") else { panic!("a task") };
    assert_eq!((group.name.as_str(), group.members.len()), ("all", 3));
    assert_eq!(group.aggregates, [("acc".to_owned(), false)]);
    let error = Task::load(&path).expect_err("an error").to_string();
    assert!(error.ends_with("a group 'all' of tasks, not a task; name one of a, b, c"), "{error}");
}

#[test]
fn answers_of_another_kind_are_refused_and_skipped_ones_left_out() {
    let task = parse(CHOICES).expect("a task");
    let items = task.items(&[json!({"question": "q", "answer": 1})], &[], 0, None).expect("items");
    let scored = |log_probability| Scored { log_probability, greedy: false, tokens: 1, truncated: 0 };
    let error = |answer: Answer| task.score(&items[0], &answer).expect_err("an error").to_string();
    assert_eq!(
        error(Answer::Generated("red".to_owned())),
        "task colours, document 0: an answer of another kind than what was asked"
    );
    let short = Answer::Choices { scored: vec![scored(-1.0)], unconditional: Vec::new() };
    assert_eq!(error(short), "task colours, document 0: 1 scores for 2 choices");
    let nan = Answer::Choices { scored: vec![scored(-1.0), scored(f64::NAN)], unconditional: Vec::new() };
    assert_eq!(error(nan), "task colours, document 0: a log-probability that is not a number");
    assert_eq!(task.score(&items[0], &Answer::Skipped).expect("nothing"), []);
    // On a tie the first is chosen.
    let tie = Answer::Choices { scored: vec![scored(-1.0), scored(-1.0)], unconditional: Vec::new() };
    let values = task.score(&items[0], &tie).expect("values");
    assert_eq!(values[0].value, Measure::Number(0.0));
    let aggregates = task.aggregate(&[values, Vec::new()]);
    assert_eq!((aggregates[0].documents, aggregates[0].value, aggregates[0].stderr), (1, 0.0, None));
}

#[test]
fn big_bench_grades_the_chosen_option() {
    let text = "task: bb
test_split: test
process_docs: !function lm_eval.tasks.bigbench.utils.filter_multiple_choice
output_type: multiple_choice
doc_to_text: inputs
doc_to_choice: multiple_choice_targets
doc_to_target: multiple_choice_scores
target_delimiter: ''
metric_list: [{metric: multiple_choice_grade}, {metric: acc}]
";
    let task = parse(text).expect("a task");
    let documents = [
        json!({"inputs": "Free?", "multiple_choice_targets": [], "multiple_choice_scores": []}),
        json!({"inputs": "Best?", "multiple_choice_targets": ["good", "better", "best"], "multiple_choice_scores": [0.5, 1, 1]}),
    ];
    let items = task.items(&documents, &[], 0, None).expect("items");
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].gold, Gold::Grades(vec![0.5, 1.0, 1.0]));
    let scored = |log_probability| Scored { log_probability, greedy: false, tokens: 1, truncated: 0 };
    let values = |logs: [f64; 3]| {
        let answer = Answer::Choices { scored: logs.map(scored).to_vec(), unconditional: Vec::new() };
        task.score(&items[0], &answer)
            .expect("values")
            .into_iter()
            .map(|value| value.value)
            .collect::<Vec<_>>()
    };
    assert_eq!(values([-1.0, -2.0, -3.0]), [Measure::Number(0.5), Measure::Number(0.0)]);
    assert_eq!(values([-3.0, -2.0, -1.0]), [Measure::Number(1.0), Measure::Number(1.0)]);
    let uneven =
        [json!({"inputs": "?", "multiple_choice_targets": ["a", "b"], "multiple_choice_scores": [1]})];
    assert_eq!(
        task.items(&uneven, &[], 0, None).expect_err("an error").to_string(),
        "task bb, document 0: multiple_choice_grade needs a target that is a list of 2 grades, and it is [1]"
    );
}

#[test]
fn race_by_the_question() {
    let text = CHOICES
        .replace("[red, green]", "options")
        .replace("doc_to_text", "process_docs: !function gopher.race.every_question\ndoc_to_text");
    let task = parse(&text).expect("a task");
    let row = json!({
        "article": "A.", "questions": ["One?", "Two?"], "answers": ["B", "A"],
        "options": [["w", "x", "y", "z"], ["a", "b", "c", "d"]],
    });
    let items = task.items(std::slice::from_ref(&row), &[], 0, None).expect("items");
    let golds: Vec<&Gold> = items.iter().map(|item| &item.gold).collect();
    assert_eq!(golds, [&Gold::Choice(1), &Gold::Choice(0)]);
    let mut bad = row;
    bad["answers"] = json!(["B", "E"]);
    assert_eq!(
        task.items(&[bad], &[], 0, None).expect_err("an error").to_string(),
        "task colours, document 0: answer \"E\" is not the letter of one of 4 options"
    );
}

#[test]
fn tasks_can_be_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Task>();
}

/// A key with a newline, found by the property below.
#[test]
fn errors_are_one_line_whatever_a_file_has() {
    let text = format!("{CHOICES}\"tas\\nk\": x\n");
    let error = Task::parse("t.yaml", &text, &|_| None).unwrap_err().to_string();
    assert!(error.contains("unknown key 'tas\\nk'"), "{error}");
}

proptest! {
    /// Whatever a file or a document holds, it is read or refused in a line.
    #[test]
    fn spoiled_files_are_read_or_refused(
        file in prop::sample::select(vec!["piqa", "prefixed", "printed", "mutual", "winogrande", "_mmlu"]),
        spoils in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\n]{0,6}", 0usize..12), 1..4),
        document in r#"(\{"question": ("[ -~]{0,12}"|[0-9]{1,5}|null|\[\]), "answer": ("[a-z]{0,3}"|[0-9]|true)\})"#,
    ) {
        let mut text = common::text(&common::file(&format!("{file}.yaml")));
        for (at, with, cut) in spoils {
            let start = at.index(text.len());
            text.replace_range(start..(start + cut).min(text.len()), &with);
        }
        let include = |name: &str| std::fs::read_to_string(common::file(name)).ok();
        let outcome = Task::parse("t.yaml", &text, &include).and_then(|task| {
            let documents: Vec<Value> = serde_json::from_str(&document).into_iter().collect();
            task.items(&documents, &documents, 0, None)
        });
        if let Err(error) = outcome {
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }

    /// Python's literals are read, whatever stands in them.
    #[test]
    fn choices_in_a_list_come_back(choices in prop::collection::vec(".{1,8}", 1..5)) {
        let text = CHOICES.replace("[red, green]", "'{{options}}'");
        let task = parse(&text).expect("a task");
        let document = json!({"question": "q", "options": choices, "answer": 0});
        let items = task.items(&[document], &[], 0, None).expect("items");
        let Ask::Choices { choices: found, .. } = &items[0].ask else { panic!() };
        prop_assert_eq!(found, &choices);
    }
}
