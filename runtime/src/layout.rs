//! The layout of an array on devices: which part of the whole each device of a mesh holds, and the cutting and joining
//! of host arrays that follows from it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use graph::{Mesh, MeshAxis, Split, TensorType};

use crate::{Error, Result};

/// The layout of a whole array on devices: each dimension is split into equal parts over axes of a mesh, and devices
/// that differ only in their position along the other axes hold the same part.
///
/// A dimension that is split over several axes has one part per position along all of them, the first axis being the
/// major one. Positions of a mesh count in row-major order of its axes.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceLayout {
    place: Arc<Place>,
    split: Split,
}

/// A mesh, and which of the client's devices is at each of its positions.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    mesh: Mesh,
    devices: Vec<usize>,
}

impl DeviceLayout {
    /// A layout on a mesh: for each dimension, the axes it is split over. Device `i` of the client is at position `i`.
    ///
    /// # Errors
    /// [`Error::Layout`] when an axis is not of the mesh, or splits more than once.
    pub fn new(mesh: &Mesh, split: Split) -> Result<Self> {
        check_mesh(mesh)?;
        let mut seen: Vec<&String> = Vec::new();
        for axis in split.iter().flatten() {
            if !mesh.axes.iter().any(|known| known.name == *axis) {
                return Err(impossible(format!("axis `{axis}` is not one of the mesh {}", Axes(mesh))));
            }
            if seen.contains(&axis) {
                return Err(impossible(format!("axis `{axis}` splits more than once")));
            }
            seen.push(axis);
        }
        let devices = (0..mesh.devices()).collect();
        Ok(Self { place: Arc::new(Place { mesh: mesh.clone(), devices }), split })
    }

    /// The whole array, of `rank` dimensions, on the first device.
    pub fn single(rank: usize) -> Self {
        let place = Place { mesh: Mesh { axes: Vec::new() }, devices: vec![0] };
        Self { place: Arc::new(place), split: vec![Vec::new(); rank] }
    }

    /// The whole array, of `rank` dimensions, on every device of a mesh.
    ///
    /// # Errors
    /// [`Error::Layout`] when an axis of the mesh has size 0 or a name twice.
    pub fn replicated(mesh: &Mesh, rank: usize) -> Result<Self> {
        Self::new(mesh, vec![Vec::new(); rank])
    }

