//! Loading a PJRT plugin.

use std::collections::HashMap;
use std::ffi::OsString;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::api::{Api, PjrtStruct, named_values};
use crate::bindings as c;
use crate::flags::{self, XLA_FLAGS};
use crate::locate::{DeviceKind, Located};
use crate::{Client, Error, KeyValueStore, NamedValue, Result, Topology};

/// The oldest plugin API this crate was tested with, which is also the version of its bindings.
pub const MINIMUM_API_VERSION: (i32, i32) = (c::PJRT_API_MAJOR as i32, c::PJRT_API_MINOR as i32);

/// Plugins by canonical path: a plugin is initialised once in a process, however often it is loaded.
static LOADED: LazyLock<Mutex<HashMap<PathBuf, Plugin>>> = LazyLock::new(Mutex::default);

/// What [`Plugin::load`] does before it opens the library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginOptions {
    /// Environment variables to set, whatever they were. Plugins read theirs when they are opened.
    pub environment: Vec<(String, OsString)>,
    /// Environment variables to set unless they are set already.
    pub default_environment: Vec<(String, OsString)>,
    /// Flags, such as `--xla_dump_to=/tmp/dump`, to add to the variable `XLA_FLAGS` unless it has them already.
    /// A flag that the plugin does not know makes it end the process.
    pub xla_flags: Vec<String>,
    /// Libraries to open first, in this order, for the plugin to find their symbols.
    pub preload: Vec<PathBuf>,
}

impl Default for PluginOptions {
    /// Silences XLA's informational log unless `TF_CPP_MIN_LOG_LEVEL` is set.
    fn default() -> PluginOptions {
        PluginOptions {
            environment: Vec::new(),
            default_environment: vec![("TF_CPP_MIN_LOG_LEVEL".into(), "2".into())],
            xla_flags: Vec::new(),
            preload: Vec::new(),
        }
    }
}

impl PluginOptions {
    /// For CPU plugins. There, devices are threads that share the cores, and a collective operation whose participants
    /// arrive more than a minute apart would abort the process: the limits become a quarter of an hour (warning)
    /// and a day (abort).
    pub fn cpu() -> PluginOptions {
        let flags = [
            "--xla_cpu_collective_call_warn_stuck_timeout_seconds=900",
            "--xla_cpu_collective_call_terminate_timeout_seconds=86400",
        ];
        PluginOptions { xla_flags: flags.map(str::to_owned).to_vec(), ..PluginOptions::default() }
    }

    /// For a plugin that was found for this kind of device.
    pub fn located(device: DeviceKind, located: &Located) -> PluginOptions {
        let options = match device {
            DeviceKind::Cpu => PluginOptions::cpu(),
            DeviceKind::Cuda | DeviceKind::Tpu => PluginOptions::default(),
        };
        PluginOptions {
            environment: located.environment.clone(),
            preload: located.preload.clone(),
            ..options
        }
    }

    /// The environment variables to set, given those that are set.
    fn changes(&self, current: impl Fn(&str) -> Option<OsString>) -> Result<Vec<(String, OsString)>, String> {
        let mut changes = self.environment.clone();
        for (name, value) in &self.default_environment {
            if current(name).is_none() && !changes.iter().any(|(changed, _)| changed == name) {
                changes.push((name.clone(), value.clone()));
            }
        }
        let position = changes.iter().rposition(|(name, _)| name == XLA_FLAGS);
        let before = position.map(|index| changes[index].1.clone()).or_else(|| current(XLA_FLAGS));
        let added: Vec<OsString> = self.xla_flags.iter().map(OsString::from).collect();
        if let Some(flags) = flags::with(&before.unwrap_or_default(), &added)? {
            changes.push((XLA_FLAGS.to_owned(), flags));
        }
        Ok(changes)
    }

    fn apply(&self) -> Result<(), String> {
        for (name, value) in self.changes(|name| std::env::var_os(name))? {
            // SAFETY: Rust's own readers of the environment are synchronised with this; the C++ of plugins reads it
            // while it is loaded, which happens under the lock of `LOADED`, held here.
            unsafe { std::env::set_var(name, value) };
        }
        for path in &self.preload {
            let flags = libloading::os::unix::RTLD_NOW | libloading::os::unix::RTLD_GLOBAL;
            // SAFETY: opening a library runs its constructors, as the caller asks for. It stays open.
            let opened = unsafe { libloading::os::unix::Library::open(Some(path), flags) };
            std::mem::forget(opened.map_err(|error| describe(&error))?);
        }
        Ok(())
    }
}

