//! The key-value store through which a plugin joins several processes to one client.
//!
//! A client of several processes needs a key-value store that all of them reach: the plugin puts the description of its
//! own devices there and reads that of the others, and later what a communication library needs (NCCL's identifiers).
//! PJRT takes three callbacks for it at `PJRT_Client_Create`; here they are one trait.

use std::alloc::{Layout, alloc, dealloc};
use std::collections::HashMap;
use std::os::raw::{c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ErrorCode;
use crate::api::slice;
use crate::bindings as c;

/// A key-value store that several processes reach.
///
/// Plugins call it from threads of their own, several at once, for as long as the client lives. Keys and values are any
/// bytes. Keys of different clients must not meet: whoever makes the store for a client puts a prefix before them.
pub trait KeyValueStore: Send + Sync {
    /// The value of a key, or `None` if it has none yet. Does not wait.
    ///
    /// # Errors
    /// When the store cannot be asked.
    fn try_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Gives a key a value, in place of one it had.
    ///
    /// # Errors
    /// When the store cannot take it.
    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError>;

    /// The value of a key, waiting for another process to give it one. Unless a store can do better, it is asked again
    /// and again, every 250 ms in the end.
    ///
    /// # Errors
    /// [`ErrorCode::DeadlineExceeded`] when it has none after `timeout`; and as [`KeyValueStore::try_get`].
    fn get(&self, key: &[u8], timeout: Duration) -> Result<Vec<u8>, KeyValueError> {
        let began = Instant::now();
        let mut pause = Duration::from_millis(2);
        loop {
            if let Some(value) = self.try_get(key)? {
                return Ok(value);
            }
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(KeyValueError::missing(key, timeout));
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }
}

/// A store in the memory of this process, whose threads stand for processes.
#[derive(Default)]
pub struct MemoryStore(Mutex<HashMap<Vec<u8>, Vec<u8>>>);

impl KeyValueStore for MemoryStore {
    fn try_get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<(), KeyValueError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_vec(), value.to_vec());
        Ok(())
    }
}

/// Why a key-value store did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KeyValueError {
    /// The code that the plugin is given.
    pub code: ErrorCode,
    /// One line for people.
    pub message: String,
}

impl KeyValueError {
    /// An error from its parts.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> KeyValueError {
        KeyValueError { code, message: message.into() }
    }

    /// A key that no process has given a value in time.
    pub fn missing(key: &[u8], timeout: Duration) -> KeyValueError {
        let message = format!(
            "no process has put a value for the key `{}` within {} s",
            String::from_utf8_lossy(key),
            timeout.as_secs_f64()
        );
        KeyValueError::new(ErrorCode::DeadlineExceeded, message)
    }
}

/// The user argument of the callbacks. It must stay where it is for as long as the client lives.
pub(crate) struct Callbacks {
    store: Arc<dyn KeyValueStore>,
    /// An error could not be reported, since the plugin gave no way to.
    unreported: AtomicBool,
}

impl Callbacks {
    pub(crate) fn new(store: Arc<dyn KeyValueStore>) -> Box<Callbacks> {
        Box::new(Callbacks { store, unreported: AtomicBool::new(false) })
    }

    pub(crate) fn has_unreported_error(&self) -> bool {
        self.unreported.load(Ordering::Relaxed)
    }

    /// Sets the callbacks of the arguments, which then hold pointers to `self`.
    pub(crate) fn register(&self, args: &mut c::PJRT_Client_Create_Args) {
        let user_arg = std::ptr::from_ref(self).cast_mut().cast::<c_void>();
        args.kv_get_callback = Some(get);
        args.kv_get_user_arg = user_arg;
        args.kv_try_get_callback = Some(try_get);
        args.kv_try_get_user_arg = user_arg;
        args.kv_put_callback = Some(put);
        args.kv_put_user_arg = user_arg;
    }

    /// Asks the store. A panic must not unwind into C++, so it becomes an error; the panic hook has reported it by then.
    fn ask<T>(
        &self,
        ask: impl FnOnce(&dyn KeyValueStore) -> Result<T, KeyValueError>,
    ) -> Result<T, KeyValueError> {
        catch_unwind(AssertUnwindSafe(|| ask(&*self.store))).unwrap_or_else(|_| {
            Err(KeyValueError::new(ErrorCode::Internal, "the key-value store panicked; see above for where"))
        })
    }

    /// Makes the plugin's error of ours.
    ///
    /// # Safety
    /// `constructor` is null or points to what the plugin gave the callback for this.
    unsafe fn error(
        &self,
        constructor: *const c::PJRT_CallbackError,
        error: &KeyValueError,
    ) -> *mut c::PJRT_Error {
        // SAFETY: null or valid, as the caller promises.
        let Some(constructor) = (unsafe { constructor.as_ref() }).copied().flatten() else {
            self.unreported.store(true, Ordering::Relaxed);
            return std::ptr::null_mut();
        };
        // A number that is no code, such as 0 for success, would be lost on the way.
        let code = match error.code {
            ErrorCode::Other(_) => ErrorCode::Unknown,
            code => code,
        };
        // SAFETY: the plugin's function copies the message.
        unsafe { constructor(code.number(), error.message.as_ptr().cast(), error.message.len()) }
    }
}

