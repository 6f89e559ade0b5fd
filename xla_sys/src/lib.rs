//! The PJRT C API: generated bindings, and a safe layer over them.
//!
//! PJRT is how a program talks to XLA: a *plugin* (a shared library) offers a table of C functions to create a *client*
//! (the connection to devices), compile a *program* into an *executable*, move arrays between host and device *buffers*,
//! and run the executable on them. Everything that runs is asynchronous: calls return at once, and *events* and buffers
//! become ready later.
//!
//! ```no_run
//! use xla_sys::{ArrayType, CompileOptions, ElementType, ExecuteOptions, HostArray, Plugin, PluginOptions, Program};
//!
//! # fn main() -> xla_sys::Result<()> {
//! let plugin = Plugin::load("pjrt_c_api_cpu_plugin.so", &PluginOptions::cpu())?;
//! let client = plugin.client(&[])?;
//! let program = Program::mlir(
//!     "func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
//!        %0 = stablehlo.add %x, %x : tensor<2xf32>
//!        return %0 : tensor<2xf32>
//!      }",
//!     [ArrayType::new(ElementType::F32, [2])],
//! );
//! let executable = client.compile(&program, &CompileOptions::default())?;
//! let x = client.copy_to_device(&HostArray::from_slice(&[1.0f32, 2.0], &[2])?, &executable.devices()[0])?;
//! let execution = executable.execute(&[&[&x]], &ExecuteOptions::default())?;
//! assert_eq!(execution.outputs[0][0].to_host()?.as_slice::<f32>()?, [2.0, 4.0]);
//! # Ok(())
//! # }
//! ```
//!
//! # Promises
//! - Every handle is freed exactly once, after everything made from it. Plugins are never unloaded.
//! - The number, element types, shapes, devices and liveness of arguments are checked here before a program runs: plugins
//!   check some of it, and never the element type.
//! - An error of the plugin keeps its code and its message ([`Error::Pjrt`]).
//! - All types may be sent to and used by any thread.
//!
//! # What is not here
//! Nothing in this crate knows what a graph or a model is. It is the only crate of the workspace with `unsafe` code.

mod api;
mod array;
// Machine-generated: its names and layout are those of the C header.
#[rustfmt::skip]
#[allow(missing_docs, non_camel_case_types, non_snake_case, non_upper_case_globals)]
#[allow(clippy::undocumented_unsafe_blocks, clippy::upper_case_acronyms)]
pub mod bindings;
mod buffer;
mod client;
mod compile;
mod device;
mod error;
mod event;
mod executable;
pub mod flags;
mod key_value;
mod loaded_executable;
pub mod locate;
mod named_value;
mod plugin;
mod signature;
mod topology;
mod wire;

pub use array::{ArrayType, Element, ElementType, HostArray};
pub use buffer::{Buffer, TransferToHost};
pub use client::Client;
pub use compile::{CompileOptions, OptionValue, Program, ProgramFormat};
pub use device::{Device, DeviceDescription, DeviceMemoryStats, Memory};
pub use error::{BufferState, Error, ErrorCode, Result};
pub use event::Event;
pub use executable::{CompiledMemoryStats, Executable, OptimizedProgram};
pub use key_value::{KeyValueError, KeyValueStore, MemoryStore};
pub use loaded_executable::{ExecuteOptions, Execution, LoadedExecutable};
pub use named_value::{NamedValue, Value};
pub use plugin::{MINIMUM_API_VERSION, Plugin, PluginOptions};
pub use topology::Topology;
