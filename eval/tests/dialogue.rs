//! Dialogues as texts and as tokens that fit a window, with every kind of tokenizer.

#[path = "../../data/tests/small_bpe/mod.rs"]
mod small_bpe;

use std::sync::LazyLock;

use data::tokenizer::PreTokenizer;
use data::{Document, Tokenizer, TokenizerConfig};
use eval::dialogue::{self, Answer, AnswerStream, DialoguePrompt, Fitted, Role, Turn};
use graph::testing::size;
use proptest::prelude::*;

fn sentencepiece(remove_extra_whitespaces: bool) -> Tokenizer {
    let config =
        TokenizerConfig { vocabulary_size: 320, remove_extra_whitespaces, ..TokenizerConfig::default() };
    let text = dialogue::text(&DialoguePrompt::gopher(), &[]);
    Tokenizer::train([Ok(Document { name: "text".into(), text })], &config).unwrap()
}

fn byte_level(pre_tokenizer: PreTokenizer) -> Tokenizer {
    Tokenizer::from_byte_level(small_bpe::model(pre_tokenizer), "small").unwrap()
}

/// Tokenizers whose texts are those that were encoded.
static TOKENIZERS: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| {
    let byte_level = [PreTokenizer::Gpt2, PreTokenizer::Smollm, PreTokenizer::Llama3].map(byte_level);
    [sentencepiece(false)].into_iter().chain(byte_level).collect()
});

fn user(content: &str) -> Turn {
    Turn::new(Role::User, content)
}

fn gopher(content: &str) -> Turn {
    Turn::new(Role::Assistant, content)
}

fn system(content: &str) -> Turn {
    Turn::new(Role::System, content)
}

const PROMPT: &str = "Two talk.\n\nUser: A?\n\nGopher: B.\n";

#[track_caller]
fn check(prompt: &str, turns: &[Turn], expected: &str) {
    assert_eq!(dialogue::text(&DialoguePrompt::from_text(prompt), turns), expected);
}

#[test]
fn turns_follow_the_prompt() {
    let dialogue = [user(" C? \n"), gopher("D."), user("E\nF?")];
    check(
        PROMPT,
        &dialogue,
        "Two talk.\n\nUser: A?\n\nGopher: B.\n\nUser: C?\n\nGopher: D.\n\nUser: E\nF?\n\nGopher:",
    );
    check("", &dialogue[..1], "User: C?\n\nGopher:");
    check(PROMPT, &[], "Two talk.\n\nUser: A?\n\nGopher: B.\n\nGopher:");
    check("", &[], "Gopher:");
    check("\n Alone \n", &[user("")], "Alone\n\nUser:\n\nGopher:");
}

/// What the system says is the introduction; the exchanges stay.
#[test]
fn system_messages_take_the_introductions_place() {
    check(
        PROMPT,
        &[system("Be brief."), user("C?")],
        "Be brief.\n\nUser: A?\n\nGopher: B.\n\nUser: C?\n\nGopher:",
    );
    check(
        PROMPT,
        &[system("Be brief."), user("C?"), system(" Be kind. ")],
        "Be brief.\n\nBe kind.\n\nUser: A?\n\nGopher: B.\n\nUser: C?\n\nGopher:",
    );
    check(PROMPT, &[system(" "), user("C?")], "User: A?\n\nGopher: B.\n\nUser: C?\n\nGopher:");
    check("", &[system("Be brief."), user("C?")], "Be brief.\n\nUser: C?\n\nGopher:");
}

/// The prompt that comes with the program has the paper's structure.
#[test]
fn the_prompt_introduces_gopher_and_shows_exchanges() {
    let text = dialogue::text(&DialoguePrompt::gopher(), &[]);
    let parts: Vec<&str> = text.strip_suffix("\n\nGopher:").unwrap().split("\n\n").collect();
    assert!(parts[0].starts_with("This is a conversation"));
    for pair in parts[1..].chunks(2) {
        assert!(pair[0].starts_with("User: ") && pair[1].starts_with("Gopher: "), "{pair:?}");
    }
    assert!(parts.len() >= 9 && parts.len() % 2 == 1);
}

