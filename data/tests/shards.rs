//! Token shards: what is written is what is read, in any order of reading; what is damaged or incomplete is refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use data::shards::{HeldOut, Place, Shard, ShardDocument, ShardFolder, ShardWriter};
use data::{
    Corpus, CorpusConfig, Document, Error, Order, Sequences, TokenStream, Tokenizer, TokenizerConfig,
};
use proptest::prelude::*;

/// Documents that differ.
fn documents(count: usize) -> Vec<String> {
    let line = |i: usize| {
        format!("the {} cat sat on the {} mat and looked at {} mice\n", i, i * 7 % 13, i * i % 101)
    };
    (0..count).map(|i| (0..1 + i % 5).map(|j| line(i * 5 + j)).collect()).collect()
}

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let documents = documents(100).into_iter().map(|text| Ok(Document { name: String::new(), text }));
    Tokenizer::train(documents, &TokenizerConfig { vocabulary_size: 320, ..Default::default() }).unwrap()
});

const HELD_OUT: HeldOut = HeldOut { fraction: 0.2, seed: 3 };

/// Writes one shard of several.
fn write(folder: &Path, texts: &[String], held_out: HeldOut, of: u64, shard: u64) -> PathBuf {
    let path = folder.join(format!("{shard:05}.shard"));
    let place = Place { plan: "of the test".into(), of, shard };
    let mut writer = ShardWriter::new(&path, &TOKENIZER, held_out, place).unwrap();
    for (index, text) in texts.iter().enumerate() {
        let record = format!("{{\"id\":\"{shard}-{index}\"}}");
        writer.add(&ShardDocument { text, ids: &TOKENIZER.encode(text), record: &record }).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// A folder of three shards, the second of them without documents.
fn folder(texts: &[String], held_out: HeldOut) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let half = texts.len() / 2;
    for (shard, texts) in [&texts[..half], &[], &texts[half..]].into_iter().enumerate() {
        write(folder.path(), texts, held_out, 3, shard as u64);
    }
    fs::write(folder.path().join(TOKENIZER.file_name()), TOKENIZER.to_bytes()).unwrap();
    folder
}

fn ids(stream: &TokenStream) -> Vec<i32> {
    let mut ids = Vec::new();
    stream.extend(0..stream.len(), &mut ids).unwrap();
    ids
}

/// The same documents in memory, with nothing held out.
fn in_memory(texts: impl IntoIterator<Item = String>) -> Corpus {
    let documents = texts.into_iter().map(|text| Ok(Document { name: String::new(), text }));
    Corpus::encode(documents, &TOKENIZER, &CorpusConfig { validation_fraction: 0.0 }).unwrap()
}

/// Every token is where it is in memory, and so are the batches and the numbers of the corpus.
#[test]
fn a_corpus_in_shards_is_the_corpus_in_memory() {
    let texts = documents(60);
    let folder = folder(&texts, HELD_OUT);
    let opened = ShardFolder::open(folder.path()).unwrap();
    assert_eq!(opened.tokenizer().unwrap().fingerprint(), TOKENIZER.fingerprint());
    let corpus = Corpus::from_shards(&opened).unwrap();
    let (held, trained): (Vec<_>, Vec<_>) = texts.into_iter().partition(|text| HELD_OUT.holds_out(text));
    assert!(held.len() > 3 && trained.len() > 30, "{} held out of 60", held.len());
    for (stream, statistics, texts) in [
        (corpus.training(), corpus.training_statistics(), trained),
        (corpus.validation(), corpus.validation_statistics(), held),
    ] {
        let expected = in_memory(texts);
        assert_eq!(ids(stream), ids(expected.training()), "{stream:?}");
        let of_memory = expected.training_statistics();
        assert_eq!(statistics, data::Statistics { ..of_memory });
        let sequences = |stream| Sequences::new(stream, 7, Order::Shuffled { seed: 5 }).unwrap();
        let (of_shards, of_memory) = (sequences(stream), sequences(expected.training()));
        assert_eq!(of_shards.sequences(3, 40).unwrap(), of_memory.sequences(3, 40).unwrap());
    }
}

/// What is to be read is brought into memory while nobody waits for it, and nothing else is.
#[cfg(target_os = "linux")]
#[test]
fn what_is_read_ahead_is_in_memory_when_it_is_asked_for() {
    use rustix::fs::{Advice, fadvise};
    use rustix::io::{Errno, ReadWriteFlags, preadv2};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("00000.shard");
    let place = Place { plan: "of the test".into(), of: 1, shard: 0 };
    let mut writer = ShardWriter::new(&path, &TOKENIZER, HeldOut { fraction: 0.0, seed: 0 }, place).unwrap();
    let ids: Vec<u32> = (0..8 << 20).map(|i| 5 + i % 300).collect();
    writer.add(&ShardDocument { text: "any", ids: &ids, record: "{}" }).unwrap();
    writer.finish().unwrap();
    fs::write(folder.path().join(TOKENIZER.file_name()), TOKENIZER.to_bytes()).unwrap();
    let corpus = Corpus::from_shards(&ShardFolder::open(folder.path()).unwrap()).unwrap();
    let sequences = Sequences::new(corpus.training(), 1 << 16, Order::Sequential).unwrap();

    let file = fs::File::open(&path).unwrap();
    file.sync_all().unwrap();
    // Whether the first bytes of a sequence could be had without waiting for the disk. To ask may bring them.
    let is_in_memory = |position: u64| {
        let offset = 64 + (position << 17);
        let mut bytes = [0; 16];
        let read =
            preadv2(&file, &mut [std::io::IoSliceMut::new(&mut bytes)], offset, ReadWriteFlags::NOWAIT);
        match read {
            Ok(16) => Some(true),
            Err(Errno::AGAIN) => Some(false),
            _ => None,
        }
    };
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    if is_in_memory(20) != Some(false) {
        return eprintln!("skipped: this file system does not tell what is in memory");
    }
    // The system may be busy, and may drop what it has brought.
    let brought = (40..100).step_by(10).any(|position| {
        sequences.read_ahead(position, 2);
        std::thread::sleep(std::time::Duration::from_millis(200));
        is_in_memory(position) == Some(true) && is_in_memory(position + 1) == Some(true)
    });
    assert!(brought, "nothing was read ahead");
    assert_eq!(is_in_memory(120), Some(false), "all was");
    // Past the end there is nothing to read.
    corpus.training().read_ahead(ids.len() - 5..ids.len() + 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Any range, across the ends of shards, is that range of the whole.
    #[test]
    fn ranges_are_those_of_the_whole(count in 2usize..30, cuts in any::<[u16; 2]>()) {
        let folder = folder(&documents(count), HeldOut { fraction: 0.0, seed: 0 });
        let corpus = Corpus::from_shards(&ShardFolder::open(folder.path()).unwrap()).unwrap();
        let all = ids(corpus.training());
        let mut ends = cuts.map(|cut| usize::from(cut) % (all.len() + 1));
        ends.sort();
        let mut part = vec![-7];
        corpus.training().extend(ends[0]..ends[1], &mut part).unwrap();
        prop_assert_eq!(&part[1..], &all[ends[0]..ends[1]]);
    }

    /// What was changed anywhere, or cut anywhere, is not read as if nothing had happened: opening, reading or verifying says so.
    #[test]
    fn damage_is_found(place in any::<u32>(), bit in 0u8..8, cut in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), &documents(8), HELD_OUT, 1, 0);
        let mut bytes = fs::read(&path).unwrap();
        let place = place as usize % bytes.len();
        // Zeros between the sections mean nothing.
        let footer = Shard::open(&path).unwrap().footer().clone();
        let id_end = 64 + 2 * (footer.training.tokens + footer.validation.tokens) as usize;
        prop_assume!(cut || !(8..64).contains(&place) && !(id_end..id_end.next_multiple_of(8)).contains(&place));
        match cut {
            true => bytes.truncate(place),
            false => bytes[place] ^= 1 << bit,
        }
        fs::write(&path, bytes).unwrap();
        let error = Shard::open(&path).and_then(|shard| shard.verify()).unwrap_err();
        prop_assert!(matches!(error, Error::Shard { .. }), "{error}");
    }
}

