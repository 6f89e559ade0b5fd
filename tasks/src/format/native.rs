//! The Python functions that task files name, in Rust.
//!
//! A function is known by where it comes from: a module of lm-evaluation-harness whose file has a known sha256 and stands
//! beside the task file, the same module by its full name (`lm_eval.tasks.hellaswag.utils.process_docs`, which Python
//! imports from the installed package), or a name under `gopher.`, which is ours alone. No Python runs.

mod bigbench;
mod hellaswag;
mod race;
mod truthfulqa;
mod wikitext;
mod winogrande;

use serde_json::Value;
use sha2::{Digest, Sha256};

pub(super) use truthfulqa::probability_of_truth;
pub(super) use wikitext::original;

/// The result of a function of one document: what is wrong is said without naming the document.
pub(super) type Outcome<T> = Result<T, String>;

/// A `process_docs`: all documents of a split.
pub(super) type OfDocuments = fn(&[Value]) -> Result<Vec<Value>, Fault>;
/// A `doc_to_text`, `doc_to_target` or `doc_to_choice`.
pub(super) type OfDocument = fn(&Value) -> Outcome<Value>;

/// A function of documents that is not Python's any more.
#[derive(Clone, Copy)]
pub(super) enum Function {
    /// `process_docs`: all documents of a split.
    Documents(OfDocuments),
    /// `doc_to_text`, `doc_to_target`, `doc_to_choice`.
    Field(OfDocument),
    /// `process_results`.
    Results(Results),
}

/// What is wrong with which document.
#[derive(Debug)]
pub(super) struct Fault {
    pub document: usize,
    pub problem: String,
}

/// A `process_results`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Results {
    /// Perplexities over the words and bytes of the text before it was detokenised.
    WikiText,
    /// The share of probability that true answers have.
    TruthfulQa,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Documents(_) => "Documents",
            Self::Field(_) => "Field",
            Self::Results(_) => "Results",
        })
    }
}

/// sha256 of the modules' files (lm-evaluation-harness 0.4.13).
const HASHES: &[(&str, &str)] = &[
    ("07d23b60b28f2a4f658dcf8440623a63fe6644854ce9b846a114dde980dc1214", "hellaswag.utils"),
    ("e55327629264a98f1d383fda24645b6779afb53fa0bce2150042b9416b1ae006", "winogrande.preprocess_winogrande"),
    ("15778ab69ca3b96c3d82618500ad59702ff7ea9dbf09e90e4505abc16ac53ad0", "race.preprocess_race"),
    ("a44020374b172159bf5be80a64d2c4194c9d5c77284f696ac666361338c8da7d", "wikitext.preprocess_wikitext"),
    ("d3c827d1e2cd442a1e4738b527a18effd48cbb2aed478c12a652311b5ea4dbc8", "truthfulqa.utils"),
    ("ffe5920d8ee35daa9271be669629b928a76ac82ede88bdb21683c56785efa474", "bigbench.utils"),
];

const FUNCTIONS: &[(&str, &str, Function)] = &[
    ("hellaswag.utils", "process_docs", Function::Documents(hellaswag::process_docs)),
    ("winogrande.preprocess_winogrande", "doc_to_text", Function::Field(winogrande::doc_to_text)),
    ("winogrande.preprocess_winogrande", "doc_to_target", Function::Field(winogrande::doc_to_target)),
    ("winogrande.preprocess_winogrande", "doc_to_choice", Function::Field(winogrande::doc_to_choice)),
    ("race.preprocess_race", "doc_to_text", Function::Field(race::doc_to_text)),
    ("race.preprocess_race", "doc_to_target", Function::Field(race::doc_to_target)),
    ("race.preprocess_race", "doc_to_choice", Function::Field(race::doc_to_choice)),
    ("wikitext.preprocess_wikitext", "wikitext_detokenizer", Function::Field(wikitext::detokenize)),
    ("wikitext.preprocess_wikitext", "process_results", Function::Results(Results::WikiText)),
    ("truthfulqa.utils", "process_results_mc2", Function::Results(Results::TruthfulQa)),
    ("bigbench.utils", "filter_multiple_choice", Function::Documents(bigbench::filter_multiple_choice)),
    ("gopher.race", "every_question", Function::Documents(race::every_question)),
];

/// The function that a task file names `module.function`, given the bytes of the Python file it would come from, if there
/// is one.
pub(super) fn find(name: &str, file: Option<&[u8]>) -> Result<Function, String> {
    let Some((module, function)) = name.rsplit_once('.') else {
        return Err(format!("!function {name} names no module; write it as module.function"));
    };
    let module = match file {
        Some(bytes) => {
            let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            HASHES.iter().find(|(known, _)| *known == hash).map(|(_, module)| *module)
        }
        None => Some(module.strip_prefix("lm_eval.tasks.").unwrap_or(module)),
    };
    let found = module.and_then(|module| {
        FUNCTIONS
            .iter()
            .find(|(known, name, _)| *known == module && *name == function)
            .map(|(_, _, found)| *found)
    });
    found.ok_or_else(|| {
        let what = if file.is_some() { "is Python that this program does not know" } else { "is not known" };
        format!(
            "!function {name} {what}, and no Python is run; known are {} of lm_eval 0.4.13 and gopher.*; write it as a template \
             instead",
            "hellaswag, winogrande, race, wikitext, truthfulqa (mc1, mc2), bigbench"
        )
    })
}

/// Applies a function of one document to each.
fn each(documents: &[Value], function: impl Fn(&Value) -> Outcome<Value>) -> Result<Vec<Value>, Fault> {
    let one = |(document, fields)| function(fields).map_err(|problem| Fault { document, problem });
    documents.iter().enumerate().map(one).collect()
}

/// A field that must be there.
fn field<'a>(document: &'a Value, name: &str) -> Outcome<&'a Value> {
    let names = || super::template::field_names(document);
    document.get(name).ok_or_else(|| format!("no field '{name}'; this one has {}", names()))
}

/// A field that must be text.
fn text<'a>(document: &'a Value, name: &str) -> Outcome<&'a str> {
    field(document, name)?.as_str().ok_or_else(|| format!("field '{name}' is not text"))
}

/// A field that must be a list of texts.
fn texts(document: &Value, name: &str) -> Outcome<Vec<String>> {
    let problem = || format!("field '{name}' is not a list of texts");
    let values = field(document, name)?.as_array().ok_or_else(problem)?;
    values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(problem)).collect()
}

/// A document with more fields, or others.
fn with(document: &Value, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut all = document.as_object().cloned().unwrap_or_default();
    for (name, value) in fields {
        all.insert(name.to_owned(), value);
    }
    Value::Object(all)
}
