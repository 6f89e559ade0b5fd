//! Loads exported programs with the `xla` crate, runs them on its CPU client, and compares the results with those of
//! our own run.
//!
//! usage: `gopher-interop ARRAYS.safetensors PROGRAM…`
//!
//! `ARRAYS.safetensors` has the program's inputs and our outputs, under the names that `PROGRAM.signature.json` gives
//! them. A program is HLO text if its name ends in `.hlo`, and a serialised `HloModuleProto` if it ends in `.pb`.

mod compare;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};
use compare::{Difference, TOLERANCE, compare};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use xla::{ElementType, HloModuleProto, PjRtBuffer, PjRtClient, XlaComputation};

/// Characters of XLA's messages that are shown; those about HLO text quote it.
const LONGEST_MESSAGE: usize = 300;

/// The part of a program's signature that is needed to call it.
#[derive(Deserialize)]
struct Signature {
    inputs: Vec<Array>,
    outputs: Vec<Array>,
}

#[derive(Deserialize)]
struct Array {
    name: String,
    shape: Vec<usize>,
    dtype: String,
}

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [arrays, programs @ ..] = &arguments[..] else { return usage() };
    if programs.is_empty() {
        return usage();
    }
    match check_all(arrays, programs) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: gopher-interop ARRAYS.safetensors PROGRAM.hlo|PROGRAM.pb…");
    ExitCode::from(2)
}

/// Checks each program, prints a line for each output, and returns whether all of them agree.
fn check_all(arrays: &Path, programs: &[PathBuf]) -> Result<bool> {
    let bytes = fs::read(arrays).with_context(|| format!("cannot read {}", arrays.display()))?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| anyhow!("{} is no safetensors file: {error}", arrays.display()))?;
    let client = PjRtClient::cpu().map_err(one_line).context("cannot start XLA's CPU client")?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    if let Some(plugin) = header.metadata().as_ref().and_then(|metadata| metadata.get("plugin")) {
        println!("ours: {plugin}");
    }
    println!("theirs: the client of crate xla, platform {}", client.platform_name());
    let mut agree = true;
    for program in programs {
        let outputs = check(&client, program, &tensors)
            .with_context(|| format!("cannot check {}", program.display()))?;
        agree &= outputs.iter().all(Difference::is_within_tolerance);
    }
    println!("{} (tolerance {TOLERANCE:e})", if agree { "all agree" } else { "they differ" });
    Ok(agree)
}

/// Loads, compiles and runs one program, and compares its outputs.
fn check(client: &PjRtClient, program: &Path, tensors: &SafeTensors) -> Result<Vec<Difference>> {
    let signature = signature(program)?;
    let module = load(program)?;
    let inputs = signature.inputs.iter().map(|input| upload(client, input, tensors));
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    let executable = client.compile(&XlaComputation::from_proto(&module)).map_err(one_line)?;
    let compile_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let outputs = executable.execute_b(&inputs).map_err(one_line)?;
    let outputs = outputs.into_iter().next().unwrap_or_default();
    let (expected, got) = (signature.outputs.len(), outputs.len());
    ensure!(expected == got, "it returned {got} arrays where its signature has {expected}");
    let mut differences = Vec::new();
    for (output, buffer) in signature.outputs.iter().zip(&outputs) {
        let theirs = download(output, buffer)?;
        let run_seconds = start.elapsed().as_secs_f64();
        let difference = compare(&floats(find(tensors, output)?), &theirs)
            .with_context(|| format!("output `{}`", output.name))?;
        println!(
            "{}: {} {:?}: largest difference {:.2e} of values up to {:.2} (rms {:.2}); compiled in {compile_seconds:.1} s, ran in {run_seconds:.1} s",
            program.display(),
            output.name,
            output.shape,
            difference.largest,
            difference.largest_value,
            difference.root_mean_square,
        );
        differences.push(difference);
    }
    Ok(differences)
}

fn signature(program: &Path) -> Result<Signature> {
    let path = PathBuf::from(format!("{}.signature.json", program.display()));
    let text = fs::read(&path)
        .with_context(|| format!("cannot read {}, which `gopher export` writes", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no signature", path.display()))
}

fn load(program: &Path) -> Result<HloModuleProto> {
    match program.extension().and_then(|extension| extension.to_str()) {
        Some("hlo") => HloModuleProto::from_text_file(program),
        Some("pb") => HloModuleProto::from_proto_file(program, true),
        _ => bail!("its name ends neither in .hlo (text) nor in .pb (proto)"),
    }
    .map_err(one_line)
}

/// The tensor of that name, which must have the signature's type.
fn find<'a>(tensors: &SafeTensors<'a>, array: &Array) -> Result<safetensors::tensor::TensorView<'a>> {
    let Array { name, shape, dtype } = array;
    let tensor = tensors.tensor(name).map_err(|_| anyhow!("there is no array `{name}`"))?;
    let found = match tensor.dtype() {
        Dtype::F32 => "f32",
        Dtype::I32 => "i32",
        other => bail!("array `{name}` is of {other:?}; only float32 and int32 are compared"),
    };
    ensure!(
        tensor.shape() == shape && found == dtype,
        "array `{name}` is {found}{:?}; the signature has {dtype}{shape:?}",
        tensor.shape()
    );
    Ok(tensor)
}

fn upload(client: &PjRtClient, input: &Array, tensors: &SafeTensors) -> Result<PjRtBuffer> {
    let tensor = find(tensors, input)?;
    let ty = if tensor.dtype() == Dtype::I32 { ElementType::S32 } else { ElementType::F32 };
    client.buffer_from_host_raw_bytes(ty, tensor.data(), tensor.shape(), None).map_err(one_line)
}

/// The output's numbers; its type must be the signature's.
fn download(output: &Array, buffer: &PjRtBuffer) -> Result<Vec<f32>> {
    let literal = buffer.to_literal_sync().map_err(one_line)?;
    let shape = literal.array_shape().map_err(one_line)?;
    let dims: Vec<usize> = shape.dims().iter().map(|&size| size as usize).collect();
    ensure!(
        dims == output.shape,
        "output `{}` has shape {dims:?}; the signature has {:?}",
        output.name,
        output.shape
    );
    literal.to_vec().map_err(one_line)
}

fn floats(tensor: safetensors::tensor::TensorView) -> Vec<f32> {
    let (numbers, _) = tensor.data().as_chunks();
    numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// XLA's message in one line, and not much longer than that.
fn one_line(error: xla::Error) -> anyhow::Error {
    let message = match error {
        xla::Error::XlaError { msg, .. } => msg,
        other => other.to_string(),
    };
    let message = message.replace(char::is_control, " ");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => anyhow!("{}…", &message[..end]),
        None => anyhow!(message),
    }
}
