//! What types do not say of a configuration.

use std::fmt;

use crate::{Adam, BatchChange, Config, Data, Error, MixtureSource, Training};

impl Config {
    /// Checks what types do not: ranges, and sizes that fit each other.
    ///
    /// # Errors
    /// [`Error`], naming the first key whose value is out of range or contradicts another.
    pub fn check(&self) -> Result<(), Error> {
        self.model.check()?;
        self.schedule.check()?;
        self.incidents.check(self.training.checkpoint_every)?;
        if let Some(topology) = self.topology()?
            && topology.kind() != self.device.kind
        {
            let (kind, expected) = (self.device.kind, topology.kind());
            return Err(Error::Kind { kind, topology: topology.to_string(), expected });
        }
        let Training { steps, batch, microbatches, sequence_length, clip_norm, .. } = self.training;
        let Training { patience, validation_every, checkpoint_minutes, .. } = self.training;
        let Adam { beta1, beta2, epsilon, weight_decay } = self.optimizer;
        let positive = |x: f64| x.is_finite() && x > 0.0;
        let decay = "at least 0 and below 1";
        let slices = self.device.slices;
        let rules: [(&str, &dyn fmt::Display, bool, &str); 15] = [
            (
                "device.slices",
                &slices,
                slices == 1 || !self.device.topology.is_empty(),
                "1 without device.topology, which says what a slice is",
            ),
            ("training.steps", &steps, (1..=1 << 24).contains(&steps), "between 1 and 16777216"),
            ("training.batch", &batch, (1..=1 << 20).contains(&batch), "between 1 and 1048576"),
            (
                "training.microbatches",
                &microbatches,
                microbatches > 0 && batch.is_multiple_of(microbatches),
                "at least 1, and a divisor of training.batch",
            ),
            (
                "training.sequence_length",
                &sequence_length,
                (1..=1 << 20).contains(&sequence_length),
                "between 1 and 1048576",
            ),
            ("training.clip_norm", &clip_norm, positive(clip_norm), "a positive number"),
            (
                "training.checkpoint_minutes",
                &checkpoint_minutes,
                (0.0..=1e6).contains(&checkpoint_minutes),
                "between 0 and 1e6",
            ),
            (
                "training.patience",
                &patience,
                patience == 0 || (validation_every > 0 && self.data.validation_fraction > 0.0),
                "0 without validations on the way (training.validation_every, data.validation_fraction)",
            ),
            ("optimizer.beta1", &beta1, (0.0..1.0).contains(&beta1), decay),
            ("optimizer.beta2", &beta2, (0.0..1.0).contains(&beta2), decay),
            ("optimizer.epsilon", &epsilon, positive(epsilon), "a positive number"),
            ("optimizer.weight_decay", &weight_decay, (0.0..1.0).contains(&weight_decay), decay),
            (
                "data.validation_fraction",
                &self.data.validation_fraction,
                (0.0..1.0).contains(&self.data.validation_fraction),
                decay,
            ),
            (
                "data.character_coverage",
                &self.data.character_coverage,
                self.data.character_coverage > 0.0 && self.data.character_coverage <= 1.0,
                "above 0 and at most 1",
            ),
            (
                "name",
                &self.name,
                !self.name.is_empty() && !self.name.contains(['/', '\0']) && !self.name.starts_with('.'),
                "a name for a folder: not empty, without `/`, not starting with a dot",
            ),
        ];
        for (key, value, good, expected) in rules {
            if !good {
                return Err(Error::Range { key, value: value.to_string(), expected });
            }
        }
        self.check_ramp()?;
        self.check_mixture()?;
        self.check_dialogues()
    }

    /// Dialogues are files that are named, and of one source.
    fn check_dialogues(&self) -> Result<(), Error> {
        let Data { paths, mixture, dialogues, .. } = &self.data;
        let expected = match (dialogues, mixture.is_empty(), paths.is_empty()) {
            (true, false, _) => {
                "false where data.mixture has sources: dialogues are named by data.paths (or --data)"
            }
            (true, true, true) => "false where data.paths (or --data) names no files of dialogues",
            _ => return Ok(()),
        };
        Err(Error::Range { key: "data.dialogues", value: "true".into(), expected })
    }

    /// Every source has files and a weight, and is the only place for them.
    fn check_mixture(&self) -> Result<(), Error> {
        let Data { paths, mixture, .. } = &self.data;
        let wrong = |value: String, expected| Err(Error::Range { key: "data.mixture", value, expected });
        if !mixture.is_empty() && !paths.is_empty() {
            let value = format!("[.. {} sources]", mixture.len());
            return wrong(value, "empty where data.paths (or --data) names text");
        }
        for MixtureSource { paths, weight } in mixture {
            if paths.is_empty() {
                return wrong("[.., { paths = [], .. }]".into(), "of sources with at least one path each");
            }
            if !(weight.is_finite() && *weight > 0.0) {
                return wrong(
                    format!("[.., {{ weight = {weight}, .. }}]"),
                    "of sources with positive weights",
                );
            }
        }
        Ok(())
    }

    /// Tokens of changes ascend, so that each has its turn.
    fn check_ramp(&self) -> Result<(), Error> {
        let mut before = 0;
        for &BatchChange { tokens, batch } in &self.training.batch_ramp {
            let wrong =
                |value: String, expected| Err(Error::Range { key: "training.batch_ramp", value, expected });
            if tokens <= before {
                let value = format!("[.., {{ tokens = {tokens}, .. }}]");
                return wrong(
                    value,
                    "in order: tokens above 0, and more for each change than for the one before",
                );
            }
            if !(1..=1 << 20).contains(&batch) {
                return wrong(format!("[.., {{ batch = {batch}, .. }}]"), "of batches between 1 and 1048576");
            }
            before = tokens;
        }
        Ok(())
    }
}
