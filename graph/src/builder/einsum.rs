//! Contractions written with one letter per dimension.

use super::{BuildResult, Builder, Tensor};
use crate::dtype::DType;
use crate::error::Error;
use crate::op::DotDims;

struct Equation<'a> {
    lhs: &'a [u8],
    rhs: &'a [u8],
    output: &'a [u8],
}

impl<'a> Equation<'a> {
    fn parse(text: &'a str) -> Result<Self, String> {
        let (operands, output) = text.split_once("->").ok_or("has no `->`")?;
        let (lhs, rhs) = operands.split_once(',').ok_or("needs two operands separated by `,`")?;
        let this = Self { lhs: lhs.as_bytes(), rhs: rhs.as_bytes(), output: output.as_bytes() };
        for (part, letters) in [("left", this.lhs), ("right", this.rhs), ("result", this.output)] {
            for (position, letter) in letters.iter().enumerate() {
                if !letter.is_ascii_lowercase() || letters[..position].contains(letter) {
                    return Err(format!("the {part} part has an invalid or repeated letter"));
                }
            }
        }
        let known = |letter: &u8| this.lhs.contains(letter) || this.rhs.contains(letter);
        if !this.output.iter().all(known) {
            return Err("a letter of the result is in no operand".into());
        }
        Ok(this)
    }

    /// Order of the letters in the result of a dot product, and the dimension numbers that give it.
    fn dot(&self) -> (Vec<u8>, DotDims) {
        let mut dims = DotDims::default();
        let mut letters = Vec::new();
        let position = |letters: &[u8], letter: u8| letters.iter().position(|&other| other == letter);
        for &letter in self.output {
            if let (Some(left), Some(right)) = (position(self.lhs, letter), position(self.rhs, letter)) {
                dims.lhs_batch.push(left);
                dims.rhs_batch.push(right);
                letters.push(letter);
            }
        }
        for (left, &letter) in self.lhs.iter().enumerate() {
            if let (Some(right), false) = (position(self.rhs, letter), self.output.contains(&letter)) {
                dims.lhs_contract.push(left);
                dims.rhs_contract.push(right);
            }
        }
        let free = |side: &[u8], other: &[u8]| -> Vec<u8> {
            side.iter().copied().filter(|&letter| position(other, letter).is_none()).collect()
        };
        letters.extend(free(self.lhs, self.rhs));
        letters.extend(free(self.rhs, self.lhs));
        (letters, dims)
    }
}

impl Builder {
    /// A contraction such as `bthk,bshk->bhts`: letters of both operands that the result keeps are batch
    /// dimensions, those it drops are summed over. The result has the operands' dtype.
    ///
    /// # Errors
    /// [`Error::Type`] if the equation is not two operands and a result of distinct letters, lacks a letter for a
    /// dimension, sums over a letter of one operand alone, or gives one letter to dimensions of two sizes; and as
    /// [`Builder::op`].
    pub fn einsum(&self, equation: &str, x: Tensor, y: Tensor) -> BuildResult {
        self.einsum_as(equation, x, y, self.dtype(x))
    }

    /// As [`Builder::einsum`], with a result of dtype `output`, in which the sums are accumulated.
    ///
    /// # Errors
    /// As [`Builder::einsum`]; [`Error::Type`] if `output` is neither the operands' dtype nor a wider float.
    pub fn einsum_as(&self, equation: &str, x: Tensor, y: Tensor, output: DType) -> BuildResult {
        let fail = |message: String| Error::Type {
            op: "einsum",
            scope: self.scope_name(),
            message: format!("`{equation}` {message}"),
        };
        let straight = Equation::parse(equation).map_err(fail)?;
        let (lhs, rhs) = (self.ty(x), self.ty(y));
        if straight.lhs.len() != lhs.rank() || straight.rhs.len() != rhs.rank() {
            return Err(fail(format!("does not fit {lhs} and {rhs}")));
        }
        for (side, other) in [(straight.lhs, straight.rhs), (straight.rhs, straight.lhs)] {
            if let Some(letter) =
                side.iter().find(|letter| !other.contains(letter) && !straight.output.contains(letter))
            {
                return Err(fail(format!("sums over `{}` of one operand alone", *letter as char)));
            }
        }
        // Of the two operand orders, take the one whose result needs no transposition, if there is one.
        let swapped = Equation { lhs: straight.rhs, rhs: straight.lhs, output: straight.output };
        let (letters, dims) = straight.dot();
        let (swapped_letters, swapped_dims) = swapped.dot();
        if letters != straight.output && swapped_letters == straight.output {
            return self.dot(y, x, swapped_dims, output);
        }
        let product = self.dot(x, y, dims, output)?;
        let order: Vec<_> = straight
            .output
            .iter()
            .filter_map(|letter| letters.iter().position(|other| other == letter))
            .collect();
        self.transpose(product, &order)
    }
}
