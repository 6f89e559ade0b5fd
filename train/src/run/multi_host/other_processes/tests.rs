use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hosts::Patience;
use runtime::MemoryStore;

use super::*;

/// What three processes get that do something at once.
fn each<T: Send>(act: impl Fn(usize, &mut OtherProcesses<'_>) -> T + Sync) -> Vec<T> {
    let store: Arc<MemoryStore> = Arc::default();
    let patience = Patience { arrival: Duration::from_secs(20), ..Patience::default() };
    thread::scope(|scope| {
        let process = |index| {
            let (store, act) = (store.clone(), &act);
            scope.spawn(move || {
                let group = Group::join_in(store, 3, index, Path::new("/runs/a"), patience, |_| {}).unwrap();
                act(index, &mut OtherProcesses::new(Some(&group)))
            })
        };
        let threads: Vec<_> = (0..3).map(process).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn outcome(loss: f64) -> StepOutcome {
    StepOutcome { step: 7, loss, grad_norm: 0.5, loss_limit: f64::INFINITY }
}

#[test]
fn a_bad_step_is_the_same_everywhere_or_all_name_who_saw_something_else() {
    let decision = Decision::Rewind;
    // Not a number is the same as itself here.
    for agreed in each(|_, others| {
        others.agree_on(&outcome(f64::NAN), &decision, false)?;
        others.agree_on(&outcome(f64::NAN), &decision, false)
    }) {
        agreed.unwrap();
    }
    let other = f64::from_bits(3.25f64.to_bits() + 1);
    for result in each(|index, others| {
        others.agree_on(&outcome(if index == 2 { other } else { 3.25 }), &decision, false)
    }) {
        let error = result.unwrap_err().to_string();
        let expected =
            "step 7: process 2 differs from the others: loss is 3.2500000000000004, and 3.25 there; ";
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn the_checkpoint_to_go_back_to_is_the_best_that_every_process_can_read() {
    let damaged = |step: u64| Err(checkpoint::Error::Peer { step, reason: "damaged".to_owned() });
    let results = each(|index, others| {
        // Only what process 0 knows of counts.
        let mut candidates = if index == 0 { vec![20, 10, 5] } else { vec![99] }.into_iter();
        let mut log = Vec::new();
        while let Some(step) = others.propose(27, candidates.next()).unwrap() {
            // The first is damaged for process 1 alone, and the second for all.
            let opened = if step == 10 || step == 20 && index == 1 { damaged(step) } else { opened(step) };
            match others.all_good(27, opened).unwrap() {
                Ok(checkpoint) => {
                    log.push(format!("{} is good", checkpoint.manifest().step));
                    break;
                }
                Err(reason) => log.push(format!("{step}: {reason}")),
            }
        }
        log
    });
    let expected = [
        "20: process 1: the checkpoint of step 20 cannot be saved: damaged",
        "10: process 0: the checkpoint of step 10 cannot be saved: damaged",
        "5 is good",
    ];
    assert!(results.iter().all(|log| *log == expected), "{results:?}");
    // Nothing to go back to.
    assert_eq!(each(|_, others| others.propose(27, None).unwrap()), [None; 3]);
}

/// A checkpoint that holds nothing.
fn opened(step: u64) -> Result<Checkpoint, checkpoint::Error> {
    use store::checkpoint::{DataPosition, Description, History, RandomState, Snapshot, Versions, save};
    let folder = tempfile::tempdir().unwrap();
    let description = Description {
        step,
        tokens: 0,
        planned: true,
        data: DataPosition { order: String::new(), seed: 0, sequences: 0, skipped: Default::default() },
        random: RandomState { seed: 0, state: String::new() },
        config_digest: String::new(),
        history: History::default(),
        versions: Versions { gopher: String::new(), plugin: String::new() },
        metrics: None,
        from: None,
        files: Vec::new(),
    };
    let saved = save(folder.path(), &description, &Snapshot { mesh: Vec::new(), tensors: Vec::new() });
    Checkpoint::open(&saved.unwrap())
}

#[test]
fn a_process_that_cannot_load_the_checkpoint_ends_the_run_for_all() {
    let results = each(|index, others| {
        let failure = checkpoint::Error::Peer { step: 5, reason: "no memory".to_owned() };
        others.all_loaded(7, if index == 1 { Err(failure.into()) } else { Ok(()) })
    });
    let errors: Vec<_> = results.into_iter().map(|result| result.unwrap_err().to_string()).collect();
    let own = "the checkpoint of step 5 cannot be saved: no memory";
    assert_eq!(errors[1], own);
    for index in [0, 2] {
        assert_eq!(errors[index], format!("process 1: {own}; this process ends too"));
    }
}

#[test]
fn a_process_alone_asks_nobody() {
    let mut others = OtherProcesses::new(None);
    assert!(others.is_alone() && others.is_first());
    others.agree_on(&outcome(f64::NAN), &Decision::Skip, false).unwrap();
    assert_eq!(others.propose(7, Some(5)).unwrap(), Some(5));
    assert_eq!(others.all_good(7, opened(5)).unwrap().unwrap().manifest().step, 5);
    others.all_loaded(7, Ok(())).unwrap();
}