/// Equal texts are on one side, whatever is around them; and about as many are held out as asked for.
#[test]
fn what_is_held_out_depends_on_the_text_alone() {
    let texts: Vec<String> = (0..4000).map(|i| format!("text {i}")).collect();
    let held = texts.iter().filter(|text| HELD_OUT.holds_out(text)).count();
    // 800, give or take four standard deviations.
    assert!((700..900).contains(&held), "{held}");
    let none = HeldOut { fraction: 0.0, seed: 3 };
    assert!(!texts.iter().any(|text| none.holds_out(text)));
    let other = HeldOut { seed: 4, ..HELD_OUT };
    assert!(texts.iter().any(|text| other.holds_out(text) != HELD_OUT.holds_out(text)));
}

/// A token leads to its document, the held-out ones behind the others.
#[test]
fn a_token_leads_to_its_document() {
    let folder = tempfile::tempdir().unwrap();
    let texts = documents(20);
    let shard = Shard::open(&write(folder.path(), &texts, HELD_OUT, 1, 0)).unwrap();
    let (held, trained): (Vec<_>, Vec<_>) =
        (0..texts.len()).partition(|&index| HELD_OUT.holds_out(&texts[index]));
    let mut begin = 0;
    for (place, index) in trained.iter().chain(&held).enumerate() {
        let end = begin + TOKENIZER.encode(&texts[*index]).len() as u64 + 1;
        for token in [begin, end - 1] {
            let found = shard.document(token).unwrap().unwrap();
            assert_eq!(
                (found.index, found.tokens, found.is_held_out),
                (place as u64, begin..end, place >= trained.len())
            );
            assert_eq!(found.record, format!("{{\"id\":\"0-{index}\"}}"));
        }
        begin = end;
    }
    assert_eq!(shard.document(begin).unwrap(), None);
}

