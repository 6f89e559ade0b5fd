//! Dialogues as sequences to train on: what is in them, and what of it counts.

mod small_bpe;

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use data::corpus::dialogues::{Account, holds_dialogues};
use data::dialogue::{self, DialoguePrompt, Role, Turn};
use data::tokenizer::PreTokenizer;
use data::{
    BadRecords, Corpus, CorpusConfig, Document, Order, ReadConfig, Sequences, Tokenizer, TokenizerConfig,
};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

static TOKENIZERS: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| {
    let config = TokenizerConfig { vocabulary_size: 340, ..TokenizerConfig::default() };
    let text = dialogue::text(&DialoguePrompt::gopher(), &[]);
    let trained = Tokenizer::train([Ok(Document { name: "text".into(), text })], &config).unwrap();
    let byte_level = small_bpe::model(PreTokenizer::Gpt2);
    vec![trained, Tokenizer::from_byte_level(byte_level, "small").unwrap()]
});

/// A file of these lines, and its path.
fn file(lines: &[String]) -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dialogues.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    (folder, vec![path])
}

fn line(turns: &[Turn]) -> String {
    json!({ "id": 7, "messages": turns }).to_string()
}

fn turn(role: Role, text: &str) -> Turn {
    Turn::new(role, text)
}

fn corpus(
    lines: &[String],
    tokenizer: &Tokenizer,
    length: usize,
    validation_fraction: f64,
) -> data::Result<(Corpus, Account)> {
    let (_folder, files) = file(lines);
    let config = CorpusConfig { validation_fraction };
    Corpus::from_dialogues(&files, &ReadConfig::default(), tokenizer, &config, length)
}

/// The text of what counts in all sequences, with `|` where something is left out.
fn learned(corpus: &Corpus, tokenizer: &Tokenizer, length: usize) -> Vec<String> {
    let sequences = Sequences::new(corpus.training(), length, Order::Sequential).unwrap();
    let batch = sequences.sequences(0, sequences.per_epoch() as usize).unwrap();
    let end = tokenizer.end_of_text().unwrap();
    let text = |targets: &[i32]| {
        let runs = targets.split(|&target| target < 0).filter(|run| !run.is_empty());
        let runs = runs.map(|run| {
            let ids: Vec<u32> = run.iter().map(|&id| id as u32).collect();
            let ends = ids.last() == Some(&end);
            let text = tokenizer.decode(&ids[..ids.len() - usize::from(ends)]).unwrap();
            text.trim_start_matches(' ').to_owned() + if ends { "</s>" } else { "" }
        });
        runs.collect::<Vec<_>>().join("|")
    };
    batch.targets.chunks(length).map(text).collect()
}

#[test]
fn answers_count_and_what_ends_them() {
    use Role::{Assistant, System, User};
    for tokenizer in &*TOKENIZERS {
        let dialogues = [
            line(&[
                turn(User, "What?"),
                turn(Assistant, " That. "),
                turn(User, "é?"),
                turn(Assistant, "日本"),
                turn(User, "x"),
            ]),
            line(&[turn(System, "Be brief."), turn(Assistant, "Hi"), turn(Assistant, "you")]),
        ];
        let (corpus, account) = corpus(&dialogues, tokenizer, 400, 0.0).unwrap();
        let expected = "That.\n\nUser:|日本</s>|Hi\n\nGopher: you</s>";
        assert_eq!(learned(&corpus, tokenizer, 400), [expected]);
        assert_eq!((account.dialogues, account.sequences, account.cut), (2, [1, 0], 0));
        assert_eq!(account.counted, corpus.training().counted() as u64);
        assert_eq!(corpus.training_statistics().tokens, account.counted);
        assert_eq!(corpus.training().len(), 401);
    }
}

/// A dialogue that is longer than a sequence goes into several, between exchanges; what is left out is counted.
#[test]
fn long_dialogues_are_cut_between_exchanges() {
    use Role::{Assistant, System, User};
    let tokenizer = &TOKENIZERS[1];
    let exchange = |name: &str| [turn(User, &name.repeat(8)), turn(Assistant, name)];
    let turns = [vec![turn(System, "S")], ["ka", "lo", "mi"].map(exchange).concat()].concat();
    let text = dialogue::text(&DialoguePrompt::none(), &turns[..5]);
    let length = tokenizer.encode_text(&text).len();
    let (two, account) = corpus(&[line(&turns)], tokenizer, length, 0.0).unwrap();
    assert_eq!(learned(&two, tokenizer, length), ["ka\n\nUser:|lo</s>", "mi</s>"]);
    assert_eq!((account.cut, account.shortened, account.sequences), (1, 0, [2, 0]));
    let (three, account) = corpus(&[line(&turns)], tokenizer, 20, 0.0).unwrap();
    assert_eq!(learned(&three, tokenizer, 20), ["ka</s>", "lo</s>", "mi</s>"]);
    assert_eq!((account.cut, account.shortened), (1, 3));
    let notes = account.notes();
    assert_eq!(notes.len(), 3, "{notes:?}");
    let error = corpus(&[line(&turns)], tokenizer, 1, 0.0).unwrap_err().to_string();
    assert!(error.ends_with("no token of an answer fits into a sequence of 1 tokens"), "{error}");
}

