//! Writing a checkpoint again: as one safetensors file, or in other pieces.

use std::borrow::Cow;
use std::path::Path;

use safetensors::Dtype;

use super::floats::{convert_data, convertible};
use super::manifest::{Manifest, TensorEntry};
use super::region::Region;
use super::save::{Description, LARGEST_FILE, Process, ShardPlan, parent, publish_as};
use super::shard::{Item, ShardWriter};
use super::{Checkpoint, Error, PARAMETERS, PARTIAL};
use crate::files::FileError;
use crate::{disk, leftovers};

/// Writes the parameters of a checkpoint, and with `everything` all other tensors, to one safetensors file. Parameters
/// are given the dtype `dtype`, if there is one: rounded to the nearest, ties to even. Number of tensors written.
///
/// # Errors
/// [`Error::Taken`] if the file is there, [`Error::Tensor`] for a dtype that cannot be converted, [`Error::File`].
pub fn export(
    checkpoint: &Checkpoint,
    target: &Path,
    dtype: Option<Dtype>,
    everything: bool,
) -> Result<usize, Error> {
    let mut tensors = chosen(checkpoint, target, dtype, everything)?;
    tensors.sort_by(|(_, a), (_, b)| {
        b.dtype.bitsize().cmp(&a.dtype.bitsize()).then_with(|| a.name.cmp(&b.name))
    });
    write_file(checkpoint, target, tensors)
}

/// Writes the parameters of a checkpoint, as `dtype`, to one safetensors file, in the order in which programs take them.
/// Number of tensors written.
///
/// # Errors
/// As [`export`].
pub fn export_parameters(checkpoint: &Checkpoint, target: &Path, dtype: Dtype) -> Result<usize, Error> {
    // All are of one size, so that no order leaves any of them where its dtype cannot lie.
    write_file(checkpoint, target, chosen(checkpoint, target, Some(dtype), false)?)
}

/// The tensors to write, with what they become, in the checkpoint's order.
fn chosen<'a>(
    checkpoint: &'a Checkpoint,
    target: &Path,
    dtype: Option<Dtype>,
    everything: bool,
) -> Result<Vec<(&'a TensorEntry, Item)>, Error> {
    if target.exists() {
        return Err(Error::Taken { path: target.to_owned() });
    }
    let mut tensors = Vec::new();
    for tensor in &checkpoint.manifest().tensors {
        let parameter = tensor.name.starts_with(PARAMETERS);
        if !parameter && !everything {
            continue;
        }
        let wanted = dtype.filter(|_| parameter).unwrap_or(tensor.dtype);
        let name = tensor.name.clone();
        if wanted != tensor.dtype && !convertible(wanted, tensor.dtype) {
            let reason = format!("it is {:?}, which is not converted to {wanted:?}", tensor.dtype);
            return Err(Error::Tensor { name, reason });
        }
        tensors.push((tensor, Item { name, dtype: wanted, shape: tensor.shape.clone() }));
    }
    Ok(tensors)
}

/// Writes tensors in the order given. What is at `target` is whole.
fn write_file(
    checkpoint: &Checkpoint,
    target: &Path,
    tensors: Vec<(&TensorEntry, Item)>,
) -> Result<usize, Error> {
    let (entries, items): (Vec<&TensorEntry>, Vec<Item>) = tensors.into_iter().unzip();
    let folder = parent(target);
    let file_name = target.file_name().unwrap_or_default().to_string_lossy();
    let partial = folder.join(format!("{PARTIAL}{file_name}"));
    if partial.exists() {
        disk::remove(&partial).map_err(|source| FileError::write(&partial, source))?;
    }
    leftovers::add_file(&partial);
    let written = || -> Result<(), Error> {
        let mut writer = ShardWriter::create(&partial, &items)?;
        for (entry, item) in entries.iter().zip(&items) {
            let data = checkpoint.read_whole(&entry.name)?;
            writer.write(&convert_data(data, entry.dtype, item.dtype))?;
        }
        writer.finish()?;
        disk::rename_folder(&partial, target).map_err(|source| FileError::write(target, source))?;
        Ok(disk::sync_folder(folder).map_err(|source| FileError::write(folder, source))?)
    };
    written().inspect_err(|_| drop(disk::remove(&partial)))?;
    Ok(entries.len())
}

/// Writes a checkpoint again as the folder `target`: each tensor in one piece, over `shards` files of about the same
/// size.
///
/// # Errors
/// [`Error::Taken`] if the folder is there, [`Error::File`].
pub fn convert(checkpoint: &Checkpoint, target: &Path, shards: usize) -> Result<(), Error> {
    if target.exists() {
        return Err(Error::Taken { path: target.to_owned() });
    }
    let manifest = checkpoint.manifest();
    let shards = shards.clamp(1, manifest.tensors.len().max(1));
    let folder = parent(target);
    let file_name = target.file_name().unwrap_or_default().to_string_lossy();
    let partial = folder.join(format!("{PARTIAL}{file_name}"));
    let write = |source| FileError::write(&partial, source);
    if partial.exists() {
        disk::remove(&partial).map_err(write)?;
    }
    leftovers::add_file(&partial);
    disk::create_folder(&partial).map_err(write)?;
    let written = || -> Result<(), Error> {
        for (index, tensors) in shares(manifest, shards).into_iter().enumerate() {
            let process = Process { index, count: shards };
            let mut layout = ShardPlan::new(process, LARGEST_FILE);
            for tensor in &tensors {
                let split = vec![Vec::new(); tensor.shape.len()];
                let entry = TensorEntry { split, pieces: Vec::new(), ..(*tensor).clone() };
                layout.add(entry, [Region::whole(&tensor.shape)].into_iter());
            }
            let mut data = |tensor: usize, _| Ok(Cow::Owned(checkpoint.read_whole(&tensors[tensor].name)?));
            layout.write::<Error>(&partial, Vec::new(), &mut data)?;
        }
        publish_as(&partial, target, &description(checkpoint)?, shards)
    };
    written().inspect_err(|_| drop(disk::remove(&partial)))
}

/// The tensors in shares of about the same size: each, the largest first, to the smallest share.
fn shares(manifest: &Manifest, count: usize) -> Vec<Vec<&TensorEntry>> {
    let mut tensors: Vec<&TensorEntry> = manifest.tensors.iter().collect();
    tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.bytes()));
    let mut shares: Vec<(usize, Vec<&TensorEntry>)> = vec![(0, Vec::new()); count];
    for tensor in tensors {
        if let Some(smallest) = shares.iter_mut().min_by_key(|share| share.0) {
            smallest.0 += tensor.bytes();
            smallest.1.push(tensor);
        }
    }
    shares.into_iter().map(|share| share.1).collect()
}

/// The description of a checkpoint, with its further files.
fn description(checkpoint: &Checkpoint) -> Result<Description, Error> {
    let manifest = checkpoint.manifest();
    let shard = |name: &&String| {
        manifest.tensors.iter().any(|tensor| tensor.pieces.iter().any(|piece| piece.file == **name))
    };
    let mut files = Vec::new();
    for name in manifest.files.keys().filter(|name| !shard(name) && !name.starts_with("shard-")) {
        files.push((name.clone(), checkpoint.file(name)?));
    }
    Ok(Description {
        step: manifest.step,
        tokens: manifest.tokens,
        planned: manifest.planned,
        data: manifest.data.clone(),
        random: manifest.random.clone(),
        config_digest: manifest.config_digest.clone(),
        history: manifest.history.clone(),
        versions: manifest.versions.clone(),
        metrics: manifest.metrics.clone(),
        from: manifest.from.clone(),
        files,
    })
}
