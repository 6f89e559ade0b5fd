//! Random valid functions and literals for property tests, here and in the crates that consume functions.
//!
//! Everything is a pure function of a seed, so that a failure is reproduced by its seed and made smaller by
//! asking for fewer nodes.

mod ops;
mod random;
pub mod size;

use crate::builder::{Builder, ScanInputs, ScanOutputs, Tensor};
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::function::Function;
use crate::literal::Literal;
use crate::op::Remat;
pub use random::Random;

/// What random functions are made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// Number of ops to add; an op may take several nodes. Unread values become results, so none is dropped.
    pub nodes: usize,
    /// Dtypes of parameters and constants. Comparisons add `pred`, indices `i32` and bitcasts integers in any case;
    /// without a float dtype here there are no floats at all.
    pub dtypes: Vec<DType>,
    /// Keeps values moderate and well conditioned, so that implementations agree up to rounding: no infinity or NaN,
    /// no overflow, no jump where a rounding error decides, indices possibly out of range.
    pub tame: bool,
    /// Whether there are exchanges between the devices of a mesh that has one: programs still to be split have none.
    pub collectives: bool,
}

/// One literal for each parameter of a function.
pub fn random_inputs(seed: u64, function: &Function, tame: bool) -> Vec<Literal> {
    let mut random = Random::new(seed);
    function.param_types().iter().map(|ty| random.literal(ty, tame)).collect()
}

/// A valid function, of every kind of op, the same for equal arguments.
///
/// # Panics
/// When the builder or the verifier refuses it, which is a bug that the caller's test has found.
pub fn random_function(seed: u64, options: &Options) -> Function {
    let mut random = Random::new(seed);
    let builder = Builder::new("random");
    let params: Vec<Tensor> = (0..1 + random.below(4))
        .map(|index| {
            let ty = TensorType::new(random.pick(&options.dtypes), random.shape(options.tame));
            let axes: &[&str] = if random.once_in(2) { &["a", "b", "c"] } else { &[] };
            let axes = if axes.is_empty() { axes } else { &axes[..ty.rank()] };
            builder.param(format!("input{index}"), ty, axes)
        })
        .collect();
    let mut writer = Writer { b: &builder, random: &mut random, options, pool: Vec::new(), depth: 0 };
    params.iter().for_each(|&param| writer.give(param, true));
    writer.ops(options.nodes).expect("the generator builds valid ops");
    let pool = std::mem::take(&mut writer.pool);
    let mut free: Vec<Option<TensorType>> = params.iter().map(|&param| Some(builder.ty(param))).collect();
    for (index, entry) in pool.iter().filter(|entry| !entry.read).enumerate() {
        let ty = Some(builder.ty(entry.tensor));
        let fitting = free.iter().position(|param| *param == ty).filter(|_| random.once_in(2));
        if let Some(param) = fitting {
            free[param] = None;
        }
        builder.output_aliased(format!("output{index}"), entry.tensor, fitting);
    }
    builder.finish().expect("the generator builds valid functions")
}

/// A tensor that later ops may read.
struct PoolEntry {
    tensor: Tensor,
    /// Whether every implementation computes exactly this: no float arithmetic went into it.
    exact: bool,
    read: bool,
}

/// Adds random ops to one builder.
struct Writer<'a> {
    b: &'a Builder,
    random: &'a mut Random,
    options: &'a Options,
    pool: Vec<PoolEntry>,
    /// Number of scans around.
    depth: usize,
}

