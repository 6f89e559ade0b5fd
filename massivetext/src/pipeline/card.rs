//! The data card: the questions of datasheets for datasets (Gebru et al. 2021) and data statements (Bender & Friedman 2018), answered from
//! receipts where these know, from the pipeline's file where that says, and as unknown else.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::plan::{Configured, Plan};
use super::settings::Settings;
use super::summary::{Extraction, SubsetSummary, Summary};
use super::svg::{grouped, short};
use crate::manifest::hexadecimal;

/// What stands where nobody knows.
const UNKNOWN: &str = "unknown: to be written by whoever publishes this";

/// What the last line begins with, which has the sha256 of all before it: by this a card is known that nobody has changed.
const SEAL: &str = "<!-- sha256 of the lines above: ";

/// Whether a card is as it was written, and may be written again.
pub fn is_untouched(card: &str) -> bool {
    card.rsplit_once(SEAL).is_some_and(|(text, _)| sealed(text.to_owned()) == card)
}

fn sealed(text: String) -> String {
    let hash = hexadecimal(&Sha256::digest(&text));
    format!("{text}{SEAL}{hash} -->\n")
}

/// The card of a summary, as Markdown.
pub fn text(settings: &Settings, plan: &Plan, summary: &Summary) -> String {
    let card = &settings.card;
    let said = |said: &Option<String>| format!("{}\n", said.as_deref().unwrap_or(UNKNOWN));
    let mut text = format!("# Data card: {}\n\n", card.name.as_deref().unwrap_or(UNKNOWN));
    text += &format!(
        "Made by gopher {} from the receipts of its stages; report.json and report.html beside it have all numbers. \
         What is unknown is answered in [card] of the pipeline's file, of which this is made anew.\n\n",
        summary.version
    );
    text += "## Motivation\n\n";
    text += &said(&card.motivation);
    text += "\n## Composition\n\nLanguages, kinds of text, persons in it: ";
    text += &said(&card.composition);
    text += "\n";
    text += &composition(summary);
    text += &languages(summary);
    text += "\n## Collection\n\nHow and when raw documents were acquired, and whether their authors know: ";
    text += &said(&card.collection);
    text += "\nRead by the pipeline:\n\n";
    for (name, subset) in &settings.subset {
        let paths: Vec<String> = subset.inputs.iter().map(|path| format!("`{}`", path.display())).collect();
        text += &format!("- {name}: {}\n", paths.join(", "));
    }
    text += "\n## Preprocessing\n\nBefore this pipeline: ";
    text += &said(&card.preprocessing);
    text += "\nBy this pipeline, in this order:\n\n";
    for subset in &summary.subsets {
        text += &preprocessing(plan, subset);
    }
    for (heading, said_of) in
        [("Uses", &card.uses), ("Distribution", &card.distribution), ("Maintenance", &card.maintenance)]
    {
        text += &format!("\n## {heading}\n\n{}", said(said_of));
    }
    sealed(text + "\n")
}

fn composition(summary: &Summary) -> String {
    let mut text = String::from(
        "| subset | kind | documents | tokens to train on | held-out documents | share of a training | epochs |\n|---|---|---|---|---|---|---|\n",
    );
    for subset in &summary.subsets {
        let documents = subset.stages.last().map_or(0, |stage| stage.ledger.kept);
        let [tokens, held_out] = match subset.tokens {
            Some(tokens) => [tokens.tokens, tokens.held_out_documents].map(grouped),
            None => ["not encoded".to_owned(), "-".to_owned()],
        };
        text += &format!(
            "| {} | {} | {} | {tokens} | {held_out} | {:.1}% | {} |\n",
            subset.name,
            subset.kind.name(),
            grouped(documents),
            100.0 * subset.share,
            subset.epochs.map_or("-".to_owned(), short)
        );
    }
    let tokens = short(summary.training_tokens);
    text + &format!(
        "\nEpochs are those of a training of {tokens} tokens. Documents of a subset are in no order but that of its files.\n"
    )
}

