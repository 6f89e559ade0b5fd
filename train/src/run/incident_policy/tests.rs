use super::*;
use configuration::Config;
use proptest::prelude::*;

/// Spikes are losses 1 above the median of the last three; three incidents are tolerated.
fn policies(not_finite: NotFinitePolicy, spike: SpikePolicy) -> Incidents {
    let quick_start = Config::quick_start().unwrap().incidents;
    Incidents { not_finite, spike, spike_threshold: 1.0, spike_window: 3, limit: 3, ..quick_start }
}

/// Decisions about steps 1, 2, … with these losses.
fn decisions(policy: &mut IncidentPolicy, losses: &[f64]) -> Vec<Decision> {
    let outcome = |step, loss, loss_limit| StepOutcome { step, loss, grad_norm: 1.0, loss_limit };
    (1..)
        .zip(losses)
        .map(|(step, &loss)| {
            let limit = policy.loss_limit(step);
            policy.decide(&outcome(step, loss, limit))
        })
        .collect()
}

use Decision::{Continue, Note, Rewind, Skip, Stop};

#[test]
fn each_kind_of_bad_step_follows_its_policy() {
    let check = |not_finite, spike, bad: f64, expected: Decision| {
        let mut policy = IncidentPolicy::new(&policies(not_finite, spike), &History::default(), 0);
        let losses = [5.0, 5.5, 4.0, 4.0, bad];
        assert_eq!(decisions(&mut policy, &losses)[4], expected, "{not_finite:?} {spike:?} {bad}");
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        check(NotFinitePolicy::Stop, SpikePolicy::Rewind, bad, Stop(None));
        check(NotFinitePolicy::Skip, SpikePolicy::Rewind, bad, Skip);
        check(NotFinitePolicy::Rewind, SpikePolicy::Note, bad, Rewind);
    }
    for (policy, expected) in [
        (SpikePolicy::Note, Note),
        (SpikePolicy::Stop, Stop(None)),
        (SpikePolicy::Skip, Skip),
        (SpikePolicy::Rewind, Rewind),
    ] {
        check(NotFinitePolicy::Stop, policy, 6.01, expected);
        // The median of the first three losses is 5: a loss of 6 is not above the limit.
        check(NotFinitePolicy::Stop, policy, 6.0, Continue);
    }
}

#[test]
fn gradients_that_are_not_finite_are_as_bad_as_a_loss() {
    let mut policy =
        IncidentPolicy::new(&policies(NotFinitePolicy::Skip, SpikePolicy::Note), &History::default(), 0);
    let outcome = StepOutcome { step: 1, loss: 3.0, grad_norm: f64::INFINITY, loss_limit: f64::INFINITY };
    assert_eq!(policy.decide(&outcome), Skip);
}

#[test]
fn there_is_no_limit_before_there_are_losses_enough() {
    let policies = policies(NotFinitePolicy::Stop, SpikePolicy::Skip);
    let mut policy = IncidentPolicy::new(&policies, &History::default(), 0);
    assert_eq!(decisions(&mut policy, &[1.0, 100.0, 3.0, 1000.0]), vec![Continue; 4]);
    assert_eq!(policy.loss_limit(4), f64::INFINITY, "the loss of step 3 came too late for step 4");
    assert_eq!(policy.loss_limit(5), 4.0);
    assert_eq!(policy.device_limit(5), 4.0);
    let policy =
        IncidentPolicy::new(&Incidents { spike: SpikePolicy::Note, ..policies }, &History::default(), 0);
    assert_eq!(policy.device_limit(5), f64::INFINITY, "the device applies what is only noted");
}

#[test]
fn steps_left_out_do_not_raise_the_median() {
    let mut policy =
        IncidentPolicy::new(&policies(NotFinitePolicy::Stop, SpikePolicy::Skip), &History::default(), 0);
    let losses = [3.0, 3.0, 3.0, 3.0, 9.0, 9.0, 3.0, 9.0];
    let expected = [Continue, Continue, Continue, Continue, Skip, Skip, Continue, Skip];
    assert_eq!(decisions(&mut policy, &losses), expected);
}

