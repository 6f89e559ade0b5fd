//! `gopher train` as its users run it: the built program, on a small model and a small text.

mod beginnings;
mod dialogues;
mod dry_run;
mod failures;
#[path = "../../xla_sys/tests/common/mod.rs"]
mod fake;
mod from;
#[cfg(unix)]
mod hosts;
mod incidents;
mod leftovers;
#[cfg(unix)]
mod multi_host;
mod place;
mod recipe;
mod replay;
mod results;
mod resume;
mod saves;
#[cfg(unix)]
#[path = "../../hosts/tests/processes/server.rs"]
mod server;
mod shards;
#[cfg(unix)]
mod signals;
mod split;
mod surroundings;
#[cfg(unix)]
mod terminal;
mod texts;
mod watching;
