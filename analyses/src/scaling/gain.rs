//! Which tasks gain by size: a small and a large model's scores of the same tasks, task by task and by the headings of the paper's figures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tasks::results::{MetricScore, Results};
use tasks::suite::{Category, entry};

/// A gain above this is large: the paper counts those of more than 25%.
pub const LARGE: f64 = 0.25;

/// A heading of the paper's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Heading {
    /// Bits per byte of text.
    LanguageModelling,
    /// Questions about a text.
    ReadingComprehension,
    /// Whether a claim is true.
    FactChecking,
    /// Questions without a text.
    QuestionAnswering,
    /// Subjects of MMLU about illness and bodies.
    Medicine,
    /// Subjects of MMLU about nature and machines.
    Science,
    /// Subjects of MMLU about people together, and about business.
    SocialSciences,
    /// Subjects of MMLU about history, law, thought and belief.
    Humanities,
    /// Subjects of MMLU that are reckoned.
    Maths,
    /// Subjects of MMLU that are concluded.
    Logic,
    /// What goes without saying.
    CommonSense,
    /// Subjects of MMLU of no field.
    GeneralKnowledge,
    /// Tasks of BIG-bench, undivided.
    BigBench,
    /// Not among the 152.
    Other,
}

impl Heading {
    /// All of them.
    pub const ALL: [Heading; 14] = [
        Heading::LanguageModelling,
        Heading::ReadingComprehension,
        Heading::FactChecking,
        Heading::QuestionAnswering,
        Heading::Medicine,
        Heading::Science,
        Heading::SocialSciences,
        Heading::Humanities,
        Heading::Maths,
        Heading::Logic,
        Heading::CommonSense,
        Heading::GeneralKnowledge,
        Heading::BigBench,
        Heading::Other,
    ];

    /// What it is called in a table.
    pub fn title(self) -> &'static str {
        match self {
            Heading::LanguageModelling => "language modelling",
            Heading::ReadingComprehension => "reading comprehension",
            Heading::FactChecking => "fact checking",
            Heading::QuestionAnswering => "question answering",
            Heading::Medicine => "medicine",
            Heading::Science => "science",
            Heading::SocialSciences => "social sciences",
            Heading::Humanities => "humanities",
            Heading::Maths => "maths",
            Heading::Logic => "logic",
            Heading::CommonSense => "common sense",
            Heading::GeneralKnowledge => "general knowledge",
            Heading::BigBench => "BIG-bench",
            Heading::Other => "other",
        }
    }

    /// Whether the paper names it among those that gain most by size (true) or least (false).
    pub fn paper(self) -> Option<bool> {
        match self {
            Heading::ReadingComprehension
            | Heading::FactChecking
            | Heading::Medicine
            | Heading::Science
            | Heading::SocialSciences
            | Heading::Humanities => Some(true),
            Heading::Maths | Heading::Logic | Heading::CommonSense => Some(false),
            _ => None,
        }
    }

    /// That of a task by its name. The division of MMLU is ours.
    pub fn of(task: &str) -> Heading {
        let category = entry(task).map_or(Category::Extra, |entry| entry.category);
        match category {
            Category::LanguageModelling => Heading::LanguageModelling,
            Category::Reading => Heading::ReadingComprehension,
            Category::FactChecking => Heading::FactChecking,
            Category::QuestionAnswering => Heading::QuestionAnswering,
            Category::CommonSense => Heading::CommonSense,
            Category::BigBench => Heading::BigBench,
            Category::Mmlu => of_subject(task.strip_prefix("mmlu_").unwrap_or(task)),
            Category::Extra => Heading::Other,
        }
    }
}

fn of_subject(subject: &str) -> Heading {
    match subject {
        "anatomy"
        | "clinical_knowledge"
        | "college_medicine"
        | "human_aging"
        | "medical_genetics"
        | "nutrition"
        | "professional_medicine"
        | "virology" => Heading::Medicine,
        "astronomy"
        | "college_biology"
        | "college_chemistry"
        | "college_computer_science"
        | "college_physics"
        | "computer_security"
        | "conceptual_physics"
        | "electrical_engineering"
        | "high_school_biology"
        | "high_school_chemistry"
        | "high_school_computer_science"
        | "high_school_physics"
        | "machine_learning" => Heading::Science,
        "business_ethics"
        | "econometrics"
        | "high_school_geography"
        | "high_school_government_and_politics"
        | "high_school_macroeconomics"
        | "high_school_microeconomics"
        | "high_school_psychology"
        | "human_sexuality"
        | "management"
        | "marketing"
        | "professional_accounting"
        | "professional_psychology"
        | "public_relations"
        | "security_studies"
        | "sociology"
        | "us_foreign_policy" => Heading::SocialSciences,
        "high_school_european_history"
        | "high_school_us_history"
        | "high_school_world_history"
        | "international_law"
        | "jurisprudence"
        | "moral_disputes"
        | "moral_scenarios"
        | "philosophy"
        | "prehistory"
        | "professional_law"
        | "world_religions" => Heading::Humanities,
        "abstract_algebra"
        | "college_mathematics"
        | "elementary_mathematics"
        | "high_school_mathematics"
        | "high_school_statistics" => Heading::Maths,
        "formal_logic" | "logical_fallacies" => Heading::Logic,
        _ => Heading::GeneralKnowledge,
    }
}

