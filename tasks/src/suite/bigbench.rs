//! BIG-bench: 62 tasks, all of them multiple choice.

use super::adapt::Adapter;
use super::{Category, Entry, Metric, origin};

/// A task's folder in BIG-bench, its examples without repeated ones (0 for the task that no copy has), and the 280B model's
/// grade, in per cent.
const TASKS: [(&str, usize, f64); 62] = [
    ("hyperbaton", 50000, 51.7),
    ("movie_dialog_same_or_different", 50000, 50.7),
    ("causal_judgment", 190, 50.8),
    ("winowhy", 2862, 56.7),
    ("formal_fallacies_syllogisms_negation", 14200, 50.7),
    ("movie_recommendation", 500, 50.5),
    ("crash_blossom", 38, 63.6),
    ("moral_permissibility", 342, 55.1),
    ("discourse_marker_prediction", 857, 11.7),
    ("strategyqa", 2289, 61.0),
    ("general_knowledge", 70, 93.9),
    ("nonsense_words_grammar", 50, 61.4),
    ("sports_understanding", 986, 54.9),
    ("metaphor_boolean", 680, 59.3),
    ("implicit_relations", 85, 36.4),
    ("navigate", 1000, 51.1),
    ("penguins_in_a_table", 149, 40.6),
    ("presuppositions_as_nli", 735, 34.0),
    ("intent_recognition", 693, 88.7),
    ("temporal_sequences", 1000, 19.0),
    ("reasoning_about_colored_objects", 2000, 49.2),
    ("question_selection", 1582, 41.4),
    ("logic_grid_puzzle", 1000, 35.1),
    ("logical_fallacy_detection", 2800, 58.9),
    ("timedial", 2550, 50.9),
    ("physical_intuition", 81, 59.7),
    ("epistemic_reasoning", 2000, 56.4),
    ("physics", 229, 50.9),
    ("ruin_names", 448, 38.6),
    ("identify_odd_metaphor", 47, 38.6),
    ("hindu_knowledge", 175, 80.0),
    ("understanding_fables", 189, 39.6),
    ("misconceptions", 219, 61.7),
    ("logical_sequence", 39, 36.4),
    ("implicatures", 492, 62.0),
    ("mathematical_induction", 69, 57.6),
    ("disambiguation_qa", 258, 45.5),
    ("fantasy_reasoning", 201, 64.1),
    ("known_unknowns", 46, 63.6),
    ("snarks", 181, 48.3),
    ("dark_humor_detection", 80, 83.1),
    ("crass_ai", 44, 56.8),
    ("analogical_similarity", 323, 17.2),
    ("entailed_polarity", 148, 89.5),
    ("sentence_ambiguity", 60, 69.1),
    ("irony_identification", 99, 69.7),
    ("riddle_sense", 49, 68.2),
    ("evaluating_information_essentiality", 68, 16.7),
    ("date_understanding", 369, 44.1),
    ("phrase_relatedness", 100, 81.8),
    ("analytic_entailment", 70, 53.0),
    ("novel_concepts", 32, 59.1),
    ("odd_one_out", 86, 32.5),
    ("empirical_judgments", 99, 52.5),
    ("logical_args", 32, 59.1),
    ("figure_of_speech_detection", 59, 52.7),
    ("alignment_questionnaire", 0, 79.2),
    ("english_proverbs", 34, 57.6),
    ("similarities_abstraction", 76, 81.8),
    ("human_organs_senses", 42, 84.8),
    ("anachronisms", 230, 56.4),
    ("gre_reading_comprehension", 31, 27.3),
];

/// What the protocols do differently.
pub(super) const DIFFERS: &str = "paper: the score of the chosen option, continuations follow the prompt at once; lm-eval: accuracy of the first option with the best score, one space between";

/// The task of the paper that was not released.
const UNRELEASED: &str = "alignment_questionnaire";

pub(super) fn tasks() -> Vec<Entry> {
    let task = |&(folder, examples, value): &(&'static str, usize, f64)| {
        let origin = if folder == UNRELEASED { origin::NOWHERE } else { origin::BIGBENCH };
        let task = Entry::new(
            format!("bigbench_{folder}"),
            Category::BigBench,
            Metric::MultipleChoiceGrade,
            origin,
            "bigbench",
        );
        let task = task
            .part(folder)
            .differs(DIFFERS)
            .asked(format!("{folder}/task.json"), Adapter::BigBench)
            .gopher(&[(None, value)]);
        if examples > 0 { task.expect(examples) } else { task }
    };
    TASKS.iter().map(task).collect()
}
