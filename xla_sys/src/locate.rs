//! Finds a PJRT plugin for a kind of device. Nothing is loaded here.
//!
//! In order, the first that applies:
//! 1. the file the user names (`--plugin`);
//! 2. the file an environment variable names: `GOPHER_CPU_PLUGIN`, `GOPHER_CUDA_PLUGIN`, `GOPHER_TPU_PLUGIN`;
//! 3. the pinned wheel, if it is in the cache;
//! 4. for CUDA and TPU, an installed Python environment: `VIRTUAL_ENV`, `CONDA_PREFIX`, then `python3`'s own path;
//! 5. the pinned wheel, fetched through pip.
//!
//! Variables of other programs (`PJRT_PLUGIN_LIBRARY_PATH`, `TPU_LIBRARY_PATH` and the like) are not read: the first
//! does not say for which device it is, and what a user set for another program should not change what this one loads.
//! A file the user names is taken as it is; a file from the cache has the hash in the table of pins.

mod surroundings;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use wheels::pins;
pub use wheels::{Cache, Pin, Progress, Stage};

use crate::flags::{self, XLA_FLAGS};

/// A kind of device, as in `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// The processor this program runs on.
    Cpu,
    /// NVIDIA GPUs.
    Cuda,
    /// Google TPUs, or none: the plugin compiles for any topology ahead of time.
    Tpu,
}

impl DeviceKind {
    /// Every kind.
    pub const ALL: [DeviceKind; 3] = [DeviceKind::Cpu, DeviceKind::Cuda, DeviceKind::Tpu];

    /// The variable that names a plugin for this kind.
    pub fn variable(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "GOPHER_CPU_PLUGIN",
            DeviceKind::Cuda => "GOPHER_CUDA_PLUGIN",
            DeviceKind::Tpu => "GOPHER_TPU_PLUGIN",
        }
    }

    /// The wheel pinned for this kind on the machine this program was built for.
    pub fn pin(self) -> Option<Pin> {
        let candidates: &[Pin] = match self {
            DeviceKind::Cpu => &[pins::CPU_PLUGIN, pins::CPU_PLUGIN_AARCH64],
            DeviceKind::Cuda => &[pins::CUDA_PLUGIN],
            DeviceKind::Tpu => &[pins::TPU_PLUGIN],
        };
        candidates.iter().copied().find(|pin| pin.platform.is_host())
    }

    /// Every wheel pinned for this kind on the machine this program was built for, the plugin first: for CUDA, those of
    /// the compiler's tools follow. Empty if there is none.
    pub fn pins(self) -> Vec<Pin> {
        let tools: &[Pin] = match self {
            DeviceKind::Cuda => &[pins::CUDA_NVCC, pins::CUDA_NVVM],
            DeviceKind::Cpu | DeviceKind::Tpu => &[],
        };
        let plugin = self.pin().into_iter();
        plugin.flat_map(|plugin| [plugin].into_iter().chain(tools.iter().copied())).collect()
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Cuda => "cuda",
            DeviceKind::Tpu => "tpu",
        })
    }
}

impl FromStr for DeviceKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<DeviceKind, Error> {
        let found = DeviceKind::ALL.into_iter().find(|kind| kind.to_string() == text);
        found.ok_or_else(|| Error::UnknownDevice { device: text.to_owned() })
    }
}

/// A plugin file and what must be in place before it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The plugin, as an absolute path.
    pub path: PathBuf,
    /// How it was found.
    pub found: Found,
    /// Environment variables to set before loading it, with their whole values. Never one the user has set to
    /// something of their own; `XLA_FLAGS` keeps what it held.
    pub environment: Vec<(String, OsString)>,
    /// Libraries to open, with global symbols and in this order, before loading it: those the plugin looks for by
    /// name and would not find by its own search path.
    pub preload: Vec<PathBuf>,
}

