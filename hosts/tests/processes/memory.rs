//! Threads that stand for processes, and a store in memory.

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use hosts::{Error, Facts, Group, Patience};
use runtime::MemoryStore;

use crate::{impatience, patience};

/// Where the loss of another process is told.
#[derive(Debug)]
pub struct Losses(Mutex<Receiver<Error>>);

impl Losses {
    /// The loss that is told within some time.
    fn within(&self, time: Duration) -> Option<String> {
        Some(self.0.lock().unwrap().recv_timeout(time).ok()?.to_string())
    }

    fn soon(&self) -> String {
        self.within(Duration::from_secs(10)).expect("a loss")
    }
}

/// What becomes of a process.
type Joined = Result<(Group, Losses), Error>;

fn join(store: &Arc<MemoryStore>, count: usize, index: usize, patience: Patience) -> Joined {
    let (sender, receiver) = mpsc::channel();
    let on_loss = move |error| drop(sender.send(error));
    let group = Group::join_in(store.clone(), count, index, Path::new("/runs/a"), patience, on_loss)?;
    Ok((group, Losses(Mutex::new(receiver))))
}

/// Joins all processes, of which the first to start is the last in number.
pub fn all(store: &Arc<MemoryStore>, count: usize, patience: Patience) -> Vec<(Group, Losses)> {
    each(count, |index| {
        thread::sleep(Duration::from_millis(5 * (count - index) as u64));
        join(store, count, index, patience).unwrap()
    })
}

