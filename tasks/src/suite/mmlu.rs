//! MMLU: 57 subjects, 14,042 questions.

use super::adapt::Adapter;
use super::{Category, Entry, Metric, origin};

/// A subject, its questions, and the 280B model's accuracy with 5 shots, in per cent.
const SUBJECTS: [(&str, usize, f64); 57] = [
    ("abstract_algebra", 100, 25.0),
    ("anatomy", 135, 56.3),
    ("astronomy", 152, 65.8),
    ("business_ethics", 100, 70.0),
    ("clinical_knowledge", 265, 67.2),
    ("college_biology", 144, 70.8),
    ("college_chemistry", 100, 45.0),
    ("college_computer_science", 100, 49.0),
    ("college_mathematics", 100, 37.0),
    ("college_medicine", 173, 60.1),
    ("college_physics", 102, 34.3),
    ("computer_security", 100, 65.0),
    ("conceptual_physics", 235, 49.4),
    ("econometrics", 114, 43.0),
    ("electrical_engineering", 145, 60.0),
    ("elementary_mathematics", 378, 33.6),
    ("formal_logic", 126, 35.7),
    ("global_facts", 100, 38.0),
    ("high_school_biology", 310, 71.3),
    ("high_school_chemistry", 203, 47.8),
    ("high_school_computer_science", 100, 54.0),
    ("high_school_european_history", 165, 72.1),
    ("high_school_geography", 198, 76.8),
    ("high_school_government_and_politics", 193, 83.9),
    ("high_school_macroeconomics", 390, 65.1),
    ("high_school_mathematics", 270, 23.7),
    ("high_school_microeconomics", 238, 66.4),
    ("high_school_physics", 151, 33.8),
    ("high_school_psychology", 545, 81.8),
    ("high_school_statistics", 216, 50.0),
    ("high_school_us_history", 204, 78.9),
    ("high_school_world_history", 237, 75.1),
    ("human_aging", 223, 66.4),
    ("human_sexuality", 131, 67.2),
    ("international_law", 121, 77.7),
    ("jurisprudence", 108, 71.3),
    ("logical_fallacies", 163, 72.4),
    ("machine_learning", 112, 41.1),
    ("management", 103, 77.7),
    ("marketing", 234, 83.3),
    ("medical_genetics", 100, 69.0),
    ("miscellaneous", 783, 75.7),
    ("moral_disputes", 346, 66.8),
    ("moral_scenarios", 895, 40.2),
    ("nutrition", 306, 69.9),
    ("philosophy", 311, 68.8),
    ("prehistory", 324, 67.6),
    ("professional_accounting", 282, 44.3),
    ("professional_law", 1534, 44.5),
    ("professional_medicine", 272, 64.0),
    ("professional_psychology", 612, 68.1),
    ("public_relations", 110, 71.8),
    ("security_studies", 245, 64.9),
    ("sociology", 201, 84.1),
    ("us_foreign_policy", 100, 81.0),
    ("virology", 166, 47.0),
    ("world_religions", 171, 84.2),
];

pub(super) fn tasks() -> Vec<Entry> {
    let task = |&(subject, questions, value): &(&'static str, usize, f64)| {
        let arrow = |split| format!("mmlu_no_train/{subject}/{split}/data-*.arrow");
        Entry::new(format!("mmlu_{subject}"), Category::Mmlu, Metric::Acc, origin::MMLU, "mmlu")
            .part(subject)
            .expect(questions)
            .shots(&[5])
            .asked(format!("{subject}_test.csv"), Adapter::MmluTable)
            .asked(arrow("test"), Adapter::Plain)
            .before(format!("{subject}_dev.csv"), Adapter::MmluTable)
            .before(arrow("dev"), Adapter::Plain)
            .gopher(&[(Some(5), value)])
    };
    SUBJECTS.iter().map(task).collect()
}