/// The texts come back, for whoever looks for other texts in them.
#[test]
fn documents_come_back() {
    let texts = documents(20);
    let folder = folder(&texts, HELD_OUT);
    let mut found = Vec::new();
    ShardFolder::open(folder.path())
        .unwrap()
        .documents(&TOKENIZER, &mut |document| found.push(document.text.clone()))
        .unwrap();
    found.sort();
    let mut expected: Vec<String> =
        texts.iter().map(|text| TOKENIZER.decode(&TOKENIZER.encode(text)).unwrap()).collect();
    expected.sort();
    assert_eq!(found, expected);
}

/// The error of opening a folder after something was done to it.
#[track_caller]
fn check_refused(change: impl FnOnce(&Path), expected: &[&str]) {
    let folder = folder(&documents(10), HELD_OUT);
    change(folder.path());
    let opened = ShardFolder::open(folder.path());
    let error = opened.and_then(|folder| folder.tokenizer().map(drop)).unwrap_err().to_string();
    for part in expected {
        assert!(error.contains(part), "{part:?} in {error}");
    }
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn folders_that_are_not_whole_are_refused() {
    let remove = |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).unwrap();
    check_refused(remove("00002.shard"), &["token shards are missing: 00002.shard", "gopher data tokenize"]);
    check_refused(remove("00000.shard"), &["missing: 00000.shard"]);
    check_refused(remove("tokenizer.model"), &["tokenizer.model", "no such file"]);
    let copy = |folder: &Path| {
        fs::copy(folder.join("00000.shard"), folder.join("00009.shard")).unwrap();
    };
    check_refused(copy, &["00009.shard", "it is in the place of", "00000.shard"]);
    let other = |folder: &Path| drop(write(folder, &documents(3), HELD_OUT, 4, 1));
    check_refused(other, &["00001.shard", "other text or with other settings than", "00000.shard"]);
    let other = |folder: &Path| drop(write(folder, &documents(3), HeldOut { seed: 9, ..HELD_OUT }, 3, 1));
    check_refused(other, &["other text or with other settings than"]);
    let text = |folder: &Path| fs::write(folder.join("00001.shard"), "text\n".repeat(100)).unwrap();
    check_refused(text, &["00001.shard: it is no token shard"]);
    let empty = |folder: &Path| fs::write(folder.join("00001.shard"), "").unwrap();
    check_refused(empty, &["00001.shard: it is no token shard"]);
    let newer = |folder: &Path| {
        let mut bytes = fs::read(folder.join("00001.shard")).unwrap();
        bytes[7] = 9;
        fs::write(folder.join("00001.shard"), bytes).unwrap();
    };
    check_refused(newer, &["version 9, and this program reads version 1"]);
    let other = |folder: &Path| {
        let documents = documents(50).into_iter().map(|text| Ok(Document { name: String::new(), text }));
        let config = TokenizerConfig { vocabulary_size: 310, ..Default::default() };
        let tokenizer = Tokenizer::train(documents, &config).unwrap();
        fs::write(folder.join("tokenizer.model"), tokenizer.to_bytes()).unwrap();
    };
    check_refused(other, &["its tokens are those of another tokenizer"]);
}

/// Nothing is at a shard's place before it is whole, and nothing is left of one that was given up.
#[test]
fn a_shard_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place { plan: String::new(), of: 1, shard: 0 };
    let mut writer =
        ShardWriter::new(&folder.path().join("00000.shard"), &TOKENIZER, HELD_OUT, place).unwrap();
    let error = writer.add(&ShardDocument { text: "x", ids: &[5000], record: "{}" }).unwrap_err();
    assert_eq!(error.to_string(), "token id 5000 is outside the vocabulary of 320 pieces");
    assert!(!folder.path().join("00000.shard").exists());
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
