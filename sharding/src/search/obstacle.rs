//! Why a space has no plans, and what would give it some.

use super::{Pins, Space, Work, Workload, meshes};

/// What stands in the way of any plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obstacle {
    /// Pins, each as `model=3`, without which there are plans; the fewest. None if there are no plans without pins.
    pub pins: Vec<String>,
    /// Batches, in sequences, the next below and above the one asked for, with which there are plans under all pins.
    pub batches: Vec<usize>,
}

impl Obstacle {
    /// What stands in the way in a space without plans.
    pub fn of(space: &Space, workload: &dyn Workload) -> Obstacle {
        let work = workload.work(space.sequence_length);
        Obstacle { pins: in_the_way(space, &work), batches: batches(space, &work) }
    }

    /// What to do about it, such as `leave --pin model=3 out, or take a batch of 8 or 16 sequences`; `batch` says it of a
    /// number of sequences.
    pub fn way_out(&self, batch: impl Fn(usize) -> String) -> Option<String> {
        let pins: Vec<String> = self.pins.iter().map(|pin| format!("--pin {pin}")).collect();
        let pins = (!pins.is_empty()).then(|| {
            let verb = if pins.len() == 1 { "is" } else { "are together" };
            format!("{} {verb} in the way", pins.join(" and "))
        });
        let batches: Vec<String> = self.batches.iter().map(|&sequences| batch(sequences)).collect();
        let batches = (!batches.is_empty())
            .then(|| format!("the nearest batch that would do: {}", batches.join(" or ")));
        let all: Vec<String> = pins.into_iter().chain(batches).collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// The fewest pins without which there are plans.
fn in_the_way(space: &Space, work: &Work) -> Vec<String> {
    let given = given(&space.pins);
    let mut choices: Vec<u32> = (1..1u32 << given.len()).collect();
    choices.sort_by_key(|choice| choice.count_ones());
    let chosen = |choice: u32| {
        given.iter().enumerate().filter(move |(place, _)| choice >> place & 1 == 1).map(|(_, pin)| pin)
    };
    let works = |choice: u32| {
        let mut pins = space.pins.clone();
        chosen(choice).for_each(|(_, leave_out)| leave_out(&mut pins));
        let space = Space { pins, ..space.clone() };
        batches(&space, work).contains(&space.batch)
    };
    let fewest = choices.into_iter().find(|&choice| works(choice)).unwrap_or(0);
    chosen(fewest).map(|(text, _)| text.clone()).collect()
}

type LeaveOut = fn(&mut Pins);
type Given = (String, LeaveOut);

/// The pins that are set: as text, and what leaves them out.
fn given(pins: &Pins) -> Vec<Given> {
    let Pins { stage, data, model, microbatches, zero, remat, sequence_sharding } = pins;
    let all: [(Option<String>, &str, LeaveOut); 7] = [
        (stage.map(|value| value.to_string()), "stage", |pins| pins.stage = None),
        (data.map(|value| value.to_string()), "data", |pins| pins.data = None),
        (model.map(|value| value.to_string()), "model", |pins| pins.model = None),
        (microbatches.map(|value| value.to_string()), "microbatches", |pins| pins.microbatches = None),
        (zero.map(|value| value.to_string()), "zero", |pins| pins.zero = None),
        (remat.map(|value| value.name().to_owned()), "remat", |pins| pins.remat = None),
        (sequence_sharding.map(|value| value.to_string()), "sequence-sharding", |pins| {
            pins.sequence_sharding = None;
        }),
    ];
    all.into_iter()
        .filter_map(|(value, part, leave_out)| Some((format!("{part}={}", value?), leave_out)))
        .collect()
}

/// The next batches below and above that of the space with which it has plans; its own alone if it has.
fn batches(space: &Space, work: &Work) -> Vec<usize> {
    let (mut below, mut above): (Option<usize>, Option<usize>) = (None, None);
    for mesh in meshes(space, work) {
        // Each replica has as many sequences of each of the microbatches, of which there are at least the stages.
        let microbatches = space.pins.microbatches.unwrap_or(1).max(1);
        if space.pins.microbatches.is_some_and(|pinned| pinned < mesh.stage) {
            continue;
        }
        let unit = mesh.data.saturating_mul(microbatches);
        let least = mesh.data.saturating_mul(mesh.stage).div_ceil(unit).saturating_mul(unit);
        let down = space.batch / unit * unit;
        let up = space.batch.div_ceil(unit).saturating_mul(unit).max(least);
        if down >= least {
            below = below.max(Some(down));
        }
        above = Some(above.map_or(up, |above| above.min(up)));
    }
    if below == Some(space.batch) || above == Some(space.batch) {
        return vec![space.batch];
    }
    below.into_iter().chain(above).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::search::candidates;

    /// A model of so many layers and heads, and 64 wide.
    fn work(layers: usize, heads: usize) -> Work {
        Work { layers, embed: 64, divided: vec![("heads", heads)], ..Work::default() }
    }

    fn space(devices: usize, batch: usize, pins: Pins) -> Space {
        Space {
            topology: "cpu".into(),
            slices: 1,
            islands: 1,
            devices,
            memory: 1 << 40,
            certain_memory: 1 << 40,
            flops_per_second: 1e12,
            batch,
            sequence_length: 128,
            pins,
        }
    }

    /// The batches are exactly the nearest of all that have plans, whatever is pinned.
    #[test]
    fn the_nearest_batches_are_those_with_plans() {
        let pinned =
            |stage, data, model, microbatches| Pins { stage, data, model, microbatches, ..Pins::default() };
        let mut seen = BTreeMap::new();
        for (devices, pins) in [
            (6, Pins::default()),
            (8, pinned(None, Some(8), None, None)),
            (8, pinned(Some(4), None, None, None)),
            (8, pinned(None, Some(2), None, Some(3))),
            (8, pinned(Some(4), None, None, Some(2))),
            (10, pinned(None, None, Some(3), None)),
            (8, Pins { zero: Some(3), ..Pins::default() }),
            (6, Pins { zero: Some(3), ..Pins::default() }),
            (8, Pins { sequence_sharding: Some(true), model: Some(1), ..Pins::default() }),
        ] {
            let work = work(4, 4);
            let has = |batch: usize| !candidates(&space(devices, batch, pins.clone()), &work).is_empty();
            for batch in 1..40 {
                let found = batches(&space(devices, batch, pins.clone()), &work);
                let below = (1..batch).rev().find(|&batch| has(batch));
                let above = (batch + 1..200).find(|&batch| has(batch));
                let expected: Vec<usize> =
                    if has(batch) { vec![batch] } else { below.into_iter().chain(above).collect() };
                assert_eq!(found, expected, "{devices} devices, {batch} sequences, {pins:?}");
                *seen.entry(expected.len()).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), 3, "{seen:?}");
    }

    #[test]
    fn the_fewest_pins_in_the_way_are_named() {
        let obstacle = |batch, pins: Pins| in_the_way(&space(8, batch, pins), &work(4, 4));
        assert_eq!(obstacle(8, Pins { model: Some(3), zero: Some(0), ..Pins::default() }), ["model=3"]);
        assert_eq!(obstacle(8, Pins { data: Some(8), model: Some(2), ..Pins::default() }), ["data=8"]);
        let both = Pins { model: Some(3), microbatches: Some(5), ..Pins::default() };
        assert_eq!(obstacle(8, both), ["model=3", "microbatches=5"]);
        assert_eq!(
            obstacle(8, Pins { model: Some(1), sequence_sharding: Some(true), ..Pins::default() }),
            ["model=1"]
        );
        // A batch of 1 has no plan with or without it: one head's device has the rest as data.
        assert_eq!(in_the_way(&space(5, 1, Pins { zero: Some(0), ..Pins::default() }), &work(4, 4)), [""; 0]);
    }

    #[test]
    fn the_way_out_is_said_in_a_line() {
        let obstacle = Obstacle { pins: vec!["model=3".into()], batches: vec![8, 16] };
        let said = obstacle.way_out(|sequences| format!("{sequences} sequences"));
        let expected =
            "--pin model=3 is in the way; the nearest batch that would do: 8 sequences or 16 sequences";
        assert_eq!(said.as_deref(), Some(expected));
        assert_eq!(Obstacle::default().way_out(|_| String::new()), None);
    }
}
