//! The best validation of a run so far, and whether there is hope for a better one.

use store::checkpoint::BestValidation;

/// The best validation: a function of the validations' losses, kept in checkpoints, so that a run that is continued decides as
/// an uninterrupted one does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Best(Option<BestValidation>);

impl Best {
    /// What a checkpoint says. Losses are float32; what was read may be off by the last bit of a float64.
    pub(super) fn of(kept: Option<BestValidation>) -> Best {
        Best(kept.map(|best| BestValidation { loss: f64::from(best.loss as f32), ..best }))
    }

    /// What a checkpoint keeps of this.
    pub(super) fn kept(self) -> Option<BestValidation> {
        self.0
    }

    /// Takes note of a validation. A loss that is no number is not the lowest.
    pub(super) fn validated(&mut self, step: u64, loss: f64) {
        let loss = f64::from(loss as f32);
        let is_lower = !loss.is_nan() && self.0.is_none_or(|best| loss < best.loss);
        match &mut self.0 {
            best if is_lower => *best = Some(BestValidation { step, loss, since: 0 }),
            Some(best) => best.since += 1,
            None => {}
        }
    }

    /// Whether the best validation was that of a step.
    pub(super) fn is_at(self, step: u64) -> bool {
        self.0.is_some_and(|best| best.step == step)
    }

    /// The best validation, if so many have come since without a lower loss; never, for 0.
    pub(super) fn is_over(self, patience: u64) -> Option<BestValidation> {
        self.0.filter(|best| patience > 0 && best.since >= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patience_is_counted_from_the_last_that_was_lower() {
        let mut best = Best::default();
        let mut over = Vec::new();
        for (step, loss) in [(10, 3.0), (20, 2.0), (30, 2.0), (40, 1.5), (50, f64::NAN), (60, 1.75)] {
            best.validated(step, loss);
            over.push(best.is_over(2).is_some());
        }
        assert_eq!(over, [false, false, false, false, false, true]);
        assert_eq!(best.kept(), Some(BestValidation { step: 40, loss: 1.5, since: 2 }));
        assert!(best.is_at(40) && !best.is_at(60) && best.is_over(0).is_none() && best.is_over(3).is_none());
    }

    #[test]
    fn a_loss_that_is_no_number_is_not_the_best() {
        let mut best = Best::default();
        best.validated(1, f64::NAN);
        assert_eq!(best, Best::default());
        best.validated(2, 5.0);
        assert!(best.is_at(2));
    }

    proptest! {
        /// Wherever a run is cut off and goes on from what a checkpoint keeps, which is text.
        #[test]
        fn what_a_checkpoint_keeps_is_all_there_is(losses in prop::collection::vec(0.0..20.0f64, 1..20), cut in 0..20usize) {
            let mut whole = Best::default();
            let mut parts = Best::default();
            for (step, loss) in losses.into_iter().enumerate() {
                whole.validated(step as u64, loss);
                parts.validated(step as u64, loss);
                if step == cut {
                    let text = serde_json::to_string(&parts.kept()).unwrap();
                    parts = Best::of(serde_json::from_str(&text).unwrap());
                }
            }
            prop_assert_eq!(whole, parts);
        }
    }
}
