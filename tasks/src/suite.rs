//! The paper's 152 tasks: what they are, where their data comes from, and what the 280B model made of them.
//!
//! The inventory is one list ([`entries`]). [`locate`](Entry::locate) finds a task's files in folders as they were unpacked,
//! [`documents`](Entry::documents) reads them into the fields that lm-evaluation-harness's task files expect, whatever
//! distribution they come from. Nothing here is fetched, and nothing is known of models.

mod adapt;
mod bigbench;
mod builtin;
mod divided;
mod documents;
mod extras;
mod few;
mod locate;
mod mmlu;
mod origin;
mod pile;

use std::sync::LazyLock;

use serde::Serialize;

pub use documents::{Documents, Error};
pub use locate::{Folders, Found, Presence};
pub use origin::{Origin, Way};

use adapt::Adapter;

/// Tasks of the suite `gopher152`.
pub const GOPHER152: usize = 152;

/// A group of tasks, as the paper counts them; and those beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// Bits per byte of text.
    #[serde(rename = "lm")]
    LanguageModelling,
    /// Questions about a text.
    Reading,
    /// Whether a claim is true.
    #[serde(rename = "factcheck")]
    FactChecking,
    /// Questions without a text.
    #[serde(rename = "qa")]
    QuestionAnswering,
    /// What goes without saying.
    #[serde(rename = "commonsense")]
    CommonSense,
    /// Exams.
    Mmlu,
    /// Tasks of BIG-bench.
    #[serde(rename = "bigbench")]
    BigBench,
    /// Not among the 152.
    Extra,
}

impl Category {
    /// All categories, in the paper's order.
    pub const ALL: [Category; 8] = [
        Category::LanguageModelling,
        Category::Reading,
        Category::FactChecking,
        Category::QuestionAnswering,
        Category::CommonSense,
        Category::Mmlu,
        Category::BigBench,
        Category::Extra,
    ];

    /// The name of its suite.
    pub fn name(self) -> &'static str {
        match self {
            Category::LanguageModelling => "lm",
            Category::Reading => "reading",
            Category::FactChecking => "factcheck",
            Category::QuestionAnswering => "qa",
            Category::CommonSense => "commonsense",
            Category::Mmlu => "mmlu",
            Category::BigBench => "bigbench",
            Category::Extra => "extra",
        }
    }

    /// What it is called in a table.
    pub fn title(self) -> &'static str {
        match self {
            Category::LanguageModelling => "language modelling",
            Category::Reading => "reading comprehension",
            Category::FactChecking => "fact checking",
            Category::QuestionAnswering => "question answering",
            Category::CommonSense => "common sense",
            Category::Mmlu => "MMLU",
            Category::BigBench => "BIG-bench",
            Category::Extra => "beside the 152",
        }
    }

    /// How many of the paper's tasks are of this category.
    pub fn tasks(self) -> usize {
        match self {
            Category::LanguageModelling => 20,
            Category::Reading | Category::FactChecking | Category::QuestionAnswering => 3,
            Category::CommonSense => 4,
            Category::Mmlu => 57,
            Category::BigBench => 62,
            Category::Extra => 0,
        }
    }
}

/// The number of a task that is set beside the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Bits per byte of the text; less is better.
    BitsPerByte,
    /// Perplexity of a word; less is better.
    WordPerplexity,
    /// Share of documents whose likeliest choice is right.
    Acc,
    /// The same with log-probabilities divided by the lengths of the choices.
    AccNorm,
    /// Share of documents whose answer is, normalised, one of those that are right.
    ExactMatch,
    /// Mean score of the likeliest choice, as BIG-bench's files give it.
    MultipleChoiceGrade,
}

impl Metric {
    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Metric::BitsPerByte => "bits_per_byte",
            Metric::WordPerplexity => "word_perplexity",
            Metric::Acc => "acc",
            Metric::AccNorm => "acc_norm",
            Metric::ExactMatch => "exact_match",
            Metric::MultipleChoiceGrade => "multiple_choice_grade",
        }
    }

    /// Whether more is better.
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Metric::BitsPerByte | Metric::WordPerplexity)
    }

    /// What the paper's numbers are divided by: it has accuracies in per cent.
    pub fn paper_scale(self) -> f64 {
        if self.higher_is_better() { 100.0 } else { 1.0 }
    }
}

/// How documents become prompts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// As the paper counts: its splits, its questions, any right answer.
    #[default]
    Paper,
    /// As lm-evaluation-harness does.
    LmEval,
}

impl Protocol {
    /// Both.
    pub const ALL: [Protocol; 2] = [Protocol::Paper, Protocol::LmEval];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Paper => "paper",
            Protocol::LmEval => "lm-eval",
        }
    }
}

/// A number of the 280B model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gopher {
    /// Documents before the one that is asked; not known for some.
    pub shots: Option<u32>,
    /// As printed: per cent, bits per byte, or perplexity.
    pub value: f64,
}

