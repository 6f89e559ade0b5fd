//! Writing a checkpoint: each process its pieces, then the first of them the manifest.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use inputs::json;
use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use super::manifest::{
    Axis, DataPosition, History, Manifest, ParameterSource, Piece, Prefix, RandomState, TensorEntry, Versions,
};
use super::region::Region;
use super::shard::{Item, ShardWriter, describe, write_file};
use super::{Error, FileDigest, PARTIAL, Snapshot, folder_name};
use crate::disk;
use crate::files::{FileError, remove_leftovers};

/// A shard file is not begun anew before it holds this many bytes, and holds more only if one piece does.
pub const LARGEST_FILE: usize = 4 << 30;

/// The description of a checkpoint: the run, step and data position it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Steps completed.
    pub step: u64,
    /// Tokens trained on.
    pub tokens: u64,
    /// See [`Manifest::planned`].
    pub planned: bool,
    /// The position in the data.
    pub data: DataPosition,
    /// The state of randomness.
    pub random: RandomState,
    /// Digest of the configuration and text that must not change when a run continues.
    pub config_digest: String,
    /// The history that decisions about later steps depend on.
    pub history: History,
    /// The versions of what writes it.
    pub versions: Versions,
    /// The run's metrics up to this step.
    pub metrics: Option<Prefix>,
    /// See [`Manifest::from`].
    pub from: Option<ParameterSource>,
    /// Further files: their names and contents.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The index of this process, out of a number of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// From 0.
    pub index: usize,
    /// Number of processes.
    pub count: usize,
}

impl Process {
    /// The only one.
    pub const ALONE: Process = Process { index: 0, count: 1 };

    fn shard(self, part: usize) -> String {
        let part = if part == 0 { String::new() } else { format!(".part-{part:03}") };
        format!("shard-{:05}-of-{:05}{part}.safetensors", self.index, self.count)
    }

    fn list(self) -> String {
        format!("pieces-{:05}-of-{:05}.json", self.index, self.count)
    }
}

/// The files and pieces that one process has written.
#[derive(Debug, Serialize, Deserialize)]
struct PieceList {
    mesh: Vec<Axis>,
    files: BTreeMap<String, FileDigest>,
    tensors: Vec<TensorEntry>,
}

/// Saves a checkpoint of one process as `<checkpoints>/step-<step>` and returns that folder. A checkpoint of the same
/// step is replaced.
///
/// # Errors
/// [`Error::Tensor`] for malformed tensors, [`Error::File`] if the disk is full or cannot be written. Earlier
/// checkpoints are then untouched and nothing is left behind.
pub fn save(checkpoints: &Path, description: &Description, snapshot: &Snapshot) -> Result<PathBuf, Error> {
    let saved = begin(checkpoints, description.step).and_then(|partial| {
        write_pieces(&partial, Process::ALONE, snapshot, LARGEST_FILE)?;
        publish(checkpoints, description, 1)
    });
    if saved.is_err() {
        // A full disk has room again for what comes next.
        remove_leftovers(checkpoints, PARTIAL);
    }
    saved
}

/// A tensor that is read while it is written, so that it need not fit into memory.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamedTensor {
    /// Name, with `/` between its parts.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// Extent of each dimension; empty for a scalar.
    pub shape: Vec<usize>,
    /// The boxes in which it is read; together they are the tensor.
    pub pieces: Vec<Region>,
}

