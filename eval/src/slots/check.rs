//! That the programs which continue texts compute the same bits, whichever of them has a text and in whichever row.
//!
//! In which order a program adds does not depend on the numbers that it adds. So one text in all rows of all programs, with a few tokens
//! after it, shows of two programs whether they compute alike: if they did not, some of a vocabulary of logits would round otherwise.

use super::Slots;
use crate::Result;

/// Tokens of the text: up to the second length.
const TEXT: usize = super::SHORTEST + 8;

/// Where a program of the first length continues the text, if its window has so many positions.
const FIRST: usize = 200;

/// Tokens that it is continued with.
const TOKENS: usize = 3;

impl Slots {
    /// Drops every program whose rows are not those of the largest one that computes all its rows alike. False if there is none, and only
    /// the smallest is left.
    pub(super) fn keep_equal(&mut self) -> Result<bool> {
        if self.all.len() * self.group < 2 {
            return Ok(true);
        }
        let token = |place: usize| ((place * 7919 + place * place + 13) % self.tokens) as u32;
        let text: Vec<u32> = (0..TEXT.min(self.window())).map(token).collect();
        self.begin(&text)?;
        while self.read()?.is_none() {}
        (0..self.count()).try_for_each(|slot| self.place(slot))?;
        let mut is_invariant = true;
        for length in 0..self.lengths.len() {
            let before = length.checked_sub(1).map(|before| self.lengths[before].attended);
            let position = before.map_or(FIRST, |before| before + 3).min(self.lengths[length].attended - 1);
            let places = 0..self.lengths[length].steps.len();
            let bits =
                places.map(|place| self.continued(length, place, position)).collect::<Result<Vec<_>>>()?;
            let steps = &mut self.lengths[length].steps;
            match kept(&bits) {
                Some(kept) => {
                    let mut kept = kept.into_iter();
                    steps.retain(|_| kept.next() == Some(true));
                }
                None => {
                    is_invariant = false;
                    steps.truncate(1);
                }
            }
        }
        self.reset()?;
        self.statistics = super::SlotStatistics::default();
        Ok(is_invariant)
    }

    /// The bits of the logits after each of [`TOKENS`] tokens, by one program; `None` if they are not the same in all rows.
    fn continued(&mut self, length: usize, place: usize, position: usize) -> Result<Option<Vec<Vec<u32>>>> {
        let groups: Vec<usize> = (0..self.lengths[length].steps[place].0).collect();
        // The row of a slot that is not there has no text.
        let rows: Vec<bool> =
            groups.iter().flat_map(|&group| self.rows_of(group)).map(|slot| slot.is_some()).collect();
        let (group, all) = (self.group, self.tokens);
        let positions = vec![position as i32; rows.len()];
        let mut found: Vec<Option<Vec<u32>>> = vec![None; TOKENS];
        // In few rows, each token comes into two of them one after the other.
        let shifts = if rows.len() > 2 * TOKENS { 0..1 } else { 0..2 };
        for shift in shifts {
            let which = |row: usize| (row + row / group + shift) % TOKENS;
            let token = |row: usize| ((which(row) * 31 + 5) % all) as i32;
            let tokens: Vec<i32> = (0..rows.len()).map(token).collect();
            let logits = self.step_groups((length, place), &groups, &tokens, &positions)?;
            let rows = logits.chunks(self.config.padded_vocabulary()).zip(&rows).enumerate();
            for (row, (logits, _)) in rows.filter(|(_, (_, has_text))| **has_text) {
                let bits: Vec<u32> = logits.iter().map(|logit| logit.to_bits()).collect();
                match &found[which(row)] {
                    Some(other) if *other != bits => return Ok(None),
                    Some(_) => {}
                    None => found[which(row)] = Some(bits),
                }
            }
        }
        // There is one program, if it has fewer rows than there are tokens.
        Ok(Some(found.into_iter().map(Option::unwrap_or_default).collect()))
    }
}

/// Which programs compute what the last does that has the same bits in all rows, of what each computed; `None` if none has.
fn kept<T: PartialEq>(bits: &[Option<T>]) -> Option<Vec<bool>> {
    let wanted = bits.iter().rev().flatten().next()?;
    Some(bits.iter().map(|bits| bits.as_ref() == Some(wanted)).collect())
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn programs_are_kept_that_agree_with_the_largest_that_agrees_with_itself() {
        assert_eq!(kept(&[Some(1), Some(1)]), Some(vec![true, true]));
        assert_eq!(kept(&[Some(2), Some(1), Some(1)]), Some(vec![false, true, true]));
        assert_eq!(kept(&[Some(2), Some(1), None]), Some(vec![false, true, false]));
        assert_eq!(kept::<u32>(&[None, None]), None);
    }
}
