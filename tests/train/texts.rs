//! What is said of the text: what is passed over, what is skipped, and that it is not kept in the cache.

use std::fs;

use crate::place::{Place, TEXT, stderr};

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

/// What docs/data.md says is warned of: files that are trained on, and were hardly meant to be.
#[test]
fn a_file_that_is_hardly_text_is_named_in_a_warning() {
    let Some(place) = Place::new() else { return };
    fs::create_dir(place.path("books")).unwrap();
    fs::rename(place.path("text.txt"), place.path("books/good.txt")).unwrap();
    let utf16 = "50% of its bytes are zero, as in UTF-16 without a byte order mark; convert it to UTF-8";
    let words: Vec<u16> = TEXT.encode_utf16().collect();
    let escaped = serde_json::json!({ "text": TEXT.chars().flat_map(|c| [c, '\0']).collect::<String>() });
    let hole = [TEXT.as_bytes(), &[0; 4096], TEXT.as_bytes()].concat();
    let program = b"\x7FELF\x02\x01\x01\x03\xE8\xFF\x90\xC3".repeat(40);
    // In the order of their names, which is that of the warnings.
    let files: [(&str, Vec<u8>, &str); 7] = [
        ("big-endian.md", words.iter().flat_map(|word| word.to_be_bytes()).collect(), utf16),
        ("commands.txt", b"\x01\x02text\x03\x04\x05".repeat(9), "55% of its bytes are control characters"),
        ("escaped.jsonl", escaped.to_string().into(), utf16),
        ("hole.txt", hole, "it has 4096 zero bytes in a row"),
        ("little-endian.txt", words.iter().flat_map(|word| word.to_le_bytes()).collect(), utf16),
        ("program.txt", program, "25% of its bytes are control characters"),
        ("zeros.txt", vec![0; 5000], "it has 5000 zero bytes in a row"),
    ];
    for (name, bytes, _) in &files {
        place.write(&format!("books/{name}"), bytes);
    }
    let warnings = |arguments: &[&str]| -> Vec<String> {
        let output = place.train(&[&["--steps", "1", "--data", "books"], arguments].concat());
        let said = stderr(&output).replace(&format!("{}/", place.folder.path().display()), "");
        assert!(output.status.success(), "{said}");
        let about_text = said.lines().filter(|line| line.contains(" is trained on as it is, but "));
        about_text.map(str::to_owned).collect()
    };
    // A training, and a look at one, which has the tokens from the cache.
    let replace = ["--run", "a", "--set", "data.invalid_utf8=replace"];
    for more in [&[][..], &["--dry-run"]] {
        let said = warnings(&[&replace[..], more].concat());
        assert_eq!(said.len(), files.len(), "{said:#?}");
        for (line, (name, _, detail)) in said.iter().zip(&files) {
            let expected = format!("warning: books/{name} is trained on as it is, but {detail}");
            assert!(line.starts_with(&expected), "{expected:?} is not in: {said:#?}");
        }
    }
    // What is not UTF-8 is refused, unless it is to be replaced.
    let refused = ["books/program.txt: invalid UTF-8 at byte 8"];
    place.check_error(&["--run", "b", "--steps", "1", "--data", "books"], 1, &refused);
    // Of good text nothing is said.
    for (name, ..) in files {
        fs::remove_file(place.path("books").join(name)).unwrap();
    }
    assert_eq!(warnings(&["--dry-run"]), [""; 0]);
}

#[test]
fn a_cache_that_cannot_be_written_is_said() {
    let Some(place) = Place::new() else { return };
    fs::remove_dir_all(place.cache()).unwrap();
    fs::write(place.cache(), "a file where a folder should be").unwrap();
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
