//! Sorting more records than memory holds: runs that are sorted and written to a folder, then merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rayon::slice::ParallelSliceMut as _;

use crate::{Error, Result};

/// A record of `N` numbers, by which it is sorted.
pub type Record<const N: usize> = [u64; N];

/// Takes records in any order.
pub struct Sorter<const N: usize> {
    /// What its files begin with.
    prefix: PathBuf,
    buffer: Vec<Record<N>>,
    /// Records that are held in memory.
    capacity: usize,
    runs: Vec<PathBuf>,
}

/// The fewest bytes that a sorter makes do with.
const LEAST_BYTES: usize = 1 << 16;
/// Files that are merged at once: each takes an open file and a buffer.
const MOST_RUNS: usize = 64;

impl<const N: usize> Sorter<N> {
    /// A sorter that holds up to so many bytes, and writes files `NAME-0`, `NAME-1`, … into a folder.
    pub fn new(folder: &Path, name: &str, bytes: usize) -> Self {
        let capacity = bytes.max(LEAST_BYTES) / size_of::<Record<N>>();
        Self { prefix: folder.join(name), buffer: Vec::new(), capacity, runs: Vec::new() }
    }

    /// Takes a record.
    ///
    /// # Errors
    /// What the operating system refuses, such as a full disk.
    pub fn push(&mut self, record: Record<N>) -> Result<()> {
        if self.buffer.len() == self.buffer.capacity() {
            // Twice as many as before, and never more than are held.
            self.buffer.reserve_exact(self.buffer.len().clamp(1, self.capacity - self.buffer.len()));
        }
        self.buffer.push(record);
        if self.buffer.len() >= self.capacity { self.spill() } else { Ok(()) }
    }

    fn path(&self, run: usize) -> PathBuf {
        let mut path = self.prefix.clone().into_os_string();
        path.push(format!("-{run}"));
        PathBuf::from(path)
    }

    fn spill(&mut self) -> Result<()> {
        self.buffer.par_sort_unstable();
        let path = self.path(self.runs.len());
        write(&path, self.buffer.drain(..).map(Ok))?;
        self.runs.push(path);
        Ok(())
    }

    /// The records in ascending order, each as often as it was taken.
    ///
    /// # Errors
    /// As [`Sorter::push`].
    pub fn finish(mut self) -> Result<Sorted<N>> {
        if self.runs.is_empty() {
            self.buffer.par_sort_unstable();
            return Ok(Sorted { memory: self.buffer.into_iter(), runs: Vec::new(), heap: BinaryHeap::new() });
        }
        self.spill()?;
        // Memory is given back before files are read: the buffer of each is memory too.
        self.buffer = Vec::new();
        let mut merged = self.runs.len();
        while self.runs.len() > MOST_RUNS {
            let first: Vec<PathBuf> = self.runs.drain(..MOST_RUNS).collect();
            let path = self.path(merged);
            merged += 1;
            let records = Self::merge(first)?;
            write(&path, records)?;
            self.runs.push(path);
        }
        Self::merge(self.runs)
    }

    fn merge(runs: Vec<PathBuf>) -> Result<Sorted<N>> {
        let mut sorted = Sorted { memory: Vec::new().into_iter(), runs: Vec::new(), heap: BinaryHeap::new() };
        for path in runs {
            let file = File::open(&path).map_err(|error| Error::io(&path, error))?;
            let mut run = Run { file: BufReader::with_capacity(1 << 18, file), path };
            if let Some(record) = run.next()? {
                sorted.heap.push(Reverse((record, sorted.runs.len())));
            }
            sorted.runs.push(run);
        }
        Ok(sorted)
    }
}

/// Writes records to a file.
fn write<const N: usize>(path: &Path, records: impl Iterator<Item = Result<Record<N>>>) -> Result<()> {
    let io = |error| Error::io(path, error);
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(io)?);
    for record in records {
        for number in record? {
            file.write_all(&number.to_le_bytes()).map_err(io)?;
        }
    }
    file.flush().map_err(io)
}

/// A sorted file; removed when it has been read.
struct Run {
    file: BufReader<File>,
    path: PathBuf,
}

impl Run {
    fn next<const N: usize>(&mut self) -> Result<Option<Record<N>>> {
        let mut record = [0; N];
        for (at, number) in record.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            match self.file.read_exact(&mut bytes) {
                Ok(()) => *number = u64::from_le_bytes(bytes),
                Err(error) if at == 0 && error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(Error::io(&self.path, error)),
            }
        }
        Ok(Some(record))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // The whole folder is removed at the end.
        let _ = fs::remove_file(&self.path);
    }
}

/// Records in ascending order.
pub struct Sorted<const N: usize> {
    memory: std::vec::IntoIter<Record<N>>,
    runs: Vec<Run>,
    heap: BinaryHeap<Reverse<(Record<N>, usize)>>,
}

impl<const N: usize> Iterator for Sorted<N> {
    type Item = Result<Record<N>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(record) = self.memory.next() {
            return Some(Ok(record));
        }
        let Reverse((record, run)) = self.heap.pop()?;
        match self.runs[run].next() {
            Ok(Some(next)) => self.heap.push(Reverse((next, run))),
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(record))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// However little memory there is, the order is that of sorting in memory, and no file is left.
        #[test]
        fn what_comes_out_is_what_went_in_sorted(count in 0usize..20_000, seed in any::<u64>()) {
            let folder = tempfile::tempdir().unwrap();
            let record = |i: usize| {
                let scattered = super::super::grams::mix(seed ^ i as u64);
                [scattered % 50, scattered >> 40, i as u64 % 7]
            };
            let mut expected: Vec<Record<3>> = (0..count).map(record).collect();
            let mut sorter = Sorter::new(folder.path(), "run", 1);
            expected.iter().for_each(|record| sorter.push(*record).unwrap());
            expected.sort_unstable();
            let sorted: Vec<_> = sorter.finish().unwrap().map(Result::unwrap).collect();
            prop_assert_eq!(sorted, expected);
            prop_assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn many_files_are_merged_in_several_rounds() {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), "run", 1);
        let count = (LEAST_BYTES / size_of::<Record<1>>() * (2 * MOST_RUNS + 5)) as u64;
        // Each number once, in a scattered order.
        (0..count).for_each(|i| sorter.push([i.wrapping_mul(0x9E37_79B1) % count]).unwrap());
        assert!(sorter.runs.len() > 2 * MOST_RUNS);
        let sorted = sorter.finish().unwrap();
        assert!(sorted.runs.len() <= MOST_RUNS);
        assert!(sorted.map(Result::unwrap).eq((0..count).map(|i| [i])));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
