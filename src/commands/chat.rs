//! `gopher chat`: a dialogue with a model.

mod interrupts;
pub(super) mod prompt;

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write, stdin, stdout};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;
use data::dialogue::{Role, Turn};
use eval::dialogue::{AnswerStream, DialogueForm, default_answer};
use eval::{Conversation, Sampling, Stop};
use interrupts::Interrupts;
use serde::Serialize;

use super::generate::Model;
use super::generate::prompts;
use super::trained::{ModelOptions, SamplingOptions};
use crate::output::{grouped, note, print, usage};

/// Commands of a dialogue.
const HELP: &str = "\
/reset        forget what was said
/retry        take the last answer back and draw another one
/save FILE    add the dialogue to a file, as a line of JSON (docs/dialogue.md)
/quit         end, as Ctrl-D does
//TEXT        say something that begins with a slash
Ctrl-C stops an answer";

/// Arguments of `gopher chat`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    /// What stands before the dialogue: gopher (an introduction and a few exchanges), none, or a file with a text; or template, for
    /// the form that the model came with [default: template if it came with one, none for a model that was trained on dialogues,
    /// else gopher, if the window has room for it].
    #[arg(long, value_name = "gopher|none|template|FILE", help_heading = "Dialogue")]
    prompt: Option<PathBuf>,
    /// Tokens of an answer at most [default: a quarter of the window, and no more than 256].
    #[arg(long, value_name = "N", help_heading = "Dialogue")]
    tokens: Option<usize>,
    #[command(flatten)]
    sampling: SamplingOptions,
    /// Print each answer as a JSON object on one line when it is done, instead of text as it comes.
    #[arg(long)]
    json: bool,
}

/// An answer: the fields of docs/dialogue.md.
#[derive(Serialize)]
struct Answer<'a> {
    content: &'a str,
    stop: &'static str,
    /// Turns that were left out before it.
    left_out: usize,
    prompt_tokens: usize,
    tokens: usize,
    seed: u64,
}

/// Talks with a model.
///
/// # Errors
/// Wrong arguments; a run that cannot be loaded; a prompt that does not fit the window; a device that fails.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { model: options, prompt, tokens, sampling, json } = arguments;
    let sampling = sampling.sampling(eval::dialogue::sampling())?;
    if tokens == Some(0) {
        return Err(usage("--tokens 0: an answer has at least 1"));
    }
    let named = prompt.as_deref().map(prompt::read).transpose()?;
    let mut form = None;
    let model = Model::load(&options, |model, window| {
        let answer = tokens.unwrap_or(default_answer(window));
        form = Some(prompt::choose(named, model, window, answer)?);
        Ok(None)
    })?;
    let form = form.unwrap_or_default();
    let tokens = tokens.unwrap_or(default_answer(model.window()));
    let terminal = stdin().is_terminal();
    let interrupts = Interrupts::install(move || match terminal {
        true => write_mark("\n(Ctrl-D ends)\nUser: "),
        false => super::train::quit(130),
    })?;
    let chat = Chat {
        conversation: model.generator().conversation()?,
        stops: form.stops(model.generator().tokenizer()),
        model: &model,
        form,
        tokens,
        sampling,
        turns: Vec::new(),
        drawn: 0,
        left_out: 0,
        json,
        terminal,
        interrupts,
    };
    chat.run()
}

/// A dialogue under way.
struct Chat<'a> {
    model: &'a Model,
    conversation: Conversation<'a>,
    form: DialogueForm,
    stops: Vec<String>,
    /// Tokens of an answer at most.
    tokens: usize,
    sampling: Sampling,
    turns: Vec<Turn>,
    /// Answers that were drawn since the dialogue began.
    drawn: u64,
    /// Turns that were left out, as far as that was said.
    left_out: usize,
    json: bool,
    terminal: bool,
    interrupts: Interrupts,
}

/// What a line asks for.
enum Next {
    GoOn,
    End,
}

