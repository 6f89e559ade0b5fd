//! Tensor programs: a small intermediate representation (IR), and everything done with it before a compiler sees it.
//!
//! A [`Function`] holds parameters, [`Node`]s in execution order, and results. A node applies an [`Op`] to values;
//! a [`Value`] is a parameter or a node's result, with a [`TensorType`] (dtype and static shape, row-major). Values are
//! assigned once. The only control flow is [`Op::Scan`], whose body is another function that sees nothing but its own
//! parameters, so that every function can be read, checked, differentiated and run on its own.
//!
//! A function may be what one of many devices runs: [`Op::AllReduce`] and its like exchange values between them.
//! [`Partitioned`] says on which [`Mesh`], and how whole inputs and outputs are split over the devices.
//!
//! Programs are made with a [`Builder`], which infers and checks types as it goes. [`gradient()`] appends a program's
//! reverse-mode derivative to it.

pub mod builder;
pub mod dtype;
pub mod error;
pub mod flatten;
pub mod function;
pub mod gradient;
pub mod hlo;
pub mod infer;
pub mod interpret;
pub mod literal;
pub mod mesh;
pub mod op;
pub mod partitioned;
pub mod simplify;
pub mod stablehlo;
#[doc(hidden)]
pub mod testing;
pub mod text;
pub mod unroll;
pub mod verify;

pub use builder::{BuildResult, Builder, ScanBody, ScanInputs, ScanOutputs, Tensor};
pub use dtype::{DType, TensorType};
pub use error::Error;
pub use flatten::flatten_matmuls;
pub use function::{Function, Node, Output, Param, Value};
pub use gradient::{Halves, gradient, pull_back, split_gradient};
pub use hlo::{to_hlo_proto, to_hlo_proto_partitioned, to_hlo_text, to_hlo_text_partitioned};
pub use interpret::{interpret, interpret_partitioned};
pub use literal::{Elements, Literal};
pub use mesh::{Mesh, MeshAxis, Placement, PlacementTable, Split};
pub use op::{Binary, Comparison, DotDims, Op, OpClass, Reduction, Remat, Scan, Unary};
pub use partitioned::Partitioned;
pub use stablehlo::{to_stablehlo, to_stablehlo_partitioned};
pub use unroll::{Piece, Unrolled, unroll};
pub use verify::verify;
