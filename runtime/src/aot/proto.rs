//! The messages of an optimised program: those that `graph` writes programs in.

pub(super) use graph::hlo::proto::*;
