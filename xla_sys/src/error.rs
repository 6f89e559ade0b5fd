//! The errors of plugins, and of checks before they are called.

use std::path::PathBuf;

use crate::{ArrayType, ElementType};

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The canonical status code a plugin attaches to its errors (absl::StatusCode's numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // Each variant is the status code of its name.
pub enum ErrorCode {
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
    /// A number PJRT does not define; 0 ("OK") inside an error counts as one.
    Other(u32),
}

impl ErrorCode {
    /// The code with the given number.
    pub fn from_number(number: u32) -> ErrorCode {
        match number {
            1 => ErrorCode::Cancelled,
            2 => ErrorCode::Unknown,
            3 => ErrorCode::InvalidArgument,
            4 => ErrorCode::DeadlineExceeded,
            5 => ErrorCode::NotFound,
            6 => ErrorCode::AlreadyExists,
            7 => ErrorCode::PermissionDenied,
            8 => ErrorCode::ResourceExhausted,
            9 => ErrorCode::FailedPrecondition,
            10 => ErrorCode::Aborted,
            11 => ErrorCode::OutOfRange,
            12 => ErrorCode::Unimplemented,
            13 => ErrorCode::Internal,
            14 => ErrorCode::Unavailable,
            15 => ErrorCode::DataLoss,
            16 => ErrorCode::Unauthenticated,
            other => ErrorCode::Other(other),
        }
    }

    /// The number of the code.
    pub fn number(self) -> u32 {
        match self {
            ErrorCode::Cancelled => 1,
            ErrorCode::Unknown => 2,
            ErrorCode::InvalidArgument => 3,
            ErrorCode::DeadlineExceeded => 4,
            ErrorCode::NotFound => 5,
            ErrorCode::AlreadyExists => 6,
            ErrorCode::PermissionDenied => 7,
            ErrorCode::ResourceExhausted => 8,
            ErrorCode::FailedPrecondition => 9,
            ErrorCode::Aborted => 10,
            ErrorCode::OutOfRange => 11,
            ErrorCode::Unimplemented => 12,
            ErrorCode::Internal => 13,
            ErrorCode::Unavailable => 14,
            ErrorCode::DataLoss => 15,
            ErrorCode::Unauthenticated => 16,
            ErrorCode::Other(number) => number,
        }
    }

    /// The name XLA prints, such as `RESOURCE_EXHAUSTED`.
    pub fn name(self) -> &'static str {
        match self {
            ErrorCode::Cancelled => "CANCELLED",
            ErrorCode::Unknown => "UNKNOWN",
            ErrorCode::InvalidArgument => "INVALID_ARGUMENT",
            ErrorCode::DeadlineExceeded => "DEADLINE_EXCEEDED",
            ErrorCode::NotFound => "NOT_FOUND",
            ErrorCode::AlreadyExists => "ALREADY_EXISTS",
            ErrorCode::PermissionDenied => "PERMISSION_DENIED",
            ErrorCode::ResourceExhausted => "RESOURCE_EXHAUSTED",
            ErrorCode::FailedPrecondition => "FAILED_PRECONDITION",
            ErrorCode::Aborted => "ABORTED",
            ErrorCode::OutOfRange => "OUT_OF_RANGE",
            ErrorCode::Unimplemented => "UNIMPLEMENTED",
            ErrorCode::Internal => "INTERNAL",
            ErrorCode::Unavailable => "UNAVAILABLE",
            ErrorCode::DataLoss => "DATA_LOSS",
            ErrorCode::Unauthenticated => "UNAUTHENTICATED",
            ErrorCode::Other(_) => "UNDEFINED_CODE",
        }
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ErrorCode::Other(number) => write!(f, "undefined error code {number}"),
            code => f.write_str(code.name()),
        }
    }
}

/// Why a buffer can no longer be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BufferState {
    /// The buffer holds an array, or will once the computation that produces it ends.
    Live,
    /// [`Buffer::delete`](crate::Buffer::delete) was called.
    Deleted,
    /// An execution took its memory for one of its outputs.
    Donated,
}

impl std::fmt::Display for BufferState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BufferState::Live => "live",
            BufferState::Deleted => "deleted",
            BufferState::Donated => "donated to an earlier execution",
        })
    }
}

