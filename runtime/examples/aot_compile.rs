//! Compiles a StableHLO file ahead of time and prints what the compiler makes of it:
//! `cargo run -p runtime --example aot_compile -- step.mlir tpu:v3:32x32 --slices 4 --wrap 1,1,0 --clock 940 --link 140`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use runtime::aot::{self, Rates, Request, Target, Worker};

const USAGE: &str = "usage: aot_compile FILE.mlir TARGET [options]
TARGET: tpu:v3:32x32, cuda:h100:1x1x8, cpu:8
  --slices N              TPU: this many such topologies, joined by the data centre's network
  --wrap X,Y,Z            TPU: which axes are rings (a full v3 pod: 1,1,0)
  --option NAME=VALUE     any other option of the topology (whole number, list a,b,c, or text)
  --devices A,B,…         ids of the devices, in the order of the program's partitions
  --clock MHZ --link GB/S print times (v3: 940 MHz; 140 GB/s is a fair guess for a v3 ring)
  --between GB/S          count transfers between slices at this rate instead of as free
  --flops TFLOP/S         time of products where the compiler estimates no cycles (GPU)
  --limit SECONDS         give up after this time
  --json FILE             also write everything as JSON
  --here                  compile in this process, and with --keep FILE write the optimised HLO proto
  --plugin FILE           a PJRT plugin other than the pinned one";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.as_slice() {
        [serve, request, answer] if serve == "--serve" => {
            aot::serve(Path::new(request), Path::new(answer)).map_err(|error| error.to_string())
        }
        _ => run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [file, target, rest @ ..] = arguments else { return Err(USAGE.to_owned()) };
    let mut target: Target = target.parse().map_err(|error: aot::Error| error.to_string())?;
    let (mut clock, mut link, mut between_slices, mut matmul_flops) = (None, None, None, None);
    let (mut devices, mut plugin, mut json, mut keep, mut limit) = (None, None, None, None, None);
    let mut here = false;
    let mut rest = rest.iter();
    while let Some(option) = rest.next() {
        if option == "--here" {
            here = true;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{option} wants a value\n{USAGE}"))?;
        let number = || value.parse::<f64>().map_err(|_| format!("{option} {value}: not a number"));
        match option.as_str() {
            "--slices" => target = target.with("num_slices", number()? as i64),
            "--wrap" => target = target.with("wrap", list(value)?),
            "--option" => {
                let (name, value) = value.split_once('=').ok_or("--option wants NAME=VALUE")?;
                target = match (value.parse::<i64>(), list(value)) {
                    (Ok(number), _) => target.with(name, number),
                    (_, Ok(list)) => target.with(name, list),
                    _ => target.with(name, value),
                };
            }
            "--devices" => devices = Some(list(value)?),
            "--clock" => clock = Some(number()? * 1e6),
            "--link" => link = Some(number()? * 1e9),
            "--between" => between_slices = Some(number()? * 1e9),
            "--flops" => matmul_flops = Some(number()? * 1e12),
            "--limit" => limit = Some(Duration::from_secs_f64(number()?)),
            "--json" => json = Some(value),
            "--keep" => keep = Some(value),
            "--plugin" => plugin = Some(PathBuf::from(value)),
            _ => return Err(format!("unknown option {option}\n{USAGE}")),
        }
    }
    let program = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let request = Request { devices, plugin, ..Request::new(target, program) };
    let say = |error: aot::Error| error.to_string();
    aot::fetch_plugin(&request, &mut |progress| eprint!("\r{} {:?}    ", progress.name, progress.stage))
        .map_err(say)?;
    let compiled = if here {
        let (compiled, executable) = aot::compile_and_keep(&request).map_err(say)?;
        if let Some(keep) = keep {
            let optimized = executable.optimized_program().map_err(|error| error.to_string())?;
            std::fs::write(keep, optimized.code).map_err(|error| format!("{keep}: {error}"))?;
        }
        compiled
    } else {
        let worker = Worker { limit, ..Worker::this_program(&["--serve"]).map_err(say)? };
        worker.compile(&request).map_err(say)?
    };
    if let Some(json) = json {
        let text = serde_json::to_vec_pretty(&compiled).map_err(|error| error.to_string())?;
        std::fs::write(json, text).map_err(|error| format!("{json}: {error}"))?;
    }
    let rates = clock.or(matmul_flops).map(|_| Rates {
        clock: clock.unwrap_or(1.0),
        link: link.unwrap_or(f64::INFINITY),
        between_slices,
        matmul_flops,
    });
    print!("{}", aot::table(&compiled, rates.as_ref()));
    Ok(())
}

fn list(text: &str) -> Result<Vec<i64>, String> {
    let numbers: Result<_, _> = text.split(',').map(str::parse).collect();
    numbers.map_err(|_| format!("{text}: not a list of whole numbers"))
}
