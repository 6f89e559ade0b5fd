//! The model card: the questions of Mitchell et al. 2019, which the paper's appendix answers of its model, answered from the run, its
//! data card and its results where these know, and as unknown else.

use std::path::Path;

use serde::Serialize;

use crate::collect::RunPart;
use crate::{Error, Result};

/// What stands where nobody knows.
pub const UNKNOWN: &str = "unknown: to be written by whoever publishes the model";

/// A model card.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Card {
    /// The run that it is of; `None` without runs.
    pub run: Option<String>,
    /// Its sections.
    pub sections: Vec<Section>,
}

/// Questions of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// What they are about.
    pub heading: &'static str,
    /// Questions with their answers.
    pub answers: Vec<Answered>,
}

/// A question.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    /// The question, in a word or two.
    pub question: &'static str,
    /// What is known; `None` if nothing is.
    pub answer: Option<String>,
}

/// The most of a data card that is read.
const LONGEST: usize = 200_000;

/// The card of a run.
///
/// # Errors
/// A data card that cannot be read.
pub fn card(run: Option<&RunPart>, data_card: Option<&Path>) -> Result<Card> {
    let written = data_card.map(read).transpose()?;
    let Some(run) = run else { return Ok(Card::default()) };
    let none = |question| Answered { question, answer: None };
    let some = |question, answer: String| Answered { question, answer: Some(answer) };
    let details = vec![
        none("Organisation"),
        some("Model date", run.overview.updated.map_or_else(|| UNKNOWN.into(), date)),
        Answered { question: "Model type", answer: model_type(run) },
        some("Training", training(run)),
        none("Feedback"),
        none("Licence"),
    ];
    let intended = vec![none("Primary uses"), none("Primary users"), none("Out of scope")];
    let factors = vec![
        none("Relevant factors"),
        some(
            "Factors evaluated",
            listed(
                run.analyses.iter().map(|part| part.analysis.as_str()),
                "none: no analysis was found in the run",
            ),
        ),
    ];
    let metrics = vec![
        some("Measures", measures(run)),
        some("Thresholds", "none: scores are not turned into decisions".into()),
        some(
            "Uncertainty",
            "95% intervals, Wilson's of shares and otherwise of resampled documents; the model was trained once unless other runs of its size stand beside it"
                .into(),
        ),
    ];
    let evaluated = vec![
        some("Data sets", data_sets(run)),
        some("Motivation", "the 152 tasks of Rae et al. 2021, as far as their data is at hand".into()),
        some(
            "Preprocessing",
            "none beyond what each task's file says; prompts longer than the window are counted".into(),
        ),
    ];
    let trained = vec![
        Answered { question: "Text", answer: text(run) },
        some("Tokens", format!("{} trained on", crate::page::grouped(run.overview.tokens))),
        Answered { question: "Data card", answer: written },
    ];
    let quantitative =
        vec![some("Results", results(run)), none("Results by group, and by several groups at once")];
    let ethics = vec![
        none("Data: persons and private matters in the text"),
        none("Human life"),
        none("Mitigations"),
        some(
            "Risks and harms",
            "a language model repeats what its text holds, hurtful and false things among it; what was measured of it stands under the analyses, and \
             what was not measured is not known to be absent"
                .into(),
        ),
        none("Uses that are likely to harm"),
    ];
    let caveats = vec![
        some(
            "Caveats",
            "numbers of this page were computed by program from the files of the run; nobody has judged them. A score beside the paper's is of the same \
             task and not of the same model, data or size"
                .into(),
        ),
        none("Recommendations"),
    ];
    let section = |heading, answers| Section { heading, answers };
    Ok(Card {
        run: Some(run.name.clone()),
        sections: vec![
            section("Model details", details),
            section("Intended use", intended),
            section("Factors", factors),
            section("Metrics", metrics),
            section("Evaluation data", evaluated),
            section("Training data", trained),
            section("Quantitative analyses", quantitative),
            section("Ethical considerations", ethics),
            section("Caveats and recommendations", caveats),
        ],
    })
}

fn read(path: &Path) -> Result<String> {
    let text = inputs::read_to_string(path)
        .map_err(|error| Error::DataCard { path: path.to_owned(), reason: inputs::words(&error) })?;
    match text.char_indices().nth(LONGEST) {
        None => Ok(text.trim().to_owned()),
        Some(_) => Err(Error::DataCard {
            path: path.to_owned(),
            reason: format!("it has more than {LONGEST} characters: too long for a data card"),
        }),
    }
}

/// A day, of seconds since 1970.
fn date(seconds: f64) -> String {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs_f64(seconds.max(0.0));
    format!("{} (the last step that was recorded)", &store::time::utc(time)[..10])
}

/// A key of the configuration, without quotes.
fn key<'a>(run: &'a RunPart, key: &str) -> Option<&'a str> {
    run.config.get(key).map(|value| value.trim_matches('"'))
}

fn model_type(run: &RunPart) -> Option<String> {
    let of = |name: &str| key(run, &format!("model.{name}"));
    let kind = match of("kind")? {
        "gopher" => "Gopher: a decoder-only Transformer with RMSNorm and relative positions (Rae et al. 2021)".to_owned(),
        "llama" => "Llama: a decoder-only Transformer with RMSNorm, rotary positions and a gated feed-forward (Touvron et al. 2023)".to_owned(),
        other => other.to_owned(),
    };
    let mut text = kind;
    for (name, words) in [
        ("layers", "layers"),
        ("d_model", "wide"),
        ("heads", "heads"),
        ("key_value_size", "numbers a head"),
        ("vocabulary_size", "pieces in the vocabulary"),
    ] {
        if let Some(value) = of(name) {
            text += &format!(", {value} {words}");
        }
    }
    if let Some(parameters) = run.overview.parameters {
        text += &format!("; {} parameters", crate::page::grouped(parameters));
    }
    Some(text)
}

