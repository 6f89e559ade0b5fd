//! `gopher train` as its users run it: the built program, on a small model and a small text.

mod failures;
mod place;
mod recipe;
mod results;
mod resume;
#[cfg(unix)]
mod signals;
mod split;
mod watching;
