//! The task files that are part of the program, and what they make of documents.

use super::documents::{Documents, Error};
use super::{Category, Entry, Folders, Protocol};
use crate::{Item, Task};

/// Every file under `builtin/`.
const FILES: &[(&str, &str)] = &[
    ("arc.yaml", include_str!("../../builtin/arc.yaml")),
    ("bigbench/lm-eval.yaml", include_str!("../../builtin/bigbench/lm-eval.yaml")),
    ("bigbench/paper.yaml", include_str!("../../builtin/bigbench/paper.yaml")),
    ("boolq.yaml", include_str!("../../builtin/boolq.yaml")),
    ("fever_three_way.yaml", include_str!("../../builtin/fever_three_way.yaml")),
    ("hellaswag.yaml", include_str!("../../builtin/hellaswag.yaml")),
    ("lambada_openai.yaml", include_str!("../../builtin/lambada_openai.yaml")),
    ("mmlu.yaml", include_str!("../../builtin/mmlu.yaml")),
    ("multifc.yaml", include_str!("../../builtin/multifc.yaml")),
    ("nq_open/lm-eval.yaml", include_str!("../../builtin/nq_open/lm-eval.yaml")),
    ("nq_open/paper.yaml", include_str!("../../builtin/nq_open/paper.yaml")),
    ("openbookqa.yaml", include_str!("../../builtin/openbookqa.yaml")),
    ("pile.yaml", include_str!("../../builtin/pile.yaml")),
    ("piqa.yaml", include_str!("../../builtin/piqa.yaml")),
    ("race/lm-eval.yaml", include_str!("../../builtin/race/lm-eval.yaml")),
    ("race/paper.yaml", include_str!("../../builtin/race/paper.yaml")),
    ("social_iqa.yaml", include_str!("../../builtin/social_iqa.yaml")),
    ("triviaqa/lm-eval.yaml", include_str!("../../builtin/triviaqa/lm-eval.yaml")),
    ("triviaqa/paper.yaml", include_str!("../../builtin/triviaqa/paper.yaml")),
    ("truthfulqa_mc1/lm-eval.yaml", include_str!("../../builtin/truthfulqa_mc1/lm-eval.yaml")),
    ("truthfulqa_mc1/paper.yaml", include_str!("../../builtin/truthfulqa_mc1/paper.yaml")),
    ("wikitext103.yaml", include_str!("../../builtin/wikitext103.yaml")),
    ("winogrande.yaml", include_str!("../../builtin/winogrande.yaml")),
];

fn text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

impl Entry {
    /// The task file of a protocol, as a text: what it includes is under `builtin/` ([`Entry::task`]).
    pub fn yaml(&self, protocol: Protocol) -> String {
        let own = format!("{}/{}.yaml", self.file, protocol.name());
        let file = if text(&own).is_some() { own } else { format!("{}.yaml", self.file) };
        let mut yaml = format!("include: {file}\ntask: {}\n", self.name);
        match (self.category, self.file) {
            (Category::Mmlu, _) => {
                let subject = self.part.replace('_', " ");
                let about = "The following are multiple choice questions (with answers) about";
                yaml.push_str(&format!("description: \"{about} {subject}.\\n\\n\"\n"));
            }
            // What BIG-bench puts between examples is a newline, but in these.
            (_, "bigbench")
                if protocol == Protocol::Paper && ["intent_recognition", "fever"].contains(&self.part) =>
            {
                yaml.push_str("fewshot_delimiter: \"\\n\\n\"\n");
            }
            // lm-evaluation-harness has another template for this one.
            (_, "bigbench") if protocol == Protocol::LmEval && self.part == "strategyqa" => {
                yaml.push_str("doc_to_target: \"{{multiple_choice_scores.index(1)}}\"\n");
            }
            _ => {}
        }
        yaml
    }

    /// The task of a protocol.
    ///
    /// # Errors
    /// None, but for mistakes in the files that are part of the program, which its tests read all.
    pub fn task(&self, protocol: Protocol) -> crate::format::Result<Task> {
        Task::parse(&format!("{} ({})", self.name, protocol.name()), &self.yaml(protocol), &|name| {
            text(name).map(str::to_owned)
        })
    }

    /// The shots of a protocol when none are asked for: the task file's, or else the paper's.
    pub fn default_shots(&self, task: &Task) -> usize {
        task.num_fewshot().unwrap_or(self.shots.first().copied().unwrap_or(0) as usize)
    }

    /// What is asked about the documents, the first `limit` of them, with so many shots before each, or as many as the
    /// protocol has.
    ///
    /// # Errors
    /// Documents that the task file does not fit, and too few of them for the shots.
    pub fn items(
        &self,
        task: &Task,
        documents: &Documents,
        shots: Option<usize>,
        limit: Option<usize>,
    ) -> crate::format::Result<Vec<Item>> {
        let shots = shots.unwrap_or_else(|| self.default_shots(task));
        let pool = if documents.shots.is_empty() { &documents.asked } else { &documents.shots };
        task.items(&documents.asked, pool, shots, limit)
    }

    /// Task, documents and items of a protocol, all at once.
    ///
    /// # Errors
    /// Those of [`Entry::documents`] and [`Entry::items`].
    pub fn open(
        &self,
        folders: &Folders,
        protocol: Protocol,
        shots: Option<usize>,
        limit: Option<usize>,
    ) -> Result<(Task, Documents, Vec<Item>), Error> {
        let task = self.task(protocol)?;
        // Shots may be any of the documents.
        let asks_alone = shots.unwrap_or_else(|| self.default_shots(&task)) == 0;
        let documents = self.first_documents(folders, limit.filter(|_| asks_alone))?;
        let items = self.items(&task, &documents, shots, limit)?;
        Ok((task, documents, items))
    }
}
