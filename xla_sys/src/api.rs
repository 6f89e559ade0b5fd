//! The plugin's function table, and the one place through which every call goes.

use std::path::{Path, PathBuf};

use crate::bindings::{
    PJRT_Api, PJRT_Error, PJRT_Error_Destroy_Args, PJRT_Error_GetCode_Args, PJRT_Error_Message_Args,
    PJRT_NamedValue,
};
use crate::{Error, ErrorCode, Result};

/// A C structure that begins with its own size.
///
/// # Safety
/// The type is a `#[repr(C)]` structure for which all zeroes are a valid value.
pub(crate) unsafe trait PjrtStruct: Sized {
    /// Zeroes, except for the size field.
    fn new() -> Self;
}

/// An argument structure, which names the function that takes it.
///
/// # Safety
/// The slot of `PJRT_Api` at `OFFSET` is an optional `extern "C"` function from `*mut Self` to `*mut PJRT_Error`.
pub(crate) unsafe trait PjrtFunction: PjrtStruct {
    const NAME: &'static str;
    const OFFSET: usize;
}

macro_rules! pjrt_struct {
    ($name:ident, $size:ident) => {
        // SAFETY: bindgen made the structure `repr(C)`, of integers, floats, raw pointers and optional functions.
        unsafe impl crate::api::PjrtStruct for $name {
            fn new() -> Self {
                Self { struct_size: $size as usize, ..Default::default() }
            }
        }
    };
}
pub(crate) use pjrt_struct;

macro_rules! pjrt_function {
    ($function:ident, $args:ident) => {
        // SAFETY: the constant below compiles only if the slot has the promised type.
        unsafe impl crate::api::PjrtFunction for $args {
            const NAME: &'static str = stringify!($function);
            const OFFSET: usize = {
                let _same_type: fn(&PJRT_Api) -> Option<unsafe extern "C" fn(*mut $args) -> *mut PJRT_Error> =
                    |api| api.$function;
                std::mem::offset_of!(PJRT_Api, $function)
            };
        }
    };
}
pub(crate) use pjrt_function;

/// A plugin's function table. It stays valid for the life of the process: plugins are never unloaded.
#[derive(Debug)]
pub(crate) struct Api {
    raw: *const PJRT_Api,
    /// How many bytes of the table the plugin filled.
    size: usize,
    path: PathBuf,
}

// SAFETY: the table is immutable, lives as long as the process, and PJRT functions may be called from any thread.
unsafe impl Send for Api {}
// SAFETY: as above.
unsafe impl Sync for Api {}

impl Api {
    /// # Safety
    /// `raw` points to a function table of `size` readable bytes that stay valid and
    /// unchanged for the rest of the process.
    pub(crate) unsafe fn new(raw: *const PJRT_Api, size: usize, path: &Path) -> Api {
        Api { raw, size, path: path.to_owned() }
    }

