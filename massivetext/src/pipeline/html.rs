//! The report as one page: no script, nothing from elsewhere, and the numbers of every plot in a table beside it.

use std::collections::BTreeMap;

use super::histograms::Histogram;
use super::run::with_text;
use super::summary::{Extraction, SubsetSummary, Summary};
use super::svg::{self, escape, grouped, short};
use crate::ledger::{Disagreement, sets};
use crate::rules::Drops;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ccc}h3{font-size:1rem;margin-bottom:.3rem}h4{font-size:.9rem;margin:1rem 0 0}\
table{border-collapse:collapse;font-size:.85rem;margin:.4rem 0 1rem}th,td{padding:.15rem .6rem;text-align:right;\
border-bottom:1px solid #e4e4e4}th:first-child,td:first-child{text-align:left}th{font-weight:600}\
p{overflow-wrap:anywhere}div{overflow-x:auto}\
svg{max-width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:#333}\
summary{color:#555;font-size:.85rem;cursor:pointer}\
@media print{body{max-width:none;margin:0}svg,tr{break-inside:avoid}h2,h3,h4{break-after:avoid}details::details-content{content-visibility:visible;\
block-size:auto}}";

/// The page of a summary.
pub fn page(summary: &Summary) -> String {
    let mut body = String::from("<h1>What became of the documents</h1>\n");
    body += &overview(summary);
    body += &epochs(summary);
    for subset in &summary.subsets {
        body += &of_subset(subset);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>Report of a data pipeline</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}<p>gopher {}, seed {}</p>\n</body>\n</html>\n",
        escape(summary.version),
        summary.seed
    )
}

fn heading(level: u8, text: &str) -> String {
    format!("<h{level}>{}</h{level}>\n", escape(text))
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

/// Rows as a table, the first its head.
fn table(rows: &[Vec<String>]) -> String {
    let mut text = String::from("<div><table>\n");
    for (place, row) in rows.iter().enumerate() {
        let cell = if place == 0 { "th" } else { "td" };
        let cells: String =
            row.iter().map(|content| format!("<{cell}>{}</{cell}>", escape(content))).collect();
        text += &format!("<tr>{cells}</tr>\n");
    }
    text + "</table></div>\n"
}

/// A table that can be folded away, below a plot.
fn details(rows: &[Vec<String>]) -> String {
    format!("<details><summary>the numbers</summary>\n{}</details>\n", table(rows))
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

fn overview(summary: &Summary) -> String {
    let heads =
        ["subset", "kind", "records read", "documents left", "left", "bytes read", "bytes written", "tokens"];
    let mut rows = vec![row(heads)];
    for subset in &summary.subsets {
        let (Some(first), Some(last)) = (subset.stages.first(), subset.stages.last()) else { continue };
        let left = match with_text(&first.ledger) {
            0 => "-".to_owned(),
            records => percent(last.ledger.kept as f64 / records as f64),
        };
        rows.push(vec![
            subset.name.clone(),
            subset.kind.name().to_owned(),
            grouped(first.ledger.records),
            grouped(last.ledger.kept),
            left,
            grouped(first.input_bytes),
            grouped(last.output_bytes),
            subset.tokens.map_or("-".to_owned(), |tokens| grouped(tokens.tokens)),
        ]);
    }
    let mut text = table(&rows);
    text += &paragraph(
        "Bytes are those of files on disk, compressed or not; tokens those to train on, without the held-out ones. Records that are \
         passed over have no text, and count in no share.",
    );
    if let Some(tokenizer) = &summary.tokenizer {
        text += &paragraph(&format!(
            "Encoded by a tokenizer of {} pieces, sha256 {}.",
            grouped(tokenizer.vocabulary_size as u64),
            tokenizer.sha256
        ));
    }
    text
}

fn epochs(summary: &Summary) -> String {
    let mut rows = vec![row([
        "subset",
        "share of the training",
        "tokens",
        "epochs",
        "share in the paper",
        "epochs in the paper",
    ])];
    for subset in &summary.subsets {
        rows.push(vec![
            subset.name.clone(),
            percent(subset.share),
            subset.tokens.map_or("-".to_owned(), |tokens| grouped(tokens.tokens)),
            subset.epochs.map_or("-".to_owned(), short),
            percent(subset.paper.share),
            short(subset.paper.epochs),
        ]);
    }
    heading(2, "How often a training reads each subset")
        + &paragraph(&format!(
            "In a training of {} tokens. The paper's columns are those of its Table 2 for that kind of text, at 300 billion tokens.",
            short(summary.training_tokens)
        ))
        + &table(&rows)
}

fn of_subset(subset: &SubsetSummary) -> String {
    let mut text = heading(2, &format!("{} ({})", subset.name, subset.kind.name()));
    text += &svg::flow(&subset.name, &subset.stages);
    text += &stages(subset);
    for stage in &subset.stages {
        let reasons = by_count(stage.ledger.dropped.iter().chain(&stage.ledger.errors));
        if !reasons.is_empty() {
            text += &heading(3, &format!("What {} did not keep, by the reason", stage.stage));
            text +=
                &svg::bars(&format!("{}: records not kept by {}", subset.name, stage.stage), &reasons, false);
            text += &details(&counts(["reason", "records"], &reasons));
        }
    }
    text += &subset.extraction.as_ref().map_or(String::new(), |found| extraction(subset, found));
    if let Some(clusters) = subset.clusters.as_ref().filter(|clusters| !clusters.is_empty()) {
        let sizes: Vec<(String, u64)> = clusters.iter().map(|(size, n)| (grouped(*size), *n)).collect();
        text += &heading(3, "Duplicates");
        text += &paragraph(
            "Documents that stay for others, by how many documents each stands for, itself among them; bars are logarithmic.",
        );
        let shown = &sizes[..sizes.len().min(20)];
        text += &svg::bars(&format!("{}: sizes of groups of duplicates", subset.name), shown, true);
        text += &details(&counts(["documents in a group", "groups"], &sizes));
    }
    if !subset.evaluation.is_empty() {
        text += &evaluation(subset);
    }
    if let Some(titles) = &subset.titles {
        text += &paragraph(&format!(
            "Documents with one of the {} titles in {} were looked for too.",
            grouped(titles.titles),
            titles.file
        ));
    }
    if let Some(disagreement) = subset.disagreement.as_ref().filter(|found| sets(found).len() > 1) {
        text += &matrix(disagreement);
    }
    if !subset.histograms.is_empty() {
        text += &heading(3, "Statistics of the documents that the rules have seen");
        text +=
            &paragraph("Dashed lines are thresholds; the numbers of documents are on a logarithmic axis.");
    }
    for histogram in &subset.histograms {
        text += &heading(4, histogram.statistic);
        text += &svg::histogram(&subset.name, histogram);
        text += &details(&bins(histogram));
    }
    text
}

/// What is counted by a name, the most frequent first, and by the name among those that are as frequent.
fn by_count<'a>(counts: impl Iterator<Item = (&'a String, &'a u64)>) -> Vec<(String, u64)> {
    let all: BTreeMap<_, _> = counts.collect();
    let mut all: Vec<(String, u64)> = all.into_iter().map(|(name, n)| (name.clone(), *n)).collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    all
}

/// What the crawl files were: languages and encodings of their texts, and the records that have none.
fn extraction(subset: &SubsetSummary, found: &Extraction) -> String {
    let passed_over = by_count(subset.stages.iter().flat_map(|stage| &stage.ledger.passed_over));
    let mut text = String::new();
    for (title, what, counted, counts_of) in [
        (
            "Languages of the extracted texts, kept or not",
            "language",
            "texts",
            by_count(found.languages.iter()),
        ),
        ("Encodings of their pages", "encoding", "pages", by_count(found.encodings.iter())),
        ("Records that have no text and were passed over, by type", "type", "records", passed_over),
    ] {
        if !counts_of.is_empty() {
            text += &heading(3, title);
            let shown = &counts_of[..counts_of.len().min(20)];
            text += &svg::bars(&format!("{}: {counted} by {what}", subset.name), shown, false);
            text += &details(&counts([what, counted], &counts_of));
        }
    }
    if found.replaced > 0 {
        text += &paragraph(&format!(
            "Texts with characters that their encoding does not have, which became U+FFFD: {}.",
            grouped(found.replaced)
        ));
    }
    text
}

fn counts(heads: [&str; 2], counts: &[(String, u64)]) -> Vec<Vec<String>> {
    let rows = counts.iter().map(|(what, n)| vec![what.clone(), grouped(*n)]);
    [row(heads)].into_iter().chain(rows).collect()
}

fn stages(subset: &SubsetSummary) -> String {
    let heads = [
        "stage",
        "records",
        "kept",
        "dropped",
        "no documents",
        "passed over",
        "lost of the rest",
        "bytes read",
        "bytes written",
    ];
    let mut rows = vec![row(heads)];
    for stage in &subset.stages {
        let ledger = &stage.ledger;
        let all = [ledger.all_dropped(), ledger.all_errors(), ledger.all_passed_over()];
        let numbers = [ledger.records, ledger.kept].into_iter().chain(all).map(grouped);
        let rest = [percent(stage.lost), grouped(stage.input_bytes), grouped(stage.output_bytes)];
        rows.push([stage.stage.to_string()].into_iter().chain(numbers).chain(rest).collect());
    }
    table(&rows)
}

fn evaluation(subset: &SubsetSummary) -> String {
    let heads = [
        "evaluation file",
        "items",
        "by n-grams",
        "as a whole",
        "too short",
        "found by Jaccard",
        "≥ 50%",
        "≥ 80%",
        "100%",
    ];
    let mut rows = vec![row(heads)];
    for file in &subset.evaluation {
        let numbers = [file.items, file.by_ngrams, file.by_text, file.too_short, file.found_by_jaccard];
        let numbers = numbers.into_iter().chain(file.found_by_containment).map(grouped);
        rows.push([file.file.clone()].into_iter().chain(numbers).collect());
    }
    heading(3, "Evaluation items")
        + &paragraph(
            "How many items of each file were looked for, and found: as similar as drops a document, or with so many of their \
             n-grams in one document.",
        )
        + &table(&rows)
}

fn matrix(disagreement: &Disagreement) -> String {
    let sets = sets(disagreement);
    let heads = ["kept by".to_owned(), "documents".to_owned()];
    let mut rows =
        vec![heads.into_iter().chain(sets.iter().map(|set| format!("not {set}"))).collect::<Vec<_>>()];
    for keeper in &sets {
        let kept = disagreement.kept.get(keeper.name()).copied().unwrap_or_default();
        let cells = sets.iter().map(|dropper| match keeper == dropper {
            true => "-".to_owned(),
            false => grouped(disagreement.documents(keeper.name(), dropper.name())),
        });
        rows.push([keeper.to_string(), grouped(kept)].into_iter().chain(cells).collect());
    }
    heading(3, "Where the rule sets disagree")
        + &paragraph("Documents that the rule set on the left keeps and the one above drops.")
        + &table(&rows)
}

fn bins(histogram: &Histogram) -> Vec<Vec<String>> {
    let mut rows = vec![vec![format!("{} from", histogram.statistic), "to below".into(), "documents".into()]];
    for (edges, count) in histogram.edges.windows(2).zip(&histogram.counts).filter(|(_, count)| **count > 0) {
        rows.push(vec![short(edges[0]), short(edges[1]), grouped(*count)]);
    }
    if histogram.above > 0 {
        let last = histogram.edges.last().copied().unwrap_or_default();
        rows.push(vec![short(last), "-".into(), grouped(histogram.above)]);
    }
    if histogram.without > 0 {
        rows.push(vec!["no number".into(), "-".into(), grouped(histogram.without)]);
    }
    for rule in &histogram.rules {
        let side = if rule.drops == Drops::Above { "above" } else { "below" };
        rows.push(vec![rule.rule.to_owned(), format!("drops {side}"), short(rule.threshold)]);
    }
    rows
}
