//! The loader's laws: every sequence once per epoch, whatever the hosts, the batch sizes and the history.

use data::{
    Batch, Corpus, CorpusConfig, Document, Order, Permutation, Sequences, Source, Tokenizer, TokenizerConfig,
};
use proptest::prelude::*;
use std::sync::LazyLock;

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    let text: String = (0..400).map(|i| format!("number {i} and {} make more\n", i * i % 97)).collect();
    let documents = || [Ok(Document { name: "numbers".into(), text: text.clone() })];
    let config = TokenizerConfig { vocabulary_size: 300, ..TokenizerConfig::default() };
    let tokenizer = Tokenizer::train(documents(), &config).unwrap();
    Corpus::encode(documents(), &tokenizer, &CorpusConfig::default()).unwrap()
});

fn tokens() -> Vec<i32> {
    let stream = CORPUS.training();
    let mut tokens = Vec::new();
    stream.extend(0..stream.len(), &mut tokens).unwrap();
    tokens
}

fn sequences(sequence_length: usize, seed: u64) -> Sequences {
    Sequences::new(CORPUS.training(), sequence_length, Order::Shuffled { seed }).unwrap()
}

fn join(parts: impl IntoIterator<Item = Batch>) -> Batch {
    let join = |mut all: Batch, part: Batch| {
        all.rows += part.rows;
        all.inputs.extend(part.inputs);
        all.targets.extend(part.targets);
        all
    };
    parts.into_iter().reduce(join).unwrap()
}

proptest! {
    #[test]
    fn a_permutation_is_a_bijection(length in 1u64..5000, seed: u64, epoch: u64) {
        let permutation = Permutation::new(length, seed, epoch);
        let mut seen = vec![false; length as usize];
        for i in 0..length {
            let to = permutation.apply(i) as usize;
            prop_assert!(!std::mem::replace(&mut seen[to], true), "{to} twice");
        }
    }

    #[test]
    fn every_token_is_a_target_once_per_epoch(sequence_length in 1usize..200, seed: u64, epoch in 0u64..5) {
        let sequences = sequences(sequence_length, seed);
        let per_epoch = sequences.per_epoch();
        let batch = sequences.sequences(epoch * per_epoch, per_epoch as usize).unwrap();
        let mut rows: Vec<(usize, &[i32], &[i32])> = (0..per_epoch)
            .map(|row| sequences.start(epoch * per_epoch + row))
            .zip(batch.inputs.chunks(sequence_length).zip(batch.targets.chunks(sequence_length)))
            .map(|(index, (inputs, targets))| (index, inputs, targets))
            .collect();
        rows.sort();
        let used = per_epoch as usize * sequence_length;
        let tokens = tokens();
        prop_assert!(tokens.len() - used <= sequence_length);
        let inputs: Vec<i32> = rows.iter().flat_map(|row| row.1).copied().collect();
        let targets: Vec<i32> = rows.iter().flat_map(|row| row.2).copied().collect();
        prop_assert_eq!(&inputs, &tokens[..used]);
        prop_assert_eq!(&targets, &tokens[1..=used]);
    }

    #[test]
    fn hosts_together_read_the_global_batch(
        step in 0u64..1000, rows_per_host in proptest::collection::vec(0usize..7, 1..5), seed: u64,
    ) {
        let sequences = sequences(16, seed);
        let batch_size = rows_per_host.iter().sum();
        let mut start = 0;
        let parts: Vec<Batch> = rows_per_host.iter().map(|&rows| {
            start += rows;
            sequences.batch(step, batch_size, start - rows..start).unwrap()
        }).collect();
        prop_assert_eq!(join(parts), sequences.batch(step, batch_size, 0..batch_size).unwrap());
    }

    #[test]
    fn only_the_position_counts(start in 0u64..10_000, sizes in proptest::collection::vec(1usize..9, 1..6), seed: u64) {
        // A batch size that changes on the way, read by one loader after other reads, against a fresh loader.
        let used = sequences(16, seed);
        used.sequences(seed % 977, 3).unwrap();
        let mut position = start;
        let ramp: Vec<Batch> = sizes.iter().map(|&size| {
            position += size as u64;
            used.sequences(position - size as u64, size).unwrap()
        }).collect();
        prop_assert_eq!(join(ramp), sequences(16, seed).sequences(start, sizes.iter().sum()).unwrap());
    }
}

#[test]
fn lengths_up_to_the_largest_are_walked() {
    for length in [1, 2, 3, (1 << 32) + 1, u64::MAX / 2, u64::MAX] {
        let permutation = Permutation::new(length, 7, 0);
        for i in [0, length / 2, length - 1] {
            assert!(permutation.apply(i) < length);
        }
    }
}

#[test]
fn epochs_and_seeds_differ_and_sequential_does_not() {
    let order = |seed, epoch: u64| -> Vec<usize> {
        let sequences = sequences(16, seed);
        let n = sequences.per_epoch();
        (epoch * n..(epoch + 1) * n).map(|position| sequences.start(position)).collect()
    };
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    let sequential = Sequences::new(CORPUS.training(), 16, Order::Sequential).unwrap();
    let n = sequential.per_epoch();
    assert!((0..2 * n).all(|position| sequential.start(position) == 16 * (position % n) as usize));
}

