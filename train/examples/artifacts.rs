//! Writes what a run leaves behind, with made-up numbers, into the folder named: `tests/check_artifacts.py` then reads
//! it with other programs. `cargo run -p train --example artifacts -- FOLDER`

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use configuration::Schedule;
use monitor::metrics::{self, Record};
use monitor::svg::chart::Curves;
use monitor::tensorboard;
use runtime::HostArray;
use store::checkpoint::{
    self, DataPosition, Description, Dtype, History, RandomState, Region, Snapshot, SnapshotPiece,
    SnapshotTensor, Versions,
};
use store::files::write_atomically;
use store::process::host_name;
use store::run_directory::RunDirectory;
use store::skipped::Skipped;

const STEPS: u64 = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("name a folder")?);
    let run = RunDirectory::create(folder)?;
    write_atomically(&run.config(), b"# made up\n")?;
    let (mut metrics, _) = metrics::Writer::open(run.metrics(), 0, 0)?;
    let schedule = Schedule { warmup_steps: 30, ..Schedule::new(1e-3) };
    let start = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    // The run is cut off after step 200 and continued from step 150.
    for (first, last) in [(1, 200), (151, STEPS)] {
        let now = start + Duration::from_secs(first);
        let mut events = tensorboard::Writer::create(run.path(), now, &host_name(), first - 1)?;
        if first > 1 {
            (metrics, _) = metrics::Writer::open(run.metrics(), first - 1, 0)?;
        }
        for step in first..=last {
            // Before the cut, the later steps have another loss: they must not be seen afterwards.
            let wrong = if last < STEPS && step > 150 { 10.0 } else { 0.0 };
            let record = record(step, schedule.learning_rate(step - 1, STEPS), wrong);
            let now = start + Duration::from_millis(first * 1000 + step * 100);
            events.scalars(now, step, &record.scalars())?;
            metrics.write(&record)?;
        }
    }
    let curves: Curves = metrics::read(&run.metrics())?.iter().collect();
    let title = "Shakespeare & <others>, 2M parameters";
    write_atomically(&run.loss_chart(), curves.loss(title, Some(6.1)).svg().as_bytes())?;
    write_atomically(&run.training_chart(), curves.training(title).svg().as_bytes())?;

    let values: Vec<u8> = (0..6u8).flat_map(|value| f32::from(value).to_le_bytes()).collect();
    let tensor = |name: &str, dtype, shape: &[usize], bytes: &[u8]| -> Result<_, Box<dyn Error>> {
        let data = HostArray::from_slice(bytes, &[bytes.len()])?;
        let pieces = vec![SnapshotPiece { region: Region::whole(shape), data }];
        let split = vec![Vec::new(); shape.len()];
        Ok(SnapshotTensor { name: name.into(), dtype, shape: shape.into(), split, pieces })
    };
    let tensors = vec![
        tensor("parameters/w", Dtype::F32, &[2, 3], &values)?,
        tensor("adam/m/w", Dtype::BF16, &[2], &[0x80, 0x3f, 0, 0xc0])?,
        tensor("adam/step", Dtype::I64, &[], &300i64.to_le_bytes())?,
    ];
    let description = Description {
        step: STEPS,
        tokens: STEPS * 1024,
        planned: true,
        data: DataPosition {
            order: "shuffled".into(),
            seed: 1,
            sequences: STEPS,
            skipped: Skipped::default(),
        },
        random: RandomState { seed: 1, state: "none".into() },
        config_digest: "none".into(),
        history: History::default(),
        versions: Versions { gopher: "none".into(), plugin: "none".into() },
        metrics: None,
        from: None,
        files: Vec::new(),
    };
    let snapshot = Snapshot { mesh: Vec::new(), tensors };
    println!("{}", checkpoint::save(&run.checkpoints(), &description, &snapshot)?.display());
    Ok(())
}

fn record(step: u64, learning_rate: f64, wrong: f64) -> Record {
    // A deterministic wobble stands in for the noise of a batch.
    let wobble = (step as f64 * 1.7).sin() * (step as f64 * 0.37).cos() * 0.12;
    let smooth = 3.1 + 4.8 * (-(step as f64) / 45.0).exp();
    Record {
        step,
        tokens: step * 1024,
        loss: smooth + wobble + wrong,
        learning_rate,
        grad_norm: 1.0 + wobble,
        seconds: 0.25,
        tokens_per_second: 4096.0,
        validation_loss: step.is_multiple_of(50).then_some(smooth + 0.15),
        wall_seconds: Some(step as f64 * 0.5),
        goodput: Some(0.5),
        ..Record::default()
    }
}