/// How a plugin was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Named by the user on the command line.
    Named,
    /// Named by this environment variable.
    Variable(&'static str),
    /// The pinned wheel, from the cache.
    Cache(Pin),
    /// In a Python environment with this `site-packages` folder.
    Python(PathBuf),
    /// The pinned wheel, fetched just now.
    Fetched(Pin),
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Named => write!(f, "named with --plugin"),
            Found::Variable(name) => write!(f, "named by {name}"),
            Found::Cache(pin) => write!(f, "wheel {} {} in the cache", pin.name, pin.version),
            Found::Python(folder) => write!(f, "in the Python environment at {}", folder.display()),
            Found::Fetched(pin) => write!(f, "wheel {} {}, fetched now", pin.name, pin.version),
        }
    }
}

/// Why there is no plugin to load.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a kind of device.
    #[error("unknown device \"{device}\": it is one of cpu, cuda, tpu")]
    UnknownDevice {
        /// What was asked for.
        device: String,
    },

    /// The named plugin cannot be a plugin.
    #[error("no plugin at {} ({named_by}): {reason}", .path.display())]
    Unusable {
        /// The path as it was resolved.
        path: PathBuf,
        /// Who named it.
        named_by: String,
        /// What is wrong with it.
        reason: String,
    },

    /// No wheel is published for this machine.
    #[error("no {device} plugin is published as a wheel for {system} on {processor} (only Linux with glibc, x86-64{arm}): name a PJRT plugin file with --plugin FILE or {variable}", variable = .device.variable(), arm = if *.device == DeviceKind::Cpu { " or aarch64" } else { "" })]
    NoWheel {
        /// The device asked for.
        device: DeviceKind,
        /// Operating system of this machine.
        system: &'static str,
        /// Processor of this machine.
        processor: &'static str,
    },

    /// The pinned wheel was not to be had.
    #[error(transparent)]
    Fetch(#[from] wheels::Error),
}

/// Finds plugins. [`Locator::from_environment`] looks at the real machine; tests put together their own.
#[derive(Debug, Clone)]
pub struct Locator {
    variables: Vec<(String, OsString)>,
    cache: Option<Cache>,
    pins: [Option<Pin>; 3],
    cuda_tools: Option<[Pin; 2]>,
    has_tpu: bool,
}

