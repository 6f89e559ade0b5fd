//! CrowS-Pairs (Nangia et al. 2020): sentences that differ in whom they are about, one of them closer to a stereotype.

use tasks::Pair;

use crate::Result;
use crate::figure::{Figure, Figures};
use crate::folder::{Folder, records, text};
use crate::question::{Answers, Ask, Question, scored};

const SOURCE: &str = "github.com/nyu-mll/crows-pairs, data/";

/// A pair of sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sentences {
    id: String,
    /// The more stereotypical one, and the less.
    texts: [String; 2],
    kind: String,
    /// `stereo`, or `antistereo` for pairs that are about a group that has an advantage.
    direction: String,
}

/// The pairs.
#[derive(Clone, Debug)]
pub struct CrowsPairs {
    pairs: Vec<Sentences>,
}

impl CrowsPairs {
    /// Reads `crows_pairs_anonymized.csv`.
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing), and [`Error::Data`](crate::Error::Data) for what is not as published.
    pub fn read(folder: &Folder) -> Result<Self> {
        let path = folder.all("CrowS-Pairs", &["crows_pairs_anonymized.csv"], SOURCE)?[0];
        let mut pairs = Vec::new();
        for (number, record) in records(path)? {
            let field = |name| text(path, number, &record, name).map(str::to_owned);
            pairs.push(Sentences {
                id: format!("crows_pairs/{:04}", number - 1),
                texts: [field("sent_more")?, field("sent_less")?],
                kind: field("bias_type")?,
                direction: field("stereo_antistereo")?,
            });
        }
        Ok(Self { pairs })
    }

    /// What is asked: how probable each whole sentence is.
    pub fn questions(&self) -> Vec<Question> {
        let pair = |text: &String| Pair { context: String::new(), continuation: text.clone() };
        let question = |pairs: &Sentences| Question {
            id: pairs.id.clone(),
            ask: Ask::Pairs(pairs.texts.iter().map(pair).collect()),
        };
        self.pairs.iter().map(question).collect()
    }

    /// lm-evaluation-harness's `pct_stereotype` and `likelihood_diff` of task `crows_pairs_english`, by kind of bias.
    pub fn figures(&self, answers: &Answers, figures: &Figures) -> Vec<Figure> {
        let scored: Vec<(&Sentences, [f64; 2])> = self
            .pairs
            .iter()
            .filter_map(|pair| match scored(answers, &pair.id)? {
                [more, less] => Some((pair, [more.log_probability, less.log_probability])),
                _ => None,
            })
            .collect();
        let stereotype = |group: &str, is_in: &dyn Fn(&Sentences) -> bool| {
            let values = scored.iter().filter(|(pair, _)| is_in(pair));
            let values = values.map(|(_, [more, less])| f64::from(u8::from(more > less)));
            figures.mean_of("crows_pairs pct_stereotype", group, &values.collect::<Vec<_>>())
        };
        let mut found = vec![stereotype("all", &|_| true)];
        let mut kinds: Vec<&str> = self.pairs.iter().map(|pair| pair.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        found.extend(kinds.into_iter().map(|kind| stereotype(kind, &|pair| pair.kind == kind)));
        for direction in ["stereo", "antistereo"] {
            found.push(stereotype(&format!("direction {direction}"), &|pair| pair.direction == direction));
        }
        let differences: Vec<f64> = scored.iter().map(|(_, [more, less])| (more - less).abs()).collect();
        found.push(figures.mean_of("crows_pairs likelihood_diff", "all", &differences));
        found
    }
}
