//! A plan changes no number but by rounding, and its program communicates as stated: compiled for virtual devices of the
//! CPU, split steps train as the whole one does, and the compiler adds no collective of its own.
//!
//! `PROPTEST_CASES=150 cargo test -p train --test plans equality` tries more plans than usual.

mod case;
mod collectives;
mod curves;
mod equality;
mod uneven;
