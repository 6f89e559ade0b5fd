//! `gopher train` as its users run it: the built program, on a small model and a small text.

mod beginnings;
mod failures;
#[path = "../../xla_sys/tests/common/mod.rs"]
mod fake;
#[cfg(unix)]
mod hosts;
mod incidents;
#[cfg(unix)]
mod multi_host;
mod place;
mod recipe;
mod replay;
mod results;
mod resume;
#[cfg(unix)]
#[path = "../../hosts/tests/processes/server.rs"]
mod server;
#[cfg(unix)]
mod signals;
mod split;
mod texts;
mod watching;