/// A loaded PJRT plugin. Cheap to clone. It stays loaded until the process ends.
#[derive(Debug, Clone)]
pub struct Plugin {
    pub(crate) api: Arc<Api>,
}

impl Plugin {
    /// Opens the shared library, checks that it speaks a version of the PJRT API that this crate speaks, and
    /// initialises it. Loading the same file again gives the same plugin.
    ///
    /// Call this early: it may set environment variables, which is only safe while no foreign code of another thread
    /// reads them.
    ///
    /// # Errors
    /// [`Error::Load`], [`Error::NotAPlugin`], [`Error::ApiVersion`], or what the plugin's initialisation reports.
    pub fn load(path: impl AsRef<Path>, options: &PluginOptions) -> Result<Plugin> {
        let path = path.as_ref();
        let load_error = |reason: String| Error::Load { path: path.to_owned(), reason };
        let canonical = path.canonicalize().map_err(|error| load_error(error.to_string()))?;
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plugin) = loaded.get(&canonical) {
            return Ok(plugin.clone());
        }
        options.apply().map_err(load_error)?;
        // SAFETY: opening a library runs its constructors. Running the plugin's code is what the caller asks for.
        let library =
            unsafe { libloading::Library::new(&canonical) }.map_err(|error| load_error(describe(&error)))?;
        let not_a_plugin = |reason| Error::NotAPlugin { path: path.to_owned(), reason };
        // SAFETY: this is the type every PJRT plugin gives this symbol.
        let get_api = unsafe { library.get::<unsafe extern "C" fn() -> *const c::PJRT_Api>(b"GetPjrtApi\0") }
            .map_err(|_| not_a_plugin("it does not export GetPjrtApi"))?;
        // SAFETY: the function takes no arguments.
        let raw = unsafe { get_api() };
        // Plugins start threads and register exit handlers: never unload one.
        std::mem::forget(library);
        if raw.is_null() {
            return Err(not_a_plugin("GetPjrtApi returned null"));
        }
        // SAFETY: every version of the table begins with its size.
        let size = unsafe { raw.cast::<usize>().read() };
        if size < offset_of!(c::PJRT_Api, PJRT_Error_Destroy) {
            return Err(not_a_plugin("its function table is too short to hold a version"));
        }
        // SAFETY: the table is long enough to hold the version, checked above.
        let version = unsafe { &raw const (*raw).pjrt_api_version }.cast::<c::PJRT_Api_Version>();
        // SAFETY: as above.
        let found = unsafe { ((*version).major_version, (*version).minor_version) };
        if found.0 != MINIMUM_API_VERSION.0 || found.1 < MINIMUM_API_VERSION.1 {
            return Err(Error::ApiVersion { path: path.to_owned(), found, minimum: MINIMUM_API_VERSION });
        }
        // SAFETY: the plugin vouches for `size` bytes, and is never unloaded.
        let api = Arc::new(unsafe { Api::new(raw, size, &canonical) });
        // What waits and frees must exist: without it, nothing else would be safe to start.
        api.require::<c::PJRT_Error_GetCode_Args>()?;
        api.require::<c::PJRT_Event_Destroy_Args>()?;
        api.require::<c::PJRT_Event_Await_Args>()?;
        api.require::<c::PJRT_Event_OnReady_Args>()?;
        api.require::<c::PJRT_Client_Destroy_Args>()?;
        api.require::<c::PJRT_Buffer_Destroy_Args>()?;
        api.require::<c::PJRT_Executable_Destroy_Args>()?;
        api.require::<c::PJRT_LoadedExecutable_Destroy_Args>()?;
        api.require::<c::PJRT_TopologyDescription_Destroy_Args>()?;
        let mut args: c::PJRT_Plugin_Initialize_Args = PjrtStruct::new();
        // SAFETY: no handles in the arguments.
        unsafe { api.call(&mut args) }?;
        let plugin = Plugin { api };
        loaded.insert(canonical, plugin.clone());
        Ok(plugin)
    }

    /// Loads a plugin that was found for this kind of device.
    ///
    /// # Errors
    /// As for [`Plugin::load`].
    pub fn load_located(device: DeviceKind, located: &Located) -> Result<Plugin> {
        Plugin::load(&located.path, &PluginOptions::located(device, located))
    }

    /// Where the plugin was loaded from.
    pub fn path(&self) -> &Path {
        self.api.path()
    }

    /// The version of the PJRT API the plugin speaks: major, minor.
    pub fn api_version(&self) -> (i32, i32) {
        // SAFETY: `load` has checked that the table holds the version.
        unsafe {
            let version = &(*self.api.raw()).pjrt_api_version;
            (version.major_version, version.minor_version)
        }
    }

    /// What the plugin says about itself, such as `xla_version` and `stablehlo_current_version`.
    pub fn attributes(&self) -> Result<Vec<NamedValue>> {
        let mut args: c::PJRT_Plugin_Attributes_Args = PjrtStruct::new();
        // SAFETY: no handles in the arguments; the result lives as long as the process.
        unsafe {
            self.api.call(&mut args)?;
            Ok(named_values(args.attributes, args.num_attributes))
        }
    }

    /// Creates a client: the connection to this machine's devices.
    ///
    /// Plugins define their own options; XLA's CPU plugin knows `cpu_device_count` (an integer).
    pub fn client(&self, options: &[NamedValue]) -> Result<Client> {
        Client::create(self, options, None)
    }

    /// Creates a client that spans several processes, which find each other through a store that all of them reach. It
    /// blocks until the others are there, or the plugin's own time limit is over.
    ///
    /// XLA's CUDA plugin wants the options `node_id` and `num_nodes` (integers) with it; libtpu knows its place from its
    /// surroundings.
    ///
    /// # Errors
    /// What the plugin reports; an error of the store comes back through it.
    pub fn client_with_store(&self, options: &[NamedValue], store: Arc<dyn KeyValueStore>) -> Result<Client> {
        Client::create(self, options, Some(store))
    }

    /// Creates the description of a set of devices that need not exist, such as `v3:32x32` with `libtpu`,
    /// for which programs can be compiled ahead of time.
    pub fn topology(&self, name: &str, options: &[NamedValue]) -> Result<Topology> {
        Topology::create(self, name, options)
    }
}

