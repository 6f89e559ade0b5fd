//! The ledger of an analysis: a file with a line for each question that is answered.
//!
//! Lines are added as answers come, in any order, so that an analysis that was interrupted goes on where it was. At the end the
//! file is written anew in the order of the questions' names: whether and where the work was interrupted leaves no trace in it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::question::{Answer, Answers, Question};
use crate::{Error, Result};

/// A line: a question by name, what was asked of what by its hash, and the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    id: String,
    hash: String,
    answer: Answer,
}

/// A file of answers.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    /// What all answers depend on beside their questions: the model and how it is asked.
    settings: String,
    lines: BTreeMap<String, Line>,
    /// Bytes that were cut off the end of the file.
    cut: u64,
}

impl Ledger {
    /// Opens the file, or makes it and its folder. `settings` is what answers depend on beside their questions: answers under
    /// other settings do not count.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Ledger`] for a file that is something else.
    pub fn open(path: &Path, settings: &str) -> Result<Self> {
        let io = |source| Error::Io { path: path.into(), source };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(io)?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).map_err(io)?;
        // The last line may have been under way when the program was stopped.
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut lines = BTreeMap::new();
        for (number, line) in bytes[..whole].split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(line).map_err(|error| Error::Ledger {
                path: path.into(),
                line: number + 1,
                detail: error.to_string(),
            })?;
            lines.insert(line.id.clone(), line);
        }
        if whole == 0 && bytes.len() > LONGEST_START {
            let detail = "no line ends in its beginning".to_owned();
            return Err(Error::Ledger { path: path.into(), line: 1, detail });
        }
        file.set_len(whole as u64).map_err(io)?;
        let cut = (bytes.len() - whole) as u64;
        Ok(Self { path: path.into(), file, settings: settings.to_owned(), lines, cut })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of a line that was being written when the program was stopped, which are gone.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// The answer to a question, if there is one.
    pub fn find(&self, question: &Question) -> Option<&Answer> {
        let line = self.lines.get(&question.id)?;
        (line.hash == self.hash(question)).then_some(&line.answer)
    }

    /// Writes an answer down.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn add(&mut self, question: &Question, answer: Answer) -> Result<()> {
        let line = Line { id: question.id.clone(), hash: self.hash(question), answer };
        let text = json(&line) + "\n";
        self.file
            .write_all(text.as_bytes())
            .map_err(|source| Error::Io { path: self.path.clone(), source })?;
        self.lines.insert(line.id.clone(), line);
        Ok(())
    }

    /// Writes the file anew, in order, and gives the answers to these questions.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn conclude(&self, questions: &[Question]) -> Result<Answers> {
        let io = |source| Error::Io { path: self.path.clone(), source };
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(folder).map_err(io)?;
        let mut writer = BufWriter::new(file);
        for line in self.lines.values() {
            writer.write_all(json(line).as_bytes()).map_err(io)?;
            writer.write_all(b"\n").map_err(io)?;
        }
        let file = writer.into_inner().map_err(|error| io(error.into_error()))?;
        file.as_file().sync_all().map_err(io)?;
        file.persist(&self.path).map_err(|error| io(error.error))?;
        let found = |question: &Question| Some((question.id.clone(), self.find(question)?.clone()));
        Ok(questions.iter().filter_map(found).collect())
    }

    fn hash(&self, question: &Question) -> String {
        let mut digest = Sha256::new();
        digest.update(self.settings.as_bytes());
        digest.update([0]);
        digest.update(json(&question.ask).as_bytes());
        digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Bytes after which a file of lines has one.
const LONGEST_START: usize = 64 << 20;

/// What has no maps with keys that are no strings is always JSON.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::question::{Ask, Scored};

    fn question(id: &str, text: &str) -> Question {
        Question { id: id.into(), ask: Ask::Text(text.into()) }
    }

    fn answer(log_probability: f64) -> Answer {
        Answer::Scored(vec![Scored { log_probability, tokens: 3 }])
    }

    #[test]
    fn interruption_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.jsonl");
        let questions = [question("x/1", "one"), question("x/2", "two"), question("x/3", "three")];
        let answers = [answer(-0.1), answer(-1.0 / 3.0), answer(f64::MIN_POSITIVE)];
        let mut ledger = Ledger::open(&path, "model").unwrap();
        for at in [2, 0, 1] {
            ledger.add(&questions[at], answers[at].clone()).unwrap();
        }
        let all = ledger.conclude(&questions).unwrap();
        let straight = fs::read(&path).unwrap();
        assert_eq!(all["x/2"], answers[1]);

        // Stopped in the middle of the second line.
        fs::remove_file(&path).unwrap();
        let mut ledger = Ledger::open(&path, "model").unwrap();
        ledger.add(&questions[1], answers[1].clone()).unwrap();
        drop(ledger);
        let mut torn = fs::read(&path).unwrap();
        torn.extend(b"{\"id\":\"x/3\",\"ha");
        fs::write(&path, &torn).unwrap();
        let mut ledger = Ledger::open(&path, "model").unwrap();
        assert_eq!(ledger.cut(), 15);
        assert_eq!(ledger.find(&questions[1]), Some(&answers[1]));
        assert_eq!(ledger.find(&questions[2]), None);
        for at in [0, 2] {
            ledger.add(&questions[at], answers[at].clone()).unwrap();
        }
        ledger.conclude(&questions).unwrap();
        assert_eq!(fs::read(&path).unwrap(), straight);
    }

    #[test]
    fn other_questions_and_models_have_other_answers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.jsonl");
        let mut ledger = Ledger::open(&path, "model").unwrap();
        ledger.add(&question("x", "one"), answer(-1.0)).unwrap();
        assert_eq!(ledger.find(&question("x", "other")), None);
        assert!(Ledger::open(&path, "model").unwrap().find(&question("x", "one")).is_some());
        assert_eq!(Ledger::open(&path, "other model").unwrap().find(&question("x", "one")), None);
        fs::write(&path, "not a ledger\n").unwrap();
        let error = Ledger::open(&path, "model").unwrap_err().to_string();
        assert!(error.contains("b.jsonl: line 1 is no answer of an analysis"), "{error}");
    }
}
