//! What is said of the text: what is passed over, what is skipped, and that it is not kept in the cache.

use std::fs;

use crate::place::{Place, stderr};

#[test]
fn what_is_passed_over_is_said_and_bad_records_are_skipped_if_asked() {
    let Some(place) = Place::new() else { return };
    fs::create_dir(place.path("books")).unwrap();
    fs::rename(place.path("text.txt"), place.path("books/text.txt")).unwrap();
    place.write("books/.draft.txt", "hidden");
    place.write("books/table.csv", "a,b\n");
    place.write("books/web.jsonl", "{\"text\": \"a line\", \"score\": NaN}\n{\"text\": null}\n");
    let books = ["--data", "books", "--steps", "1", "--run", "a"];
    place.check_error(
        &books,
        1,
        &["books/web.jsonl:2: field \"text\" is not a string but null", "--set data.bad_records=skip"],
    );
    let output = place.train(&[&books[..], &["--set", "data.bad_records=skip"]].concat());
    let said = stderr(&output).replace(&format!("{}/", place.folder.path().display()), "");
    assert!(output.status.success(), "{said}");
    for note in [
        "passing over 1 file of another kind: books/table.csv",
        "passing over 1 hidden entry: books/.draft.txt",
        "passed over 1 bad record: books/web.jsonl:2: field",
    ] {
        assert!(said.contains(note), "{note}: {said}");
    }
    // Whether records are skipped decides the text, and must not change while the run goes on.
    let changed = ["--run", "a", "--data", "books", "--steps", "2", "--set", "data.bad_records=error"];
    place.check_error(&changed, 1, &["data.bad_records"]);
}

#[test]
fn a_cache_that_cannot_be_written_is_said() {
    let Some(place) = Place::new() else { return };
    place.write("cache", "a file where a folder should be");
    let output = place.train(&["--steps", "1", "--run", "a"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("the tokens are not kept in the cache"), "{}", stderr(&output));
}

/// A preset brings the steps of hundreds of billions of tokens, also where the text is a book.
#[test]
fn a_run_that_goes_through_its_text_very_often_is_warned_of_before_it_begins() {
    let Some(place) = Place::new() else { return };
    let said = |steps: &str| {
        let output = place.train(&["--steps", steps, "--dry-run"]);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output).lines().find(|line| line.contains("go through the text")).map(str::to_owned)
    };
    assert_eq!(said("20"), None);
    let line = said("1000000").unwrap();
    assert!(line.starts_with("warning: 1000000 steps") && line.contains("; --steps "), "{line}");
}
