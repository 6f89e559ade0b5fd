//! Programs that are ready to run.

use std::sync::Arc;

use crate::api::{PjrtStruct, slice};
use crate::bindings as c;
use crate::buffer::BufferHandle;
use crate::client::ClientHandle;
use crate::error::BufferState;
use crate::executable::Owner;
use crate::{ArrayType, Buffer, Device, Error, Event, Executable, Result};

/// Owns the C handle.
struct LoadedHandle {
    raw: *mut c::PJRT_LoadedExecutable,
    client: Arc<ClientHandle>,
}

// SAFETY: PJRT executables may be used and destroyed on any thread.
unsafe impl Send for LoadedHandle {}
// SAFETY: and by several threads at once.
unsafe impl Sync for LoadedHandle {}

impl Drop for LoadedHandle {
    fn drop(&mut self) {
        let mut args = c::PJRT_LoadedExecutable_Destroy_Args { executable: self.raw, ..PjrtStruct::new() };
        // SAFETY: we own the executable and do not use it again. Executions under way keep what they need.
        let _ = unsafe { self.client.api.call(&mut args) };
    }
}

/// A compiled program on its devices.
pub struct LoadedExecutable {
    // Dropped first.
    handle: LoadedHandle,
    executable: Executable,
    devices: Vec<Device>,
    inputs: Vec<ArrayType>,
    /// Whether `inputs` are the types per device. If not, only element types and ranks can be checked.
    inputs_are_exact: bool,
    num_outputs: usize,
}

/// Options of an execution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecuteOptions {
    /// Indices of inputs that must stay usable although the program would take their memory. They are copied.
    pub non_donatable_inputs: Vec<usize>,
    /// If not 0, a number that must be equal on all hosts for one step of a multi-host program.
    pub launch_id: i32,
}

/// An execution under way. Dropping it does not stop it.
#[derive(Debug)]
pub struct Execution {
    /// The outputs of each device. They may be used at once, as arguments of further executions too.
    pub outputs: Vec<Vec<Buffer>>,
    /// For each device, the end of its part of the execution.
    pub events: Vec<Event>,
}

impl Execution {
    /// Waits until every device has finished.
    ///
    /// # Errors
    /// The first device's error.
    pub fn wait(&self) -> Result<()> {
        // Wait for all, even if one fails.
        self.events.iter().map(Event::wait).fold(Ok(()), Result::and)
    }
}

impl LoadedExecutable {
    /// # Safety
    /// `raw` is null or a loaded executable of this client that nobody else frees.
    pub(crate) unsafe fn from_raw(
        operation: &'static str,
        client: &Arc<ClientHandle>,
        raw: *mut c::PJRT_LoadedExecutable,
        declared: &[ArrayType],
    ) -> Result<LoadedExecutable> {
        if raw.is_null() {
            return Err(Error::malformed(operation, "the executable is null"));
        }
        let handle = LoadedHandle { raw, client: client.clone() };
        let mut get =
            c::PJRT_LoadedExecutable_GetExecutable_Args { loaded_executable: raw, ..PjrtStruct::new() };
        let mut devices =
            c::PJRT_LoadedExecutable_AddressableDevices_Args { executable: raw, ..PjrtStruct::new() };
        // SAFETY: the loaded executable is alive, and with it the list of devices. The new executable is ours.
        let (executable, devices) = unsafe {
            client.api.call(&mut get)?;
            let owner = Owner::Client(client.clone());
            let executable =
                Executable::from_raw("PJRT_LoadedExecutable_GetExecutable", owner, get.executable)?;
            client.api.call(&mut devices)?;
            let devices = slice(devices.addressable_devices, devices.num_addressable_devices).iter();
            (executable, devices.map(|&raw| Device::from_raw(client, raw)).collect::<Result<Vec<_>>>()?)
        };
        let single = executable.num_partitions()? == 1;
        let (inputs, inputs_are_exact) = match executable.signature()? {
            Some(compiled) => {
                check_declaration(executable.name(), declared, &compiled.inputs, single)?;
                (compiled.inputs, true)
            }
            None => (declared.to_vec(), single),
        };
        let num_outputs = executable.num_outputs()?;
        Ok(LoadedExecutable { handle, executable, devices, inputs, inputs_are_exact, num_outputs })
    }

    /// What can be asked of the program without running it.
    pub fn executable(&self) -> &Executable {
        &self.executable
    }

    /// The devices of this process the program runs on, in the order of argument lists and outputs.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// The types of the inputs on each device. If the plugin does not tell those of a program that is split into
    /// partitions, the types before it is split: see [`LoadedExecutable::input_types_are_known`].
    pub fn input_types(&self) -> &[ArrayType] {
        &self.inputs
    }

    /// Whether [`LoadedExecutable::input_types`] are those on each device.
    pub fn input_types_are_known(&self) -> bool {
        self.inputs_are_exact
    }

