//! Language modelling: 19 sets of the Pile and WikiText-103.

use super::{Category, Entry, Metric, adapt::Adapter, origin};

/// Our name (lm-evaluation-harness's), the Pile's, and the 280B model's bits per byte.
const SETS: [(&str, &str, f64); 19] = [
    ("pile_arxiv", "ArXiv", 0.662),
    ("pile_bookcorpus2", "BookCorpus2", 0.741),
    ("pile_books3", "Books3", 0.712),
    ("pile_dm-mathematics", "DM Mathematics", 1.142),
    ("pile_europarl", "EuroParl", 0.938),
    ("pile_freelaw", "FreeLaw", 0.513),
    ("pile_github", "Github", 0.377),
    ("pile_gutenberg", "Gutenberg (PG-19)", 0.656),
    ("pile_hackernews", "HackerNews", 0.890),
    ("pile_nih-exporter", "NIH ExPorter", 0.590),
    ("pile_opensubtitles", "OpenSubtitles", 0.900),
    ("pile_openwebtext2", "OpenWebText2", 0.677),
    ("pile_philpapers", "PhilPapers", 0.695),
    ("pile_pile-cc", "Pile-CC", 0.691),
    ("pile_pubmed-abstracts", "PubMed Abstracts", 0.578),
    ("pile_pubmed-central", "PubMed Central", 0.525),
    ("pile_stackexchange", "StackExchange", 0.641),
    ("pile_ubuntu-irc", "Ubuntu IRC", 1.090),
    ("pile_uspto", "USPTO Backgrounds", 0.546),
];

/// The names that the sets have in the Pile.
pub(super) fn set_names() -> [&'static str; SETS.len()] {
    SETS.map(|(_, set, _)| set)
}

pub(super) fn tasks() -> Vec<Entry> {
    let set = |&(name, part, bits): &(&str, &'static str, f64)| {
        let task = Entry::new(name, Category::LanguageModelling, Metric::BitsPerByte, origin::PILE, "pile");
        let files = ["*pile*/test.jsonl", "*pile*/val.jsonl"];
        let task = files.iter().fold(task, |task, path| task.asked(*path, Adapter::Pile));
        task.part(part).gopher(&[(None, bits)])
    };
    let mut tasks = SETS.iter().map(set).collect::<Vec<_>>();
    let wikitext = Category::LanguageModelling;
    tasks.push(
        Entry::new("wikitext103", wikitext, Metric::WordPerplexity, origin::WIKITEXT, "wikitext103")
            .expect(60)
            .asked("wikitext-103*/wiki.valid.tokens", Adapter::Pages)
            .asked("wikitext-103*/wiki.valid.raw", Adapter::Pages)
            .asked("wikitext-103*/wiki.test.tokens", Adapter::Pages)
            .asked("wikitext-103*/wiki.test.raw", Adapter::Pages)
            .gopher(&[(None, 7.75)]),
    );
    tasks
}
