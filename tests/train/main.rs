//! `gopher train` as its users run it: the built program, on a small model and a small text.

mod failures;
mod incidents;
mod place;
mod recipe;
mod replay;
mod results;
mod resume;
#[cfg(unix)]
mod signals;
mod split;
mod watching;