    /// The same split with other devices: `devices[i]`, a number in the client's list of devices, is at position `i`.
    ///
    /// # Errors
    /// [`Error::Layout`] when `devices` has a device twice, or another number of them than the mesh has positions.
    pub fn on_devices(self, devices: &[usize]) -> Result<Self> {
        let mesh = self.place.mesh.clone();
        if devices.len() != mesh.devices() {
            let (given, needed) = (devices.len(), mesh.devices());
            return Err(impossible(format!("{given} devices for the {needed} positions of {}", Axes(&mesh))));
        }
        let mut sorted = devices.to_vec();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(impossible(format!("device {} is at two positions of {}", pair[0], Axes(&mesh))));
        }
        Ok(Self { place: Arc::new(Place { mesh, devices: devices.to_vec() }), split: self.split })
    }

    /// The same mesh and devices with another split.
    ///
    /// # Errors
    /// As [`DeviceLayout::new`].
    pub fn with_split(&self, split: Split) -> Result<Self> {
        let checked = Self::new(&self.place.mesh, split)?;
        Ok(Self { place: self.place.clone(), split: checked.split })
    }

    /// The mesh.
    pub fn mesh(&self) -> &Mesh {
        &self.place.mesh
    }

    /// For each dimension, the axes it is split over, major first.
    pub fn split(&self) -> &Split {
        &self.split
    }

    /// Number of dimensions of the arrays this is a layout for.
    pub fn rank(&self) -> usize {
        self.split.len()
    }

    /// The device at each position of the mesh, as its number in the client's list of devices.
    pub fn devices(&self) -> &[usize] {
        &self.place.devices
    }

    /// Whether every device holds the whole array.
    pub fn is_replicated(&self) -> bool {
        (0..self.rank()).all(|dim| self.parts(dim) == 1)
    }

    /// Whether arrays of both layouts lie on the same devices in the same parts, whatever the axes are called.
    pub fn places_like(&self, other: &DeviceLayout) -> bool {
        let parts =
            |layout: &DeviceLayout| (0..layout.rank()).map(|dim| layout.parts(dim)).collect::<Vec<_>>();
        let same_parts = || {
            parts(self) == parts(other)
                && (0..self.devices().len()).all(|position| self.part(position) == other.part(position))
        };
        self == other || self.devices() == other.devices() && same_parts()
    }

    /// The type of the part each device holds of a whole array.
    ///
    /// # Errors
    /// [`Error::Layout`] when the array has another number of dimensions, or one that does not split evenly.
    pub fn shard_type(&self, whole: &TensorType) -> Result<TensorType> {
        if whole.shape.len() != self.rank() {
            let rank = self.rank();
            return Err(impossible(format!("{whole} in a layout for {rank} dimensions ({self})")));
        }
        let size = |(dim, &size): (usize, &usize)| match self.parts(dim) {
            parts if size.is_multiple_of(parts) => Ok(size / parts),
            parts => Err(impossible(format!(
                "dimension {dim} of {whole} does not split into {parts} equal parts ({self})"
            ))),
        };
        let shape = whole.shape.iter().enumerate().map(size).collect::<Result<Vec<_>>>()?;
        Ok(TensorType::new(whole.dtype, shape))
    }

    /// The type of the whole array of which each device holds a part of this type.
    ///
    /// # Errors
    /// [`Error::Layout`] when the part has another number of dimensions.
    pub fn whole_type(&self, shard: &TensorType) -> Result<TensorType> {
        if shard.shape.len() != self.rank() {
            let rank = self.rank();
            return Err(impossible(format!("parts {shard} in a layout for {rank} dimensions ({self})")));
        }
        let size = |(dim, &size): (usize, &usize)| size * self.parts(dim);
        Ok(TensorType::new(shard.dtype, shard.shape.iter().enumerate().map(size).collect::<Vec<_>>()))
    }

    /// Copies the part of the device at `position` out of a whole array of the given type: row-major bytes both.
    ///
    /// # Errors
    /// [`Error::Layout`] when the type has another rank or a dimension that does not split evenly, or the bytes are not
    /// as many as the types take.
    pub fn cut(&self, whole: &TensorType, bytes: &[u8], position: usize, part: &mut [u8]) -> Result<()> {
        let runs = self.runs(whole, position, bytes.len(), part.len())?;
        let targets = part.chunks_exact_mut(runs.length.max(1));
        runs.for_each(|range, target: &mut [u8]| target.copy_from_slice(&bytes[range]), targets);
        Ok(())
    }

    /// Copies the part of the device at `position` into a whole array of the given type: row-major bytes both.
    ///
    /// # Errors
    /// As [`DeviceLayout::cut`].
    pub fn join(&self, whole: &TensorType, bytes: &mut [u8], position: usize, part: &[u8]) -> Result<()> {
        let runs = self.runs(whole, position, bytes.len(), part.len())?;
        let sources = part.chunks_exact(runs.length.max(1));
        runs.for_each(|range, source: &[u8]| bytes[range].copy_from_slice(source), sources);
        Ok(())
    }

    /// The indices of a whole array of the given type that the device at `position` holds: a range for each dimension.
    ///
    /// # Errors
    /// [`Error::Layout`] when the type has another rank or a dimension that does not split evenly, or there is no such
    /// position.
    pub fn ranges(&self, whole: &TensorType, position: usize) -> Result<Vec<Range<usize>>> {
        let shard = self.shard_type(whole)?;
        self.check_position(position)?;
        let range = |(part, size): (usize, &usize)| part * size..(part + 1) * size;
        Ok(self.part(position).into_iter().zip(&shard.shape).map(range).collect())
    }

    /// For each part of the array, the first position that holds it: all that must be read to have the whole.
    pub fn owners(&self) -> Vec<usize> {
        let splits = |axis: &MeshAxis| self.split.iter().flatten().any(|name| *name == axis.name);
        let first = |position: &usize| {
            let mut others = self.mesh().axes.iter().filter(|axis| !splits(axis));
            others.all(|axis| self.mesh().position(*position, &axis.name) == Some(0))
        };
        (0..self.devices().len()).filter(first).collect()
    }

    /// Number of parts of a dimension.
    fn parts(&self, dim: usize) -> usize {
        self.mesh().parts(&self.split[dim]).expect(CHECKED)
    }

    fn check_position(&self, position: usize) -> Result<()> {
        if position < self.devices().len() {
            return Ok(());
        }
        Err(impossible(format!("position {position} of a mesh {}", Axes(self.mesh()))))
    }

    /// The index of the part of each dimension that the device at `position` holds.
    pub(crate) fn part(&self, position: usize) -> Vec<usize> {
        self.split.iter().map(|axes| self.mesh().part(position, axes).expect(CHECKED)).collect()
    }

    fn runs(&self, whole: &TensorType, position: usize, bytes: usize, part_bytes: usize) -> Result<Runs> {
        let shard = self.shard_type(whole)?;
        self.check_position(position)?;
        for (ty, bytes) in [(whole, bytes), (&shard, part_bytes)] {
            if bytes != ty.bytes() {
                return Err(impossible(format!("{ty} takes {} bytes, got {bytes}", ty.bytes())));
            }
        }
        Ok(Runs::new(&whole.shape, &shard.shape, &self.part(position), whole.dtype.size()))
    }
}

