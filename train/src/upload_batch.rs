//! Upload of a step's batch: each process reads and uploads the rows that its own devices compute with.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use data::Batch;
use runtime::{Buffer, HostArray, Program};

use crate::Error;

/// Uploads a batch as the inputs `first` (tokens) and `first + 1` (targets) of a program: i32 `[batch, time]`, or
/// `[microbatches, batch, time]` whose first two dimensions are the rows of the whole batch in order. `rows` gives the rows
/// it is asked for; rows that no device of this process has a part in are not asked for.
///
/// # Errors
/// Those of `rows`; [`Error::Device`] when a device fails or its memory is full.
pub(crate) fn upload_batch(
    program: &Program,
    first: usize,
    rows: impl Fn(Range<usize>) -> Result<Batch, data::Error>,
) -> Result<[Buffer; 2], Error> {
    // Tokens and targets lie in the same way, so that what is read for the ones serves the others.
    let mut kept: HashMap<Range<usize>, Batch> = HashMap::new();
    let mut upload = |index: usize, field: fn(&Batch) -> &[i32]| {
        let per_group = match &program.inputs()[index].ty.shape[..] {
            [_, batch, _] => *batch,
            _ => 0,
        };
        program.upload_parts::<Error>(index, |ranges| {
            let shape: Vec<usize> = ranges.iter().map(Range::len).collect();
            let [groups @ .., batch, time] = ranges else {
                return Err(data::Error::Setting {
                    setting: "rows",
                    value: format!("{ranges:?}"),
                    detail: "a batch has rows and a time axis".into(),
                }
                .into());
            };
            let groups = groups.first().cloned().unwrap_or(0..1);
            let mut values = Vec::with_capacity(shape.iter().product());
            for group in groups {
                let range = group * per_group + batch.start..group * per_group + batch.end;
                let part = match kept.entry(range) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => {
                        let part = rows(entry.key().clone())?;
                        entry.insert(part)
                    }
                };
                for row in field(part).chunks_exact(part.sequence_length) {
                    values.extend_from_slice(&row[time.clone()]);
                }
            }
            Ok(HostArray::from_slice(&values, &shape).map_err(runtime::Error::from)?)
        })
    };
    Ok([upload(first, |batch| &batch.inputs)?, upload(first + 1, |batch| &batch.targets)?])
}
