//! Building loops.

use super::{Builder, Tensor};
use crate::error::Error;
use crate::op::{Op, Remat, Scan};

/// What a scan reads and how it runs; see [`Scan`] for the meaning of each part.
#[derive(Clone, Debug, Default)]
pub struct ScanInputs<'a> {
    /// Number of iterations.
    pub length: usize,
    /// Whether the last index comes first.
    pub reverse: bool,
    /// What differentiation keeps.
    pub remat: Remat,
    /// Initial carried values.
    pub carries: &'a [Tensor],
    /// Stacked inputs, leading axis `length`.
    pub xs: &'a [Tensor],
    /// Values every iteration reads.
    pub constants: &'a [Tensor],
}

/// The tensors a scan body starts from.
pub struct ScanBody<'a> {
    /// Builder of the body: every tensor inside must come from it.
    pub builder: &'a Builder,
    /// Carried values.
    pub carries: &'a [Tensor],
    /// This iteration's slice of each stacked input.
    pub xs: &'a [Tensor],
    /// The constants.
    pub constants: &'a [Tensor],
}

/// The tensors a scan, or one iteration of it, gives.
pub struct ScanOutputs {
    /// Final carried values; in a body, the next ones.
    pub carries: Vec<Tensor>,
    /// Stacked outputs; in a body, this iteration's slices.
    pub ys: Vec<Tensor>,
}

impl Builder {
    /// Runs `body` once per index of the leading axis of the stacked inputs.
    ///
    /// # Errors
    /// Those of the body; [`Error::Type`] if the body does not give back the carried values that it gets, each of the
    /// same type, or if a stacked input has no leading axis of size `length`.
    pub fn scan(
        &self,
        name: &str,
        inputs: ScanInputs<'_>,
        body: impl FnOnce(ScanBody<'_>) -> Result<ScanOutputs, Error>,
    ) -> Result<ScanOutputs, Error> {
        let ScanInputs { length, reverse, remat, carries, xs, constants } = inputs;
        let inner = Builder::new(name);
        let _scope = inner.scope(if self.scope_name().is_empty() {
            name.to_string()
        } else {
            format!("{}/{name}", self.scope_name())
        });
        let param = |prefix: &str, index: usize, tensor: Tensor| {
            let mut ty = self.ty(tensor);
            if prefix == "x" && ty.rank() > 0 {
                ty.shape.remove(0);
            }
            inner.param(format!("{prefix}{index}"), ty, &[])
        };
        let params = |prefix: &str, tensors: &[Tensor]| -> Vec<Tensor> {
            tensors.iter().enumerate().map(|(index, &tensor)| param(prefix, index, tensor)).collect()
        };
        let (carry_params, x_params) = (params("carry", carries), params("x", xs));
        let constant_params = params("constant", constants);
        let outputs = body(ScanBody {
            builder: &inner,
            carries: &carry_params,
            xs: &x_params,
            constants: &constant_params,
        })?;
        for (index, &carry) in outputs.carries.iter().enumerate() {
            inner.output(format!("carry{index}"), carry);
        }
        for (index, &y) in outputs.ys.iter().enumerate() {
            inner.output(format!("y{index}"), y);
        }
        drop(_scope);
        let body = inner.finish()?;
        let scan = Scan { length, reverse, carries: carries.len(), xs: xs.len(), remat, body };
        let mut carries = self.op(Op::Scan(Box::new(scan)), &[carries, xs, constants].concat())?;
        let ys = carries.split_off(outputs.carries.len());
        Ok(ScanOutputs { carries, ys })
    }
}
