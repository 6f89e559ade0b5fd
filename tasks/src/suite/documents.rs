//! A task's documents, in the fields of lm-evaluation-harness's task files.

use crate::ask::one_line;
use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::adapt::Adapter;
use super::locate::{Located, Presence};
use super::{Entry, Folders, Split, Way};
use crate::read;

/// Why a task has no documents, as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be read.
    #[error(transparent)]
    Read(#[from] read::Error),
    /// A record that is not as its distribution has it.
    #[error("{}: record {record}: {}", .path.display(), one_line(.problem))]
    Record {
        /// The file.
        path: PathBuf,
        /// Which one, from 0.
        record: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that is not as its distribution has it.
    #[error("{}: {}", .path.display(), one_line(.problem))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file whose texts have no room among the temporary files.
    #[error(
        "{}: its texts cannot be put into a temporary file: {source}; TMPDIR names the folder for these",
        .path.display()
    )]
    Temporary {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that several tasks share, and that could not be read before.
    #[error("{0}")]
    Before(String),
    /// A task file that its documents do not fit.
    #[error(transparent)]
    Task(#[from] crate::format::Error),
    /// A folder that cannot be searched.
    #[error("{}: {}", .path.display(), one_line(.detail))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// No file of the task.
    #[error("no data of the task {task}: {}", way_out(.task))]
    Absent {
        /// The task's name.
        task: String,
    },
}

/// How to get the data of a task.
fn way_out(task: &str) -> String {
    let Some(origin) = super::entry(task).map(|task| task.origin) else {
        return "name its folder with --data".into();
    };
    match origin.way {
        Way::Fetch => "run `gopher eval fetch`, or name a folder that has it with --data".into(),
        Way::Sdist => format!("{} from {}, with --bigbench PATH or --data DIR", origin.files, origin.place),
        Way::ByHand => {
            format!("put {} ({}) into a folder and name it with --data", origin.files, origin.place)
        }
        Way::Nowhere => format!("it is {}", origin.place),
    }
}

/// A task's documents.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Those that are asked.
    pub asked: Vec<Value>,
    /// Those that stand before them as shots. Empty if they are to be taken from `asked`, never a document for itself.
    pub shots: Vec<Value>,
    /// Files of `asked`.
    pub files: Vec<PathBuf>,
    /// Files of `shots`.
    pub shot_files: Vec<PathBuf>,
    /// How many documents there are; more than `asked` has only where not all were read.
    pub total: usize,
    /// Whether this is the whole data set.
    pub presence: Presence,
    /// Documents of `asked` that have stood there before, field by field.
    pub repeated: usize,
    /// Documents of `shots` that are among `asked`: none may stand before itself.
    pub shots_asked: usize,
}

impl Entry {
    /// Reads the task's documents from the folders.
    ///
    /// # Errors
    /// No file of the task, and files that cannot be read or are not as their distribution has them.
    pub fn documents(&self, folders: &Folders) -> Result<Documents, Error> {
        self.first_documents(folders, None)
    }

    /// As [`Entry::documents`]; of the Pile, only the first `limit` texts of the set.
    pub(super) fn first_documents(
        &self,
        folders: &Folders,
        limit: Option<usize>,
    ) -> Result<Documents, Error> {
        let Some(located) = self.located(Split::Asked, folders) else {
            return Err(Error::Absent { task: self.name.clone() });
        };
        let (asked, total) = match located.source.adapter {
            Adapter::Pile => {
                let divided = folders.divided.of(&located.files, &super::pile::set_names())?;
                (divided.documents(self.part, limit.unwrap_or(usize::MAX))?, divided.count(self.part))
            }
            _ => {
                let asked = self.read(&located, folders)?;
                let total = asked.len();
                (asked, total)
            }
        };
        if asked.is_empty() {
            return Err(Error::Absent { task: self.name.clone() });
        }
        let questions = match located.source.adapter {
            Adapter::Pile => total,
            adapter => asked.iter().map(|fields| adapter.weight(fields)).sum(),
        };
        let presence = self.presence(Some(questions), located.source);
        let mut documents =
            Documents { asked, files: located.files, total, presence, ..Documents::default() };
        if let Some(located) = self.located(Split::Shots, folders) {
            documents.shots = self.read(&located, folders)?;
            documents.shot_files = located.files;
        }
        // Not the texts themselves, which may be long.
        let digest = |fields: &Value| <[u8; 32]>::from(Sha256::digest(fields.to_string()));
        let mut seen = HashSet::new();
        documents.repeated = documents.asked.iter().filter(|fields| !seen.insert(digest(fields))).count();
        documents.shots_asked =
            documents.shots.iter().filter(|fields| seen.contains(&digest(fields))).count();
        Ok(documents)
    }

    pub(super) fn read(&self, located: &Located<'_>, folders: &Folders) -> Result<Vec<Value>, Error> {
        located.source.adapter.documents(self, &located.files, folders)
    }
}