/// What a task gains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The task.
    pub task: String,
    /// Where it stands.
    pub heading: Heading,
    /// The metric.
    pub metric: String,
    /// Whether more of it is better.
    pub higher_is_better: bool,
    /// Documents that both were asked.
    pub documents: usize,
    /// The smaller model's number.
    pub small: f64,
    /// The larger one's.
    pub large: f64,
    /// By how much the larger is better, as a part of the smaller one's number: large / small − 1, or where less is better
    /// small / large − 1. `None` where that divides by 0.
    pub gain: Option<f64>,
    /// Whether the difference is more than 1.96 of its standard errors, with the two taken as independent, which asks for more than
    /// pairs of documents would; `None` without standard errors.
    pub clear: Option<bool>,
}

/// Tasks under a heading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// All of them.
    pub tasks: usize,
    /// With a gain above [`LARGE`].
    pub large: usize,
    /// With a gain above 0 and up to that.
    pub some: usize,
    /// With none.
    pub none: usize,
    /// With a clear difference for the better.
    pub clearly_better: usize,
    /// With a clear difference for the worse.
    pub clearly_worse: usize,
    /// Mean of the gains there are.
    pub mean: Option<f64>,
}

/// Gains of the tasks that both have, and those that only one has or that were asked differently, with why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gains {
    /// By heading, then by name.
    pub tasks: Vec<Gain>,
    /// By heading, in the order of [`Heading::ALL`].
    pub headings: Vec<(Heading, Count)>,
    /// All of them.
    pub all: Count,
    /// Tasks that do not compare.
    pub left_out: BTreeMap<String, String>,
}

/// What each task gains from a small model to a large one.
pub fn gains(small: &Results, large: &Results) -> Gains {
    let mut found = Gains::default();
    let names: std::collections::BTreeSet<&String> =
        small.gopher.tasks.keys().chain(large.gopher.tasks.keys()).collect();
    for name in names {
        match of_task(name, small, large) {
            Ok(gain) => found.tasks.push(gain),
            Err(why) => drop(found.left_out.insert(name.clone(), why.to_owned())),
        }
    }
    found.tasks.sort_by(|a, b| (a.heading, &a.task).cmp(&(b.heading, &b.task)));
    for heading in Heading::ALL {
        let count = counted(found.tasks.iter().filter(|gain| gain.heading == heading));
        if count.tasks > 0 {
            found.headings.push((heading, count));
        }
    }
    found.all = counted(found.tasks.iter());
    found
}

fn of_task(name: &str, small: &Results, large: &Results) -> Result<Gain, &'static str> {
    let (Some(one), Some(other)) = (small.gopher.tasks.get(name), large.gopher.tasks.get(name)) else {
        return Err("only one of the two was asked");
    };
    if one.prompt_hash != other.prompt_hash || one.shots != other.shots {
        return Err("the two were asked differently");
    }
    if one.documents.scored != other.documents.scored {
        return Err("the two have scores of different documents");
    }
    let metric = &other.metric;
    let (Some(a), Some(b)) = (one.metrics.get(metric), other.metrics.get(metric)) else {
        return Err("the two have no metric in common");
    };
    if !(a.value.is_finite() && b.value.is_finite()) {
        return Err("a score is no number");
    }
    Ok(Gain {
        task: name.to_owned(),
        heading: Heading::of(name),
        metric: metric.clone(),
        higher_is_better: b.higher_is_better,
        documents: other.documents.scored,
        small: a.value,
        large: b.value,
        gain: relative(a, b),
        clear: a.standard_error.zip(b.standard_error).map(|(one, other)| {
            let error = one.hypot(other);
            (a.value - b.value).abs() > 1.96 * error
        }),
    })
}

fn relative(small: &MetricScore, large: &MetricScore) -> Option<f64> {
    let (over, under) =
        if large.higher_is_better { (large.value, small.value) } else { (small.value, large.value) };
    (under > 0.0).then(|| over / under - 1.0)
}

impl Gain {
    /// Whether the larger model is better: strictly.
    pub fn is_better(&self) -> bool {
        if self.higher_is_better { self.large > self.small } else { self.large < self.small }
    }
}

fn counted<'a>(gains: impl Iterator<Item = &'a Gain>) -> Count {
    let (mut count, mut sum, mut of) = (Count::default(), 0.0, 0usize);
    for gain in gains {
        count.tasks += 1;
        // A number that grows from 0 gains more than any part of it.
        let is_large = gain.gain.map_or(gain.is_better(), |gain| gain > LARGE);
        match (gain.is_better(), is_large) {
            (true, true) => count.large += 1,
            (true, false) => count.some += 1,
            (false, _) => count.none += 1,
        }
        if gain.clear == Some(true) {
            *if gain.is_better() { &mut count.clearly_better } else { &mut count.clearly_worse } += 1;
        }
        if let Some(gain) = gain.gain {
            (sum, of) = (sum + gain, of + 1);
        }
    }
    count.mean = (of > 0).then(|| sum / of as f64);
    count
}
