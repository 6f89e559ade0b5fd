//! What the documentation lists is what there is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Keys of the quick start's configuration, which has all of them, with their values as they are written.
fn keys() -> BTreeMap<String, String> {
    let mut keys = BTreeMap::new();
    let mut section = String::new();
    for line in configuration::QUICK_START.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned() + ".";
        } else if let Some((key, value)) = line.split_once(" = ") {
            keys.insert(format!("{section}{key}"), value.to_owned());
        }
    }
    keys
}

#[test]
fn the_table_of_keys_has_every_key_with_its_default() {
    let text = read("docs/configuration.md");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let key = cells.next()?.trim_end_matches('`');
        Some((key.to_owned(), cells.next()?.trim_matches('`').to_owned()))
    });
    // The environment's variables are in another table.
    let documented: BTreeMap<_, _> = rows.filter(|(key, _)| !key.starts_with("GOPHER_")).collect();
    assert_eq!(documented, keys());
}

/// The program on the page of libraries is the one that is compiled and run.
#[test]
fn the_page_of_libraries_has_the_program_that_runs() {
    let page = read("docs/library.md");
    let program = page.split("```rust\n").nth(1).and_then(|rest| rest.split("```\n").next());
    assert_eq!(program, Some(read("runtime/examples/library.rs").as_str()));
}

/// Relative links of the documentation lead to files.
#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("README.md"), root.join("ARCHITECTURE.md"), root.join("CHANGELOG.md")];
    let folder = fs::read_dir(root.join("docs")).expect("a folder of documentation");
    documents.extend(folder.map(|entry| entry.expect("an entry").path()));
    let mut links = 0;
    for document in
        documents.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    {
        let text = fs::read_to_string(document).expect("a readable document");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !target.is_empty() && !target.contains("://") {
                let path = document.parent().expect("a folder").join(target);
                assert!(path.exists(), "{}: no {target}", document.display());
                links += 1;
            }
        }
    }
    assert!(links > 5, "only {links} links: the search is broken");
}

/// The rows of the summary of a training, and what they are called in its object.
#[test]
fn the_table_of_the_summary_has_every_row() {
    let page = read("docs/run-directory.md");
    let table = page.split("\n## The summary\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let fields = read("train/src/run/summary.rs");
    let fields =
        fields.split("pub struct Summary {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let mut lines = fields.lines().peekable();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let skipped = line.trim() == "#[serde(skip)]";
        if skipped {
            lines.next();
        } else if let Some((name, _)) = line.trim().strip_prefix("pub ").and_then(|rest| rest.split_once(':'))
        {
            assert!(table.contains(&format!("`{name}`")), "no {name} in docs/run-directory.md");
            count += 1;
        }
    }
    assert!(count > 15, "only {count} fields: the search is broken");
    let readme = read("README.md");
    let rows = readme
        .lines()
        .skip_while(|line| !line.starts_with("steps  "))
        .take_while(|line| !line.starts_with("run dir"));
    for row in rows {
        let title = row.split("  ").next().unwrap();
        let title = title.split(", ").next().unwrap();
        assert!(table.contains(title), "no row {title:?} in docs/run-directory.md");
    }
}