impl Chat<'_> {
    /// Reads lines and answers them, until the end of the input.
    fn run(mut self) -> anyhow::Result<()> {
        if self.terminal {
            note("/help lists commands; Ctrl-C stops an answer; Ctrl-D ends");
        }
        let (mut lines, mut failed) = (0, 0);
        loop {
            if self.terminal {
                write_mark("User: ");
            }
            let Some(line) = prompts::line(&mut stdin().lock())? else { break };
            lines += 1;
            match line.and_then(|line| self.take(&line)) {
                Ok(Next::GoOn) => {}
                Ok(Next::End) => return self.end(failed, lines),
                Err(error) if concerns_line(&error) => {
                    failed += 1;
                    note(format_args!("error: line {lines}: {error:#}"));
                }
                Err(error) => return Err(error),
            }
        }
        if self.terminal {
            note("");
        }
        self.end(failed, lines)
    }

    fn end(&self, failed: usize, lines: usize) -> anyhow::Result<()> {
        match failed {
            // Whoever sits at a terminal has seen it.
            _ if self.terminal => Ok(()),
            0 => Ok(()),
            _ => Err(anyhow!("{failed} of {lines} lines failed")),
        }
    }

    /// Does what a line says.
    fn take(&mut self, line: &str) -> anyhow::Result<Next> {
        let line = line.trim();
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match command {
            "" => {}
            "/quit" | "/exit" => return Ok(Next::End),
            "/help" => note(HELP),
            "/reset" => {
                self.turns.clear();
                (self.drawn, self.left_out) = (0, 0);
                note("forgotten");
            }
            "/retry" => {
                let Some(last) = self.turns.pop_if(|turn| turn.role == Role::Assistant) else {
                    return Err(Mistake("there is no answer to take back".into()).into());
                };
                if !self.answer()? {
                    self.turns.push(last);
                }
            }
            "/save" => self.save(Path::new(rest.trim()))?,
            _ if command.starts_with('/') && !command.starts_with("//") => {
                return Err(Mistake(format!("{command}: there is no such command; /help lists them")).into());
            }
            _ => {
                let text = if command.starts_with("//") { &line[1..] } else { line };
                self.turns.push(Turn::new(Role::User, text));
                let before = self.turns.len() - 1;
                match self.answer() {
                    Ok(true) => {}
                    // What was not answered was not said.
                    Ok(false) => self.turns.truncate(before),
                    Err(error) => {
                        self.turns.truncate(before);
                        return Err(error);
                    }
                }
            }
        }
        Ok(Next::GoOn)
    }

    /// Answers the turns so far, and adds the answer to them; not if it was stopped before it began.
    fn answer(&mut self) -> anyhow::Result<bool> {
        let (generator, window) = (self.model.generator(), self.model.window());
        let (tokenizer, begin) = (generator.tokenizer(), generator.begin_of_text());
        let fitted = self.form.fit(&self.turns, tokenizer, begin, window, self.tokens)?;
        if fitted.left_out != std::mem::replace(&mut self.left_out, fitted.left_out) && fitted.left_out > 0 {
            let (turns, window) = (fitted.left_out, grouped(window as u64));
            note(format_args!("the {turns} oldest turns are left out: the window holds {window} tokens"));
        }
        let sampling = Sampling { seed: self.sampling.seed.wrapping_add(self.drawn), ..self.sampling };
        self.drawn += 1;
        let (quiet, clean) = (self.json, stdout().is_terminal());
        // With the first of the answer, after what is said while a long dialogue is read.
        let mut mark = if self.terminal && !quiet { "Gopher: " } else { "" };
        let mut show = |piece: &str| {
            if piece.is_empty() || quiet {
                return Ok(());
            }
            write_mark(std::mem::take(&mut mark));
            if clean { print(without_controls(piece)) } else { print(piece) }
        };
        let mut stream = AnswerStream::new(&self.stops);
        let (mut content, mut shown) = (String::new(), Ok(()));
        self.interrupts.begin();
        let generation =
            self.conversation.continue_tokens(&fitted.tokens, self.tokens, sampling, &mut |text| {
                let piece = stream.push(text);
                content.push_str(&piece);
                shown = show(&piece);
                match shown.is_err() || stream.is_over() || self.interrupts.is_asked() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            });
        self.interrupts.end();
        shown?;
        let generation = generation?;
        let stop = match generation.stop {
            _ if stream.is_over() => "turn",
            Stop::EndOfText => "end_of_text",
            Stop::Tokens => "tokens",
            Stop::Caller => "interrupted",
        };
        let rest = stream.finish();
        content.push_str(&rest);
        let is_answer = stop != "interrupted" || !content.is_empty();
        if self.json {
            let (prompt_tokens, tokens) = (generation.prompt_tokens.len(), generation.tokens.len());
            let (content, left_out, seed) = (content.as_str(), fitted.left_out, sampling.seed);
            let answer = Answer { content, stop, left_out, prompt_tokens, tokens, seed };
            print(serde_json::to_string(&answer)? + "\n")?;
        } else {
            show(&(rest + "\n"))?;
        }
        if stop == "tokens" {
            note(format_args!("(cut after {} tokens: --tokens N allows more)", self.tokens));
        }
        if is_answer {
            self.turns.push(Turn::new(Role::Assistant, content));
        }
        Ok(is_answer)
    }

    /// Adds the dialogue to a file, as a line that can be trained on.
    fn save(&self, path: &Path) -> anyhow::Result<()> {
        if path.as_os_str().is_empty() {
            return Err(Mistake("/save needs the name of a file".into()).into());
        }
        if self.turns.is_empty() {
            return Err(Mistake("/save: nothing has been said yet".into()).into());
        }
        let line = serde_json::to_string(&serde_json::json!({ "messages": self.turns }))? + "\n";
        let written = || OpenOptions::new().create(true).append(true).open(path)?.write_all(line.as_bytes());
        written().map_err(|error: io::Error| Mistake(format!("/save {}: {error}", path.display())))?;
        note(format_args!("saved {} turns to {}", self.turns.len(), path.display()));
        Ok(())
    }
}

/// A line that asks for what cannot be done; others can be.
#[derive(Debug)]
struct Mistake(String);

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mistake {}

/// Whether an error is of a line alone, so that the next ones can be answered.
fn concerns_line(error: &anyhow::Error) -> bool {
    let of_dialogue =
        matches!(error.downcast_ref(), Some(eval::Error::DialogueTooLong { .. } | eval::Error::Template(_)));
    of_dialogue || error.is::<Mistake>() || error.is::<prompts::NotText>()
}

/// Writes beside the dialogue, on standard error. Nothing is lost if it is not seen.
fn write_mark(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A text whose characters are not orders to a terminal.
fn without_controls(text: &str) -> String {
    let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().map(|c| if harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}