impl Writer<'_> {
    fn give(&mut self, tensor: Tensor, exact: bool) {
        self.pool.push(PoolEntry { tensor, exact, read: false });
    }

    /// Marks a tensor as read and says whether it is exact.
    fn read(&mut self, tensor: Tensor) -> bool {
        let entry = self.pool.iter_mut().find(|entry| entry.tensor == tensor);
        entry.is_none_or(|entry| {
            entry.read = true;
            entry.exact
        })
    }

    /// A tensor whose type is accepted, or a new constant of a type that `otherwise` makes of a random one.
    fn any(
        &mut self,
        accept: impl Fn(&TensorType) -> bool,
        otherwise: impl FnOnce(TensorType) -> TensorType,
    ) -> Result<Tensor, Error> {
        // Large values are left alone, lest they grow without bound.
        let fits = |&tensor: &Tensor| {
            let ty = self.b.ty(tensor);
            ty.elements() <= 256 && ty.rank() <= 5 && accept(&ty)
        };
        let fitting: Vec<_> = self.pool.iter().map(|entry| entry.tensor).filter(fits).collect();
        if !fitting.is_empty() && !self.random.once_in(8) {
            return Ok(self.random.pick(&fitting));
        }
        let ty =
            TensorType::new(self.random.pick(&self.options.dtypes), self.random.shape(self.options.tame));
        self.literal(&otherwise(ty))
    }

    /// A tensor of exactly this type.
    fn of(&mut self, ty: &TensorType) -> Result<Tensor, Error> {
        self.any(|other| other == ty, |_| ty.clone())
    }

    fn literal(&mut self, ty: &TensorType) -> Result<Tensor, Error> {
        let literal = self.random.literal(ty, self.options.tame);
        self.b.constant(literal)
    }

    fn ops(&mut self, count: usize) -> Result<(), Error> {
        let (b, scope) = (self.b, self.random.below(4));
        let _scope = (scope > 0).then(|| b.scope(format!("part{scope}")));
        for _ in 0..count {
            self.op()?;
        }
        Ok(())
    }

    fn scan(&mut self) -> Result<(), Error> {
        let length = 1 + self.random.below(3);
        let random_tensors = |this: &mut Self, most: usize| -> Result<Vec<Tensor>, Error> {
            (0..this.random.below(most + 1)).map(|_| this.any(|_| true, |ty| ty)).collect()
        };
        let carries = random_tensors(self, 2)?;
        let constants = random_tensors(self, 2)?;
        let mut xs = Vec::new();
        for _ in 0..self.random.below(3) {
            let stacked = |mut ty: TensorType| {
                ty.shape.insert(0, length);
                ty
            };
            xs.push(self.any(|ty| ty.shape.first() == Some(&length), stacked)?);
        }
        let remat = match self.random.below(4) {
            0 => Remat::None,
            1 => Remat::Dots,
            2 => Remat::Full,
            _ => Remat::Save(vec!["kept".into(), "also".into()]),
        };
        let reverse = self.random.once_in(2);
        let inputs = ScanInputs { length, reverse, remat, carries: &carries, xs: &xs, constants: &constants };
        // Rounding errors accumulate over iterations, so nothing that leaves a scan is exact unless all is.
        let mut exact = true;
        for &tensor in carries.iter().chain(&xs).chain(&constants) {
            exact &= self.read(tensor);
        }
        let (random, options, depth) = (&mut *self.random, self.options, self.depth + 1);
        let outputs = self.b.scan("loop", inputs, |body| {
            let mut inner = Writer { b: body.builder, random, options, pool: Vec::new(), depth };
            // A carry is exact in the first iteration only if the body keeps it so.
            body.carries.iter().for_each(|&carry| inner.give(carry, false));
            body.xs.iter().chain(body.constants).for_each(|&tensor| inner.give(tensor, exact));
            let count = 1 + inner.random.below(4);
            inner.ops(count)?;
            let next = |inner: &mut Writer<'_>, carry: &Tensor| inner.of(&body.builder.ty(*carry));
            let carries =
                body.carries.iter().map(|carry| next(&mut inner, carry)).collect::<Result<Vec<_>, _>>()?;
            let mut ys: Vec<_> = inner.pool.iter().filter(|y| !y.read).map(|y| y.tensor).collect();
            ys.truncate(3);
            if carries.is_empty() && ys.is_empty() {
                let dtype = inner.numeric_dtype();
                ys.push(inner.literal(&TensorType::scalar(dtype))?);
            }
            Ok(ScanOutputs { carries, ys })
        })?;
        outputs.carries.into_iter().chain(outputs.ys).for_each(|tensor| self.give(tensor, false));
        Ok(())
    }
}