/// As [`save`], with one piece of one tensor in memory at a time: `read` is given the numbers of a tensor and of a piece, and
/// gives the piece's elements, little-endian and row-major. Pieces are asked for in the order in which files have them.
///
/// # Errors
/// As [`save`], and those of `read`. Nothing is left behind.
pub fn save_streamed<E: From<Error>>(
    checkpoints: &Path,
    description: &Description,
    tensors: &[StreamedTensor],
    read: &mut dyn FnMut(usize, usize) -> Result<Vec<u8>, E>,
) -> Result<PathBuf, E> {
    let mut plan = ShardPlan::new(Process::ALONE, LARGEST_FILE);
    for StreamedTensor { name, dtype, shape, pieces } in tensors {
        let split = vec![Vec::new(); shape.len()];
        let entry = TensorEntry {
            name: name.clone(),
            dtype: *dtype,
            shape: shape.clone(),
            split,
            pieces: Vec::new(),
        };
        plan.add(entry, pieces.iter().cloned());
    }
    let mut data = |tensor: usize, piece: usize| -> Result<Cow<'static, [u8]>, E> {
        let bytes = read(tensor, piece)?;
        let StreamedTensor { name, dtype, pieces, .. } = &tensors[tensor];
        let shape = &pieces[piece].shape;
        let item = Item { name: String::new(), dtype: *dtype, shape: shape.clone() };
        if item.bytes() != Some(bytes.len()) {
            let reason = format!("{} bytes are not {}", bytes.len(), describe(*dtype, shape));
            return Err(Error::Tensor { name: name.clone(), reason }.into());
        }
        Ok(bytes.into())
    };
    let saved = begin(checkpoints, description.step).map_err(E::from).and_then(|partial| {
        plan.write(&partial, Vec::new(), &mut data)?;
        Ok(publish(checkpoints, description, 1)?)
    });
    if saved.is_err() {
        remove_leftovers(checkpoints, PARTIAL);
    }
    saved
}

/// The folder in which the processes write a step's checkpoint until it is whole.
pub(super) fn partial_folder(checkpoints: &Path, step: u64) -> PathBuf {
    checkpoints.join(format!("{PARTIAL}{}", folder_name(step)))
}

/// Makes the folder for a checkpoint, and clears away what was left of earlier ones; for process 0, before any other
/// writes.
pub(super) fn begin(checkpoints: &Path, step: u64) -> Result<PathBuf, Error> {
    let write = |path: &Path, source| Error::from(FileError::write(path, source));
    let partial = partial_folder(checkpoints, step);
    remove_leftovers(checkpoints, PARTIAL);
    if partial.exists() {
        disk::remove(&partial).map_err(|source| write(&partial, source))?;
    }
    disk::create_folder(&partial).map_err(|source| write(&partial, source))?;
    Ok(partial)
}

/// Writes the pieces that a process holds, and the list of them, to a folder that is not a checkpoint yet. A file of more
/// than `largest` bytes is not begun while another piece is to come.
///
/// # Errors
/// As [`save`].
pub fn write_pieces(
    folder: &Path,
    process: Process,
    snapshot: &Snapshot,
    largest: usize,
) -> Result<(), Error> {
    let mut plan = ShardPlan::new(process, largest);
    for (index, tensor) in snapshot.tensors.iter().enumerate() {
        let refuse = |reason| Err(Error::Tensor { name: tensor.name.clone(), reason });
        if snapshot.tensors[..index].iter().any(|before| before.name == tensor.name) {
            return refuse("the name is used twice".into());
        }
        for piece in &tensor.pieces {
            let shape = &piece.region.shape;
            let item = Item { name: String::new(), dtype: tensor.dtype, shape: shape.clone() };
            let got = piece.data.bytes().len();
            if item.bytes() != Some(got) {
                return refuse(format!("{got} bytes are not {}", describe(tensor.dtype, shape)));
            }
            if !piece.region.fits(&tensor.shape) {
                return refuse(format!("piece {:?} is outside of {:?}", piece.region, tensor.shape));
            }
        }
        let entry = TensorEntry {
            name: tensor.name.clone(),
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
            split: tensor.split.clone(),
            pieces: Vec::new(),
        };
        plan.add(entry, tensor.pieces.iter().map(|piece| piece.region.clone()));
    }
    let mut data =
        |tensor: usize, piece: usize| Ok(Cow::Borrowed(snapshot.tensors[tensor].pieces[piece].data.bytes()));
    plan.write::<Error>(folder, snapshot.mesh.clone(), &mut data)
}

/// The assignment of a process's pieces to shard files.
pub(super) struct ShardPlan {
    process: Process,
    largest: usize,
    tensors: Vec<TensorEntry>,
    regions: Vec<Vec<Region>>,
}

/// Gives the bytes of a piece: by number of its tensor and its own.
pub(super) type Data<'a, 'b, E> = dyn FnMut(usize, usize) -> Result<Cow<'a, [u8]>, E> + 'b;

impl ShardPlan {
    pub(super) fn new(process: Process, largest: usize) -> ShardPlan {
        ShardPlan { process, largest, tensors: Vec::new(), regions: Vec::new() }
    }

    pub(super) fn add(&mut self, tensor: TensorEntry, pieces: impl Iterator<Item = Region>) {
        self.tensors.push(tensor);
        self.regions.push(pieces.collect());
    }

