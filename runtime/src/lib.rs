//! Compiling and running [`graph`] programs on devices through PJRT.
//!
//! A [`Runtime`] is a plugin with its devices. It compiles a [`graph::Function`] to a [`Program`] and moves arrays
//! between host and device. [`Buffer`]s stay on the device from one run to the next, and a program takes over the
//! memory of inputs that its function gives to outputs.
//!
//! A [`graph::Partitioned`] function is compiled for all devices of a mesh. Arrays are whole for code that uploads and
//! reads them; a [`DeviceLayout`] says which part of one each device holds.
//!
//! Several processes, usually one on each host, can have one set of devices ([`Processes`]): each uploads and reads the
//! parts on its own devices, and all of them run the same programs in the same order.
//!
//! [`aot`] compiles for devices that are not there, and reads what the compiler made of a program.
//!
//! What is absent: nothing here knows of models or of training, and nothing decides how a program is split.
//!
//! ```
//! use graph::{Builder, DType, Literal, TensorType};
//! use runtime::{DeviceKind, Runtime};
//!
//! let builder = Builder::new("double");
//! let x = builder.param("x", TensorType::new(DType::F32, [3]), &[]);
//! builder.output("y", builder.scale(x, 2.0)?);
//! let function = builder.finish()?;
//!
//! // Never fetches anything; `Runtime::start` does.
//! if let Some(runtime) = Runtime::find(DeviceKind::Cpu)? {
//!     let program = runtime.compile(&function)?;
//!     let x = runtime.upload_slice(&[1.0f32, 2.0, 3.0], &[3])?;
//!     let outputs = program.run(&[&x])?;
//!     assert_eq!(outputs[0].to_vec::<f32>()?, [2.0, 4.0, 6.0]);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod aot;
mod buffer;
mod compiled;
mod error;
mod interface;
mod layout;
mod memory_limit;
mod options;
mod processes;
mod program;
mod runtime;
mod slice;
mod to_host;

pub use buffer::{Buffer, Part, TransferToHost, array_type};
pub use compiled::ProgramCache;
pub use error::Error;
pub use interface::{Input, Interface, Output};
pub use layout::DeviceLayout;
pub use memory_limit::host_memory;
pub use options::{CompileOptions, Format, QUICK_FLAGS};
pub use processes::Processes;
pub use program::{Memory, Program};
pub use runtime::{Runtime, RuntimeOptions};
pub use to_host::copy_to_host;
pub use xla_sys::locate::{DeviceKind, Found, Progress};
pub use xla_sys::{
    ArrayType, Element, ErrorCode, HostArray, KeyValueError, KeyValueStore, MemoryStore, OptionValue,
};

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