/// The bytes of one part inside the whole array: runs of one length, in the order in which they lie in the part.
struct Runs {
    /// Bytes of each run.
    length: usize,
    /// Where the first run starts.
    start: usize,
    /// Size of the part, and bytes from one index to the next in the whole, for each dimension that is stepped through.
    outer: Vec<(usize, usize)>,
}

impl Runs {
    fn new(whole: &[usize], shard: &[usize], part: &[usize], element_bytes: usize) -> Self {
        let mut strides = vec![element_bytes; whole.len()];
        for dim in (1..whole.len()).rev() {
            strides[dim - 1] = strides[dim] * whole[dim];
        }
        let start = (0..whole.len()).map(|dim| part[dim] * shard[dim] * strides[dim]).sum();
        // The innermost dimension that is split: what lies inside of it is contiguous.
        let inner = (0..whole.len()).rev().find(|&dim| shard[dim] != whole[dim]).unwrap_or(0);
        let length = match whole.is_empty() {
            true => element_bytes,
            false => shard[inner] * strides[inner],
        };
        let outer = (0..inner).map(|dim| (shard[dim], strides[dim])).collect();
        Self { length, start, outer }
    }

    fn for_each<T>(&self, mut copy: impl FnMut(Range<usize>, T), parts: impl Iterator<Item = T>) {
        let mut index = vec![0; self.outer.len()];
        let mut start = self.start;
        for part in parts {
            copy(start..start + self.length, part);
            for (index, &(size, stride)) in index.iter_mut().zip(&self.outer).rev() {
                *index += 1;
                start += stride;
                if *index < size {
                    break;
                }
                start -= size * stride;
                *index = 0;
            }
        }
    }
}

/// The message for what [`DeviceLayout::new`] has ruled out.
const CHECKED: &str = "the axes of a split are those of the mesh";

fn check_mesh(mesh: &Mesh) -> Result<()> {
    for (index, axis) in mesh.axes.iter().enumerate() {
        if axis.size == 0 {
            return Err(impossible(format!("axis `{}` of the mesh has no devices", axis.name)));
        }
        if mesh.axes[..index].iter().any(|before| before.name == axis.name) {
            return Err(impossible(format!("axis `{}` is twice in the mesh {}", axis.name, Axes(mesh))));
        }
    }
    Ok(())
}

fn impossible(reason: String) -> Error {
    Error::Layout { reason }
}

/// Prints a mesh like `data=4,model=2`.
struct Axes<'a>(&'a Mesh);

impl fmt::Display for Axes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, axis) in self.0.axes.iter().enumerate() {
            write!(f, "{}{}={}", if index == 0 { "" } else { "," }, axis.name, axis.size)?;
        }
        Ok(())
    }
}

/// Prints like `[data, -, stage+model] over data=2,stage=2,model=4`: a dash for a dimension that is not split.
impl fmt::Display for DeviceLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.mesh().axes.is_empty() {
            return write!(f, "on one device");
        }
        let ordered = self.devices().iter().copied().eq(0..self.devices().len());
        let dimension = |axes: &Vec<String>| if axes.is_empty() { "-".to_owned() } else { axes.join("+") };
        let split = self.split.iter().map(dimension).collect::<Vec<_>>().join(", ");
        write!(f, "[{split}] over {}", Axes(self.mesh()))?;
        if !ordered {
            write!(f, " on devices {:?}", self.devices())?;
        }
        Ok(())
    }
}

impl fmt::Debug for DeviceLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceLayout({self})")
    }
}

#[cfg(test)]
mod tests;
