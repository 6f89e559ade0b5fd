//! The engine with a model that needs no device: answers are those that come alone, and nothing that goes wrong with one, or with the
//! device, stays.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{Faults, engine, tokenizer};
use eval::Sampling;
use serve::engine::{Event, Failure, Finish, Handle, Task, TokenScore};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

type Events = UnboundedReceiver<(usize, Event)>;

/// A task, as its test changes it, and who listens.
fn task(prompt: &[u32], max_tokens: usize, change: impl FnOnce(&mut Task)) -> (Task, Events) {
    let (events, listener) = unbounded_channel();
    let now = Instant::now();
    let mut task = Task {
        index: 0,
        prompt: prompt.into(),
        max_tokens,
        sampling: Sampling { seed: u64::from(prompt[0]), ..Sampling::default() },
        logit_bias: Arc::default(),
        stop: Arc::default(),
        trims: false,
        logprobs: None,
        score_prompt: false,
        deadline: now + Duration::from_secs(60),
        arrived: now,
        events,
    };
    change(&mut task);
    (task, listener)
}

/// An answer put together.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    prompt: Vec<TokenScore>,
    text: String,
    scores: Vec<TokenScore>,
    end: Option<(Finish, usize)>,
    failure: Option<Failure>,
}

fn collect(mut events: Events) -> Answer {
    let mut answer = Answer::default();
    while let Some((_, event)) = events.blocking_recv() {
        assert!(answer.end.is_none() && answer.failure.is_none(), "nothing comes after the end");
        match event {
            Event::Prompt(scores) => answer.prompt = scores,
            Event::Piece { text, scores } => {
                answer.text.push_str(&text);
                answer.scores.extend(scores);
            }
            Event::End { finish, tokens } => answer.end = Some((finish, tokens)),
            Event::Failed(failure) => answer.failure = Some(failure),
        }
    }
    answer
}

fn ask(engine: &Handle, prompt: &[u32], max_tokens: usize, change: impl FnOnce(&mut Task)) -> Answer {
    let (task, events) = task(prompt, max_tokens, change);
    engine.submit(vec![task]).unwrap();
    collect(events)
}

/// Waits until something holds.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Requests of many kinds.
fn kinds(index: u32) -> (Vec<u32>, usize, impl FnOnce(&mut Task)) {
    let prompt = (0..1 + index * 7 % 40).map(|place| 10 + (place * 3 + index) % 200).collect();
    let change = move |task: &mut Task| {
        match index % 4 {
            0 => task.sampling = Sampling { temperature: 0.0, ..Sampling::default() },
            1 => task.sampling.top_p = 0.6,
            2 => task.sampling.top_k = Some(5),
            _ => task.logit_bias = [(40, 3.0), (41, -100.0)].into(),
        }
        if index.is_multiple_of(3) {
            task.logprobs = Some(2);
            task.score_prompt = index.is_multiple_of(2);
        }
        if index.is_multiple_of(5) {
            task.stop = ["e".to_owned(), "日".to_owned()].into();
        }
    };
    (prompt, 3 + (index * 11 % 50) as usize, change)
}

#[test]
fn an_answer_is_the_same_alone_and_among_others() {
    let (engine, _) = engine(4, 100, &Arc::default());
    let alone: Vec<Answer> = (0..40)
        .map(|index| {
            let (prompt, max_tokens, change) = kinds(index);
            ask(&engine, &prompt, max_tokens, change)
        })
        .collect();
    assert!(alone.iter().all(|answer| answer.end.is_some() && answer.failure.is_none()), "{alone:?}");
    assert!(alone.iter().any(|answer| answer.end.unwrap().0 == Finish::Stop));
    let together: Vec<Events> = (0..40)
        .map(|index| {
            let (prompt, max_tokens, change) = kinds(index);
            let (task, events) = task(&prompt, max_tokens, change);
            engine.submit(vec![task]).unwrap();
            events
        })
        .collect();
    for (index, (events, alone)) in together.into_iter().zip(&alone).enumerate() {
        assert_eq!(collect(events), *alone, "request {index}");
    }
}