/// A shuffle must scatter: the mean distance between neighbours is a third of the length.
#[test]
fn neighbours_are_scattered() {
    let n = 10_000;
    let permutation = Permutation::new(n, 3, 0);
    let distance: u64 = (1..n).map(|i| permutation.apply(i).abs_diff(permutation.apply(i - 1))).sum();
    let mean = distance as f64 / (n - 1) as f64 / n as f64;
    assert!((mean - 1.0 / 3.0).abs() < 0.02, "{mean}");
}

/// The order is part of what makes a run repeatable, so it may not change between versions.
#[test]
fn the_order_is_fixed_for_good() {
    let permutation = Permutation::new(10, 42, 0);
    let order: Vec<u64> = (0..10).map(|i| permutation.apply(i)).collect();
    assert_eq!(order, [3, 2, 5, 9, 8, 1, 4, 6, 0, 7]);
}

#[test]
fn impossible_requests_are_refused() {
    let tokens = CORPUS.training().len();
    let error =
        |length| Sequences::new(CORPUS.training(), length, Order::Sequential).unwrap_err().to_string();
    assert_eq!(
        error(tokens),
        format!(
            "sequence length {tokens} is longer than the data: the training part has {tokens} tokens and one sequence \
             with its targets needs {}; --set training.sequence_length={} or less, or add text",
            tokens + 1,
            tokens - 1
        )
    );
    assert!(Sequences::new(CORPUS.training(), tokens - 1, Order::Sequential).is_ok());
    assert_eq!(error(0), "sequence_length = 0: must be at least 1");
    let refused = sequences(16, 0).batch(0, 4, 2..5).unwrap_err().to_string();
    assert_eq!(refused, "rows = 2..5: must lie within the batch, 0..4");
}

/// Three sources of different lengths in the corpus, the first twice as long as the second.
fn sources(weights: [f64; 3]) -> Vec<Source> {
    let cuts = [0, 2000, 3000, 3700];
    assert!(CORPUS.training().len() >= 3700);
    (0..3).map(|source| Source { tokens: cuts[source]..cuts[source + 1], weight: weights[source] }).collect()
}

fn mixed(weights: [f64; 3], seed: u64) -> Sequences {
    Sequences::mixed(CORPUS.training(), &sources(weights), 16, seed).unwrap()
}

proptest! {
    /// In each thousand sequences every source has its share, and in each of its epochs each of its sequences once.
    #[test]
    fn a_mixture_has_every_source_by_its_weight_and_every_sequence_once_per_epoch(
        weights in prop::array::uniform3(0.05..1.0f64), seed: u64,
    ) {
        let sequences = mixed(weights, seed);
        let sources = sources(weights);
        let total: f64 = weights.iter().sum();
        let mut taken: [Vec<usize>; 3] = Default::default();
        for block in 0..3u64 {
            let before = taken.each_ref().map(Vec::len);
            for position in block * 1000..(block + 1) * 1000 {
                let start = sequences.start(position);
                let source = sources.iter().position(|source| source.tokens.contains(&start)).unwrap();
                prop_assert!(start + 16 < sources[source].tokens.end, "a sequence crosses the end of its source");
                taken[source].push(start);
            }
            for source in 0..3 {
                let share = (taken[source].len() - before[source]) as f64;
                prop_assert!((share - weights[source] / total * 1000.0).abs() <= 1.0, "{share} of {weights:?}");
            }
        }
        for (source, taken) in sources.iter().zip(&taken) {
            let per_epoch = (source.tokens.len() - 1) / 16;
            let mut counts = vec![0usize; per_epoch];
            for start in taken {
                counts[(start - source.tokens.start) / 16] += 1;
            }
            // After whole blocks, every sequence was taken as often as there were whole epochs, or once more.
            let whole = taken.len() / per_epoch;
            prop_assert!(counts.iter().all(|&count| count == whole || count == whole + 1), "{counts:?}");
            prop_assert_eq!(counts.iter().filter(|&&count| count > whole).count(), taken.len() % per_epoch);
        }
    }

    /// As without a mixture: hosts together read the whole, and whoever begins anywhere reads what follows.
    #[test]
    fn a_mixture_is_a_function_of_seed_and_position(
        start in 0u64..10_000, sizes in proptest::collection::vec(0usize..9, 1..9), seed: u64,
    ) {
        let mut position = start;
        let parts: Vec<Batch> = sizes.iter().map(|&rows| {
            position += rows as u64;
            mixed([0.5, 0.3, 0.2], seed).sequences(position - rows as u64, rows).unwrap()
        }).collect();
        prop_assert_eq!(join(parts), mixed([0.5, 0.3, 0.2], seed).sequences(start, sizes.iter().sum()).unwrap());
    }
}

#[test]
fn seeds_and_blocks_of_a_mixture_differ() {
    let order = |seed, block: u64| -> Vec<usize> {
        let sequences = mixed([0.5, 0.3, 0.2], seed);
        (block * 1000..(block + 1) * 1000).map(|position| sequences.start(position)).collect()
    };
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
    // Sources alternate from the start, rather than one after another.
    let early: Vec<bool> = order(1, 0)[..20].iter().map(|&start| start < 2000).collect();
    assert!(early.contains(&true) && early.contains(&false), "{early:?}");
}

#[test]
fn the_order_of_a_mixture_is_fixed_for_good() {
    let starts: Vec<usize> = (0..10).map(|position| mixed([0.5, 0.3, 0.2], 42).start(position)).collect();
    assert_eq!(starts, [3096, 2704, 3480, 1632, 3464, 1792, 1504, 1776, 1952, 2208]);
}