#[test]
fn the_limit_counts_what_was_tolerated_in_all_and_stops() {
    let policies = policies(NotFinitePolicy::Rewind, SpikePolicy::Skip);
    let history = History { losses: vec![(1, 3.0), (3, 3.0), (4, 3.0)], left_out: 1, rewinds: 1, best: None };
    let nan = |step| StepOutcome { step, loss: f64::NAN, grad_norm: f64::NAN, loss_limit: f64::INFINITY };
    let mut policy = IncidentPolicy::new(&policies, &history, 1);
    assert_eq!(policy.decide(&nan(5)), Rewind);
    let Stop(Some(reason)) = policy.decide(&nan(6)) else { panic!("it went on") };
    assert_eq!(reason, "the run tolerated 3 before, and incidents.limit is 3");
    let mut policy = IncidentPolicy::new(&Incidents { limit: 0, ..policies.clone() }, &History::default(), 0);
    assert!(matches!(policy.decide(&nan(1)), Stop(Some(_))));
    // A policy to stop needs no reason, and notes are not counted.
    let mut policy = IncidentPolicy::new(
        &Incidents { not_finite: NotFinitePolicy::Stop, ..policies },
        &History::default(),
        9,
    );
    assert_eq!(policy.decide(&nan(1)), Stop(None));
}

#[test]
fn a_rewind_goes_to_the_newest_checkpoint_that_is_old_enough() {
    assert_eq!(candidates(&[10, 20, 30, 40], 45, 20), [20, 10]);
    assert_eq!(candidates(&[10, 20, 30, 40], 40, 10), [30, 20, 10]);
    assert_eq!(candidates(&[30, 40], 45, 20), [30], "none is old enough: the oldest");
    assert_eq!(candidates(&[30, 40], 40, 0), [30], "a checkpoint at the bad step has no part in it");
    assert_eq!(candidates(&[50], 45, 20), [0; 0]);
    assert_eq!(candidates(&[], 45, 20), [0; 0]);
}

#[test]
fn a_checkpoint_that_an_undisturbed_run_would_go_back_to_is_missed() {
    assert_eq!(missing(&[10, 20, 30, 40], 10, 45, 20), None);
    assert_eq!(missing(&[10, 30, 40], 10, 45, 20), Some(20));
    assert_eq!(missing(&[10, 20, 40], 10, 40, 0), Some(30), "not a checkpoint at the bad step");
    assert_eq!(missing(&[30, 40], 10, 45, 20), None, "the run began after it");
    assert_eq!(missing(&[], 10, 45, 20), None);
    assert_eq!(missing(&[10], 10, 15, 20), None);
}

#[test]
fn the_median_is_the_middle() {
    assert_eq!([&[3.0][..], &[3.0, 1.0], &[9.0, 1.0, 2.0]].map(median), [3.0, 2.0, 2.0]);
}

proptest! {
    /// A run continued after any step decides as one without a break.
    #[test]
    fn what_a_checkpoint_keeps_is_enough_to_go_on(
        losses in proptest::collection::vec(prop_oneof![4 => 2.0f32..4.0, 1 => 5.0f32..9.0, 1 => Just(f32::NAN)], 1..40),
        at in 1..40u64,
    ) {
        let policies = Incidents { limit: 1000, ..policies(NotFinitePolicy::Skip, SpikePolicy::Skip) };
        let losses: Vec<f64> = losses.into_iter().map(f64::from).collect();
        let mut whole = IncidentPolicy::new(&policies, &History::default(), 0);
        let mut continued = IncidentPolicy::new(&policies, &History::default(), 0);
        for (step, &loss) in (1..).zip(&losses) {
            if step == at {
                let saved = serde_json::to_string(&whole.history(0)).unwrap();
                continued = IncidentPolicy::new(&policies, &serde_json::from_str(&saved).unwrap(), 0);
            }
            let limit = whole.loss_limit(step);
            prop_assert_eq!(limit, continued.loss_limit(step));
            let outcome = StepOutcome { step, loss, grad_norm: 1.0, loss_limit: limit };
            let decision = whole.decide(&outcome);
            prop_assert_eq!(&decision, &continued.decide(&outcome));
        }
        prop_assert_eq!(whole.tolerated, continued.tolerated);
    }
}