fn training(run: &RunPart) -> String {
    let overview = &run.overview;
    let steps = overview.steps.map_or("an unknown number".to_owned(), |steps| steps.to_string());
    let mut text = format!("{} of {steps} steps", overview.completed);
    let keys = [
        ("training.batch", "sequences a step"),
        ("training.sequence_length", "tokens a sequence"),
        ("training.precision", "precision"),
        ("schedule.kind", "learning rate's course"),
        ("schedule.maximum", "highest learning rate"),
        ("optimizer.beta1", "Adam's beta1"),
        ("optimizer.beta2", "beta2"),
        ("optimizer.weight_decay", "weight decay"),
        ("training.clip_norm", "clipping norm"),
        ("training.seed", "seed"),
        ("device.kind", "device"),
    ];
    for (name, words) in keys {
        if let Some(value) = key(run, name) {
            text += &format!("; {words} {}", tidy(value));
        }
    }
    text
}

/// A number as it was meant: a fraction that was computed has digits that nobody chose.
fn tidy(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(number) if value.len() > 10 && number.is_finite() => {
            let short: f64 = format!("{number:.6e}").parse().unwrap_or(number);
            format!("{short}")
        }
        _ => value.to_owned(),
    }
}

/// Last parts of paths: where on a computer text lay is nobody's business.
fn text(run: &RunPart) -> Option<String> {
    let paths = run.config.get("data.paths")?;
    let names: Vec<&str> = paths
        .trim_matches(['[', ']'])
        .split(',')
        .map(|path| path.trim().trim_matches('"'))
        .filter(|path| !path.is_empty())
        .map(|path| path.rsplit('/').next().unwrap_or(path))
        .collect();
    match names.len() {
        0 => Some("Shakespeare's plays, or a mixture: config.toml of the run says which".to_owned()),
        _ => Some(listed(names.into_iter(), "none")),
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>, none: &str) -> String {
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => none.to_owned(),
        1..=12 => names.join(", "),
        more => format!("{}, and {} more", names[..12].join(", "), more - 12),
    }
}

fn measures(run: &RunPart) -> String {
    let Some(evaluation) = &run.evaluation else {
        return "loss on held-out text; no evaluation was found in the run".into();
    };
    let metrics: std::collections::BTreeSet<&str> =
        evaluation.tasks.iter().map(|task| task.metric.as_str()).collect();
    format!("loss on held-out text; of tasks: {}", listed(metrics.into_iter(), "none"))
}

fn data_sets(run: &RunPart) -> String {
    let Some(evaluation) = &run.evaluation else { return "none: no evaluation was found in the run".into() };
    let limit =
        evaluation.limit.map(|limit| format!(", {limit} documents of each at most")).unwrap_or_default();
    let names = listed(evaluation.tasks.iter().map(|task| task.task.as_str()), "none");
    format!("{} tasks{limit}: {names}", evaluation.tasks.len())
}

fn results(run: &RunPart) -> String {
    let mut text = match run.overview.validation_loss {
        Some(loss) => format!("{loss:.4} nats per token on held-out text"),
        None => "no loss on held-out text".to_owned(),
    };
    if let Some(evaluation) = &run.evaluation {
        let scores = evaluation.tasks.iter().map(|task| match task.interval {
            Some(found) => format!("{} {:.4} ({:.4} to {:.4})", task.task, task.value, found.low, found.high),
            None => format!("{} {:.4}", task.task, task.value),
        });
        let scores: Vec<String> = scores.take(20).collect();
        let rest = evaluation.tasks.len() - scores.len();
        let more = if rest > 0 { format!("; {rest} more stand in the report") } else { String::new() };
        text += &format!("; {}{more}", scores.join("; "));
    }
    text
}

impl Card {
    /// The card as Markdown. What users name is written so that it is text there too.
    pub fn markdown(&self) -> String {
        let mut text = format!("# Model card: {}\n\n", plain(self.run.as_deref().unwrap_or(UNKNOWN)));
        text +=
            "Made by `gopher report` from the files of the run. What is unknown is to be written by hand.\n";
        for section in &self.sections {
            text += &format!("\n## {}\n\n", section.heading);
            for Answered { question, answer } in &section.answers {
                // A data card is Markdown itself.
                match (question, answer) {
                    (&"Data card", Some(card)) => text += &format!("- **{question}**:\n\n{}\n", quoted(card)),
                    (_, answer) => {
                        text +=
                            &format!("- **{question}**: {}\n", plain(answer.as_deref().unwrap_or(UNKNOWN)));
                    }
                }
            }
        }
        text
    }
}

/// Text that Markdown shows as it is.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '!' => {
                plain.extend(['\\', character])
            }
            other if other.is_control() => plain.push(' '),
            other => plain.push(other),
        }
    }
    plain
}

/// Markdown of somebody else, as a quotation.
fn quoted(text: &str) -> String {
    text.lines().map(|line| format!("  > {line}\n")).collect()
}