/// The languages and encodings of texts from crawl files, a line for each subset that has such; of other text nothing is known.
fn languages(summary: &Summary) -> String {
    let named = |counts: &BTreeMap<String, u64>| {
        let mut all: Vec<_> = counts.iter().collect();
        all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        all.iter().map(|(name, count)| format!("{name} {}", grouped(**count))).collect::<Vec<_>>().join(", ")
    };
    let line = |name: &str, found: &Extraction| {
        format!("- {name}: languages {}; encodings {}\n", named(&found.languages), named(&found.encodings))
    };
    let found = summary.subsets.iter().filter_map(|subset| Some((&subset.name, subset.extraction.as_ref()?)));
    let lines: String = found.map(|(name, found)| line(name, found)).collect();
    match lines.is_empty() {
        true => lines,
        false => format!(
            "\nLanguages and encodings that were found in crawl files, in texts kept or not:\n\n{lines}"
        ),
    }
}

/// What was done to a subset, a line for each stage.
fn preprocessing(plan: &Plan, subset: &SubsetSummary) -> String {
    let mut text = String::new();
    for stage in &subset.stages {
        let step = plan.steps.iter().find(|step| step.subset == subset.name && step.stage == stage.stage);
        let how = step.map_or(String::new(), |step| described(&step.work));
        let ledger = &stage.ledger;
        text += &format!(
            "- {} {}: {how}; {} of {} records kept, {} dropped, {} errors{}\n",
            subset.name,
            stage.stage,
            grouped(ledger.kept),
            grouped(ledger.records),
            grouped(ledger.all_dropped()),
            grouped(ledger.all_errors()),
            match ledger.all_passed_over() {
                0 => String::new(),
                count => format!(", {} passed over", grouped(count)),
            }
        );
    }
    text
}

/// A stage's configuration in words.
fn described(work: &Configured) -> String {
    match work {
        Configured::Extract(extract, _) => {
            let language =
                extract.language.as_ref().map_or("in any language".into(), |code| format!("in `{code}`"));
            let listed = extract.blocked_hosts.as_ref().map_or(String::new(), |list| {
                format!(", but for pages of a list of {} hosts", grouped(list.domains as u64))
            });
            format!("documents made of crawl files; those {language} are kept{listed}")
        }
        Configured::Filter(filter) if filter.subset.is_judged() && filter.thresholds.is_empty() => {
            format!("the rules of quality and repetition of `{}`", filter.rules)
        }
        Configured::Filter(filter) if filter.subset.is_judged() => {
            format!(
                "the rules of quality and repetition of `{}` with {}",
                filter.rules,
                filter.thresholds.join(", ")
            )
        }
        Configured::Filter(_) => "measured, and judged by no rule".to_owned(),
        Configured::Dedup(dedup, _) => format!(
            "of documents with a Jaccard similarity of {}-grams of {} or more, one stays; within the subset",
            dedup.ngram, dedup.jaccard
        ),
        Configured::Decontaminate { configuration, against, titles } => {
            let name = |path: &std::path::PathBuf| format!("`{}`", path.display());
            let files = against.iter().map(name).collect::<Vec<_>>().join(", ");
            let mut parts = Vec::new();
            if !against.is_empty() {
                let share = configuration.containment.map_or(String::new(), |share| {
                    format!(", or with a share of {share} of an item's n-grams,")
                });
                parts.push(format!(
                    "documents with a Jaccard similarity of {}-grams of {} or more{share} to an item of {files} go",
                    configuration.ngram, configuration.jaccard
                ));
            }
            parts
                .extend(titles.iter().map(|titles| format!("documents with a title of {} go", name(titles))));
            parts.join("; ")
        }
        Configured::Tokenize(tokenize) => {
            format!("encoded; a share of {} of all documents held out", tokenize.validation_fraction)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_somebody_has_changed_is_known() {
        let card = sealed("# Data card\n\nunknown\n\n".into());
        assert!(is_untouched(&card));
        for changed in
            [card.replace("unknown", "by us"), card.clone() + "more\n", "# Data card\n".into(), String::new()]
        {
            assert!(!is_untouched(&changed), "{changed}");
        }
    }
}