#[test]
fn tokens_and_scores_are_those_of_the_model() {
    let (engine, _) = engine(2, 10, &Arc::default());
    let greedy = |task: &mut Task| {
        task.sampling.temperature = 0.0;
        task.logprobs = Some(3);
    };
    let answer = ask(&engine, &[20, 30, 40], 12, greedy);
    assert_eq!(answer.end, Some((Finish::Length, 12)));
    assert_eq!(answer.scores.len(), 12);
    let ids: Vec<u32> = [20, 30, 40].into_iter().chain(answer.scores.iter().map(|score| score.id)).collect();
    assert!(tokenizer().decode(&ids).unwrap().ends_with(&answer.text));
    for score in &answer.scores {
        assert_eq!(Some(score.top[0].1), score.log_probability, "a greedy token is the most probable");
        assert!(score.top.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    }
    // Scored as a prompt, what was made has the same numbers.
    let echoed = ask(&engine, &ids, 1, |task| {
        greedy(task);
        task.score_prompt = true;
    });
    assert_eq!(echoed.prompt[0].log_probability, None);
    for (score, made) in echoed.prompt[3..].iter().zip(&answer.scores) {
        assert_eq!((score.id, score.log_probability), (made.id, made.log_probability));
        assert_eq!(score.top, made.top);
    }
    // The token after it is the one that comes without scoring.
    let plain = ask(&engine, &ids, 1, greedy);
    assert_eq!(echoed.scores, plain.scores);
    // And more of them, or none.
    let more = ask(&engine, &ids, 3, |task| {
        greedy(task);
        task.score_prompt = true;
    });
    assert_eq!((more.prompt, more.scores.len()), (echoed.prompt, 3));
    let none = ask(&engine, &ids, 0, |task| task.score_prompt = true);
    assert_eq!((none.prompt.len(), none.end), (15, Some((Finish::Length, 0))));
    assert_eq!(ask(&engine, &[5], 0, |_| ()).end, Some((Finish::Length, 0)));
}

/// Bias that keeps the model from ending a text.
fn endless(task: &mut Task) {
    task.logit_bias = [(tokenizer().end_of_text().unwrap(), -100.0)].into();
}

#[test]
fn who_goes_away_frees_the_slot_within_two_steps() {
    let faults = Arc::new(Faults::default());
    faults.pause.store(10, Ordering::SeqCst);
    let (engine, _) = engine(1, 10, &faults);
    let metrics = engine.metrics();
    let (task, events) = self::task(&[9], 190, endless);
    engine.submit(vec![task]).unwrap();
    until("a step is made", || metrics.steps.get() > 2);
    let steps = metrics.steps.get();
    drop(events);
    until("the slot is free", || metrics.slots.get() == 0);
    assert!(metrics.steps.get() - steps <= 2, "{} steps", metrics.steps.get() - steps);
    assert_eq!(metrics.vanished.get(), 1);
    // Those who go while they wait, or while their prompt is scored, too.
    let gone = (0..9).map(|index| self::task(&[9; 30], 100, |task| task.score_prompt = index % 2 == 0).0);
    engine.submit(gone.collect()).unwrap();
    until("nobody waits", || metrics.waiting.get() == 0 && metrics.slots.get() == 0);
    assert!(ask(&engine, &[1], 3, endless).end.is_some());
}

#[test]
fn the_queue_is_bounded() {
    let faults = Arc::new(Faults::default());
    faults.pause.store(5, Ordering::SeqCst);
    let (engine, _) = engine(1, 3, &faults);
    let (first, listener) = task(&[9], 100, endless);
    engine.submit(vec![first]).unwrap();
    until("it has begun", || engine.metrics().slots.get() == 1);
    let waiting: Vec<_> = (0..3).map(|_| task(&[9], 1, endless)).collect();
    let (tasks, listeners): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
    engine.submit(tasks).unwrap();
    assert_eq!(engine.submit(vec![task(&[9], 1, endless).0]).unwrap_err().waiting, 3);
    drop(listener);
    listeners.into_iter().for_each(|events| assert!(collect(events).end.is_some()));
    assert!(engine.submit(vec![task(&[9], 1, endless).0]).is_ok());
}

#[test]
fn what_takes_too_long_is_given_up() {
    let faults = Arc::new(Faults::default());
    faults.pause.store(5, Ordering::SeqCst);
    let (engine, _) = engine(1, 10, &faults);
    let (first, running) = task(&[9], 190, endless);
    let (second, waiting) = task(&[9], 190, endless);
    let (third, scored) = task(&[9; 150], 1, |task| task.score_prompt = true);
    let deadline = Instant::now() + Duration::from_millis(60);
    let tasks = [first, second, third].map(|task| Task { deadline, ..task });
    engine.submit(tasks.into()).unwrap();
    let running = collect(running);
    assert!(!running.text.is_empty());
    for (what, answer) in [("running", running), ("waiting", collect(waiting)), ("scored", collect(scored))] {
        assert_eq!((answer.end, answer.failure), (None, Some(Failure::Deadline)), "{what}");
    }
}

#[test]
fn a_failed_device_ends_what_is_under_way_and_nothing_else() {
    let faults = Arc::new(Faults::default());
    let (engine, ended) = engine(2, 10, &faults);
    let expected = ask(&engine, &[9], 20, endless);
    faults.pause.store(5, Ordering::SeqCst);
    let under_way: Vec<Events> = (0..3)
        .map(|_| {
            let (task, events) = task(&[9], 20, endless);
            engine.submit(vec![task]).unwrap();
            events
        })
        .collect();
    until("two have begun", || engine.metrics().slots.get() == 2);
    faults.steps.store(1, Ordering::SeqCst);
    let answers: Vec<Answer> = under_way.into_iter().map(collect).collect();
    let lost = answers.iter().filter(|answer| answer.failure.is_some()).collect::<Vec<_>>();
    assert_eq!(lost.len(), 2);
    assert!(
        matches!(&lost[0].failure, Some(Failure::Device(message)) if message.contains("it is unplugged")),
        "{lost:?}"
    );
    // The one that waited is answered as if nothing had been.
    assert_eq!(answers[2], expected);
    assert_eq!(ask(&engine, &[9], 20, endless), expected);
    // If it cannot be made as new, the engine ends, and says so to all.
    faults.steps.store(1, Ordering::SeqCst);
    faults.resets.store(1, Ordering::SeqCst);
    let (first, one) = task(&[9], 20, endless);
    let (second, other) = task(&[9; 100], 20, endless);
    engine.submit(vec![first, second]).unwrap();
    assert!(collect(one).failure.is_some());
    assert!(collect(other).failure.is_some());
    let message = ended.blocking_recv().unwrap().unwrap_err();
    assert!(message.starts_with("the device failed again: "), "{message}");
    let (late, events) = task(&[9], 20, endless);
    engine.submit(vec![late]).unwrap();
    assert_eq!(collect(events), Answer::default(), "nobody answers any more, and nobody waits for it");
}

#[test]
fn parameters_are_changed_between_texts() {
    let faults = Arc::new(Faults::default());
    let (engine, ended) = engine(2, 10, &faults);
    let before = ask(&engine, &[9], 30, endless);
    faults.pause.store(3, Ordering::SeqCst);
    let (first, under_way) = task(&[9], 30, endless);
    engine.submit(vec![first]).unwrap();
    until("it has begun", || engine.metrics().slots.get() == 1);
    let wish = std::thread::spawn({
        let engine = engine.clone();
        move || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(engine.reload())
    });
    std::thread::sleep(Duration::from_millis(10));
    let (second, after) = task(&[9], 30, endless);
    engine.submit(vec![second]).unwrap();
    assert_eq!(collect(under_way), before, "one answer is of one model");
    assert_eq!(wish.join().unwrap(), Ok((1, true)));
    let after = collect(after);
    assert!(after.end.is_some() && after != before);
    drop(engine);
    assert_eq!(ended.blocking_recv().unwrap(), Ok(()), "without anybody who could ask it ends");
}
