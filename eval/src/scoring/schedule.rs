//! What is computed, and in which order: rows of tokens become jobs of one chunk each, and jobs calls.
//!
//! Rows that read the same are one text. Its chunks are a path from the root of a prefix tree ([`super::pages`]): chunks that texts
//! share are one node, computed once. A job computes a node, after its parent. Nothing here decides a number: which jobs share a
//! call is open.

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
    /// Texts that wait for it.
    texts: Vec<usize>,
}

impl Job {
    /// Chunks before it.
    pub fn depth(&self) -> usize {
        self.ancestors.len()
    }
}

/// Jobs that are computed side by side: of one depth, or of depths whose caches have one length.
#[derive(Debug)]
pub(super) struct Call {
    pub jobs: Vec<Job>,
}

/// Sizes that a schedule keeps to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Tokens of a chunk.
    pub chunk: usize,
    /// Jobs of a call.
    pub rows: usize,
    /// Texts in flight.
    pub batch: usize,
    /// Whether rows share nodes.
    pub reuse: bool,
    /// Which jobs can share a call, by their depth: those for which this gives the same.
    pub class: fn(usize) -> usize,
}

/// What rows read that read the same; without reuse, what one row reads.
struct Text {
    tokens: Vec<u32>,
    rows: Vec<usize>,
}

/// A text whose jobs are not all handed out.
struct InFlight {
    path: Vec<NodeId>,
    jobs: usize,
}

/// Hands out calls until every row is scored.
pub(super) struct Schedule<'a> {
    rows: &'a [Row],
    limits: Limits,
    pages: &'a mut Pages,
    /// In the order they are taken up.
    texts: Vec<Text>,
    taken: usize,
    in_flight: HashMap<usize, InFlight>,
    /// The job of a node that has one which is not handed out.
    jobs: HashMap<NodeId, Job>,
    /// Nodes whose jobs can be computed, by the class of their depth.
    ready: BTreeMap<usize, VecDeque<NodeId>>,
    /// Nodes whose jobs wait for that of their parent.
    waiting: HashMap<NodeId, Vec<NodeId>>,
    /// Tokens of rows whose chunk was there already, or is computed for another row.
    pub reused: u64,
}

impl<'a> Schedule<'a> {
    /// Of rows with a context each. Those without a continuation take no work.
    pub fn new(rows: &'a [Row], limits: Limits, pages: &'a mut Pages) -> Self {
        let texts = texts(rows, limits.reuse);
        let texts = if limits.reuse { beginnings_first(texts, limits, pages.count()) } else { texts };
        Self {
            rows,
            limits,
            pages,
            texts,
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
            && self.taken < self.texts.len()
            && self.take_up(self.taken)
        {
            self.taken += 1;
        }
        let rows = self.limits.rows;
        let full = self.ready.iter().rev().find(|(_, ready)| ready.len() >= rows);
        let (&class, _) = full.or_else(|| self.ready.iter().max_by_key(|(_, ready)| ready.len()))?;
        let ready = self.ready.get_mut(&class)?;
        let nodes: Vec<NodeId> = ready.drain(..rows.min(ready.len())).collect();
        if ready.is_empty() {
            self.ready.remove(&class);
        }
        let jobs: Vec<Job> = nodes.iter().filter_map(|node| self.jobs.remove(node)).collect();
        for job in &jobs {
            self.pages.computed(job.node);
            for child in self.waiting.remove(&job.node).unwrap_or_default() {
                self.ready.entry((self.limits.class)(job.depth() + 1)).or_default().push_back(child);
            }
            for &text in &job.texts {
                self.handed_out(text);
            }
        }
        Some(Call { jobs })
    }

    /// One of a text's jobs is handed out.
    fn handed_out(&mut self, text: usize) {
        let Some(in_flight) = self.in_flight.get_mut(&text) else { return };
        in_flight.jobs -= 1;
        if in_flight.jobs == 0
            && let Some(InFlight { path, .. }) = self.in_flight.remove(&text)
        {
            self.pages.release(&path, self.limits.reuse);
        }
    }

    /// Makes the jobs of a text, if there are pages for it.
    fn take_up(&mut self, text: usize) -> bool {
        let Limits { chunk, reuse, .. } = self.limits;
        let Text { tokens, rows } = &mut self.texts[text];
        let Some(path) = self.pages.hold(tokens, chunk, (!reuse).then_some(text)) else { return false };
        let (tokens, rows) = (std::mem::take(tokens), std::mem::take(rows));
        self.reused += (tokens.len() * (rows.len() - 1)) as u64;
        let mut scored: BTreeMap<usize, Vec<Target>> = BTreeMap::new();
        for &row in &rows {
            let Row { context, continuation } = &self.rows[row];
            for (index, &token) in continuation.iter().enumerate() {
                // The token at a position scores the one after it.
                scored.entry(context.len() - 1 + index).or_default().push(Target { row, index, token });
            }
        }
        let mut jobs = 0;
        for (depth, (&node, part)) in path.iter().zip(tokens.chunks(chunk)).enumerate() {
            let start = depth * chunk;
            let scored: Vec<_> = scored.range(start..start + part.len()).collect();
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
            job.texts.push(text);
            jobs += 1;
            for (position, targets) in scored {
                job.scored.entry(position - start).or_default().extend(targets);
            }
        }
        self.in_flight.insert(text, InFlight { path, jobs });
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
            texts: Vec::new(),
        };
        self.jobs.insert(node, job);
        match before.last() {
            Some(&parent) if !self.pages.is_computed(parent) => {
                self.waiting.entry(parent).or_default().push(node);
            }
            _ => self.ready.entry((self.limits.class)(before.len())).or_default().push_back(node),
        }
    }
}