/// Does something in each process at once; the results by process.
pub fn each<T: Send>(count: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|index| {
                let act = &act;
                scope.spawn(move || act(index))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn processes_find_each_other_in_any_order_and_hear_each_other() {
    let groups = all(&Arc::default(), 4, patience());
    let heard = each(4, |index| groups[index].0.exchange("names", &format!("p{index}")).unwrap());
    assert!(heard.iter().all(|names| *names == ["p0", "p1", "p2", "p3"]));
    groups[2].0.tell("topic", "from 2").unwrap();
    assert_eq!(groups[0].0.hear("topic", 2).unwrap(), "from 2");
}

#[test]
fn what_an_earlier_start_left_is_never_read() {
    let store = Arc::default();
    let first = all(&store, 3, patience());
    each(3, |index| first[index].0.exchange("seed", "1").unwrap());
    first.iter().for_each(|(group, _)| group.fail("interrupted"));
    let plugin = first[0].0.processes().store;
    plugin.put(b"devices", b"old").unwrap();
    for index in 0..3 {
        // The keys of an attempt that nobody answered are there too.
        if index > 0 {
            assert!(matches!(join(&store, 3, index, impatience()), Err(Error::NoAnswer { .. })));
        }
    }
    let second = all(&store, 3, patience());
    let heard = each(3, |index| second[index].0.exchange("seed", "2").unwrap());
    assert!(heard.iter().all(|seeds| *seeds == ["2", "2", "2"]));
    assert_eq!(second[0].0.processes().store.try_get(b"devices").unwrap(), None);
    assert_eq!(plugin.try_get(b"devices").unwrap().as_deref(), Some(&b"old"[..]));
}

#[test]
fn processes_that_do_not_come_are_named() {
    let store = Arc::default();
    let results = each(4, |index| (index < 2).then(|| join(&store, 4, index, impatience()).unwrap_err()));
    let message = results[0].as_ref().unwrap().to_string();
    assert!(
        message.starts_with("process 0 of 4: processes 2 and 3 have not come as far as `start`"),
        "{message}"
    );
    // The others are told why.
    let message = results[1].as_ref().unwrap().to_string();
    assert!(message.contains("process 0 of 4: processes 2 and 3 have not come"), "{message}");
}

#[test]
fn without_process_0_the_others_say_so() {
    let message = join(&Arc::default(), 2, 1, impatience()).unwrap_err().to_string();
    assert!(
        message.starts_with("process 1 of 2: process 0 has not answered within 0 s; is it running"),
        "{message}"
    );
}

#[test]
fn another_number_of_processes_is_noticed() {
    let store = Arc::default();
    let groups = all(&store, 2, patience());
    let message = join(&store, 3, 2, impatience()).unwrap_err().to_string();
    assert!(
        message.ends_with("The last process 0 of this run that was in the store counted 2 processes."),
        "{message}"
    );
    drop(groups);
}

#[test]
fn a_process_that_comes_but_not_so_far_is_named() {
    let groups = all(&Arc::default(), 3, Patience { arrival: Duration::from_secs(1), ..patience() });
    let results = each(3, |index| (index != 1).then(|| groups[index].0.exchange("text", "x").unwrap_err()));
    for index in [0, 2] {
        let message = results[index].as_ref().unwrap().to_string();
        let expected = format!("process {index} of 3: process 1 has not come as far as `text` within 1 s");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn all_processes_name_the_one_that_is_about_to_do_something_else() {
    let groups = all(&Arc::default(), 3, patience());
    let facts = |index| {
        let seed = if index == 1 { "2" } else { "1" };
        Facts::from([
            ("training.seed".to_owned(), seed.to_owned()),
            ("version".to_owned(), "0.1.0".to_owned()),
        ])
    };
    for error in each(3, |index| groups[index].0.agree("configuration", &facts(index)).unwrap_err()) {
        assert_eq!(
            error.to_string(),
            "process 1 differs from the others: training.seed is 2, and 1 there; start all processes with the same program, \
             configuration and plan"
        );
    }
    each(3, |index| groups[index].0.agree("again", &facts(0)).unwrap());
}

#[test]
fn a_process_that_vanishes_is_noticed_by_all_others() {
    let mut groups = all(&Arc::default(), 4, patience());
    // Its thread ends, and says nothing.
    drop(groups.remove(2));
    for (_, losses) in &groups {
        let error = losses.soon();
        assert!(error.starts_with("process 2 has shown no sign of life for 1 s"), "{error}");
    }
}

#[test]
fn the_loss_of_process_0_is_noticed_too() {
    let mut groups = all(&Arc::default(), 3, patience());
    drop(groups.remove(0));
    for (_, losses) in &groups {
        let error = losses.soon();
        assert!(error.starts_with("process 0 has shown no sign of life"), "{error}");
    }
}

#[test]
fn a_failure_is_told_to_all_at_once_and_ends_every_wait() {
    let slow = Patience { loss: Duration::from_secs(1000), ..patience() };
    let groups = all(&Arc::default(), 3, slow);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| groups[0].0.hear("never", 1).unwrap_err());
        let plugin = groups[2].0.processes().store;
        let in_plugin = scope.spawn(move || plugin.get(b"never", Duration::from_secs(20)).unwrap_err());
        groups[1].0.fail("out of memory");
        assert_eq!(waiting.join().unwrap().to_string(), "process 1: out of memory; this process ends too");
        assert_eq!(in_plugin.join().unwrap().to_string(), "process 1: out of memory; this process ends too");
    });
    for index in [0, 2] {
        let error = groups[index].1.soon();
        assert_eq!(error, "process 1: out of memory; this process ends too");
    }
}

#[test]
fn a_process_that_ends_well_is_not_lost_but_the_others_do_not_wait_for_it_forever() {
    let groups = all(&Arc::default(), 2, patience());
    groups[1].0.finish();
    let losses = &groups[0].1;
    assert_eq!(losses.within(Duration::from_millis(500)), None);
    let error = losses.soon();
    assert!(error.starts_with("process 1 ended 1 s ago"), "{error}");
}

#[test]
fn an_older_start_makes_room_for_a_newer_one() {
    let store: Arc<MemoryStore> = Arc::default();
    thread::scope(|scope| {
        let older = scope.spawn(|| join(&store, 2, 0, patience()).unwrap_err());
        thread::sleep(Duration::from_millis(100));
        let newer = all(&store, 2, patience());
        assert!(matches!(older.join().unwrap(), Error::Superseded { index: 0, count: 2 }));
        // Process 1 is of the newer start, although the older one may have answered it.
        let heard = each(2, |index| newer[index].0.exchange("seed", "3").unwrap());
        assert_eq!(heard[0], heard[1]);
    });
}
