//! `gopher serve`: a model for many clients at once, over HTTP.

mod end;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use eval::{Served, ServingMemory, ServingOptions, SlotOptions};
use runtime::{ProgramCache, Runtime, RuntimeOptions};
use serve::engine::Handle;
use serve::http::{App, Key, Limits, listen};
use serve::model::{ServedRun, TOPS};
use sharding::machine::Topology;

use super::chat;
use super::generate::prompts::read_file;
use super::trained::ModelOptions;
use crate::arguments;
use crate::output::{bytes, fetching, grouped, note, print, usage};

/// Characters of a key at least.
const SHORTEST_KEY: usize = 16;

/// Arguments of `gopher serve`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelOptions,
    /// What stands before dialogues: gopher (an introduction and a few exchanges), none, or a file with a text; or template, for the
    /// form that the model came with [default: template if it came with one, none for a model that was trained on dialogues, else
    /// gopher, if the window has room for it].
    #[arg(long, value_name = "gopher|none|template|FILE", help_heading = "Model")]
    prompt: Option<PathBuf>,
    /// Machine of one host over whose devices the model is split, such as cpu:4 (docs/topologies.md) [default: one device].
    #[arg(long, value_name = "MACHINE", help_heading = "Model")]
    topology: Option<String>,
    /// Texts that are continued side by side.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Load")]
    slots: u32,
    /// Answers that may wait for a slot; one more is refused [default: four times the slots, and 128 at least].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Load")]
    queue: Option<u32>,
    /// Seconds that an answer may take, waiting included.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Load")]
    deadline: u32,
    /// Memory for the beginnings of prompts that are kept for later ones, such as 512MiB; 0 keeps none.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = size, help_heading = "Load")]
    prefix_cache: u64,
    /// Where to listen; port 0 takes any that is free.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", help_heading = "Network")]
    addr: String,
    /// File with the key that clients must send; needed to listen anywhere but on this computer itself.
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    api_key_file: Option<PathBuf>,
    /// The model's name [default: that of the run's folder].
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    name: Option<String>,
}

/// A number of bytes, or none.
fn size(text: &str) -> Result<u64, String> {
    if text == "0" { Ok(0) } else { arguments::bytes(text) }
}

/// Serves a model until a signal comes.
///
/// # Errors
/// Wrong arguments; an address that cannot be listened on; a run that cannot be loaded or does not fit the memory; a device that
/// fails for good.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let address = address(&arguments.addr, arguments.api_key_file.is_some())?;
    let key = arguments.api_key_file.as_deref().map(read_key).transpose()?;
    let topology = arguments.topology.as_deref().map(machine).transpose()?;
    if let (Some(device), Some(topology)) = (arguments.model.device, &topology)
        && device != topology.kind()
    {
        let kind = topology.kind();
        return Err(usage(format_args!(
            "--device {device}: --topology {topology} is of kind {kind}; leave one of them out"
        )));
    }
    let named = arguments.prompt.as_deref().map(chat::prompt::read).transpose()?;
    // Whoever else listens there is found before anything is loaded.
    drop(TcpListener::bind(address).map_err(|error| cannot_listen(address, &error))?);

    let options = arguments.model;
    let model = options.open()?;
    let window = options.window(&model);
    let dialogue = chat::prompt::choose(named, &model, window, eval::dialogue::default_answer(window))?;
    let (kind, plugin) = options.device(&model, topology.as_ref().map(Topology::kind));
    let virtual_devices = topology.as_ref().map(Topology::devices);
    let programs = ProgramCache::of_user();
    let on = RuntimeOptions { plugin, virtual_devices, programs, ..RuntimeOptions::default() };
    let runtime = Runtime::start(kind, &on, &mut fetching)?;
    let mesh = match &topology {
        Some(topology) => Some(Served::choose_mesh(topology.devices(), &model.config().model)?),
        None => None,
    };
    let slots = SlotOptions { slots: arguments.slots as usize, window, prefix_bytes: arguments.prefix_cache };
    let memory = model.serving_memory(&runtime, mesh, ServingOptions { slots, tops: TOPS })?;
    let name = arguments.name.clone().unwrap_or_else(|| name(&options.run));
    note(format_args!("{name}, step {}: {}", model.manifest().step, takes(&memory, window)));
    memory.check(window)?;

    let tokenizer = Arc::new(model.copy_tokenizer()?);
    let begin_of_text = model.begin_of_text();
    let queue = arguments.queue.unwrap_or(arguments.slots.saturating_mul(4).max(128)) as usize;
    let (run, begin) = (options.run, Instant::now());
    note("loading and compiling");
    let load = move || -> anyhow::Result<ServedRun> {
        let served = ServedRun::load(&run, &model, &runtime, mesh, slots)?;
        if !served.is_invariant() {
            note(
                "warning: the compiler's programs round otherwise from row to row; an answer's last digits can depend on its slot",
            );
        }
        Ok(served)
    };
    let (engine, ended) = Handle::start(load, Arc::clone(&tokenizer), queue)?;
    let limits = Limits { deadline: Duration::from_secs(u64::from(arguments.deadline)), ..Limits::default() };
    let app = App {
        engine,
        tokenizer,
        begin_of_text,
        dialogue,
        name,
        window,
        slots: slots.slots,
        limits,
        key,
        is_ending: false.into(),
        requests: 0.into(),
    };
    let signals = end::Signals::install()?;
    let worker = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    worker.block_on(async {
        let listening = listen(address).await.map_err(|error| cannot_listen(address, &error))?;
        let (end, is_ended) = tokio::sync::oneshot::channel();
        ready(&app, listening.address, begin.elapsed())?;
        let mut served = tokio::spawn(listening.serve(Arc::new(app), is_ended));
        let mut ended = ended;
        let mut failure = None;
        tokio::select! {
            () = signals.wait() => note("finishing what is under way; a second signal ends at once"),
            // Without a word only if its thread has panicked, which has said why.
            result = &mut ended => failure = Some(result.unwrap_or_else(|_| Err("the engine has ended".to_owned()))),
            _ = &mut served => {}
        }
        // It may have ended by itself.
        let _ = end.send(());
        if !served.is_finished() {
            let _ = served.await;
        }
        match failure {
            Some(Err(message)) => Err(anyhow!("{message}; start the server again")),
            _ => Ok(()),
        }
    })
}

