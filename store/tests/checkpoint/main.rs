//! What checkpoints promise: bytes come back as they were, in whatever pieces; saves are whole or absent; damage is
//! named; what is kept is kept.

mod common;
mod damage;
mod kept;
mod pieces;
#[path = "../../../tests/running/mod.rs"]
mod running;
