//! Files that users name: opened without waiting for a pipe, and what is wrong in them, in words of the file.

mod files;
pub mod json;
mod toml_words;

pub use files::{open, read, read_to_string, words};
pub use toml_words::toml_words;
