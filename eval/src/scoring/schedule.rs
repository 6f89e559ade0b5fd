//! What is computed, and in which order: rows of tokens become jobs of one chunk each, and jobs calls of jobs at one depth.
//!
//! A row's chunks are a path from the root of a prefix tree ([`super::pages`]): chunks that rows share are one node, computed
//! once. A job computes a node, after its parent. Nothing here decides a number: which jobs share a call is open.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Row;
use super::pages::{NodeId, Pages};

/// A token that is to be scored at some position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The row that asks for it.
    pub row: usize,
    /// Its place in the row's continuation.
    pub index: usize,
    /// The token.
    pub token: u32,
}

/// A chunk to compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    node: NodeId,
    /// Its tokens, at most a chunk's.
    pub tokens: Vec<u32>,
    /// Pages of the chunks before it, in order.
    pub ancestors: Vec<u32>,
    /// The page it becomes, if it is to be one.
    pub destination: Option<u32>,
    /// What is scored, by position within the chunk.
    pub scored: BTreeMap<usize, Vec<Target>>,
    /// Rows that wait for it.
    rows: Vec<usize>,
}

/// Jobs of one depth that are computed side by side.
#[derive(Debug)]
pub(super) struct Call {
    /// Chunks before each job's.
    pub depth: usize,
    pub jobs: Vec<Job>,
}

/// Sizes that a schedule keeps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Tokens of a chunk.
    pub chunk: usize,
    /// Jobs of a call.
    pub rows: usize,
    /// Rows in flight.
    pub batch: usize,
    /// Whether rows share nodes.
    pub reuse: bool,
}

/// A row whose jobs are not all handed out.
struct InFlight {
    path: Vec<NodeId>,
    jobs: usize,
}

/// Hands out calls until every row is scored.
pub(super) struct Schedule<'a> {
    rows: &'a [Row],
    limits: Limits,
    pages: &'a mut Pages,
    /// Rows in the order they are taken up.
    order: Vec<usize>,
    taken: usize,
    in_flight: HashMap<usize, InFlight>,
    /// The job of a node that has one which is not handed out.
    jobs: HashMap<NodeId, Job>,
    /// Nodes whose jobs can be computed, by depth.
    ready: BTreeMap<usize, VecDeque<NodeId>>,
    /// Nodes whose jobs wait for that of their parent.
    waiting: HashMap<NodeId, Vec<NodeId>>,
    /// Tokens of rows whose chunk was there already, or is computed for another row.
    pub reused: u64,
}

impl<'a> Schedule<'a> {
    /// Of rows with a context each. Those without a continuation take no work.
    pub fn new(rows: &'a [Row], limits: Limits, pages: &'a mut Pages) -> Self {
        let mut order: Vec<usize> =
            (0..rows.len()).filter(|&row| !rows[row].continuation.is_empty()).collect();
        // Neighbours share the most.
        order.sort_by(|&a, &b| inputs(&rows[a]).cmp(inputs(&rows[b])));
        Self {
            rows,
            limits,
            pages,
            order,
            taken: 0,
            in_flight: HashMap::new(),
            jobs: HashMap::new(),
            ready: BTreeMap::new(),
            waiting: HashMap::new(),
            reused: 0,
        }
    }

    /// The next call; `None` when all of them have been handed out. A call may read the pages of those before it.
    pub fn next_call(&mut self) -> Option<Call> {
        while self.in_flight.len() < self.limits.batch
            && let Some(&row) = self.order.get(self.taken)
            && self.take_up(row)
        {
            self.taken += 1;
        }
        let rows = self.limits.rows;
        let full = self.ready.iter().rev().find(|(_, ready)| ready.len() >= rows);
        let (&depth, _) = full.or_else(|| self.ready.iter().max_by_key(|(_, ready)| ready.len()))?;
        let ready = self.ready.get_mut(&depth)?;
        let nodes: Vec<NodeId> = ready.drain(..rows.min(ready.len())).collect();
        if ready.is_empty() {
            self.ready.remove(&depth);
        }
        let jobs: Vec<Job> = nodes.iter().filter_map(|node| self.jobs.remove(node)).collect();
        for job in &jobs {
            self.pages.computed(job.node);
            for child in self.waiting.remove(&job.node).unwrap_or_default() {
                self.ready.entry(depth + 1).or_default().push_back(child);
            }
            for &row in &job.rows {
                self.handed_out(row);
            }
        }
        Some(Call { depth, jobs })
    }

    /// One of a row's jobs is handed out.
    fn handed_out(&mut self, row: usize) {
        let Some(in_flight) = self.in_flight.get_mut(&row) else { return };
        in_flight.jobs -= 1;
        if in_flight.jobs == 0
            && let Some(InFlight { path, .. }) = self.in_flight.remove(&row)
        {
            self.pages.release(&path, self.limits.reuse);
        }
    }

    /// Makes the jobs of a row, if there are pages for it.
    fn take_up(&mut self, row: usize) -> bool {
        let Row { context, continuation } = &self.rows[row];
        let tokens: Vec<u32> = inputs(&self.rows[row]).collect();
        let Limits { chunk, reuse, .. } = self.limits;
        let Some(path) = self.pages.hold(&tokens, chunk, (!reuse).then_some(row)) else { return false };
        let mut jobs = 0;
        for (depth, (&node, part)) in path.iter().zip(tokens.chunks(chunk)).enumerate() {
            let start = depth * chunk;
            // The token at a position scores the one after it.
            let scored = (start.max(context.len() - 1)..start + part.len()).map(|position| {
                let index = position + 1 - context.len();
                (position - start, Target { row, index, token: continuation[index] })
            });
            let scored: Vec<_> = scored.collect();
            let is_computed = self.pages.is_computed(node);
            if !self.jobs.contains_key(&node) {
                if is_computed && scored.is_empty() {
                    self.reused += part.len() as u64;
                    continue;
                }
                self.add_job(&path[..=depth], part, is_computed);
            } else {
                self.reused += part.len() as u64;
            }
            let Some(job) = self.jobs.get_mut(&node) else { continue };
            job.rows.push(row);
            jobs += 1;
            for (offset, target) in scored {
                job.scored.entry(offset).or_default().push(target);
            }
        }
        self.in_flight.insert(row, InFlight { path, jobs });
        true
    }

    /// Adds a job for the last node of a path. A node that is computed again, because something more is scored in it, keeps its
    /// page.
    fn add_job(&mut self, path: &[NodeId], tokens: &[u32], again: bool) {
        let Some((&node, before)) = path.split_last() else { return };
        let job = Job {
            node,
            tokens: tokens.to_vec(),
            ancestors: before.iter().filter_map(|&node| self.pages.page(node)).collect(),
            destination: self.pages.page(node).filter(|_| !again),
            scored: BTreeMap::new(),
            rows: Vec::new(),
        };
        self.jobs.insert(node, job);
        match before.last() {
            Some(&parent) if !self.pages.is_computed(parent) => {
                self.waiting.entry(parent).or_default().push(node);
            }
            _ => self.ready.entry(before.len()).or_default().push_back(node),
        }
    }
}

/// The tokens that are read: all but the last, whose follower nobody asks for.
pub(super) fn inputs(row: &Row) -> impl Iterator<Item = u32> {
    let read = row.continuation.len().saturating_sub(1);
    row.context.iter().chain(&row.continuation[..read]).copied()
}
