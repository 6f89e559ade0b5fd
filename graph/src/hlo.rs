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

/// A function as a serialised `HloModuleProto`.
///
/// # Errors
/// When the verifier refuses the function, or a scan is longer than a 32-bit counter can count.
pub fn to_hlo_proto(function: &Function) -> Result<Vec<u8>, Error> {
    Ok(lower::lower(function)?.encode_to_vec())
}

/// A function as HLO text.
///
/// # Errors
/// As [`to_hlo_proto`].
pub fn to_hlo_text(function: &Function) -> Result<String, Error> {
    Ok(text::print(&lower::lower(function)?))
}
