//! A run that is named and is not there: a new one, or a slip of the finger.

use std::fs;
use std::path::Path;

use store::run_directory::RunDirectory;

/// What is to be said where `folder` holds no run, with the run beside it that may be meant.
pub fn note(folder: &Path) -> Option<String> {
    if RunDirectory::holds_run(folder) {
        return None;
    }
    let meant = meant(folder).map(|name| folder.with_file_name(name).display().to_string());
    let meant = meant.map(|path| format!("; if {path} is meant, stop and name that")).unwrap_or_default();
    Some(format!("no run in {}: a new one begins there{meant}", folder.display()))
}

/// The run beside a folder whose name, or the beginning of it, is nearest, if it is near.
fn meant(folder: &Path) -> Option<String> {
    let wanted = folder.file_name()?.to_str()?;
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(parent).ok()?.filter_map(Result::ok);
    let runs = entries.filter(|entry| RunDirectory::holds_run(&entry.path()));
    let names = runs.filter_map(|run| run.file_name().into_string().ok());
    // Of a short name, two letters are much.
    let most = (wanted.chars().count() / 4).min(2);
    let near = names.map(|name| (distance(wanted, &name), name));
    near.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// Letters that are to be put in, left out or replaced to make `wanted` the beginning of `name`.
fn distance(wanted: &str, name: &str) -> usize {
    let name: Vec<char> = name.chars().collect();
    let mut row: Vec<usize> = (0..=name.len()).collect();
    for (index, letter) in wanted.chars().enumerate() {
        let mut before = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in name.iter().enumerate() {
            let replaced = before + usize::from(letter != *other);
            before = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(before + 1);
        }
    }
    row.into_iter().min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_up_to_the_end_of_what_was_typed() {
        let date = "quick-start-20261125-215934";
        let pairs = [(date, 0), ("quick-start", 0), ("qiuck-start", 2), ("quikc", 1)];
        for (wanted, expected) in pairs {
            assert_eq!(distance(wanted, date), expected, "{wanted}");
        }
        assert_eq!((distance("", "a"), distance("a", "")), (0, 1));
    }
}
