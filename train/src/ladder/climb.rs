//! Training the members of a ladder, one after the other.

use std::path::{Path, PathBuf};
use std::time::Instant;

use monitor::runs::Run;
use store::files::{FileError, write_atomically};

use super::measure::base;
use super::{Error, Ladder, Planned, RUNS, TOKENIZER};
use crate::observer::Observer;
use crate::run::{Resume, Summary, train};

/// How far it came.
#[derive(Clone, Debug, PartialEq)]
pub enum Climbed {
    /// All members are trained.
    All,
    /// It was asked to stop, and the member under way is saved.
    Interrupted(Box<Summary>),
}

impl Planned {
    /// Puts the plan into a folder, which is made.
    ///
    /// # Errors
    /// [`Error::Taken`] when there is something in it, [`Error::File`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        if Ladder::read(folder)?.is_some() {
            return Err(Error::Taken { folder: folder.to_owned() });
        }
        let runs = folder.join(RUNS);
        std::fs::create_dir_all(&runs).map_err(|source| FileError::write(&runs, source))?;
        write_atomically(&folder.join(TOKENIZER), &self.tokenizer)?;
        // Last: a folder with a plan is a ladder.
        self.ladder.write(folder)
    }
}

impl Ladder {
    /// Run directories of the members, smallest first.
    pub fn runs(&self, folder: &Path) -> Vec<PathBuf> {
        self.members.iter().map(|member| folder.join(RUNS).join(&member.name)).collect()
    }
}

/// The loss of a run that has taken all its steps.
fn finished(run: &Path, steps: u64) -> Option<f64> {
    let run = Run::read(run).ok()?;
    let last = run.history.validation.last();
    last.filter(|(step, _)| *step == steps && run.overview.completed == steps).map(|(_, loss)| *loss)
}

/// Trains what is not trained yet of the ladder in a folder, each member from where it was; `begin` is told of each before. The ladder and its
/// file have the time and the loss of each when it has ended.
///
/// # Errors
/// Those of a training: members before it stay.
pub fn climb(
    folder: &Path,
    ladder: &mut Ladder,
    observer: &mut dyn Observer,
    begin: &mut dyn FnMut(&Ladder, usize),
) -> Result<Climbed, Error> {
    let mut config = base(&ladder.request)?;
    config.data.tokenizer = Some(folder.join(TOKENIZER));
    config.data.validation_fraction = ladder.validation_fraction;
    for place in 0..ladder.members.len() {
        let run = folder.join(RUNS).join(&ladder.members[place].name);
        let steps = ladder.members[place].steps;
        if let Some(loss) = finished(&run, steps) {
            if ladder.members[place].loss != Some(loss) {
                ladder.members[place].loss = Some(loss);
                ladder.write(folder)?;
            }
            continue;
        }
        begin(ladder, place);
        let start = Instant::now();
        let member = ladder.members[place].config(&config, ladder.vocabulary_size);
        let trained = train(member, Some(&run), &Resume::Auto, observer);
        let member = &mut ladder.members[place];
        member.seconds += start.elapsed().as_secs_f64();
        let summary = trained.map_err(Error::from);
        if let Ok(summary) = &summary {
            member.loss = summary.validation_loss.filter(|_| !summary.interrupted);
        }
        // Time that was spent counts, whatever came of it.
        ladder.write(folder)?;
        let summary = summary?;
        if summary.interrupted {
            return Ok(Climbed::Interrupted(Box::new(summary)));
        }
    }
    Ok(Climbed::All)
}
