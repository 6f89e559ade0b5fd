//! BIG-bench as the data set `hails/bigbench` has it.

use serde_json::Value;

use super::{Fault, field};

/// Leaves out documents that are not multiple choice.
pub(super) fn filter_multiple_choice(documents: &[Value]) -> Result<Vec<Value>, Fault> {
    let mut kept = Vec::new();
    for (document, fields) in documents.iter().enumerate() {
        let choices = field(fields, "multiple_choice_targets").and_then(|choices| {
            choices.as_array().ok_or_else(|| "field 'multiple_choice_targets' is not a list".to_owned())
        });
        if !choices.map_err(|problem| Fault { document, problem })?.is_empty() {
            kept.push(fields.clone());
        }
    }
    Ok(kept)
}