/// Says that requests are answered, and how to send one.
fn ready(app: &App, address: SocketAddr, took: Duration) -> anyhow::Result<()> {
    let name = &app.name;
    let took = took.as_secs_f64();
    note(format_args!(
        "ready after {took:.0} s: chat at http://{address}/, API at http://{address}/v1, model {name}"
    ));
    let key = if app.key.is_some() { " -H \"authorization: Bearer $KEY\"" } else { "" };
    print(format!(
        "curl http://{address}/v1/completions -H 'content-type: application/json'{key} \
         -d '{{\"prompt\": \"Once upon a time\", \"max_tokens\": 32}}'\n"
    ))
}

/// What a model takes, in words.
fn takes(memory: &ServingMemory, window: usize) -> String {
    let ServingMemory { weights, scoring, slot, slots, prefixes, other, limit } = *memory;
    let of_all = limit.map_or(String::new(), |limit| format!(" of {}", bytes(limit)));
    format!(
        "weights {}, {slots} slots of {} tokens at {} each, scoring {}, beginnings of prompts up to {}, other {}; in all {}{of_all}",
        bytes(weights),
        grouped(window as u64),
        bytes(slot),
        bytes(scoring),
        bytes(prefixes),
        bytes(other),
        bytes(memory.total()),
    )
}

/// Where to listen: anywhere but on this computer itself only with a key.
fn address(text: &str, has_key: bool) -> anyhow::Result<SocketAddr> {
    let found = text.to_socket_addrs().ok().and_then(|mut all| all.next());
    let address = found.ok_or_else(|| {
        usage(format_args!("--addr {text}: no address with a port, such as 127.0.0.1:8080 or [::1]:8080"))
    })?;
    if !address.ip().is_loopback() && !has_key {
        return Err(usage(format_args!(
            "--addr {text}: others can reach it; give a key with --api-key-file, or listen on 127.0.0.1"
        )));
    }
    Ok(address)
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {address}: another program does; name another port with --addr, or 0 for any that is free"
        ),
        _ => anyhow!("cannot listen on {address}: {error}; name an address of this machine with --addr"),
    }
}

/// The key: the first line of a file.
fn read_key(path: &Path) -> anyhow::Result<Key> {
    let text = read_file("--api-key-file", path)?;
    let key = text.lines().next().unwrap_or_default().trim();
    // A header has only such characters.
    let is_sendable = key.chars().all(|character| character.is_ascii_graphic());
    if key.chars().count() < SHORTEST_KEY || !is_sendable {
        let path = path.display();
        return Err(usage(format_args!(
            "--api-key-file {path}: its first line must be a key of at least {SHORTEST_KEY} ASCII letters, digits or signs, \
             such as `openssl rand -hex 24` makes"
        )));
    }
    Ok(Key::new(key))
}

/// The machine over whose devices the model is split.
fn machine(text: &str) -> anyhow::Result<Topology> {
    let topology = Topology::parse(text, 1).map_err(|error| usage(format_args!("--{error}")))?;
    match topology.hosts() {
        1 => Ok(topology),
        hosts => Err(usage(format_args!(
            "--topology {topology}: it has {hosts} hosts, and a model is served by one process on one; take a machine of one host"
        ))),
    }
}

/// The name of a run's folder.
fn name(run: &Path) -> String {
    let path = run.canonicalize().unwrap_or_else(|_| run.to_owned());
    path.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}
