//! A Llama that is to be written to foreign files.

use data::Tokenizer;

use crate::LlamaSizes;
use crate::llama::Parameter;

/// A Llama that is to be written to foreign files.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// What to call it.
    pub name: &'a str,
    /// Its sizes; its vocabulary is that of the tokenizer.
    pub sizes: &'a LlamaSizes,
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Whether texts given to it begin with [`Tokenizer::begin_of_text`].
    pub adds_begin_of_text: bool,
    /// The template of chats (Jinja), if it has one.
    pub chat_template: Option<&'a str>,
}

/// Gives a slice of a parameter in our layout, row-major: of its shape without the first axis, or of all of it where there is one slice.
pub type ReadValues<'a, E> = dyn FnMut(&Parameter, usize) -> Result<Vec<f32>, E> + 'a;