#[track_caller]
fn check(record: &str, part: &str) {
    let good = line(&[turn(Role::User, "a"), turn(Role::Assistant, "b")]);
    let lines = [good, record.to_owned()];
    let error = corpus(&lines, &TOKENIZERS[0], 64, 0.0).unwrap_err().to_string();
    assert!(error.contains("dialogues.jsonl:2: ") && error.contains(part), "{error}");
    assert!(error.contains("--set data.bad_records=skip"), "{error}");
    let (_folder, files) = file(&lines);
    let read = ReadConfig { bad_records: BadRecords::Skip, ..ReadConfig::default() };
    let config = CorpusConfig { validation_fraction: 0.0 };
    let (_, account) = Corpus::from_dialogues(&files, &read, &TOKENIZERS[0], &config, 64).unwrap();
    assert_eq!((account.dialogues, account.skipped), (1, 1));
    assert_eq!(account.notes()[1], "1 record passed over: no dialogue with an answer");
}

#[test]
fn what_is_no_dialogue_is_named_by_its_line() {
    check("{", "line 1 column 1");
    check(r#"{"text": "a"}"#, "messages");
    check(r#"{"messages": "a"}"#, "messages: a string");
    check(r#"{"messages": []}"#, "nothing to learn");
    check(r#"{"messages": [{"role": "user", "content": "a"}]}"#, "nothing to learn");
    check(r#"{"messages": [{"role": "assistant", "content": " "}]}"#, "nothing to learn");
    check(r#"{"messages": [{"role": "tool", "content": "a"}]}"#, "messages[0].role");
    check(r#"{"messages": [{"role": "assistant", "content": "a", "weight": 0}]}"#, "weight");
    check(r#"{"messages": [{"role": "assistant", "content": null}]}"#, "messages[0].content");
    let error = corpus(&[], &TOKENIZERS[0], 64, 0.0).unwrap_err().to_string();
    assert!(error.contains("no dialogues"), "{error}");
}

#[test]
fn files_of_dialogues_are_told_from_text() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    assert!(holds_dialogues(&write("b.jsonl", "\n{\"messages\": []}\n{")));
    assert!(holds_dialogues(&write("c.json", "[{\"messages\": [1]}]")));
    assert!(!holds_dialogues(&write("d.jsonl", "{\"text\": \"messages\"}")));
    assert!(!holds_dialogues(&write("e.txt", "{\"messages\": []}")));
    assert!(!holds_dialogues(&write("f.jsonl", "")));
    assert!(!holds_dialogues(&folder.path().join("none")));
}

/// Some dialogues are held out, whole, wherever there are two.
#[test]
fn whole_dialogues_are_held_out() {
    let exchange = |index: usize| line(&[turn(Role::User, "q"), turn(Role::Assistant, &format!("a{index}"))]);
    for (count, fraction, expected) in [(2, 0.05, 1), (10, 0.3, 3), (100, 0.1, 10), (1, 0.5, 0), (9, 0.0, 0)]
    {
        let lines: Vec<String> = (0..count).map(exchange).collect();
        let (corpus, _) = corpus(&lines, &TOKENIZERS[0], 64, fraction).unwrap();
        let [training, validation] = [corpus.training_statistics(), corpus.validation_statistics()];
        assert_eq!(training.documents + validation.documents, count as u64);
        assert!(
            validation.documents.abs_diff(expected) <= 1,
            "{count} at {fraction}: {}",
            validation.documents
        );
        assert!((validation.documents > 0) == (expected > 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Every answer is learned once, in the order of the file, whatever the rows; each sequence begins with a dialogue, and nothing of a
    /// filling counts.
    #[test]
    fn every_answer_is_learned_once(
        sizes in prop::collection::vec(prop::collection::vec(1usize..6, 1..4), 1..12),
        length in 60usize..200,
        which in 0usize..2,
    ) {
        let tokenizer = &TOKENIZERS[which];
        let mut number = 0;
        let mut answers = Vec::new();
        let lines: Vec<String> = sizes
            .iter()
            .map(|sizes| {
                let mut turns = Vec::new();
                for &size in sizes {
                    number += 1;
                    answers.push(format!("no {number}"));
                    turns.push(turn(Role::User, &"x ".repeat(size)));
                    turns.push(turn(Role::Assistant, &format!("no {number}")));
                }
                line(&turns)
            })
            .collect();
        let (corpus, account) = corpus(&lines, tokenizer, length, 0.0).unwrap();
        prop_assert_eq!(account.shortened, 0);
        let got: Vec<String> = learned(&corpus, tokenizer, length)
            .iter()
            .flat_map(|row| row.split('|'))
            .map(|answer| {
                let answer = answer.strip_suffix("</s>").or(answer.strip_suffix("\n\nUser:"));
                answer.unwrap_or("does not end").to_owned()
            })
            .collect();
        prop_assert_eq!(got, answers);
        let sequences = Sequences::new(corpus.training(), length, Order::Shuffled { seed: 1 }).unwrap();
        prop_assert_eq!(sequences.per_epoch(), account.sequences[0]);
        let batch = sequences.sequences(0, sequences.per_epoch() as usize).unwrap();
        let ids = |row: &[i32]| row.iter().map(|&id| id as u32).collect::<Vec<_>>();
        for row in batch.inputs.chunks(length) {
            prop_assert!(tokenizer.decode(&ids(row)).unwrap().starts_with("User:"));
        }
    }
}
