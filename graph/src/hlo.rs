//! Functions as XLA HLO modules: serialised protos, and the text that XLA's own tools read.
//!
//! Both come from one lowering ([`lower`]) to the structures of [`proto`]. HLO has no regions that see outside values:
//! reductions, scatters and loops call computations of their own, and the state of a loop is one tuple that carries
//! what every iteration reads as well. Each instruction's `op_name` is `"scope/op"`.
//!
//! Source: `xla/service/hlo.proto` and `xla/xla_data.proto` of OpenXLA; <https://openxla.org/xla/operation_semantics>.

pub mod lower;
pub mod proto;
mod scan;
mod text;

use prost::Message;

use crate::error::Error;
use crate::function::Function;
use crate::partitioned::Partitioned;

/// A function as a serialised `HloModuleProto`.
///
/// # Errors
/// [`Error::Verify`] if the function is not valid; [`Error::Export`] if it is for a mesh of several devices, or if a scan
/// is longer than a 32-bit counter can count.
pub fn to_hlo_proto(function: &Function) -> Result<Vec<u8>, Error> {
    Ok(lower::lower(function)?.encode_to_vec())
}

/// A function as HLO text.
///
/// # Errors
/// As [`to_hlo_proto`].
pub fn to_hlo_text(function: &Function) -> Result<String, Error> {
    Ok(text::print(&lower::lower(function)?, 1))
}

/// What each device of a mesh runs, as a serialised `HloModuleProto`: the form that XLA's own partitioner leaves. How many
/// partitions there are is not part of an `HloModuleProto`; whoever compiles it says so.
///
/// # Errors
/// As [`Partitioned::verify`]; [`Error::Export`] if a scan is longer than a 32-bit counter can count.
pub fn to_hlo_proto_partitioned(program: &Partitioned) -> Result<Vec<u8>, Error> {
    program.verify()?;
    Ok(lower::lower_on(&program.mesh, &program.function)?.encode_to_vec())
}

/// What each device of a mesh runs, as HLO text; the module says how many partitions there are.
///
/// # Errors
/// As [`to_hlo_proto_partitioned`].
pub fn to_hlo_text_partitioned(program: &Partitioned) -> Result<String, Error> {
    program.verify()?;
    let module = lower::lower_on(&program.mesh, &program.function)?;
    Ok(text::print(&module, program.mesh.devices()))
}
