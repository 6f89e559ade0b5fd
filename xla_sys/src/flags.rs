//! The variable `XLA_FLAGS`: flags, or the name of a file of flags.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The variable.
pub const XLA_FLAGS: &str = "XLA_FLAGS";

/// What XLA passes over between flags.
const BLANKS: [u8; 4] = *b" \t\r\n";

/// Flags that XLA would read from a value of the variable. XLA takes a value that does not begin with a dash for the name of
/// a file, whose text they are.
///
/// # Errors
/// When there is such a file's name and the file cannot be read; what XLA does then is to end the process.
pub fn given(value: &OsStr) -> Result<OsString, String> {
    if value.is_empty() || are_flags(value) {
        return Ok(value.to_owned());
    }
    let text = inputs::read(Path::new(value)).map_err(|error| {
        format!(
            "{XLA_FLAGS}={}: it does not begin with a dash, and so names a file of flags: {error}",
            value.display()
        )
    })?;
    Ok(OsString::from_vec(text))
}

/// A value of the variable with more flags, where flags that are given hold over those added. `None` if all are given.
///
/// # Errors
/// As [`given`].
pub fn with(value: &OsStr, added: &[OsString]) -> Result<Option<OsString>, String> {
    let given = given(value)?;
    let text = given.to_string_lossy();
    let name = |flag: &OsString| flag.to_string_lossy().split('=').next().unwrap_or_default().to_owned();
    let missing: Vec<&OsString> = added.iter().filter(|flag| !text.contains(&name(flag))).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    // XLA reads a file to the first word that is no flag: what comes after it would be lost.
    let first: &[&OsString] = if are_flags(value) { &[&given] } else { &[] };
    let last: &[&OsString] = if are_flags(value) || !are_flags(&given) { &[] } else { &[&given] };
    let all = first.iter().chain(&missing).chain(last);
    let all: Vec<&[u8]> = all.map(|flags| flags.as_bytes().trim_ascii_end()).collect();
    Ok(Some(OsString::from_vec(all.join(&b' '))))
}

/// Whether a text is flags, and not a file's name.
fn are_flags(text: &OsStr) -> bool {
    text.as_bytes().iter().find(|byte| !BLANKS.contains(byte)) == Some(&b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        let added = ["--a=1".into(), "--b=2".into()];
        assert_eq!(with(OsStr::new(value), &added).unwrap().as_deref(), expected.map(OsStr::new));
    }

    #[test]
    fn flags_are_added_to_those_given() {
        check("", Some("--a=1 --b=2"));
        check("--c=3", Some("--c=3 --a=1 --b=2"));
        check(" --b=5 ", Some(" --b=5 --a=1"));
        check("--a=0 --b=5", None);
    }

    /// Ours come first: the file's hold over them, and whatever ends the file's flags does not end ours.
    #[test]
    fn a_file_s_flags_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flags.txt");
        let name = file.to_str().unwrap();
        for (text, expected) in [
            ("--c=3\n--d=\"x y\"\n", Some("--a=1 --b=2 --c=3\n--d=\"x y\"")),
            ("\n --b=7 word", Some("--a=1 \n --b=7 word")),
            ("--a=7 --b=8", None),
            ("", Some("--a=1 --b=2")),
            ("no flags", Some("--a=1 --b=2")),
        ] {
            std::fs::write(&file, text).unwrap();
            check(name, expected);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = given(OsStr::new("/no/such/flags.txt")).unwrap_err();
        assert!(error.starts_with("XLA_FLAGS=/no/such/flags.txt: "), "{error}");
        assert!(error.contains("names a file of flags: No such file"), "{error}");
        assert_eq!(given(OsStr::new("")).unwrap(), "");
    }
}
