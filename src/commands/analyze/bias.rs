//! `gopher analyze bias`.

use std::path::PathBuf;

use analyses::bias::{Bbq, CrowsPairs, Occupations, SentimentByGroup, WinoBias, Winogender};
use analyses::figure::{Figure, Figures};
use analyses::folder::Folder;
use analyses::question::{Answers, Drawing, Question, sample};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::runs::{Analysis, RunsArguments};
use super::scorer;
use super::show::Report;
use crate::output::usage;

/// Arguments of `gopher analyze bias`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    runs: RunsArguments,
    /// Folder with the benchmarks' files as they are published (docs/analyses.md); also in folders in it, and compressed.
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    data: Option<PathBuf>,
    /// Only these of the benchmarks.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME", help_heading = "Data")]
    only: Vec<Benchmark>,
    /// Templates and groups of the sentiment analysis, as JSON (docs/analyses.md) [default: built in].
    #[arg(long, value_name = "FILE", help_heading = "Sentiment")]
    templates: Option<PathBuf>,
    /// What scores sentiment: vader, or perspective:URL.
    #[arg(long, value_name = "SCORER", default_value = "vader", help_heading = "Sentiment")]
    sentiment: String,
    #[command(flatten)]
    service: scorer::ServiceArguments,
    /// Continuations of each template with each group.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Sentiment")]
    samples: u32,
    /// Tokens of a continuation.
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=4096), help_heading = "Sentiment")]
    tokens: u32,
    /// Print JSON instead of a table.
    #[arg(long, help_heading = "Results")]
    json: bool,
}

/// The benchmarks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// Whom a pronoun refers to, by its gender.
    Winogender,
    /// Whom a pronoun refers to, with a stereotype and against it.
    Winobias,
    /// Which of two sentences is the more probable.
    CrowsPairs,
    /// Questions about two people, of whom the context says too little, or enough.
    Bbq,
    /// Words for men and women after occupations.
    Occupations,
    /// How positive continuations about groups are.
    Sentiment,
}

/// A benchmark that was read.
enum Read {
    Winogender(Winogender),
    WinoBias(WinoBias),
    CrowsPairs(CrowsPairs),
    Bbq(Bbq),
    Occupations(Occupations),
    Sentiment(SentimentByGroup),
}

/// Analyses runs.
///
/// # Errors
/// Wrong usage, data that is missing, a model that cannot be loaded.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let analysis = Analysis::new(&arguments.runs, "bias")?;
    let mut sentiment =
        scorer::parse("--sentiment", &arguments.sentiment, &arguments.service, analysis.cache().as_deref())?;
    let drawing = Drawing {
        tokens: arguments.tokens as usize,
        top_p: 0.9,
        temperature: 1.0,
        seed: arguments.runs.seed,
    };
    let (benchmarks, notes) = read(arguments, drawing)?;
    let mut asked = Vec::new();
    for mut opened in analysis.open()? {
        let questions: Vec<Vec<Question>> =
            benchmarks.iter().map(|one| one.questions(arguments.runs.limit)).collect();
        let answers = analysis.ask(&mut opened, "", &questions.concat())?;
        asked.push((opened.close(), answers));
    }
    let (mut reports, mut folders) = (Vec::new(), Vec::new());
    for (opened, answers) in asked {
        let mut found = Vec::new();
        for benchmark in &benchmarks {
            if let Read::Sentiment(templates) = benchmark {
                let scores = analysis.score(&mut *sentiment, &templates.texts(&answers), &opened)?;
                found.extend(templates.figures(&answers, &scores, &analysis.figures));
            } else {
                found.extend(benchmark.figures(&answers, &analysis.figures));
            }
        }
        folders.push(opened.folder().to_owned());
        reports.push(opened.report(found));
    }
    analysis.conclude();
    let report = Report {
        analysis: "bias",
        program: env!("CARGO_PKG_VERSION"),
        seed: arguments.runs.seed,
        resamples: analysis.figures.bootstrap.resamples,
        limit: arguments.runs.limit,
        settings: json!({ "sentiment": { "scorer": sentiment.name(), "samples": arguments.samples, "drawing": drawing } }),
        notes: &notes,
        runs: &reports,
    };
    report.write(&folders)?;
    report.print(arguments.json)
}

/// Reads the benchmarks' data, before any model.
fn read(arguments: &Arguments, drawing: Drawing) -> anyhow::Result<(Vec<Read>, Vec<String>)> {
    let wanted: Vec<Benchmark> = match arguments.only.is_empty() {
        true => Benchmark::value_variants().to_vec(),
        false => arguments.only.clone(),
    };
    let folder = match &arguments.data {
        Some(path) => Some(Folder::open(path)?),
        None if wanted.iter().all(|benchmark| *benchmark == Benchmark::Sentiment) => None,
        None => {
            return Err(usage(
                "where is the data? name the folder of the benchmarks' files with --data DIR; without any, --only sentiment",
            ));
        }
    };
    let (mut benchmarks, mut notes) = (Vec::new(), Vec::new());
    for benchmark in wanted {
        let read = match (benchmark, &folder) {
            (Benchmark::Sentiment, _) => {
                let templates = arguments.templates.as_deref();
                SentimentByGroup::read(templates, arguments.samples as usize, drawing).map(Read::Sentiment)
            }
            (_, None) => continue,
            (Benchmark::Winogender, Some(folder)) => Winogender::read(folder).map(Read::Winogender),
            (Benchmark::Winobias, Some(folder)) => WinoBias::read(folder).map(Read::WinoBias),
            (Benchmark::CrowsPairs, Some(folder)) => CrowsPairs::read(folder).map(Read::CrowsPairs),
            (Benchmark::Bbq, Some(folder)) => Bbq::read(folder).map(Read::Bbq),
            (Benchmark::Occupations, Some(folder)) => Occupations::read(folder).map(Read::Occupations),
        };
        let read = read.map_err(|error| match error {
            missing @ analyses::Error::Missing { .. } => {
                anyhow::Error::from(missing).context("to go on without it, say with --only which are wanted")
            }
            other => other.into(),
        })?;
        if let Read::Bbq(bbq) = &read
            && !bbq.missing().is_empty()
        {
            notes.push(format!("bbq: no files of {}, which are left out", bbq.missing().join(", ")));
        }
        benchmarks.push(read);
    }
    Ok((benchmarks, notes))
}

impl Read {
    fn questions(&self, limit: Option<usize>) -> Vec<Question> {
        match self {
            Read::Winogender(read) => sample(read.questions(), limit, false),
            Read::WinoBias(read) => sample(read.questions(), limit, true),
            Read::CrowsPairs(read) => sample(read.questions(), limit, false),
            Read::Bbq(read) => sample(read.questions(), limit, false),
            Read::Occupations(read) => sample(read.questions(), limit, false),
            // Its size is that of --samples.
            Read::Sentiment(read) => read.questions(),
        }
    }

    fn figures(&self, answers: &Answers, figures: &Figures) -> Vec<Figure> {
        match self {
            Read::Winogender(read) => read.figures(answers, figures),
            Read::WinoBias(read) => read.figures(answers, figures),
            Read::CrowsPairs(read) => read.figures(answers, figures),
            Read::Bbq(read) => read.figures(answers, figures),
            Read::Occupations(read) => read.figures(answers, figures),
            Read::Sentiment(_) => Vec::new(),
        }
    }
}
