//! Reading, fact checking, question answering and common sense.

use super::adapt::Adapter;
use super::{Category, Entry, Metric, origin};

/// What the wheel calls the only file of a split.
const ARROW: &str = "data-*.arrow";

pub(super) fn tasks() -> Vec<Entry> {
    let mut tasks = reading();
    tasks.extend(fact_checking());
    tasks.extend(question_answering());
    tasks.extend(common_sense());
    tasks
}

fn reading() -> Vec<Entry> {
    let race = |level: &'static str, questions, value| {
        Entry::new(format!("race_{level}"), Category::Reading, Metric::Acc, origin::RACE, "race")
            .part(level)
            .expect(questions)
            .shots(&[5])
            .differs("paper: every question by itself; lm-eval: the last question of each article, after the others and their answers, no shots")
            .asked(format!("*race*/test.{level}.jsonl"), Adapter::Plain)
            .asked(format!("race/test/{level}/*.txt"), Adapter::RaceFile)
            .before(format!("*race*/dev.{level}.jsonl"), Adapter::Plain)
            .before(format!("race/dev/{level}/*.txt"), Adapter::RaceFile)
            .gopher(&[(None, value)])
    };
    let lambada =
        Entry::new("lambada_openai", Category::Reading, Metric::Acc, origin::LAMBADA, "lambada_openai")
            .expect(5153)
            .asked("lambada_test.jsonl", Adapter::Plain)
            .asked("*lambada*/test.jsonl", Adapter::Plain)
            .asked("oe_eval_tasks/lambada/bpb_0shot/requests.jsonl", Adapter::LambadaRequests)
            .gopher(&[(Some(0), 74.5)]);
    vec![race("middle", 1436, 75.1), race("high", 3498, 71.6), lambada]
}

fn fact_checking() -> Vec<Entry> {
    let three =
        Entry::new("fever_three_way", Category::FactChecking, Metric::Acc, origin::FEVER, "fever_three_way")
            .asked("*fever*/shared_task_dev.jsonl", Adapter::Fever)
            .asked("*fever*/paper_dev.jsonl", Adapter::Fever)
            .asked("fever_gold_evidence/valid.jsonl", Adapter::Fever)
            .before("*fever*/train.jsonl", Adapter::Fever);
    let two = Entry::new(
        "fever_two_way",
        Category::FactChecking,
        Metric::MultipleChoiceGrade,
        origin::FEVER_CLAIMS,
        "bigbench",
    )
    .part("fever")
    .differs(super::bigbench::DIFFERS)
    .expect(6612)
    .asked("fact_checker/fever/task.json", Adapter::BigBench)
    .asked("bigbench_fact_checker_fever_task.json", Adapter::BigBench);
    let multifc = Entry::new("multifc", Category::FactChecking, Metric::Acc, origin::MULTIFC, "multifc")
        .asked("*multi*fc*/dev.tsv", Adapter::MultiFc)
        .before("*multi*fc*/train.tsv", Adapter::MultiFc);
    vec![two, three, multifc]
}

fn question_answering() -> Vec<Entry> {
    let exact = "paper: asked without an instruction, an answer ends with its line, articles are left out of the comparison; lm-eval: its own prompt and stops (a comma and a full stop too)";
    let natural =
        Entry::new("nq_open", Category::QuestionAnswering, Metric::ExactMatch, origin::NQ_OPEN, "nq_open")
            .expect(3610)
            .shots(&[0, 5, 64])
            .differs(exact)
            .asked("NQ-open.dev.jsonl", Adapter::Plain)
            .asked(format!("nq_open/none/validation/{ARROW}"), Adapter::Plain)
            .before("NQ-open.train.jsonl", Adapter::Plain)
            .before("NQ-open.efficientqa.dev.1.1.jsonl", Adapter::Plain)
            .gopher(&[(Some(0), 10.1), (Some(5), 24.5), (Some(64), 28.2)]);
    let trivia =
        Entry::new("triviaqa", Category::QuestionAnswering, Metric::ExactMatch, origin::TRIVIAQA, "triviaqa")
            .expect(11_313)
            .shots(&[0, 5, 64])
            .differs(exact)
            .asked("unfiltered-web-dev.json", Adapter::TriviaQaFile)
            .asked("triviaqa*/unfiltered-dev.jsonl", Adapter::Plain)
            .asked_part(format!("trivia_qa/rc.wikipedia.nocontext/validation/{ARROW}"), Adapter::Plain)
            .asked_part("*triviaqa*/wikipedia-dev.nocontext.jsonl", Adapter::Plain)
            .asked_part("wikipedia-dev.json", Adapter::TriviaQaFile)
            .before("unfiltered-web-train.json", Adapter::TriviaQaFile)
            .before("wikipedia-train.json", Adapter::TriviaQaFile)
            .gopher(&[(Some(0), 52.8), (Some(5), 63.6), (Some(64), 61.3)]);
    let truthful = Entry::new(
        "truthfulqa_mc1",
        Category::QuestionAnswering,
        Metric::Acc,
        origin::TRUTHFULQA,
        "truthfulqa_mc1",
    )
    .expect(817)
    .shots(&[0, 10])
    .differs("paper: the question alone; lm-eval: after six questions with answers that are always the same")
    .asked("mc_task.json", Adapter::TruthfulQaChoices)
    .asked("TruthfulQA.csv", Adapter::TruthfulQaTable)
    .gopher(&[(Some(0), 29.5), (Some(10), 43.7)]);
    vec![natural, trivia, truthful]
}

fn common_sense() -> Vec<Entry> {
    let zero = |value: f64| [(Some(0), value)];
    let sense = Category::CommonSense;
    let hellaswag = Entry::new("hellaswag", sense, Metric::AccNorm, origin::HELLASWAG, "hellaswag")
        .expect(10_042)
        .asked("hellaswag_val.jsonl", Adapter::Plain)
        .asked(format!("hellaswag/none/validation/{ARROW}"), Adapter::Plain)
        .gopher(&zero(79.2));
    let piqa = Entry::new("piqa", sense, Metric::Acc, origin::PIQA, "piqa")
        .expect(1838)
        .asked("*piqa*/valid.jsonl", Adapter::Labels { file: "valid-labels.lst", from: 0 })
        .asked("*piqa*/data/valid.jsonl", Adapter::Labels { file: "valid-labels.lst", from: 0 })
        .asked("physicaliqa-train-dev/dev.jsonl", Adapter::Labels { file: "dev-labels.lst", from: 0 })
        .asked(format!("piqa/plain_text/validation/{ARROW}"), Adapter::Plain)
        .gopher(&zero(81.8));
    let winogrande = Entry::new("winogrande", sense, Metric::Acc, origin::WINOGRANDE, "winogrande")
        .expect(1267)
        .asked("*winogrande*/dev.jsonl", Adapter::Plain)
        .asked(format!("winogrande/winogrande_xl/validation/{ARROW}"), Adapter::Plain)
        .gopher(&zero(70.1));
    let social = Entry::new("social_iqa", sense, Metric::Acc, origin::SOCIAL_IQA, "social_iqa")
        .expect(1954)
        .asked("socialiqa-train-dev/dev.jsonl", Adapter::Labels { file: "dev-labels.lst", from: 1 })
        .asked("*social*iqa*/dev.jsonl", Adapter::Plain)
        .asked(format!("social_i_qa/none/validation/{ARROW}"), Adapter::Plain)
        .gopher(&zero(50.6));
    vec![hellaswag, piqa, winogrande, social]
}