    /// Starts the program and returns before it has ended: `arguments[device][input]`.
    ///
    /// Arguments may still be under computation themselves. The program takes the memory of inputs it was compiled to
    /// donate, which become unusable, unless the options name them. An error of a computation that is under way comes
    /// out of the events and of whatever uses the outputs.
    ///
    /// # Errors
    /// Before anything runs: wrong numbers of devices or arguments, an argument of the wrong element type or shape, on
    /// the wrong device, deleted or donated. Otherwise what the plugin reports.
    pub fn execute(&self, arguments: &[&[&Buffer]], options: &ExecuteOptions) -> Result<Execution> {
        let operation = "PJRT_LoadedExecutable_Execute";
        self.check(arguments)?;
        let kept: Vec<i64> = options.non_donatable_inputs.iter().map(|&index| index as i64).collect();
        let mut raw_options = c::PJRT_ExecuteOptions {
            launch_id: options.launch_id,
            non_donatable_input_indices: kept.as_ptr(),
            num_non_donatable_input_indices: kept.len(),
            ..PjrtStruct::new()
        };
        let lists: Vec<Vec<*mut c::PJRT_Buffer>> =
            arguments.iter().map(|list| list.iter().map(|buffer| buffer.raw()).collect()).collect();
        let lists: Vec<*const *mut c::PJRT_Buffer> = lists.iter().map(|list| list.as_ptr()).collect();
        let mut outputs =
            vec![vec![std::ptr::null_mut::<c::PJRT_Buffer>(); self.num_outputs]; self.devices.len()];
        let output_lists: Vec<*mut *mut c::PJRT_Buffer> =
            outputs.iter_mut().map(|list| list.as_mut_ptr()).collect();
        let mut events = vec![std::ptr::null_mut::<c::PJRT_Event>(); self.devices.len()];
        let mut args = c::PJRT_LoadedExecutable_Execute_Args {
            executable: self.handle.raw,
            options: &mut raw_options,
            argument_lists: lists.as_ptr(),
            num_devices: self.devices.len(),
            num_args: self.inputs.len(),
            output_lists: output_lists.as_ptr(),
            device_complete_events: events.as_mut_ptr(),
            ..PjrtStruct::new()
        };
        let client = &self.handle.client;
        // SAFETY: all lists have the lengths the program asks for (`check`), and outlive the call.
        unsafe { client.api.call(&mut args) }?;
        // Take everything that was returned before looking at any of it, so that all is freed if one thing is wrong.
        // SAFETY: the event is new and ours.
        let take_event = |&raw: &*mut c::PJRT_Event| unsafe { Event::from_raw(raw, client, "an execution") };
        // SAFETY: the buffer is new and ours.
        let take_buffer =
            |&raw: &*mut c::PJRT_Buffer| unsafe { BufferHandle::from_raw(raw, client, operation) };
        let events: Vec<_> = events.iter().map(take_event).collect();
        let handles: Vec<Vec<_>> =
            outputs.iter().map(|list| list.iter().map(take_buffer).collect()).collect();
        let outputs = handles.into_iter().zip(&self.devices).map(|(handles, device)| {
            let output = |handle: Result<BufferHandle>| {
                let handle = handle?;
                let array_type = handle.read_type()?;
                Ok(Buffer::new(handle, array_type, device.clone()))
            };
            handles.into_iter().map(output).collect::<Result<Vec<_>>>()
        });
        Ok(Execution {
            outputs: outputs.collect::<Result<_>>()?,
            events: events.into_iter().collect::<Result<_>>()?,
        })
    }

    /// Everything the plugin does not check, or checks with less to say.
    fn check(&self, arguments: &[&[&Buffer]]) -> Result<()> {
        let executable = || self.executable.name().to_owned();
        if arguments.len() != self.devices.len() {
            return Err(Error::DeviceCount {
                executable: executable(),
                expected: self.devices.len(),
                got: arguments.len(),
            });
        }
        for (device, list) in arguments.iter().enumerate() {
            if list.len() != self.inputs.len() {
                return Err(Error::ArgumentCount {
                    executable: executable(),
                    device,
                    expected: self.inputs.len(),
                    got: list.len(),
                });
            }
            for (index, (buffer, expected)) in list.iter().zip(&self.inputs).enumerate() {
                let got = buffer.array_type();
                let fits = if self.inputs_are_exact { got == expected } else { same_kind(got, expected) };
                if !fits {
                    return Err(Error::ArgumentType {
                        executable: executable(),
                        device,
                        index,
                        expected: Box::new(expected.clone()),
                        got: Box::new(got.clone()),
                    });
                }
                if !Arc::ptr_eq(buffer.client(), &self.handle.client) {
                    return Err(Error::ArgumentClient { executable: executable(), index });
                }
                if *buffer.device() != self.devices[device] {
                    return Err(Error::ArgumentDevice {
                        executable: executable(),
                        index,
                        expected: self.devices[device].id(),
                        got: buffer.device().id(),
                    });
                }
                let state = buffer.state()?;
                if state != BufferState::Live {
                    return Err(Error::ArgumentUnusable {
                        executable: executable(),
                        device,
                        index,
                        array_type: Box::new(got.clone()),
                        state,
                    });
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for LoadedExecutable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedExecutable")
            .field("name", &self.executable.name())
            .field("devices", &self.devices.len())
            .finish_non_exhaustive()
    }
}

/// Splitting a program changes the sizes of dimensions, but neither their number nor the element type.
fn same_kind(a: &ArrayType, b: &ArrayType) -> bool {
    a.element_type == b.element_type && a.dims.len() == b.dims.len()
}

fn check_declaration(
    program: &str,
    declared: &[ArrayType],
    compiled: &[ArrayType],
    exact: bool,
) -> Result<()> {
    if declared.len() != compiled.len() {
        return Err(Error::ProgramInputCount {
            program: program.to_owned(),
            declared: declared.len(),
            compiled: compiled.len(),
        });
    }
    let fits =
        |(declared, compiled)| if exact { declared == compiled } else { same_kind(declared, compiled) };
    match declared.iter().zip(compiled).position(|pair| !fits(pair)) {
        None => Ok(()),
        Some(index) => Err(Error::ProgramInput {
            program: program.to_owned(),
            index,
            declared: Box::new(declared[index].clone()),
            compiled: Box::new(compiled[index].clone()),
        }),
    }
}
