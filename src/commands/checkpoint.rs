//! `gopher checkpoint`: what checkpoints there are, whether they are whole, and writing them in other forms.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use store::checkpoint::{self, Checkpoint, CheckpointEntry, Dtype, FileState, Manifest, ParameterSource};
use store::remote::{self, Address, Store};
use store::run_directory::CHECKPOINTS;
use store::{leftovers, lossy_path};
use tempfile::TempDir;

use super::train::Signals;
use crate::output::{bytes, check_ending, grouped, note, print, print_json, table, usage};

/// What can be done with checkpoints.
#[derive(Subcommand)]
pub enum Command {
    /// List the checkpoints of a run.
    Ls(Ls),
    /// Verify every hash of a checkpoint, or of all checkpoints of a run; exit code 1 if one is wrong, or there is
    /// none.
    Verify(Verify),
    /// Write the parameters to one safetensors file.
    Export(Export),
    /// Write a checkpoint again, each tensor in one piece.
    Convert(Convert),
}

/// Arguments of `gopher checkpoint ls`.
#[derive(Args)]
pub struct Ls {
    /// Run directory, or its address in an object store.
    #[arg(value_name = "DIR")]
    run: PathBuf,
    /// Print a JSON list instead of a table.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gopher checkpoint verify`.
#[derive(Args)]
pub struct Verify {
    /// Run directory or checkpoint, or the address of one in an object store.
    path: PathBuf,
    /// Print a JSON list instead of lines.
    #[arg(long)]
    json: bool,
}

/// Arguments of `gopher checkpoint export`.
#[derive(Args)]
pub struct Export {
    /// Checkpoint, or a run directory for its newest good one; or the address of one in an object store.
    path: PathBuf,
    /// File to write, which must not exist.
    #[arg(value_name = "OUT.safetensors")]
    output: PathBuf,
    /// Dtype of the parameters [default: the one they have].
    #[arg(long)]
    dtype: Option<ExportDtype>,
    /// Write the optimiser's tensors as well.
    #[arg(long)]
    optimizer: bool,
}

/// Arguments of `gopher checkpoint convert`.
#[derive(Args)]
pub struct Convert {
    /// Checkpoint, or a run directory for its newest good one; or the address of one in an object store.
    path: PathBuf,
    /// Folder to write, which must not exist.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Number of shard files, of about the same size.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=99_999))]
    shards: u32,
}

/// Dtypes that parameters can be exported in.
#[derive(Clone, Copy, ValueEnum)]
enum ExportDtype {
    F32,
    Bf16,
    F16,
}

/// Runs `gopher checkpoint`.
///
/// # Errors
/// When a checkpoint is damaged, or something cannot be read or written.
pub fn run(command: Command) -> anyhow::Result<()> {
    store::disk::check_fault().map_err(usage)?;
    let _signals = Signals::install()?;
    match command {
        Command::Ls(arguments) => ls(arguments),
        Command::Verify(arguments) => verify(arguments),
        Command::Export(arguments) => export(arguments),
        Command::Convert(arguments) => convert(arguments),
    }
}

/// A row of the list.
#[derive(Serialize)]
struct Row {
    step: u64,
    #[serde(serialize_with = "lossy_path::serialize")]
    path: PathBuf,
    /// `complete`, or what is wrong.
    state: String,
    complete: bool,
    #[serde(flatten)]
    known: Option<Known>,
}

/// What a manifest says.
#[derive(Serialize)]
struct Known {
    tokens: u64,
    bytes: u64,
    files: usize,
    tensors: usize,
    mesh: String,
    processes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<ParameterSource>,
}

impl From<&Manifest> for Known {
    fn from(manifest: &Manifest) -> Known {
        Known {
            tokens: manifest.tokens,
            bytes: manifest.bytes(),
            files: manifest.files.len() + 1,
            tensors: manifest.tensors.len(),
            mesh: manifest.mesh_name(),
            processes: manifest.processes,
            from: manifest.from.clone(),
        }
    }
}

impl From<CheckpointEntry> for Row {
    fn from(CheckpointEntry { step, path, manifest }: CheckpointEntry) -> Row {
        let known = manifest.as_ref().ok().map(Known::from);
        let state = manifest.as_ref().map_or_else(ToString::to_string, |_| "complete".to_owned());
        Row { step, path, state, complete: known.is_some(), known }
    }
}

/// The folder of a run's checkpoints.
fn checkpoints(run: &Path) -> anyhow::Result<PathBuf> {
    let folder = run.join(CHECKPOINTS);
    // The folder itself is as good.
    if !folder.is_dir() && run.ends_with(CHECKPOINTS) && run.is_dir() {
        return Ok(run.to_owned());
    }
    if !folder.is_dir() {
        bail!("{} holds no run: it has no folder {CHECKPOINTS}", run.display());
    }
    Ok(folder)
}

/// The store that a path is the address of and the step, if it is that of a checkpoint; `None` if it is a path.
fn store(path: &Path) -> anyhow::Result<Option<(Store, Option<u64>)>> {
    let Some(text) = path.to_str().filter(|text| Address::is_meant(text)) else { return Ok(None) };
    let open = |text: &str| -> Result<_, remote::Error> {
        let (run, step) = text.parse::<Address>()?.of_run();
        Ok((Store::open(&run)?, step))
    };
    let opened = open(text).map_err(|error| if error.is_usage() { usage(error) } else { error.into() });
    Ok(Some(opened?))
}

fn ls(arguments: Ls) -> anyhow::Result<()> {
    let entries = match store(&arguments.run)? {
        Some((store, _)) => remote::list(&store)?,
        None => checkpoint::list(&checkpoints(&arguments.run)?)?,
    };
    let rows: Vec<Row> = entries.into_iter().map(Row::from).collect();
    if rows.is_empty() {
        note(format_args!("{} has no checkpoint yet", arguments.run.display()));
    }
    if arguments.json {
        return print_json(&rows);
    }
    if rows.is_empty() {
        return Ok(());
    }
    let source = rows.iter().rev().find_map(|row| row.known.as_ref()?.from.clone());
    let titles = ["step", "tokens", "size", "files", "mesh", "state"];
    let mut lines = vec![titles.map(str::to_owned).to_vec()];
    lines.extend(rows.into_iter().map(|row| {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let known = row.known.as_ref();
        vec![
            row.step.to_string(),
            or_dash(known.map(|known| grouped(known.tokens))),
            or_dash(known.map(|known| bytes(known.bytes))),
            or_dash(known.map(|known| known.files.to_string())),
            or_dash(known.map(|known| known.mesh.clone())),
            row.state,
        ]
    }));
    print(table(&lines))?;
    match source {
        Some(ParameterSource { place, step, .. }) => {
            print(format!("begun with the parameters of {place} (step {step})\n"))
        }
        None => Ok(()),
    }
}

/// What is known of a file after verification.
#[derive(Serialize)]
struct Verified {
    #[serde(serialize_with = "lossy_path::serialize")]
    checkpoint: PathBuf,
    file: String,
    good: bool,
    problem: Option<String>,
}

fn verify(arguments: Verify) -> anyhow::Result<()> {
    let path = &arguments.path;
    let store = store(path)?;
    // Each with what verifies it, when it is its turn: a line is printed as soon as it is known.
    let checkpoints: Vec<(PathBuf, Option<u64>)> = match &store {
        Some((_, Some(step))) => vec![(path.clone(), Some(*step))],
        Some((store, None)) => {
            let mut whole = Vec::new();
            for entry in remote::list(store)? {
                match entry.manifest {
                    // Nothing was saved there yet, and nothing is lost.
                    Err(error @ checkpoint::Error::Unfinished { .. }) => note(format_args!("{error}")),
                    _ => whole.push((entry.path, Some(entry.step))),
                }
            }
            whole
        }
        None if is_checkpoint(path) => vec![(path.clone(), None)],
        None => {
            let folder = checkpoints(path)?;
            let steps = checkpoint::steps(&folder)?;
            steps.into_iter().map(|step| (checkpoint::folder(&folder, step), None)).collect()
        }
    };
    let mut all = Vec::new();
    for (folder, step) in checkpoints {
        let states: Vec<FileState> = match (&store, step) {
            (Some((store, _)), Some(step)) => remote::verify(store, step)?,
            _ => checkpoint::verify(&folder),
        };
        for state in states {
            let problem = state.problem.map(|problem| problem.to_string());
            let file =
                Verified { checkpoint: folder.clone(), file: state.name, good: problem.is_none(), problem };
            if !arguments.json {
                let place = file.checkpoint.join(&file.file);
                let text =
                    file.problem.as_ref().map_or("good".to_owned(), |problem| format!("BAD: {problem}"));
                print(format!("{}  {text}\n", place.display()))?;
            }
            all.push(file);
        }
    }
    if arguments.json {
        print_json(&all)?;
    }
    let bad = all.iter().filter(|file| !file.good).count();
    if bad > 0 {
        bail!("{bad} of {} files are not what was saved", all.len());
    }
    if all.is_empty() {
        bail!("{} has no checkpoint: nothing was verified", arguments.path.display());
    }
    Ok(())
}

/// Whether a folder is a checkpoint, or was one: a manifest may be missing.
fn is_checkpoint(path: &Path) -> bool {
    let shard = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("shard-");
    path.join("manifest.json").is_file()
        || fs::read_dir(path).is_ok_and(|entries| entries.flatten().any(shard))
}

/// A checkpoint, or the newest good one of a run. One in a store is copied to a folder beside `target`, which vanishes with
/// what comes back.
fn open(path: &Path, target: &Path) -> anyhow::Result<(Checkpoint, Option<TempDir>)> {
    let mut warn = |warning: &str| note(format_args!("warning: {warning}"));
    if let Some((store, step)) = store(path)? {
        let beside =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new().prefix(".partial-").tempdir_in(beside);
        let folder = folder.with_context(|| format!("cannot write to {}", beside.display()))?;
        leftovers::add_file(folder.path());
        let checkpoint = remote::fetch(&store, step, folder.path(), &mut warn)?;
        return Ok((checkpoint, Some(folder)));
    }
    if is_checkpoint(path) {
        return Ok((Checkpoint::open(path)?, None));
    }
    let newest = checkpoint::newest_good(&checkpoints(path)?, &mut warn)?;
    Ok((newest.with_context(|| format!("{} has no checkpoint yet", path.display()))?, None))
}

/// Where a checkpoint came from, for people to read.
fn origin(path: &Path, checkpoint: &Checkpoint) -> String {
    match path.to_str().filter(|text| Address::is_meant(text)) {
        Some(text) => format!("step {} of {text}", checkpoint.manifest().step),
        None => checkpoint.path().display().to_string(),
    }
}

fn export(arguments: Export) -> anyhow::Result<()> {
    check_ending("OUT.safetensors", &arguments.output, "safetensors", &["safetensors"])?;
    let (checkpoint, _folder) = open(&arguments.path, &arguments.output)?;
    let dtype = arguments.dtype.map(|dtype| match dtype {
        ExportDtype::F32 => Dtype::F32,
        ExportDtype::Bf16 => Dtype::BF16,
        ExportDtype::F16 => Dtype::F16,
    });
    let count = checkpoint::export(&checkpoint, &arguments.output, dtype, arguments.optimizer)?;
    let (from, to) = (origin(&arguments.path, &checkpoint), arguments.output.display());
    note(format_args!("{count} tensors of {from} written to {to}"));
    Ok(())
}

fn convert(arguments: Convert) -> anyhow::Result<()> {
    let (checkpoint, _folder) = open(&arguments.path, &arguments.to)?;
    checkpoint::convert(&checkpoint, &arguments.to, arguments.shards as usize)?;
    let (from, to) = (origin(&arguments.path, &checkpoint), arguments.to.display());
    note(format_args!("{from} written again as {to}"));
    Ok(())
}