/// What rows read, in an order in which neighbours share the most.
fn texts(rows: &[Row], reuse: bool) -> Vec<Text> {
    let mut order: Vec<usize> = (0..rows.len()).filter(|&row| !rows[row].continuation.is_empty()).collect();
    order.sort_by(|&a, &b| inputs(&rows[a]).cmp(inputs(&rows[b])));
    let mut texts: Vec<Text> = Vec::new();
    for row in order {
        match texts.last_mut() {
            Some(text) if reuse && inputs(&rows[row]).eq(text.tokens.iter().copied()) => text.rows.push(row),
            _ => texts.push(Text { tokens: inputs(&rows[row]).collect(), rows: vec![row] }),
        }
    }
    texts
}

/// Sorted texts such that the beginnings of several groups of texts are computed side by side: one chunk after another has to be
/// computed of what a group has in common, while there is nothing else to do for it. A group is what has its first chunk in
/// common. Of as many groups as a call has jobs, or as half of the pages hold the beginnings of, the first text of each comes
/// first, and then the others, group by group.
fn beginnings_first(texts: Vec<Text>, limits: Limits, pages: usize) -> Vec<Text> {
    let Limits { chunk, rows, .. } = limits;
    let first_chunk = |text: &Text| text.tokens[..chunk.min(text.tokens.len())].to_vec();
    let mut ordered = Vec::with_capacity(texts.len());
    let (mut others, mut groups, mut held) = (Vec::new(), 0, 0);
    let mut group = None;
    for text in texts {
        let first = first_chunk(&text);
        if group.as_ref() == Some(&first) {
            others.push(text);
            continue;
        }
        let needed = text.tokens.len() / chunk;
        if groups == rows || held + needed > pages / 2 {
            ordered.append(&mut others);
            (groups, held) = (0, 0);
        }
        (groups, held) = (groups + 1, held + needed);
        group = Some(first);
        ordered.push(text);
    }
    ordered.append(&mut others);
    ordered
}

/// The tokens that are read: all but the last, whose follower nobody asks for.
pub(super) fn inputs(row: &Row) -> impl Iterator<Item = u32> {
    let read = row.continuation.len().saturating_sub(1);
    row.context.iter().chain(&row.continuation[..read]).copied()
}