/// Finds a plugin for `device` on this machine, fetching the pinned wheel if there is no other.
/// `plugin` is the file the user named, if any.
///
/// # Errors
/// See [`Error`]; a file that was named and is not there is an error, never a reason to look further.
pub fn locate(
    device: DeviceKind,
    plugin: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Located, Error> {
    Locator::from_environment().locate(device, plugin, progress)
}

impl Locator {
    /// A locator that sees this process's variables, the user's cache and the table of pins.
    pub fn from_environment() -> Locator {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Locator {
            variables: variables.collect(),
            cache: Cache::from_environment().ok(),
            pins: DeviceKind::ALL.map(DeviceKind::pin),
            cuda_tools: pins::CUDA_NVCC.platform.is_host().then_some([pins::CUDA_NVCC, pins::CUDA_NVVM]),
            has_tpu: surroundings::has_tpu(),
        }
    }

    /// A locator that sees no variables, no pins, no TPU, and this cache.
    pub fn bare(cache: Cache) -> Locator {
        Locator {
            variables: Vec::new(),
            cache: Some(cache),
            pins: [None; 3],
            cuda_tools: None,
            has_tpu: false,
        }
    }

    /// The same locator with one more variable set.
    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Locator {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The same locator with another pinned wheel for `device`.
    pub fn pin(mut self, device: DeviceKind, pin: Pin) -> Locator {
        self.pins[device as usize] = Some(pin);
        self
    }

    /// The same locator, with wheels that hold `bin/ptxas` and `nvvm/libdevice` under `nvidia/cu13`, in this order.
    pub fn cuda_tools(mut self, pins: [Pin; 2]) -> Locator {
        self.cuda_tools = Some(pins);
        self
    }

    /// The same locator on a machine with TPUs.
    pub fn with_tpu(mut self) -> Locator {
        self.has_tpu = true;
        self
    }

    /// Finds a plugin as [`find`](Self::find) does, or fetches the pinned wheel.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn locate(
        &self,
        device: DeviceKind,
        plugin: Option<&Path>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Located, Error> {
        let (path, found) = match self.find_file(device, plugin)? {
            Some(found) => found,
            None => {
                let pin = self.pins[device as usize].ok_or(Error::NoWheel {
                    device,
                    system: std::env::consts::OS,
                    processor: std::env::consts::ARCH,
                })?;
                let folder = wheels::fetch(&pin, self.cache()?, progress)?;
                (folder.join(pin.main_file().path), Found::Fetched(pin))
            }
        };
        let fetch_tools = &mut |pin: &Pin| Ok(Some(wheels::fetch(pin, self.cache()?, &mut *progress)?));
        self.complete(device, path, found, fetch_tools)
    }

    /// Finds a plugin without fetching anything; `None` if [`locate`](Self::locate) would have to fetch it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn find(&self, device: DeviceKind, plugin: Option<&Path>) -> Result<Option<Located>, Error> {
        let Some((path, found)) = self.find_file(device, plugin)? else { return Ok(None) };
        let cached_tools = &mut |pin: &Pin| Ok(wheels::installed(pin, self.cache()?)?);
        self.complete(device, path, found, cached_tools).map(Some)
    }

    fn find_file(
        &self,
        device: DeviceKind,
        plugin: Option<&Path>,
    ) -> Result<Option<(PathBuf, Found)>, Error> {
        if let Some(path) = plugin {
            return Ok(Some((usable(path, "named with --plugin")?, Found::Named)));
        }
        let variable = device.variable();
        if let Some(path) = self.value(variable) {
            return Ok(Some((
                usable(Path::new(&path), &format!("named by {variable}"))?,
                Found::Variable(variable),
            )));
        }
        if let (Some(pin), Some(cache)) = (self.pins[device as usize], &self.cache)
            && let Some(folder) = wheels::installed(&pin, cache)?
        {
            return Ok(Some((folder.join(pin.main_file().path), Found::Cache(pin))));
        }
        if device == DeviceKind::Cpu {
            return Ok(None);
        }
        let found = self.site_packages().find_map(|folder| {
            let path = match device {
                DeviceKind::Cuda => surroundings::cuda_plugin(&folder)?,
                _ => Some(folder.join("libtpu/libtpu.so")).filter(|path| path.is_file())?,
            };
            Some((path, Found::Python(folder)))
        });
        Ok(found)
    }

    /// Adds what must be in place. `tools` gives the folder of a wheel, if it is to be had.
    fn complete(
        &self,
        device: DeviceKind,
        path: PathBuf,
        found: Found,
        tools: &mut dyn FnMut(&Pin) -> Result<Option<PathBuf>, Error>,
    ) -> Result<Located, Error> {
        let mut located = Located { path, found, environment: Vec::new(), preload: Vec::new() };
        match device {
            DeviceKind::Cpu => {}
            DeviceKind::Tpu if self.has_tpu => {}
            DeviceKind::Tpu => {
                // Without a TPU there is no metadata server to ask, and no chip that two processes could fight over.
                for name in ["TPU_SKIP_MDS_QUERY", "ALLOW_MULTIPLE_LIBTPU_LOAD"] {
                    if self.value(name).is_none() {
                        located.environment.push((name.to_owned(), "1".into()));
                    }
                }
            }
            DeviceKind::Cuda => self.complete_cuda(&mut located, tools)?,
        }
        Ok(located)
    }

    fn complete_cuda(
        &self,
        located: &mut Located,
        tools: &mut dyn FnMut(&Pin) -> Result<Option<PathBuf>, Error>,
    ) -> Result<(), Error> {
        // A plugin in site-packages finds the libraries beside it by its own search path.
        let beside =
            located.path.ancestors().nth(3).map(|folder| folder.join("nvidia")).filter(|path| path.is_dir());
        let nvidia = match beside {
            Some(nvidia) => Some(nvidia),
            None => {
                let elsewhere =
                    self.site_packages().map(|folder| folder.join("nvidia")).find(|path| path.is_dir());
                located.preload = elsewhere.as_deref().map(surroundings::cuda_libraries).unwrap_or_default();
                elsewhere
            }
        };
        let value = self.value(XLA_FLAGS).unwrap_or_default();
        const FLAG: &str = "--xla_gpu_cuda_data_dir=";
        // A file that cannot be read is an error when the plugin is loaded.
        if flags::given(&value).is_ok_and(|flags| flags.to_string_lossy().contains(FLAG)) {
            return Ok(());
        }
        let installed = nvidia.as_deref().and_then(surroundings::cuda_data_folder);
        let folder = match installed.or_else(|| self.cuda_toolkit()) {
            Some(folder) => Some(folder),
            // What the user named themselves is not completed with downloads.
            None if matches!(located.found, Found::Cache(_) | Found::Fetched(_)) => {
                self.cuda_tools_folder(tools)?
            }
            None => None,
        };
        if let Some(folder) = folder {
            let mut flag = OsString::from(FLAG);
            // XLA splits the variable at blanks outside quotes.
            let quote = if folder.to_string_lossy().contains(char::is_whitespace) { "\"" } else { "" };
            flag.push(quote);
            flag.push(folder);
            flag.push(quote);
            if let Ok(Some(flags)) = flags::with(&value, &[flag]) {
                located.environment.push((XLA_FLAGS.to_owned(), flags));
            }
        }
        Ok(())
    }

    /// A CUDA toolkit installed for the whole machine, if `CUDA_HOME` or `CUDA_PATH` names one.
    fn cuda_toolkit(&self) -> Option<PathBuf> {
        let named =
            ["CUDA_HOME", "CUDA_PATH"].into_iter().filter_map(|name| self.value(name)).map(PathBuf::from);
        named.into_iter().find(|folder| surroundings::is_cuda_data_folder(folder))
    }

    /// One folder with the compiler's tools from two wheels, which unpack into one folder each.
    fn cuda_tools_folder(
        &self,
        tools: &mut dyn FnMut(&Pin) -> Result<Option<PathBuf>, Error>,
    ) -> Result<Option<PathBuf>, Error> {
        let Some([assembler, library]) = self.cuda_tools else { return Ok(None) };
        let (Some(bin), Some(nvvm)) = (tools(&assembler)?, tools(&library)?) else { return Ok(None) };
        let folder =
            self.cache()?.root().join(format!("cuda-{}-{}", assembler.version, &library.sha256[..12]));
        let parts = [
            (bin.join("nvidia/cu13/bin"), folder.join("bin")),
            (nvvm.join("nvidia/cu13/nvvm"), folder.join("nvvm")),
        ];
        for (target, link) in parts {
            surroundings::link(&target, &link)
                .map_err(|source| wheels::Error::CacheNotWritable { path: link, source })?;
        }
        Ok(Some(folder))
    }

    fn cache(&self) -> Result<&Cache, Error> {
        self.cache.as_ref().ok_or(Error::Fetch(wheels::Error::NoCacheFolder))
    }

    fn value(&self, name: &str) -> Option<OsString> {
        let found = self.variables.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    }

    /// `site-packages` folders, nearest first; asks `python3` only when the variables' folders are used up.
    fn site_packages(&self) -> impl Iterator<Item = PathBuf> + '_ {
        let environments = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(|name| self.value(name));
        let named = environments.flat_map(|folder| surroundings::site_packages_of(Path::new(&folder)));
        let interpreter = self.cache.as_ref().map(|cache| cache.interpreter().to_owned());
        let asked = std::iter::once_with(move || interpreter).flatten();
        named.chain(asked.flat_map(|python| surroundings::python_path(&python)))
    }
}

/// The absolute path of a file that can be opened; a bare name would make the loader search elsewhere.
fn usable(path: &Path, named_by: &str) -> Result<PathBuf, Error> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let reason = match inputs::open(&absolute).and_then(|file| file.metadata()) {
        Ok(metadata) if metadata.is_file() => return Ok(absolute),
        Ok(_) => "it is not a file".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Error::Unusable { path: absolute, named_by: named_by.to_owned(), reason })
}
