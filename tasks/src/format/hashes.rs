//! What two runs must have in common to have been asked the same.

use sha2::{Digest, Sha256};

use crate::{Ask, Item};

/// sha256 in hexadecimal over all that is asked, contexts and continuations in order: two runs with one hash were asked the
/// same.
pub fn prompts_hash(items: &[Item]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    for item in items {
        match &item.ask {
            Ask::Choices { pairs, unconditional, .. } => {
                for pair in pairs.iter().chain(unconditional) {
                    add(&pair.context);
                    add(&pair.continuation);
                }
            }
            Ask::LogLikelihood(pair) => {
                add(&pair.context);
                add(&pair.continuation);
            }
            Ask::Rolling(text) => add(text),
            Ask::Generate { context, generation } => {
                add(context);
                add(&generation.until.join("\0"));
            }
        }
    }
    hexadecimal(hash.finalize())
}

fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