/// An error of this crate or of the plugin behind it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // Variants are documented; their fields are the values in their messages.
pub enum Error {
    /// The plugin reported an error: its code and message, as they came.
    #[error("{operation} failed with {code}: {message}")]
    Pjrt { operation: &'static str, code: ErrorCode, message: String },

    /// The file could not be opened as a shared library.
    #[error("cannot load the PJRT plugin {}: {reason}", path.display())]
    Load { path: PathBuf, reason: String },

    /// The file is a shared library, but not a PJRT plugin.
    #[error("{} is not a PJRT plugin: {reason}", path.display())]
    NotAPlugin { path: PathBuf, reason: &'static str },

    /// The plugin speaks a version of the PJRT C API that this crate does not.
    #[error(
        "the plugin {} speaks PJRT API {}.{}, and {}.{} or a later {}.x is needed; use a newer plugin",
        path.display(), found.0, found.1, minimum.0, minimum.1, minimum.0
    )]
    ApiVersion { path: PathBuf, found: (i32, i32), minimum: (i32, i32) },

    /// The plugin's function table is too short for this function, or has a null there.
    #[error("the plugin {} does not offer {function}", path.display())]
    MissingFunction { path: PathBuf, function: &'static str },

    /// The plugin reported success but what it returned makes no sense.
    #[error("the plugin returned a malformed result from {operation}: {detail}")]
    Malformed { operation: &'static str, detail: String },

    /// The bytes do not fill an array of this type.
    #[error("an array {array_type} takes {expected} bytes, got {got}")]
    ByteCount { array_type: ArrayType, expected: usize, got: usize },

    /// A typed view was asked of an array of another element type.
    #[error("the array is {found}, not {requested}")]
    ElementType { found: ElementType, requested: ElementType },

    /// The array would not fit in the address space.
    #[error("an array {array_type} is larger than the address space")]
    TooLarge { array_type: ArrayType },

    /// An option of a client has an impossible value.
    #[error("client option {option}: it must be {expected}")]
    ClientOption { option: String, expected: String },

    /// The options of a compilation contradict themselves.
    #[error("impossible compile options: {reason}")]
    CompileOptions { reason: String },

    /// The compiled program does not have the inputs it was declared with.
    #[error(
        "program {program} was declared with input {index} of type {declared}, but the compiler found {compiled}"
    )]
    ProgramInput { program: String, index: usize, declared: Box<ArrayType>, compiled: Box<ArrayType> },

    /// The compiled program does not have as many inputs as it was declared with.
    #[error("program {program} was declared with {declared} inputs, but the compiler found {compiled}")]
    ProgramInputCount { program: String, declared: usize, compiled: usize },

    /// `execute` got argument lists for another number of devices than the program runs on.
    #[error("executable {executable} runs on {expected} devices, got argument lists for {got}")]
    DeviceCount { executable: String, expected: usize, got: usize },

    /// `execute` got too few or too many arguments for a device.
    #[error("executable {executable} takes {expected} arguments, got {got} for device number {device}")]
    ArgumentCount { executable: String, device: usize, expected: usize, got: usize },

    /// An argument has the wrong element type or shape.
    #[error(
        "argument {index} of executable {executable} must be {expected}, got {got} (device number {device})"
    )]
    ArgumentType {
        executable: String,
        device: usize,
        index: usize,
        expected: Box<ArrayType>,
        got: Box<ArrayType>,
    },

    /// An argument lies on another device than the one it is an argument for.
    #[error(
        "argument {index} of executable {executable} must be on device {expected}, but is on device {got}"
    )]
    ArgumentDevice { executable: String, index: usize, expected: i32, got: i32 },

    /// An argument belongs to another client.
    #[error("argument {index} of executable {executable} belongs to another client")]
    ArgumentClient { executable: String, index: usize },

    /// An argument was deleted or donated before.
    #[error(
        "argument {index} of executable {executable} ({array_type}, device number {device}) was {state} and can no longer be used"
    )]
    ArgumentUnusable {
        executable: String,
        device: usize,
        index: usize,
        array_type: Box<ArrayType>,
        state: BufferState,
    },

    /// A device of another client was given.
    #[error("device {device} belongs to another client")]
    ForeignDevice { device: String },

    /// A buffer was deleted or donated before.
    #[error("the buffer {array_type} was {state} and can no longer be used")]
    BufferUnusable { array_type: ArrayType, state: BufferState },
}

impl Error {
    /// The plugin's status code, if the error came from the plugin.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Pjrt { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub(crate) fn malformed(operation: &'static str, detail: impl Into<String>) -> Error {
        Error::Malformed { operation, detail: detail.into() }
    }
}
