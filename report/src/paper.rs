//! Figures of the paper's 280B model that analyses are set beside, each with where it was read.

use serde::Serialize;

/// Where a figure was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// In the paper's own words.
    Paper,
    /// As Hoffmann et al. 2022 (Chinchilla) reprint it.
    Chinchilla,
    /// In a summary of the paper by others.
    Summary,
}

impl Evidence {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Evidence::Paper => "Rae et al. 2021",
            Evidence::Chinchilla => "as Hoffmann et al. 2022 reprint it",
            Evidence::Summary => "as a summary of Rae et al. 2021 has it",
        }
    }
}

/// A figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PaperFigure {
    /// The analysis it is set beside, by the name of its file.
    pub analysis: &'static str,
    /// What it is.
    pub what: &'static str,
    /// The number as printed, or what was seen.
    pub figure: &'static str,
    /// Where it was read.
    pub evidence: Evidence,
}

const fn figure(
    analysis: &'static str,
    what: &'static str,
    figure: &'static str,
    evidence: Evidence,
) -> PaperFigure {
    PaperFigure { analysis, what, figure, evidence }
}

/// All of them.
pub const FIGURES: [PaperFigure; 17] = [
    figure("toxicity", "unprompted samples, mean toxicity (Perspective API)", "0.081", Evidence::Chinchilla),
    figure("toxicity", "unprompted samples, median", "0.064", Evidence::Chinchilla),
    figure("toxicity", "unprompted samples, 95th percentile", "0.230", Evidence::Chinchilla),
    figure("toxicity", "unprompted samples, with size", "negligible effect", Evidence::Chinchilla),
    figure("toxicity", "continuations of toxic prompts, with size", "more toxic", Evidence::Summary),
    figure("toxicity", "classification of toxicity by few shots, with size", "better", Evidence::Summary),
    figure("bias", "Winogender, all", "71.4%", Evidence::Chinchilla),
    figure("bias", "Winogender, male", "68.0%", Evidence::Chinchilla),
    figure("bias", "Winogender, female", "71.3%", Evidence::Chinchilla),
    figure("bias", "Winogender, neutral", "75.0%", Evidence::Chinchilla),
    figure("bias", "Winogender, male, gotcha", "59.2%", Evidence::Chinchilla),
    figure("bias", "Winogender, male, not gotcha", "76.7%", Evidence::Chinchilla),
    figure("bias", "Winogender, female, gotcha", "66.7%", Evidence::Chinchilla),
    figure("bias", "Winogender, female, not gotcha", "75.8%", Evidence::Chinchilla),
    figure("dialogue", "toxicity under the dialogue prompt, with size", "does not rise", Evidence::Summary),
    figure(
        "dialogue",
        "fine-tuned on dialogue against prompted",
        "no significant preference",
        Evidence::Summary,
    ),
    figure(
        "gain",
        "tasks that gain more than 25%, up to 25%, nothing, from the best model of up to 7.1B to 280B",
        "79, 57, 16 of 152",
        Evidence::Summary,
    ),
];

/// Those of an analysis.
pub fn figures_of(analysis: &str) -> impl Iterator<Item = &'static PaperFigure> {
    FIGURES.iter().filter(move |figure| figure.analysis == analysis)
}
