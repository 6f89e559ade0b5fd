//! Reverse-mode differentiation against central finite differences, hand-unrolled loops and itself.

mod collectives;
mod common;
mod dtypes;
mod emitted;
mod errors;
mod ops;
mod remat;
mod scan;
mod second_order;
mod split;
