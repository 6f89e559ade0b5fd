//! `gopher analyze toxicity --runs`: what models write, and how well they classify.

use std::path::PathBuf;

use analyses::figure::Figure;
use analyses::question::{Answers, Drawing, Question, sample};
use analyses::toxicity::FewShot;
use analyses::toxicity::generated::{Prompts, samples, unprompted, unprompted_figures};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Arguments, labelled};
use crate::commands::analyze::runs::{Analysis, Opened};
use crate::commands::analyze::scorer;
use crate::commands::analyze::show::{Report, examples};
use crate::output::{print, usage};

/// What models are asked to write.
#[derive(Args, Clone)]
pub struct GenerationArguments {
    /// Prompts to be continued: files of records with prompt.text and prompt.toxicity, as RealToxicityPrompts has them.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Generation")]
    prompts: Vec<PathBuf>,
    /// Continuations of each prompt.
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "Generation")]
    continuations: u32,
    /// Tokens of a continuation.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=4096), help_heading = "Generation")]
    tokens: u32,
    /// Nucleus that continuations are drawn from.
    #[arg(long, value_name = "P", default_value_t = 0.9, help_heading = "Generation")]
    top_p: f64,
    /// Samples that nothing prompts; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=1_000_000), help_heading = "Generation")]
    unprompted: u32,
    /// Tokens of an unprompted sample.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=4096), help_heading = "Generation")]
    unprompted_tokens: u32,
    /// Whether Gopher's dialogue prompt stands before, and the prompt is what the user says.
    #[arg(long, value_enum, default_value_t = DialoguePrompt::Both, help_heading = "Generation")]
    dialogue_prompt: DialoguePrompt,
    /// Comments that models are to classify: a file of records; --label says which are toxic.
    #[arg(long, value_name = "FILE", requires = "label", help_heading = "Classification")]
    classify: Option<PathBuf>,
    /// Examples before the comment that is classified.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "0,10,20",
        help_heading = "Classification"
    )]
    shots: Vec<usize>,
    /// Show the most toxic continuations of each run, which are offensive.
    #[arg(long, help_heading = "Results")]
    show_text: bool,
}

/// Whether the dialogue prompt is there.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DialoguePrompt {
    /// Never.
    Without,
    /// Always.
    With,
    /// Once without and once with it.
    Both,
}

impl DialoguePrompt {
    fn conditions(self) -> &'static [bool] {
        match self {
            DialoguePrompt::Without => &[false],
            DialoguePrompt::With => &[true],
            DialoguePrompt::Both => &[false, true],
        }
    }
}

/// All that is asked of each run.
struct Asked {
    prompts: Option<Prompts>,
    few_shot: Option<FewShot>,
    count: usize,
    drawing: Drawing,
    unprompted: usize,
    /// How unprompted samples are drawn.
    alone: Drawing,
    conditions: &'static [bool],
    limit: Option<usize>,
}

/// Analyses runs.
///
/// # Errors
/// Wrong usage, files that cannot be read, a model that cannot be loaded.
pub fn run(arguments: &Arguments, label: Option<(&str, &str)>) -> anyhow::Result<()> {
    let generation = &arguments.generation;
    if arguments.runs.runs.is_empty() {
        return Err(usage(
            "toxicity of what? name models with --runs A B …, or a file of texts with --score FILE",
        ));
    }
    if !(generation.top_p > 0.0 && generation.top_p <= 1.0) {
        return Err(usage(format_args!("--top-p {}: above 0 and up to 1 is expected", generation.top_p)));
    }
    let analysis = Analysis::new(&arguments.runs, "toxicity")?;
    let mut scorer =
        scorer::parse("--scorer", &arguments.scorer, &arguments.service, analysis.cache().as_deref())?;
    let asked = asked(arguments, label)?;
    let mut answered: Vec<(Opened, Answers)> = Vec::new();
    for mut opened in analysis.open()? {
        let answers = analysis.ask(&mut opened, "", &asked.questions())?;
        answered.push((opened.close(), answers));
    }
    let (mut reports, mut folders, mut shown) = (Vec::new(), Vec::new(), String::new());
    for (opened, answers) in answered {
        let mut found: Vec<Figure> = Vec::new();
        for &dialogue in asked.conditions {
            if let Some(prompts) = &asked.prompts {
                let texts = prompts.continuations(&answers, dialogue);
                let scores = analysis.score(&mut *scorer, &texts, &opened)?;
                found.extend(prompts.figures(&answers, &scores, dialogue, &analysis.figures));
                shown += &examples(opened.name(), &texts, &scores);
            }
        }
        for &dialogue in asked.conditions.iter().filter(|_| asked.unprompted > 0) {
            let texts = samples(&unprompted(asked.unprompted, asked.alone, dialogue), &answers);
            let scores = analysis.score(&mut *scorer, &texts, &opened)?;
            found.extend(unprompted_figures(&scores, dialogue, &analysis.figures));
            shown += &examples(opened.name(), &texts, &scores);
        }
        if let Some(few_shot) = &asked.few_shot {
            found.extend(few_shot.figures(&answers, &analysis.figures));
        }
        folders.push(opened.folder().to_owned());
        reports.push(opened.report(found));
    }
    analysis.conclude();
    let settings = json!({
        "scorer": scorer.name(), "continuations": asked.count, "drawing": asked.drawing,
        "unprompted": asked.unprompted, "unprompted_drawing": asked.alone,
    });
    let report = Report {
        analysis: "toxicity",
        program: env!("CARGO_PKG_VERSION"),
        seed: arguments.runs.seed,
        resamples: analysis.figures.bootstrap.resamples,
        limit: arguments.runs.limit,
        settings,
        notes: &[],
        runs: &reports,
    };
    report.write(&folders)?;
    report.print(arguments.json)?;
    if generation.show_text && !arguments.json { print(shown) } else { Ok(()) }
}

fn asked(arguments: &Arguments, label: Option<(&str, &str)>) -> anyhow::Result<Asked> {
    let generation = &arguments.generation;
    let drawing = |tokens: u32| Drawing {
        tokens: tokens as usize,
        top_p: generation.top_p,
        temperature: 1.0,
        seed: arguments.runs.seed,
    };
    let prompts = match generation.prompts.is_empty() {
        true => None,
        false => Some(Prompts::read(&generation.prompts)?),
    };
    let few_shot = match &generation.classify {
        None => None,
        Some(file) => {
            let comments = labelled(arguments, file, label)?;
            Some(FewShot::new(comments, &generation.shots, arguments.runs.seed)?)
        }
    };
    Ok(Asked {
        prompts,
        few_shot,
        count: generation.continuations as usize,
        drawing: drawing(generation.tokens),
        unprompted: generation.unprompted as usize,
        // As the paper's, samples of the model's own distribution are drawn from the same nucleus as continuations.
        alone: drawing(generation.unprompted_tokens),
        conditions: generation.dialogue_prompt.conditions(),
        limit: arguments.runs.limit,
    })
}

impl Asked {
    fn questions(&self) -> Vec<Question> {
        // The same prompts in each condition, and the same comments with each number of examples.
        let mut found = Vec::new();
        for &dialogue in self.conditions {
            if let Some(prompts) = &self.prompts {
                found.extend(sample(prompts.questions(self.count, self.drawing, dialogue), self.limit, true));
            }
            found.extend(unprompted(self.unprompted, self.alone, dialogue));
        }
        if let Some(few_shot) = &self.few_shot {
            for of_shots in few_shot.questions() {
                found.extend(sample(of_shots, self.limit, true));
            }
        }
        found
    }
}
