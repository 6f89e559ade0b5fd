//! A group of one process, on a real plugin: the loop of a training with agreements, saving together and stopping together
//! gives the checkpoint that it gives without.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use configuration::{Config, Draft};
use hosts::{Group, Patience};
use runtime::{DeviceKind, MemoryStore, Runtime};
use train::observer::{Event, Observer};
use train::run::{Resume, train, train_multi_host};

fn patience() -> Patience {
    Patience {
        arrival: Duration::from_secs(20),
        sign: Duration::from_millis(50),
        loss: Duration::from_millis(1500),
    }
}

/// Wishes to stop when it is asked for the `n`-th time.
struct StopAt(u64, AtomicU64);

impl Observer for StopAt {
    fn event(&mut self, _: Event<'_>) {}

    fn should_stop(&self) -> bool {
        self.1.fetch_add(1, Ordering::Relaxed) + 1 >= self.0
    }
}

fn never() -> StopAt {
    StopAt(u64::MAX, AtomicU64::new(0))
}

fn config(text: &Path) -> Config {
    let mut draft = Draft::quick_start().unwrap();
    for set in [
        "model.layers=1",
        "model.heads=2",
        "model.key_value_size=8",
        "model.d_model=16",
        "model.vocabulary_size=320",
        "training.batch=4",
        "training.sequence_length=32",
        "training.steps=6",
        "training.checkpoint_every=3",
        "schedule.warmup_steps=2",
        "device.topology=cpu:2",
    ] {
        draft.set(set).unwrap();
    }
    draft.set_value("text", "data.paths", vec![text.to_string_lossy().into_owned()].into()).unwrap();
    draft.finish().unwrap()
}

/// The shard of a step's checkpoint.
fn shard(run: &Path, step: u64) -> Vec<u8> {
    let name = format!("checkpoints/step-{step:08}/shard-00000-of-00001.safetensors");
    fs::read(run.join(name)).unwrap()
}

#[test]
fn a_group_trains_saves_and_stops_as_a_process_alone_does() {
    if Runtime::find(DeviceKind::Cpu).unwrap().is_none() {
        eprintln!("skipped: no CPU plugin on this machine (`gopher doctor` says how to get it)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (text, alone, grouped) =
        (folder.path().join("a.txt"), folder.path().join("alone"), folder.path().join("grouped"));
    fs::write(
        &text,
        "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer\n".repeat(80),
    )
    .unwrap();
    train(config(&text), Some(&alone), &Resume::Auto, &mut never()).unwrap();

    let store: Arc<MemoryStore> = Arc::default();
    let go = |observer: &mut dyn Observer| {
        let group =
            Group::join_in(store.clone(), 1, 0, &grouped, patience(), |error| panic!("{error}")).unwrap();
        train_multi_host(config(&text), &grouped, &Resume::Auto, &group, "0.1.0", observer).unwrap()
    };
    // The wish is heard at the third question, before step 3, and all stop two questions later: one is asked before the
    // checkpoint of step 3 is saved, and one after it.
    let summary = go(&mut StopAt(3, AtomicU64::new(0)));
    assert!(summary.interrupted);
    assert_eq!(summary.completed, 3);
    let summary = go(&mut never());
    assert_eq!((summary.interrupted, summary.completed), (false, 6));
    for step in [3, 6] {
        assert!(shard(&alone, step) == shard(&grouped, step), "step {step}");
    }
    let losses = |run: &Path| -> Vec<f64> {
        monitor::metrics::read(&run.join("metrics.jsonl")).unwrap().iter().map(|record| record.loss).collect()
    };
    assert_eq!(losses(&alone), losses(&grouped));
}
