//! Which chunks of text are on the device: a prefix tree whose nodes have pages.
//!
//! A node is a chunk with all chunks before it. Nodes that no row holds stay until their page is needed, the one that was not
//! used for longest first, and never before those that hang on it.

use std::collections::{BTreeSet, HashMap};

/// A node's name; never used twice.
pub(super) type NodeId = u64;

/// What a node is found by: its parent, its tokens, and whose it is if rows share nothing.
type Key = (Option<NodeId>, Box<[u32]>, Option<usize>);

struct Node {
    key: Key,
    /// Where it is on the device. A chunk that is not full has no page: nothing can hang on it.
    page: Option<u32>,
    is_computed: bool,
    /// Rows that need it.
    holders: usize,
    last_used: u64,
}

/// The nodes, and the pages that are free.
pub(super) struct Pages {
    nodes: HashMap<NodeId, Node>,
    by_key: HashMap<Key, NodeId>,
    free: Vec<u32>,
    /// Nodes with pages that no row holds, by last use.
    idle: BTreeSet<(u64, NodeId)>,
    next_node: NodeId,
    clock: u64,
    count: usize,
}

impl Pages {
    /// With these pages, none of them in use.
    pub fn new(pages: std::ops::Range<u32>) -> Self {
        let count = pages.len();
        Self {
            nodes: HashMap::new(),
            by_key: HashMap::new(),
            free: pages.rev().collect(),
            idle: BTreeSet::new(),
            next_node: 0,
            clock: 0,
            count,
        }
    }

    /// Pages there are, free or not.
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn page(&self, node: NodeId) -> Option<u32> {
        self.nodes.get(&node)?.page
    }

    /// Whether the node's page is what it should be once all calls so far have run.
    pub fn is_computed(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| node.is_computed)
    }

    /// The node's job is handed out.
    pub fn computed(&mut self, node: NodeId) {
        if let Some(node) = self.nodes.get_mut(&node) {
            // What has no page is computed again by those who need it later.
            node.is_computed = node.page.is_some();
        }
    }

    /// The path of nodes of these tokens, held for a row; `None` if there are too few pages, which changes nothing. Nodes are
    /// the row's own if `owner` is given.
    pub fn hold(&mut self, tokens: &[u32], chunk: usize, owner: Option<usize>) -> Option<Vec<NodeId>> {
        let mut path: Vec<NodeId> = Vec::new();
        let mut parts = tokens.chunks(chunk).peekable();
        while let Some(part) = parts.peek() {
            let key = (path.last().copied(), Box::from(*part), owner);
            let Some(&node) = self.by_key.get(&key) else { break };
            path.push(node);
            parts.next();
        }
        self.keep(&path);
        let new: Vec<&[u32]> = parts.collect();
        let full = new.iter().filter(|part| part.len() == chunk).count();
        if full > self.free.len() + self.idle.len() {
            self.let_go(&path);
            return None;
        }
        for part in new {
            let page = if part.len() == chunk { self.take_page() } else { None };
            let key: Key = (path.last().copied(), Box::from(part), owner);
            let id = self.next_node;
            self.next_node += 1;
            self.by_key.insert(key.clone(), id);
            self.nodes.insert(id, Node { key, page, is_computed: false, holders: 1, last_used: 0 });
            path.push(id);
        }
        Some(path)
    }

    /// A row needs its path no longer. Nodes stay if they are to be found again.
    pub fn release(&mut self, path: &[NodeId], keep: bool) {
        self.let_go(path);
        for &node in path {
            let forget =
                self.nodes.get(&node).is_some_and(|node| node.holders == 0 && (!keep || node.page.is_none()));
            if forget {
                self.forget(node);
            }
        }
    }

    fn keep(&mut self, path: &[NodeId]) {
        for id in path {
            if let Some(node) = self.nodes.get_mut(id) {
                node.holders += 1;
                self.idle.remove(&(node.last_used, *id));
            }
        }
    }

    fn let_go(&mut self, path: &[NodeId]) {
        // The ends of paths are older than their beginnings.
        for id in path.iter().rev() {
            self.clock += 1;
            let Some(node) = self.nodes.get_mut(id) else { continue };
            node.holders -= 1;
            node.last_used = self.clock;
            if node.holders == 0 && node.page.is_some() {
                self.idle.insert((node.last_used, *id));
            }
        }
    }

    fn take_page(&mut self) -> Option<u32> {
        if self.free.is_empty() {
            let &(_, oldest) = self.idle.first()?;
            self.forget(oldest);
        }
        self.free.pop()
    }

    fn forget(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.remove(&id) {
            self.idle.remove(&(node.last_used, id));
            self.by_key.remove(&node.key);
            self.free.extend(node.page);
        }
    }
}