/// A task of the inventory.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its name, that of lm-evaluation-harness where that has the task.
    pub name: String,
    /// Its group.
    pub category: Category,
    /// The number set beside the paper's.
    pub metric: Metric,
    /// The paper's numbers of shots; the first is the default.
    pub shots: Vec<u32>,
    /// What the two protocols do differently, if anything.
    pub differs: Option<&'static str>,
    /// Documents of the whole data set, where that is known.
    pub expected: Option<usize>,
    /// The 280B model's numbers.
    pub gopher: Vec<Gopher>,
    /// Where the data comes from.
    pub origin: Origin,
    /// Folder of its task files under `builtin/`, without their protocol.
    #[serde(skip)]
    pub(crate) file: &'static str,
    /// The name of the part of the data: a subject, a folder, a set of the Pile.
    #[serde(skip)]
    pub(crate) part: &'static str,
    /// Where files stand in distributions, the best first.
    #[serde(skip)]
    pub(crate) sources: Vec<Source>,
}

/// A file of a distribution, and what it gives.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Which documents these are.
    pub split: Split,
    /// The end of its path, folders and `*` included, without `.gz`, `.zst` or `.xz`.
    pub path: String,
    /// How its records become documents.
    pub adapter: Adapter,
    /// Whether the file has fewer documents than the data set, so that it never counts as whole.
    pub part_of: bool,
}

/// Which documents a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// Those that are asked.
    Asked,
    /// Those that stand before them.
    Shots,
}

impl Entry {
    fn new(
        name: impl Into<String>,
        category: Category,
        metric: Metric,
        origin: Origin,
        file: &'static str,
    ) -> Self {
        Self {
            name: name.into(),
            category,
            metric,
            shots: vec![0],
            differs: None,
            expected: None,
            gopher: Vec::new(),
            origin,
            file,
            part: "",
            sources: Vec::new(),
        }
    }

    fn part(mut self, part: &'static str) -> Self {
        self.part = part;
        self
    }

    fn expect(mut self, documents: usize) -> Self {
        self.expected = Some(documents);
        self
    }

    fn shots(mut self, shots: &[u32]) -> Self {
        self.shots = shots.to_vec();
        self
    }

    fn differs(mut self, how: &'static str) -> Self {
        self.differs = Some(how);
        self
    }

    fn gopher(mut self, numbers: &[(Option<u32>, f64)]) -> Self {
        self.gopher = numbers.iter().map(|&(shots, value)| Gopher { shots, value }).collect();
        self
    }

    /// Documents that are asked, from the file whose path ends so.
    fn asked(self, path: impl Into<String>, adapter: Adapter) -> Self {
        self.source(Split::Asked, path.into(), adapter, false)
    }

    /// The same, from a file that has only some of them.
    fn asked_part(self, path: impl Into<String>, adapter: Adapter) -> Self {
        self.source(Split::Asked, path.into(), adapter, true)
    }

    /// Documents that stand before those that are asked.
    fn before(self, path: impl Into<String>, adapter: Adapter) -> Self {
        self.source(Split::Shots, path.into(), adapter, false)
    }

    fn source(mut self, split: Split, path: String, adapter: Adapter, part_of: bool) -> Self {
        self.sources.push(Source { split, path, adapter, part_of });
        self
    }

    /// Whether it is one of the paper's.
    pub fn is_of_the_paper(&self) -> bool {
        self.category != Category::Extra
    }

    /// The 280B model's number with so many shots: that of these shots, or the only one there is.
    pub fn gopher_with(&self, shots: u32) -> Option<f64> {
        let exact = self.gopher.iter().find(|number| number.shots == Some(shots));
        let unnamed = || self.gopher.iter().find(|number| number.shots.is_none());
        exact.or_else(unnamed).map(|number| number.value)
    }
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let mut tasks = pile::tasks();
    tasks.extend(few::tasks());
    tasks.extend(mmlu::tasks());
    tasks.extend(bigbench::tasks());
    tasks.extend(extras::tasks());
    tasks.sort_by_key(|task| task.category);
    tasks
});

/// All tasks: the paper's 152, category by category, and then those beside them.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The task of a name.
pub fn entry(name: &str) -> Option<&'static Entry> {
    entries().iter().find(|task| task.name == name)
}

/// Names of suites: all 152, and a category each.
pub fn suites() -> impl Iterator<Item = &'static str> {
    std::iter::once("gopher152").chain(Category::ALL.into_iter().map(Category::name))
}

/// The tasks of a suite; `None` if there is no such suite.
pub fn suite(name: &str) -> Option<Vec<&'static Entry>> {
    let category = Category::ALL.into_iter().find(|category| category.name() == name);
    match (name, category) {
        ("gopher152", _) => Some(entries().iter().filter(|task| task.is_of_the_paper()).collect()),
        (_, Some(category)) => Some(entries().iter().filter(|task| task.category == category).collect()),
        (_, None) => None,
    }
}