    /// Writes the shard files and the list of pieces.
    pub(super) fn write<E: From<Error>>(
        mut self,
        folder: &Path,
        mesh: Vec<Axis>,
        data: &mut Data<'_, '_, E>,
    ) -> Result<(), E> {
        let mut order: Vec<(usize, usize)> = Vec::new();
        for (tensor, regions) in self.regions.iter().enumerate() {
            order.extend((0..regions.len()).map(|piece| (tensor, piece)));
        }
        // The widest types first keeps every piece aligned; then by name and offset, so that a file depends only on its
        // contents.
        order.sort_by(|&(a, i), &(b, j)| {
            let (x, y) = (&self.tensors[a], &self.tensors[b]);
            let by_dtype = y.dtype.bitsize().cmp(&x.dtype.bitsize());
            by_dtype
                .then_with(|| x.name.cmp(&y.name))
                .then_with(|| self.regions[a][i].cmp(&self.regions[b][j]))
        });
        let mut files = BTreeMap::new();
        let mut part = 0;
        let mut rest = &order[..];
        while !rest.is_empty() || part == 0 {
            let name = self.process.shard(part);
            let (now, later) = rest.split_at(self.count(rest));
            let items = now.iter().map(|&(tensor, piece)| self.item(tensor, piece)).collect::<Vec<_>>();
            let mut writer = ShardWriter::create(&folder.join(&name), &items)?;
            for (&(tensor, piece), item) in now.iter().zip(items) {
                writer.write(&data(tensor, piece)?)?;
                let region = self.regions[tensor][piece].clone();
                self.tensors[tensor].pieces.push(Piece { file: name.clone(), name: item.name, region });
            }
            files.insert(name, writer.finish()?);
            (rest, part) = (later, part + 1);
        }
        let list = PieceList { mesh, files, tensors: self.tensors };
        let path = folder.join(self.process.list());
        let text = serde_json::to_vec(&list)
            .map_err(|error| Error::Manifest { path: path.clone(), reason: error.to_string() })?;
        write_file(&path, &text)?;
        Ok(())
    }

    /// How many of these pieces go to one file.
    fn count(&self, pieces: &[(usize, usize)]) -> usize {
        let mut bytes = 0;
        let size = |&(tensor, piece): &(usize, usize)| self.item(tensor, piece).bytes().unwrap_or(0);
        for (count, size) in pieces.iter().map(size).enumerate() {
            bytes += size;
            if count > 0 && bytes > self.largest {
                return count;
            }
        }
        pieces.len()
    }

    fn item(&self, tensor: usize, piece: usize) -> Item {
        let (entry, region) = (&self.tensors[tensor], &self.regions[tensor][piece]);
        let name = if *region == Region::whole(&entry.shape) {
            entry.name.clone()
        } else {
            let offset = region.offset.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
            format!("{}@{offset}", entry.name)
        };
        Item { name, dtype: entry.dtype, shape: region.shape.clone() }
    }
}

/// Makes a checkpoint of what `processes` processes have written, and returns its folder; for process 0, when all have.
///
/// # Errors
/// [`Error::Manifest`] when a piece is missing or there twice, and as [`save`].
pub fn publish(checkpoints: &Path, description: &Description, processes: usize) -> Result<PathBuf, Error> {
    let partial = partial_folder(checkpoints, description.step);
    let target = checkpoints.join(folder_name(description.step));
    publish_as(&partial, &target, description, processes)?;
    Ok(target)
}

/// Completes the folder `partial` and gives it its name.
pub(super) fn publish_as(
    partial: &Path,
    target: &Path,
    description: &Description,
    processes: usize,
) -> Result<(), Error> {
    let write = |path: &Path, source| Error::from(FileError::write(path, source));
    let mut manifest = Manifest::new(description);
    manifest.processes = processes;
    for (name, contents) in &description.files {
        let digest = write_file(&partial.join(name), contents)?;
        manifest.files.insert(name.clone(), digest);
    }
    let mut lists = Vec::new();
    for index in 0..processes {
        let path = partial.join(Process { index, count: processes }.list());
        let malformed = |reason: String| Error::Manifest { path: path.clone(), reason };
        let bytes = inputs::read(&path).map_err(|source| FileError::read(&path, source))?;
        let list: PieceList = json::from_slice(&bytes).map_err(malformed)?;
        merge(&mut manifest, list, index == 0).map_err(malformed)?;
        lists.push(path);
    }
    manifest.write(partial)?;
    // What is in the manifest now.
    for path in lists {
        disk::remove(&path).map_err(|source| write(&path, source))?;
    }
    let parent = parent(target);
    disk::sync_folder(partial).map_err(|source| write(partial, source))?;
    disk::put_in_place(partial, target).map_err(|source| write(target, source))?;
    disk::sync_folder(parent).map_err(|source| write(parent, source))?;
    // What was at that name before, if anything was.
    if partial.exists() {
        let _ = disk::remove(partial);
    }
    Ok(())
}