    pub(crate) fn raw(&self) -> *const PJRT_Api {
        self.raw
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn slot<F: Copy>(&self, offset: usize, name: &'static str) -> Result<F> {
        let missing = || Error::MissingFunction { path: self.path.clone(), function: name };
        if offset + size_of::<Option<F>>() > self.size {
            return Err(missing());
        }
        // SAFETY: the slot lies within the table, and callers give its offset and type.
        unsafe { self.raw.byte_add(offset).cast::<Option<F>>().read() }.ok_or_else(missing)
    }

    /// Fails unless the plugin has a function for these arguments.
    pub(crate) fn require<A: PjrtFunction>(&self) -> Result<()> {
        self.slot::<unsafe extern "C" fn(*mut A) -> *mut PJRT_Error>(A::OFFSET, A::NAME).map(drop)
    }

    /// Calls the function that takes `args`.
    ///
    /// # Safety
    /// The handles and pointers in `args` are what the PJRT header asks for.
    pub(crate) unsafe fn call<A: PjrtFunction>(&self, args: &mut A) -> Result<()> {
        // SAFETY: the caller's promise.
        unsafe { self.call_as(A::NAME, args) }
    }

    /// Calls the function that takes `args`, and blames `operation` for its errors.
    ///
    /// # Safety
    /// As for [`Api::call`].
    pub(crate) unsafe fn call_as<A: PjrtFunction>(
        &self,
        operation: &'static str,
        args: &mut A,
    ) -> Result<()> {
        let function: unsafe extern "C" fn(*mut A) -> *mut PJRT_Error = self.slot(A::OFFSET, A::NAME)?;
        // SAFETY: the trait promises the type of the slot, the caller the contents of `args`.
        let error = unsafe { function(args) };
        // SAFETY: the error came from this plugin a moment ago and belongs to us.
        unsafe { self.take_error(operation, error) }
    }

    /// Turns an error handle into a result, and frees the handle.
    ///
    /// # Safety
    /// `error` is null or an error of this plugin that nobody else frees.
    pub(crate) unsafe fn take_error(&self, operation: &'static str, error: *mut PJRT_Error) -> Result<()> {
        if error.is_null() {
            return Ok(());
        }
        let mut code = PJRT_Error_GetCode_Args { error, ..PjrtStruct::new() };
        // SAFETY: `error` is alive. A plugin that cannot even say its code gives a second error, which is freed too.
        let code = match self.slot(PJRT_Error_GetCode_Args::OFFSET, PJRT_Error_GetCode_Args::NAME) {
            Ok(function) => {
                let function: unsafe extern "C" fn(*mut PJRT_Error_GetCode_Args) -> *mut PJRT_Error =
                    function;
                // SAFETY: `error` is alive.
                let second = unsafe { function(&mut code) };
                if second.is_null() {
                    ErrorCode::from_number(code.code)
                } else {
                    self.destroy_error(second);
                    ErrorCode::Unknown
                }
            }
            Err(_) => ErrorCode::Unknown,
        };
        let mut message = PJRT_Error_Message_Args { error, ..PjrtStruct::new() };
        let function: Result<unsafe extern "C" fn(*mut PJRT_Error_Message_Args)> =
            self.slot(std::mem::offset_of!(PJRT_Api, PJRT_Error_Message), "PJRT_Error_Message");
        if let Ok(function) = function {
            // SAFETY: `error` is alive.
            unsafe { function(&mut message) };
        }
        // SAFETY: the message lives as long as `error`, which is freed below.
        let message = unsafe { text(message.message, message.message_size) };
        self.destroy_error(error);
        Err(Error::Pjrt { operation, code, message })
    }

    fn destroy_error(&self, error: *mut PJRT_Error) {
        let mut args = PJRT_Error_Destroy_Args { error, ..PjrtStruct::new() };
        let function: Result<unsafe extern "C" fn(*mut PJRT_Error_Destroy_Args)> =
            self.slot(std::mem::offset_of!(PJRT_Api, PJRT_Error_Destroy), "PJRT_Error_Destroy");
        if let Ok(function) = function {
            // SAFETY: `take_error`, the only caller, owns the handle and does not use it again.
            unsafe { function(&mut args) };
        }
    }
}

/// Copies text that a plugin owns. Null and invalid UTF-8 are tolerated.
///
/// # Safety
/// `data` is null or points to `size` readable bytes.
pub(crate) unsafe fn text(data: *const std::os::raw::c_char, size: usize) -> String {
    // SAFETY: the caller's promise.
    String::from_utf8_lossy(unsafe { slice(data.cast::<u8>(), size) }).into_owned()
}

/// A slice of what a plugin owns; empty if the pointer is null.
///
/// # Safety
/// `data` is null or points to `size` initialised values that outlive `'a` unchanged.
pub(crate) unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if data.is_null() || size == 0 {
        &[]
    } else {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(data, size) }
    }
}

/// The named values that a plugin owns, copied.
///
/// # Safety
/// `data` is null or points to `count` valid named values.
pub(crate) unsafe fn named_values(data: *const PJRT_NamedValue, count: usize) -> Vec<crate::NamedValue> {
    // SAFETY: the caller's promise, value by value.
    unsafe { slice(data, count) }.iter().map(|value| unsafe { crate::NamedValue::from_raw(value) }).collect()
}