/// The reason of the dynamic linker, which is the source of the library's error.
fn describe(error: &libloading::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), |source| source.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `options` change, given the variables that are set, as `NAME=VALUE` lines.
    fn check(options: &PluginOptions, current: &[(&str, &str)], expected: &[&str]) {
        let value =
            |name: &str| current.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        let changes = options.changes(value).unwrap();
        let lines: Vec<_> =
            changes.iter().map(|(name, value)| format!("{name}={}", value.display())).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_the_user_set_is_kept() {
        const WARN: &str = "--xla_cpu_collective_call_warn_stuck_timeout_seconds";
        const TERMINATE: &str = "--xla_cpu_collective_call_terminate_timeout_seconds";
        let both = format!("XLA_FLAGS={WARN}=900 {TERMINATE}=86400");
        check(&PluginOptions::cpu(), &[], &["TF_CPP_MIN_LOG_LEVEL=2", &both]);
        let current = [("TF_CPP_MIN_LOG_LEVEL", "0"), ("XLA_FLAGS", "--xla_dump_to=d")];
        check(
            &PluginOptions::cpu(),
            &current,
            &[&format!("XLA_FLAGS=--xla_dump_to=d {WARN}=900 {TERMINATE}=86400")],
        );
        let user = format!("{WARN}=1");
        let current = [("TF_CPP_MIN_LOG_LEVEL", "0"), ("XLA_FLAGS", user.as_str())];
        check(&PluginOptions::cpu(), &current, &[&format!("XLA_FLAGS={WARN}=1 {TERMINATE}=86400")]);
    }

    #[test]
    fn flags_are_added_to_a_variable_that_is_to_be_set() {
        let options = PluginOptions {
            environment: vec![
                ("XLA_FLAGS".into(), "--a=1".into()),
                ("TF_CPP_MIN_LOG_LEVEL".into(), "1".into()),
            ],
            xla_flags: vec!["--b=2".into()],
            ..PluginOptions::default()
        };
        let expected = ["XLA_FLAGS=--a=1", "TF_CPP_MIN_LOG_LEVEL=1", "XLA_FLAGS=--a=1 --b=2"];
        check(&options, &[("XLA_FLAGS", "--ignored=0")], &expected);
    }
}
