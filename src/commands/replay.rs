//! `gopher replay`: steps of a run taken again, to tell a bad chip from a bug.

use std::path::PathBuf;

use clap::Args;
use store::checkpoint::StateDigest;
use train::observer::{Event, Observer};
use train::run::{Compared, Numbers, Replay, Verdict};

use crate::output::{fetching, note, print, print_json, table};

/// Arguments of `gopher replay`.
#[derive(Args)]
pub struct Arguments {
    /// Run directory.
    #[arg(long, value_name = "DIR")]
    run: PathBuf,
    /// Step to replay to, from the newest checkpoint before it.
    #[arg(long, value_name = "N")]
    step: u64,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs `gopher replay`.
///
/// # Errors
/// When the steps cannot be replayed, and when something differs.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let replay = train::run::replay(&arguments.run, arguments.step, &mut Notes)?;
    if arguments.json {
        print_json(&replay)?;
    } else {
        print(describe(&replay))?;
    }
    match difference(&replay) {
        Some(difference) => Err(anyhow::Error::msg(difference)),
        None => Ok(()),
    }
}

/// Says on standard error what is being done.
struct Notes;

impl Observer for Notes {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Fetch(progress) => fetching(progress),
            Event::Note(text) => note(text),
            _ => {}
        }
    }
}

/// What differs, where first, and what that means; `None` if nothing does.
fn difference(replay: &Replay) -> Option<String> {
    let first = |differs: &dyn Fn(&Compared<Numbers>) -> bool,
                 state: &dyn Fn(&Compared<StateDigest>) -> bool| {
        let step = replay.steps.iter().find(|step| differs(step));
        let state = replay.states.iter().find(|compared| state(compared));
        // The state after a step is a consequence of its numbers.
        match (step, state) {
            (Some(step), Some(state)) if state.step < step.step => {
                format!("the state after step {}", state.step)
            }
            (Some(step), _) => format!("step {}", step.step),
            (None, Some(state)) => format!("the state after step {}", state.step),
            (None, None) => "nothing".to_owned(),
        }
    };
    match replay.verdict {
        Verdict::Agrees => None,
        Verdict::ReplaysDiffer => {
            let at = first(&|step| !step.replays_agree(), &|state| !state.replays_agree());
            Some(format!(
                "two replays differ, first in {at}: this machine does not compute the same twice; suspect the chip or its \
                 memory, or a program that is not deterministic (docs/incidents.md)"
            ))
        }
        Verdict::RecordDiffers => {
            let at = first(&|step| !step.record_agrees(), &|state| !state.record_agrees());
            Some(format!(
                "the record differs from two replays that agree, first in {at}: it was computed by another version, plugin, \
                 machine or plan, or by a machine at fault then, or was changed (docs/incidents.md)"
            ))
        }
    }
}

/// The comparison as lines: every state, and the steps that differ, or the last.
fn describe(replay: &Replay) -> String {
    let word = |agrees: bool| if agrees { "agrees" } else { "differs" }.to_owned();
    let row = |name: String, recorded: Option<String>, replays: [String; 2], agrees: bool| {
        let recorded = recorded.unwrap_or_else(|| "not recorded".to_owned());
        let [first, second] = replays;
        vec![name, recorded, first, second, word(agrees)]
    };
    let mut rows = vec![["", "recorded", "replay 1", "replay 2", ""].map(str::to_owned).to_vec()];
    let differs = |step: &Compared<Numbers>| !(step.replays_agree() && step.record_agrees());
    let all_agree = !replay.steps.iter().any(differs);
    for step in replay.steps.iter().filter(|step| differs(step) || all_agree && step.step == replay.step) {
        for (index, name) in ["loss", "gradient norm"].into_iter().enumerate() {
            // They are float32 numbers.
            let text = |numbers: &Numbers| ([numbers.loss, numbers.grad_norm][index] as f32).to_string();
            let recorded = step.recorded.as_ref().map(text);
            let replays = [0, 1].map(|index| text(&step.replays[index]));
            let agrees = replays[0] == replays[1] && recorded.as_ref().is_none_or(|text| *text == replays[0]);
            rows.push(row(format!("step {}, {name}", step.step), recorded, replays, agrees));
        }
    }
    for state in &replay.states {
        for (index, name) in ["parameters", "optimiser"].into_iter().enumerate() {
            let hash =
                |digest: &StateDigest| [&digest.parameters_sha256, &digest.optimizer_sha256][index].clone();
            // A hash that was tampered with may be of any length.
            let text = |digest: &StateDigest| hash(digest).chars().take(16).collect::<String>();
            let all = state.recorded.iter().chain(&state.replays);
            let agrees = all.clone().all(|digest| hash(digest) == hash(&state.replays[0]));
            let recorded = state.recorded.as_ref().map(text);
            let name = format!("after step {}, {name} sha256", state.step);
            rows.push(row(name, recorded, [0, 1].map(|index| text(&state.replays[index])), agrees));
        }
    }
    let (from, step) = (replay.from + 1, replay.step);
    let recorded = replay.steps.iter().filter(|step| step.record_agrees()).count();
    format!("{}steps {from} to {step}: {recorded} of {} as recorded\n", table(&rows), replay.steps.len())
}
