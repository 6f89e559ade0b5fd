//! Pairs of documents that may be similar in, those that are out: lines of text, so that any program can ask.

use std::io::{BufRead, Write};

use rayon::prelude::*;

use super::grams::jaccard;
use super::signatures::Signatures;
use crate::{Error, Result};

/// Pairs that are compared at once.
const BATCH: usize = 4096;

/// Reads lines `A B`, the numbers of two documents, and writes lines `A B JACCARD` for those that are as similar as the signatures'
/// configuration asks for, in the order of the input. How many pairs were read.
///
/// # Errors
/// A line that is no pair, a document that there is not, what the operating system refuses.
pub fn run(signatures: &Signatures, pairs: &mut dyn BufRead, out: &mut dyn Write) -> Result<u64> {
    let store = &signatures.store;
    let threshold = signatures.receipt.configuration.jaccard;
    let standard = |error| Error::io("standard input and output".as_ref(), error);
    let mut read = 0;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        let mut line = String::new();
        while batch.len() < BATCH && pairs.read_line(&mut line).map_err(standard)? > 0 {
            read += 1;
            batch.push(pair(&line).ok_or_else(|| {
                let (setting, value) = ("line", format!("{read} ({:?})", line.trim_end()));
                Error::Setting { setting, value, detail: "the numbers of two documents are expected".into() }
            })?);
            line.clear();
        }
        if batch.is_empty() {
            return Ok(read);
        }
        let similar: Result<Vec<f64>> = batch
            .par_iter()
            .map(|&[a, b]| Ok(jaccard(&store.set(&store.entry(a)?)?, &store.set(&store.entry(b)?)?)))
            .collect();
        for ([a, b], similarity) in
            batch.iter().zip(similar?).filter(|(_, similarity)| *similarity >= threshold)
        {
            writeln!(out, "{a} {b} {similarity}").map_err(standard)?;
        }
        out.flush().map_err(standard)?;
    }
}

fn pair(line: &str) -> Option<[u64; 2]> {
    let (a, b) = line.trim_end().split_once(' ')?;
    Some([a.parse().ok()?, b.parse().ok()?])
}
