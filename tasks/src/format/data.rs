//! What a task asks and where its documents are.

use serde_json::{Map, Value};

/// `output_type`: what is asked of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// The log-probability of each choice.
    MultipleChoice,
    /// The log-probability of one continuation.
    LogLikelihood,
    /// The log-probability of a whole text.
    Rolling,
    /// A text.
    Generate,
}

impl Output {
    /// All.
    pub const ALL: [Self; 4] = [Self::MultipleChoice, Self::LogLikelihood, Self::Rolling, Self::Generate];

    /// As in a task file.
    pub fn name(self) -> &'static str {
        match self {
            Self::MultipleChoice => "multiple_choice",
            Self::LogLikelihood => "loglikelihood",
            Self::Rolling => "loglikelihood_rolling",
            Self::Generate => "generate_until",
        }
    }
}

/// Where a task's documents are, as its file says it. Nothing is read here.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// `dataset_path`: `json`, `csv`, `arrow` or `parquet` for local files, otherwise a data set's name on its hub.
    pub path: Option<String>,
    /// `dataset_name`: a part of the data set.
    pub name: Option<String>,
    /// `dataset_kwargs`, `data_files` included, as written.
    pub options: Map<String, Value>,
    /// `training_split`.
    pub training: Option<String>,
    /// `validation_split`.
    pub validation: Option<String>,
    /// `test_split`.
    pub test: Option<String>,
    /// `fewshot_split`, or `split` of `fewshot_config`.
    pub fewshot: Option<String>,
    /// Whether the task file holds its shots itself (`samples` of `fewshot_config`).
    pub shots_in_file: bool,
}

impl Data {
    /// The split whose documents are asked: the test split, or else the validation split.
    pub fn documents(&self) -> &str {
        self.test.as_deref().or(self.validation.as_deref()).unwrap_or("test")
    }

    /// The split that shots are drawn from, if not from the file: `fewshot_split`, or else the training, the validation, the
    /// test split.
    pub fn shots(&self) -> &str {
        let splits = [&self.fewshot, &self.training, &self.validation];
        splits.into_iter().find_map(Option::as_deref).unwrap_or_else(|| self.documents())
    }

    /// The files of a split, from `data_files`; where that has no splits, all its files are `train`.
    pub fn files(&self, split: &str) -> Vec<String> {
        let list = |files: &Value| match files {
            Value::String(file) => vec![file.clone()],
            Value::Array(files) => files.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        match self.options.get("data_files") {
            Some(Value::Object(splits)) => splits.get(split).map(list).unwrap_or_default(),
            Some(files) if split == "train" => list(files),
            _ => Vec::new(),
        }
    }
}
