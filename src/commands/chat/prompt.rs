//! What stands before a dialogue, and in which form it is.

use std::path::Path;

use data::dialogue::{DialoguePrompt, Role, Turn};
use eval::TrainedModel;
use eval::dialogue::{DialogueForm, fit};

use crate::commands::generate::prompts;
use crate::output::{grouped, note, usage};

/// What `--prompt` names.
pub enum Named {
    /// A text before dialogues.
    Text(DialoguePrompt),
    /// The form that the model came with.
    Template,
}

/// What `--prompt` names.
///
/// # Errors
/// A file that cannot be read or is no text.
pub fn read(named: &Path) -> anyhow::Result<Named> {
    match named.to_str() {
        Some("template") => Ok(Named::Template),
        _ => read_text(named).map(Named::Text),
    }
}

/// The text that `--prompt` names, where there is no other form.
///
/// # Errors
/// As [`read`].
pub fn read_text(named: &Path) -> anyhow::Result<DialoguePrompt> {
    match named.to_str() {
        Some("gopher") => Ok(DialoguePrompt::gopher()),
        Some("none") => Ok(DialoguePrompt::none()),
        _ => Ok(DialoguePrompt::from_text(&prompts::read_file("--prompt", named)?)),
    }
}

/// The form of dialogues with a model: the one that is named, or the model's own if it came with one, or a text as [`choose_text`] takes it.
///
/// # Errors
/// One that leaves no room for an answer of `answer` tokens; a template that is named and not there, or cannot be used.
pub fn choose(
    named: Option<Named>,
    model: &TrainedModel,
    window: usize,
    answer: usize,
) -> anyhow::Result<DialogueForm> {
    let is_named = named.is_some();
    let template = match named {
        Some(Named::Text(prompt)) => {
            return choose_text(Some(prompt), model, window, answer).map(DialogueForm::Prompted);
        }
        Some(Named::Template) | None => model.chat_template(),
    };
    let Some(template) = template else {
        return match is_named {
            true => Err(usage(
                "--prompt template: the model came with none; --prompt gopher and --prompt none need none",
            )),
            false => choose_text(None, model, window, answer).map(DialogueForm::Prompted),
        };
    };
    let template = template
        .map_err(|error| anyhow::anyhow!("{error}; --prompt gopher and --prompt none do without it"))?;
    let form = DialogueForm::Template(Box::new(template));
    form.fit(&[Turn::new(Role::User, "?")], model.tokenizer(), model.begin_of_text(), window, answer)?;
    Ok(form)
}

/// The text before a dialogue: the one that is named, or none for a model that was trained on dialogues, or Gopher's if
/// that leaves half of the window.
///
/// # Errors
/// One that is named and leaves no room for an answer of `answer` tokens.
pub fn choose_text(
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