/// The folder that a path is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Adds what one process has written.
fn merge(manifest: &mut Manifest, list: PieceList, first: bool) -> Result<(), String> {
    if first {
        (manifest.mesh, manifest.tensors) = (list.mesh, list.tensors);
        manifest.files.extend(list.files);
        return Ok(());
    }
    manifest.files.extend(list.files);
    for tensor in list.tensors {
        match manifest.tensors.iter_mut().find(|known| known.name == tensor.name) {
            None => manifest.tensors.push(tensor),
            Some(known) if (known.dtype, &known.shape) == (tensor.dtype, &tensor.shape) => {
                known.pieces.extend(tensor.pieces);
            }
            Some(known) => {
                return Err(format!(
                    "tensor {} is {} here and {} elsewhere",
                    tensor.name,
                    describe(tensor.dtype, &tensor.shape),
                    describe(known.dtype, &known.shape)
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Checkpoint, History};
    use super::*;
    use crate::skipped::Skipped;
    use std::fs;

    fn description() -> Description {
        let data = DataPosition { order: "none".into(), seed: 1, sequences: 0, skipped: Skipped::default() };
        Description {
            step: 0,
            tokens: 0,
            planned: false,
            data,
            random: RandomState { seed: 1, state: "none".into() },
            config_digest: String::new(),
            history: History::default(),
            versions: Versions { gopher: "none".into(), plugin: "none".into() },
            metrics: None,
            from: None,
            files: Vec::new(),
        }
    }

    /// A matrix of two rows, read in one piece each, and a vector.
    fn tensors() -> [StreamedTensor; 2] {
        let row = |row| Region { offset: vec![row, 0], shape: vec![1, 3] };
        let tensor = |name: &str, shape: &[usize], pieces| StreamedTensor {
            name: name.into(),
            dtype: Dtype::U8,
            shape: shape.to_vec(),
            pieces,
        };
        let vector = Region::whole(&[2]);
        [tensor("matrix", &[2, 3], vec![row(0), row(1)]), tensor("a", &[2], vec![vector])]
    }

    fn streamed(
        folder: &Path,
        read: &mut dyn FnMut(usize, usize) -> Result<Vec<u8>, Error>,
    ) -> Result<PathBuf, Error> {
        save_streamed(folder, &description(), &tensors(), read)
    }

    #[test]
    fn tensors_are_read_piece_by_piece_in_the_order_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut asked = Vec::new();
        let saved = streamed(folder.path(), &mut |tensor, piece| {
            asked.push((tensor, piece));
            Ok(if tensor == 0 { vec![10 * piece as u8; 3] } else { vec![7, 8] })
        });
        let checkpoint = Checkpoint::open(&saved.unwrap()).unwrap();
        assert_eq!(asked, [(1, 0), (0, 0), (0, 1)]);
        assert_eq!(checkpoint.read_whole("matrix").unwrap(), [0, 0, 0, 10, 10, 10]);
        assert_eq!(checkpoint.read_whole("a").unwrap(), [7, 8]);
    }

    #[test]
    fn pieces_of_another_size_and_failing_reads_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // As many bytes in all.
        let error = streamed(folder.path(), &mut |tensor, _| Ok(vec![0; if tensor == 0 { 2 } else { 4 }]));
        assert_eq!(error.unwrap_err().to_string(), "cannot save tensor a: 4 bytes are not U8[2]");
        let failing = || Error::Tensor { name: "a".into(), reason: "it is gone".into() };
        let error = streamed(folder.path(), &mut |_, _| Err(failing()));
        assert_eq!(error.unwrap_err().to_string(), failing().to_string());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
