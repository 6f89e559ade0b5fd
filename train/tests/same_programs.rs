//! The paper's models give the programs that every recorded figure (speed, memory, losses, checkpoints) was measured with.
//!
//! Each line of the golden file is the sha256 of a program's StableHLO without locations, which hold names of scopes.
//! `BLESS=1 cargo test -p train --test same_programs` writes what there is now: that gives up the recorded figures.

use configuration::Regime;
use graph::{Error, Function};
use model::Preset;
use sha2::{Digest, Sha256};
use sharding::DeviceKind;
use sharding::plan::{MeshShape, Plan, RematPolicy};
use train::plan::{Planned, split};
use train::step::{StepOptions, forward, loss, train_step};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/same_programs.txt");

/// What a program computes, and how it is built.
type Program = (&'static str, fn(&StepOptions) -> Result<Function, Error>);

const PROGRAMS: [Program; 3] = [("forward", forward), ("loss", loss), ("train-step", train_step)];

/// The hash of a program's text but for ` loc(…)` at the end of a line, and lines that define locations.
fn hash(stablehlo: &str) -> String {
    let mut hasher = Sha256::new();
    for line in stablehlo.lines().filter(|line| !line.starts_with("#loc")) {
        hasher.update(line.split(" loc(").next().unwrap_or_default().trim_end_matches(','));
        hasher.update("\n");
    }
    hasher.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// A spread of plans: every parallelism alone and with others, every ZeRO level and remat policy.
fn plans() -> Vec<Plan> {
    let plan = |mesh: [usize; 3], microbatches, zero, remat, sequence_sharding| {
        let [stage, data, model] = mesh;
        Plan {
            topology: format!("cpu:{}", stage * data * model),
            slices: 1,
            mesh: MeshShape { stage, data, model },
            stages: stage,
            microbatches,
            zero,
            remat,
            sequence_sharding,
            batch: 8,
            sequence_length: 128,
            rules: Default::default(),
        }
    };
    vec![
        plan([1, 1, 1], 1, 0, RematPolicy::Selective, false),
        plan([1, 1, 1], 4, 0, RematPolicy::Full, false),
        plan([1, 4, 1], 1, 0, RematPolicy::None, false),
        plan([1, 4, 1], 2, 3, RematPolicy::Attention, false),
        plan([1, 2, 2], 2, 1, RematPolicy::Full, true),
        plan([1, 1, 4], 1, 0, RematPolicy::Attention, true),
        plan([2, 2, 2], 4, 2, RematPolicy::Selective, true),
        plan([4, 1, 1], 8, 0, RematPolicy::Full, false),
    ]
}

#[test]
fn programs_of_the_papers_models_are_those_of_the_records() {
    let mut lines = String::new();
    let mut add = |name: String, text: String| lines += &format!("{name} {}\n", hash(&text));
    for preset in Preset::all().into_iter().filter(|preset| !preset.name.starts_with("llama")) {
        for (program, build) in PROGRAMS {
            for regime in Regime::ALL {
                let options = StepOptions {
                    precision: regime.dtypes(),
                    float32_copy: regime.float32_copy(),
                    clip_norm: preset.clip_norm,
                    ..StepOptions::new(preset.config.clone(), 1, 2048)
                };
                let text = graph::to_stablehlo(&build(&options).unwrap()).unwrap();
                add(format!("{} {program} {}", preset.name, regime.name()), text);
            }
            for (index, plan) in plans().iter().enumerate() {
                let regime = Regime::ALL[index % Regime::ALL.len()];
                let planned = Planned {
                    float32_copy: regime.float32_copy(),
                    ..Planned::new(
                        preset.config.clone(),
                        regime.dtypes(),
                        preset.clip_norm,
                        plan.sequence_length,
                        DeviceKind::Tpu,
                    )
                };
                let mut options = planned.step_options(plan);
                if program != "train-step" {
                    options.microbatches = 1;
                }
                let partitioned = split(&build(&options).unwrap(), plan).unwrap();
                let text = graph::to_stablehlo_partitioned(&partitioned).unwrap();
                add(format!("{} {program} plan {index} {}", preset.name, regime.name()), text);
            }
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(GOLDEN, &lines).unwrap();
    }
    let golden = std::fs::read_to_string(GOLDEN).unwrap_or_default();
    let changed: Vec<&str> =
        golden.lines().zip(lines.lines()).filter(|(a, b)| a != b).map(|(_, b)| b).collect();
    assert_eq!(changed, Vec::<&str>::new(), "programs that changed");
    assert_eq!(golden.lines().count(), lines.lines().count());
}
