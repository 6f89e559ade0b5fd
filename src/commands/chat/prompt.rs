//! What stands before a dialogue.

use std::path::Path;

use data::dialogue::DialoguePrompt;
use eval::TrainedModel;
use eval::dialogue::fit;

use crate::commands::generate::prompts;
use crate::output::{grouped, note};

/// The prompt that `--prompt` names.
///
/// # Errors
/// A file that cannot be read or is no text.
pub fn read(named: &Path) -> anyhow::Result<DialoguePrompt> {
    match named.to_str() {
        Some("gopher") => Ok(DialoguePrompt::gopher()),
        Some("none") => Ok(DialoguePrompt::none()),
        _ => Ok(DialoguePrompt::from_text(&prompts::read_file("--prompt", named)?)),
    }
}

/// The prompt that stands before a dialogue: the one that is named, or none for a model that was trained on dialogues, or Gopher's if
/// that leaves half of the window.
///
/// # Errors
/// One that is named and leaves no room for an answer of `answer` tokens.
pub fn choose(
    named: Option<DialoguePrompt>,
    model: &TrainedModel,
    window: usize,
    answer: usize,
) -> anyhow::Result<DialoguePrompt> {
    let measure = |prompt: &DialoguePrompt, window| {
        Ok::<_, anyhow::Error>(
            fit(prompt, &[], model.tokenizer(), model.begin_of_text(), window, answer)?.tokens.len(),
        )
    };
    if let Some(prompt) = named {
        measure(&prompt, window)?;
        return Ok(prompt);
    }
    if model.config().data.dialogues {
        measure(&DialoguePrompt::none(), window)?;
        return Ok(DialoguePrompt::none());
    }
    let prompt = DialoguePrompt::gopher();
    let tokens = measure(&prompt, usize::MAX)?;
    if tokens <= window / 2 {
        return Ok(prompt);
    }
    measure(&DialoguePrompt::none(), window)?;
    let room = grouped((2 * tokens).next_power_of_two() as u64).replace(',', "");
    note(format_args!(
        "Gopher's prompt is {tokens} tokens long, which is more than half of the window of {window}: it is left out; \
         --window {room} has room for it"
    ));
    Ok(DialoguePrompt::none())
}
