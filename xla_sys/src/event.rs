//! Completion of asynchronous work.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::api::{Api, PjrtStruct};
use crate::bindings as c;
use crate::client::ClientHandle;
use crate::{Error, Result};

/// Something that will have happened: a transfer, an execution. Dropping an event does not wait for it.
pub struct Event {
    raw: *mut c::PJRT_Event,
    client: Arc<ClientHandle>,
    operation: &'static str,
}

// SAFETY: PJRT events may be used and destroyed on any thread.
unsafe impl Send for Event {}
// SAFETY: and by several threads at once.
unsafe impl Sync for Event {}

struct Callback {
    function: Box<dyn FnOnce(Result<()>) + Send>,
    api: Arc<Api>,
    operation: &'static str,
}

impl Event {
    /// # Safety
    /// `raw` is null or an event of this client that nobody else frees.
    pub(crate) unsafe fn from_raw(
        raw: *mut c::PJRT_Event,
        client: &Arc<ClientHandle>,
        operation: &'static str,
    ) -> Result<Event> {
        if raw.is_null() {
            return Err(Error::malformed(operation, "its completion event is null"));
        }
        Ok(Event { raw, client: client.clone(), operation })
    }

    /// Whether the work has ended, well or not.
    pub fn is_ready(&self) -> Result<bool> {
        let mut args = c::PJRT_Event_IsReady_Args { event: self.raw, ..PjrtStruct::new() };
        // SAFETY: the event is alive.
        unsafe { self.client.api.call(&mut args) }?;
        Ok(args.is_ready)
    }

    /// Waits until the work has ended. May be called again, with the same result.
    ///
    /// # Errors
    /// What went wrong with the work.
    pub fn wait(&self) -> Result<()> {
        let mut args = c::PJRT_Event_Await_Args { event: self.raw, ..PjrtStruct::new() };
        // SAFETY: the event is alive.
        unsafe { self.client.api.call_as(self.operation, &mut args) }
    }

    /// Has a function called with the result once the work has ended, on a thread of the plugin or, if the work has
    /// ended already, on this one.
    ///
    /// The function should be brief. It must not own the last handle of the client: a client cannot be
    /// destroyed from its own threads.
    pub fn on_ready(&self, function: impl FnOnce(Result<()>) + Send + 'static) -> Result<()> {
        let api = self.client.api.clone();
        let callback = Box::new(Callback { function: Box::new(function), api, operation: self.operation });
        let user_arg = Box::into_raw(callback);
        let mut args = c::PJRT_Event_OnReady_Args {
            event: self.raw,
            callback: Some(call_back),
            user_arg: user_arg.cast(),
            ..PjrtStruct::new()
        };
        // SAFETY: the event is alive, and `call_back` takes what `user_arg` points to.
        let registered = unsafe { self.client.api.call(&mut args) };
        if registered.is_err() {
            // SAFETY: the plugin refused the callback, so it will not use the box.
            drop(unsafe { Box::from_raw(user_arg) });
        }
        registered
    }
}

unsafe extern "C" fn call_back(error: *mut c::PJRT_Error, user_arg: *mut std::os::raw::c_void) {
    // SAFETY: made by `on_ready`, and the plugin calls back once.
    let callback = unsafe { Box::from_raw(user_arg.cast::<Callback>()) };
    // SAFETY: the plugin hands over the error.
    let result = unsafe { callback.api.take_error(callback.operation, error) };
    // A panic must not unwind into C++; the panic hook has reported it by now.
    let _ = catch_unwind(AssertUnwindSafe(move || (callback.function)(result)));
}

impl Drop for Event {
    fn drop(&mut self) {
        let mut args = c::PJRT_Event_Destroy_Args { event: self.raw, ..PjrtStruct::new() };
        // SAFETY: we own the event and do not use it again. Nothing can be done about an error.
        let _ = unsafe { self.client.api.call(&mut args) };
    }
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event").field("operation", &self.operation).finish_non_exhaustive()
    }
}