unsafe extern "C" fn get(args: *mut c::PJRT_KeyValueGetCallback_Args) -> *mut c::PJRT_Error {
    // SAFETY: the plugin calls back with arguments of this type, with a key that stays valid meanwhile, and with the
    // user argument from `register`, which lives as long as the client.
    let (args, key, callbacks) = unsafe {
        let args = &mut *args;
        let callbacks = &*args.user_arg.cast::<Callbacks>();
        let key = slice(args.key.cast::<u8>(), args.key_size);
        (args, key, callbacks)
    };
    let timeout = Duration::from_millis(args.timeout_in_ms.try_into().unwrap_or(0));
    match callbacks.ask(|store| store.get(key, timeout)) {
        Ok(value) => {
            (args.value, args.value_size) = (lend(&value), value.len());
            args.value_deleter_callback = Some(take_back);
            std::ptr::null_mut()
        }
        // SAFETY: the constructor is the plugin's.
        Err(error) => unsafe { callbacks.error(args.callback_error, &error) },
    }
}

unsafe extern "C" fn try_get(args: *mut c::PJRT_KeyValueTryGetCallback_Args) -> *mut c::PJRT_Error {
    // SAFETY: as in `get`.
    let (args, key, callbacks) = unsafe {
        let args = &mut *args;
        let callbacks = &*args.user_arg.cast::<Callbacks>();
        let key = slice(args.key.cast::<u8>(), args.key_size);
        (args, key, callbacks)
    };
    let value = callbacks.ask(|store| {
        store.try_get(key)?.ok_or_else(|| {
            let message = format!("the key `{}` has no value", String::from_utf8_lossy(key));
            KeyValueError::new(ErrorCode::NotFound, message)
        })
    });
    match value {
        Ok(value) => {
            (args.value, args.value_size) = (lend(&value), value.len());
            args.value_deleter_callback = Some(take_back);
            std::ptr::null_mut()
        }
        // SAFETY: the constructor is the plugin's.
        Err(error) => unsafe { callbacks.error(args.callback_error, &error) },
    }
}

unsafe extern "C" fn put(args: *mut c::PJRT_KeyValuePutCallback_Args) -> *mut c::PJRT_Error {
    // SAFETY: as in `get`, and the value stays valid meanwhile too.
    let (args, key, value, callbacks) = unsafe {
        let args = &*args;
        let key = slice(args.key.cast::<u8>(), args.key_size);
        let value = slice(args.value.cast::<u8>(), args.value_size);
        (args, key, value, &*args.user_arg.cast::<Callbacks>())
    };
    match callbacks.ask(|store| store.put(key, value)) {
        Ok(()) => std::ptr::null_mut(),
        // SAFETY: the constructor is the plugin's.
        Err(error) => unsafe { callbacks.error(args.callback_error, &error) },
    }
}

/// Before each value lent to a plugin stands its size, since the plugin gives back nothing but the pointer.
const HEADER: usize = size_of::<usize>();

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(HEADER)?, align_of::<usize>()).ok()
}

/// A copy of the bytes for a plugin, which gives it back to [`take_back`].
fn lend(value: &[u8]) -> *mut c_char {
    // The value is in memory already, so its size fits.
    let Some(layout) = layout(value.len()) else { return std::ptr::null_mut() };
    // SAFETY: the layout is not empty; header and value lie within the block, which is aligned for the header.
    unsafe {
        let block = alloc(layout);
        if block.is_null() {
            std::alloc::handle_alloc_error(layout);
        }
        block.cast::<usize>().write(value.len());
        let data = block.add(HEADER);
        std::ptr::copy_nonoverlapping(value.as_ptr(), data, value.len());
        data.cast()
    }
}

unsafe extern "C" fn take_back(value: *mut c_char) {
    if value.is_null() {
        return;
    }
    // SAFETY: the pointer is from `lend`, so the header stands before it, and the block has the layout it was made with.
    unsafe {
        let block = value.cast::<u8>().sub(HEADER);
        if let Some(layout) = layout(block.cast::<usize>().read()) {
            dealloc(block, layout);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_is_the_value_and_comes_back() {
        for value in [&b""[..], b"x", b"a\0b", &[7; 100_000]] {
            let lent = lend(value);
            // SAFETY: `lend` made as many bytes, and they are given back once.
            unsafe {
                assert_eq!(slice(lent.cast::<u8>(), value.len()), value);
                take_back(lent);
            }
        }
    }
}