#[test]
fn turns_are_read_as_chat_apis_write_them() {
    let read = |text: &str| serde_json::from_str::<Turn>(text);
    assert_eq!(read(r#"{"role": "user", "content": "Hi"}"#).unwrap(), user("Hi"));
    assert_eq!(read(r#"{"role": "developer", "content": "Hi"}"#).unwrap(), system("Hi"));
    assert_eq!(serde_json::to_string(&gopher("é")).unwrap(), r#"{"role":"assistant","content":"é"}"#);
    assert!(read(r#"{"role": "tool", "content": "Hi"}"#).is_err());
    assert!(read(r#"{"role": "user", "content": "Hi", "name": "x"}"#).is_err());
    assert!(read(r#"{"role": "user", "content": [{"type": "text", "text": "Hi"}]}"#).is_err());
}

#[test]
fn what_is_always_there_may_not_fit() {
    let tokenizer = &TOKENIZERS[0];
    let prompt = DialoguePrompt::from_text(PROMPT);
    let turns = [user("one"), gopher("two"), user("three four")];
    let fit = |turns: &[Turn], window| dialogue::fit(&prompt, turns, tokenizer, None, window, 8);
    let newest = fit(&turns[2..], 1000).unwrap().tokens;
    assert_eq!(fit(&turns, newest.len() + 8).unwrap(), Fitted { tokens: newest.clone(), left_out: 2 });
    let error = fit(&turns, newest.len() + 7).unwrap_err().to_string();
    let expected = format!(
        "the prompt and the newest turn are {} tokens long, 8 more are kept for the answer, and the window holds {}: shorten the \
         turn or the prompt, or widen the window to {} or more",
        newest.len(),
        newest.len() + 7,
        newest.len() + 8
    );
    assert_eq!(error, expected);
    // No sum of the two overflows.
    assert!(dialogue::fit(&prompt, &turns, tokenizer, None, usize::MAX, usize::MAX).is_err());
}

#[test]
fn an_answer_ends_where_the_next_turn_begins() {
    let lines = ["\nUser:", "\nGopher:"];
    assert!(TOKENIZERS.iter().all(|tokenizer| dialogue::stop_strings(tokenizer) == lines));
    let spaces = sentencepiece(true);
    let has_lines = spaces.decode(&spaces.encode("a\nb")).unwrap().contains('\n');
    assert_eq!(dialogue::stop_strings(&spaces)[0], if has_lines { "\nUser:" } else { " User:" });
    let answer = |pieces: &[&str]| {
        let mut stream = AnswerStream::new(lines);
        let mut text: Vec<String> = pieces.iter().map(|piece| stream.push(piece)).collect();
        let is_over = stream.is_over();
        text.push(stream.finish());
        (text.concat(), is_over)
    };
    assert_eq!(answer(&[" ", " Eight", ".\n", "\nUs", "er: and"]), ("Eight.".into(), true));
    assert_eq!(answer(&["\n a  b", " \n", "c \n\n"]), ("a  b \nc".into(), false));
    assert_eq!(answer(&["\nUser", "s:", "\nGopher:"]), ("Users:".into(), true));
    assert_eq!(answer(&["\n\nUser:"]), (String::new(), true));
}

/// Texts of parts that matter to dialogues, and any characters.
fn texts() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "the",
            " the",
            "\n",
            "\n\n",
            "User:",
            "\nGopher:",
            "é",
            "<|end|>",
            "<|end",
            "</s>",
            "👩‍🚀",
            "12"
        ])
        .prop_map(String::from),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let role =
        prop::sample::select(vec![Role::User, Role::Assistant, Role::User, Role::Assistant, Role::System]);
    prop::collection::vec((role, texts()).prop_map(|(role, text)| Turn::new(role, text)), 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, ..ProptestConfig::with_cases(size::cases(48, 1024))
    })]

    /// It fits; the prompt, system messages and the newest turns are there; one exchange more would not fit.
    #[test]
    fn as_many_of_the_newest_turns_as_fit(
        turns in turns(),
        prompt in prop::sample::select(vec!["", PROMPT, "Two talk."]),
        which in 0usize..4,
        begins in any::<bool>(),
        window in 1usize..260,
        answer in 1usize..40,
    ) {
        let tokenizer = &TOKENIZERS[which];
        let prompt = DialoguePrompt::from_text(prompt);
        let begin = Some(1).filter(|_| begins);
        let system: Vec<Turn> = turns.iter().filter(|turn| turn.role == Role::System).cloned().collect();
        let spoken: Vec<Turn> = turns.iter().filter(|turn| turn.role != Role::System).cloned().collect();
        let tokens = |first: usize| {
            let text = dialogue::text(&prompt, &[&system[..], &spoken[first..]].concat());
            let tokens = tokenizer.encode_text(&text);
            begin.into_iter().chain(tokens).collect::<Vec<u32>>()
        };
        let starts: Vec<usize> = (0..spoken.len())
            .filter(|&index| index == 0 || spoken[index].role == Role::User)
            .chain([0].into_iter().filter(|_| spoken.is_empty()))
            .collect();
        match dialogue::fit(&prompt, &turns, tokenizer, begin, window, answer) {
            Ok(Fitted { tokens: got, left_out }) => {
                prop_assert!(got.len() + answer <= window);
                prop_assert!(starts.contains(&left_out));
                prop_assert_eq!(got, tokens(left_out));
                if let Some(before) = starts.iter().rposition(|&start| start < left_out) {
                    prop_assert!(tokens(starts[before]).len() + answer > window);
                }
            }
            Err(error) => {
                let newest = spoken.iter().rposition(|turn| turn.role == Role::User).unwrap_or(0);
                prop_assert!(tokens(newest).len() + answer > window, "{}", error);
            }
        }
    }

    /// What the tokens say is the text; no mark in a message is one.
    #[test]
    fn tokens_are_those_of_the_text(turns in turns(), which in 1usize..4) {
        let tokenizer = &TOKENIZERS[which];
        let prompt = DialoguePrompt::from_text(PROMPT);
        let fitted = dialogue::fit(&prompt, &turns, tokenizer, None, 1 << 20, 1).unwrap();
        prop_assert_eq!(tokenizer.decode(&fitted.tokens).unwrap(), dialogue::text(&prompt, &turns));
        prop_assert!(!fitted.tokens.iter().any(|token| [0, 2].contains(token)));
    }

    /// Each answer after what was said before it, as many turns of it as fit; what is read is the text.
    #[test]
    fn answers_are_scored_after_what_was_said(turns in turns(), which in 0usize..4, window in 20usize..400) {
        let tokenizer = &TOKENIZERS[which];
        let prompt = DialoguePrompt::from_text(PROMPT);
        let rows = dialogue::answers(&prompt, &turns, tokenizer, Some(1), window).unwrap();
        let is_answer = |turn: &Turn| turn.role == Role::Assistant && !turn.content.trim().is_empty();
        let places: Vec<usize> = (0..turns.len()).filter(|&index| is_answer(&turns[index])).collect();
        prop_assert_eq!(rows.len(), places.len());
        for (answer, place) in rows.into_iter().zip(places) {
            let Some(Answer { row, left_out, bytes }) = answer else {
                prop_assert!(window < 400 || turns.iter().any(|turn| turn.content.len() > 30));
                continue;
            };
            let (system, spoken): (Vec<Turn>, Vec<Turn>) =
                turns[..place].iter().cloned().partition(|turn| turn.role == Role::System);
            let content = turns[place].content.trim();
            let text = dialogue::text(&prompt, &[&system[..], &spoken[left_out..]].concat());
            let whole = tokenizer.encode_text(&format!("{text} {content}"));
            prop_assert_eq!(&[&row.context[..], &row.continuation].concat()[1..], &whole);
            prop_assert_eq!(row.context[0], 1);
            prop_assert_eq!(&row.context[1..], tokenizer.encode_text(&text));
            prop_assert!(row.context.len() + row.continuation.len() <= window);
            prop_assert_eq!(bytes, content.len());
        }
    }

    /// An answer does not depend on how its text was cut, is the beginning of what was written, and never has a stop string.
    #[test]
    fn an_answer_does_not_depend_on_its_pieces(
        text in texts(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let stops = ["\nUser:", "\nGopher:"];
        let answer = |places: &[usize]| {
            let mut stream = AnswerStream::new(stops);
            let mut answer = String::new();
            for pair in places.windows(2) {
                answer.push_str(&stream.push(&text[pair[0]..pair[1]]));
            }
            answer + &stream.finish()
        };
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.retain(|&place| text.is_char_boundary(place));
        places.extend([0, text.len()]);
        places.sort_unstable();
        let end = stops.iter().filter_map(|stop| text.find(stop)).min().unwrap_or(text.len());
        prop_assert_eq!(answer(&places), text[..end].trim());
        prop_assert_eq!(answer(&[0, text.len()]), text[..end].trim());
    }
}
