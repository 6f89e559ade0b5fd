//! Copying many arrays to the host at once.

use std::cmp::Reverse;
use std::panic::resume_unwind;
use std::thread;

use xla_sys::HostArray;

use crate::Result;
use crate::buffer::Part;

/// More would take the processors from the data, and gain nothing.
const MOST_THREADS: usize = 4;

/// Copies parts of arrays to the host, each into memory of its type, and waits for them; returns them in the same order.
/// A plugin whose devices are the host's processors copies in the thread that asks, and one thread cannot fill what the
/// memory's channels carry: so several ask.
///
/// # Errors
/// [`Device`](crate::Error::Device) with the failure of the program that computes a part;
/// [`ElementType`](crate::Error::ElementType) when the memory is of another type.
pub fn copy_to_host(copies: Vec<(&Part<'_>, HostArray)>) -> Result<Vec<HostArray>> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let mut shares: Vec<(usize, Vec<_>)> = (0..threads).map(|_| (0, Vec::new())).collect();
    let mut ordered: Vec<_> = copies.into_iter().enumerate().collect();
    // The largest first, each to the thread that has least.
    ordered.sort_by_key(|(_, (_, memory))| Reverse(memory.bytes().len()));
    for copy in ordered {
        if let Some((bytes, share)) = shares.iter_mut().min_by_key(|(bytes, _)| *bytes) {
            *bytes += copy.1.1.bytes().len();
            share.push(copy);
        }
    }
    let copied: Vec<Result<Vec<_>>> = thread::scope(|scope| {
        let threads: Vec<_> =
            shares.into_iter().map(|(_, share)| scope.spawn(move || copy_share(share))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    let mut arrays = Vec::new();
    for share in copied {
        arrays.extend(share?);
    }
    arrays.sort_by_key(|(index, _)| *index);
    Ok(arrays.into_iter().map(|(_, array)| array).collect())
}

/// Starts all copies, then waits for them: devices of their own copy while others do.
fn copy_share(share: Vec<(usize, (&Part<'_>, HostArray))>) -> Result<Vec<(usize, HostArray)>> {
    let start = |(index, (part, memory)): (usize, (&Part<'_>, HostArray))| {
        Ok((index, part.shard.start_to_host_in(memory)?))
    };
    let under_way = share.into_iter().map(start).collect::<Result<Vec<_>>>()?;
    under_way.into_iter().map(|(index, transfer)| Ok((index, transfer.wait()?))).collect()
}
