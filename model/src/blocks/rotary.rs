//! Rotary position embedding (Su et al. 2021, arXiv 2104.09864).

use graph::{BuildResult, Builder, DType, Error, Tensor, TensorType};

/// Sines and cosines of the angles by which positions turn.
pub struct Rotation {
    cosine: Tensor,
    sine: Tensor,
}

impl Rotation {
    /// Of `length` positions from `first_position` on (i32, a scalar, or `[batch]` if each text has its own), for heads of width
    /// `key_value_size`: position `p` turns the pair `i` by `p / base^(2i / key_value_size)`. `[length, key_value_size / 2]`, or
    /// `[batch, length, key_value_size / 2]`, float32.
    ///
    /// # Errors
    /// [`Error::Type`] if `first_position` has another type.
    pub fn new(
        b: &Builder,
        first_position: Tensor,
        length: usize,
        key_value_size: usize,
        base: f64,
    ) -> Result<Self, Error> {
        let _scope = b.scope("rotation");
        let half = key_value_size / 2;
        let mut shape = b.shape(first_position);
        let batch = shape.len();
        shape.push(length);
        let within = b.iota(TensorType::new(DType::I32, &*shape), batch)?;
        let position = match batch {
            0 => b.add(within, first_position)?,
            _ => b.add(within, b.broadcast(first_position, &shape, &(0..batch).collect::<Vec<_>>())?)?,
        };
        shape.push(half);
        let position =
            b.broadcast(b.convert(position, DType::F32)?, &shape, &(0..=batch).collect::<Vec<_>>())?;
        let index = b.convert(b.iota(TensorType::new(DType::I32, [half]), 0)?, DType::F32)?;
        let frequency = b.exp(b.scale(index, -base.ln() * 2.0 / key_value_size as f64)?)?;
        let angle = b.mul(position, frequency)?;
        Ok(Self { cosine: b.cos(angle)?, sine: b.sin(angle)? })
    }

    /// Turns `x` `[heads, batch, …, length, key_value_size]`: pair `i` are the elements `i` and
    /// `i + key_value_size / 2`, as Hugging Face lays them out (llama2.c and GGUF pair neighbours). Computed in float32 or wider.
    ///
    /// # Errors
    /// [`Error::Type`] if the last two dimensions are others.
    pub fn apply(&self, b: &Builder, x: Tensor) -> BuildResult {
        let (dtype, shape) = (b.dtype(x), b.shape(x));
        let last = shape.len() - 1;
        let half = shape[last] / 2;
        let wide = b.convert(x, dtype.accumulator())?;
        let (low, high) = (b.slice_dim(wide, last, 0, half)?, b.slice_dim(wide, last, half, 2 * half)?);
        let like = b.shape(low);
        let dims = [1, last - 1, last];
        let table = |x: Tensor| {
            let dims = &dims[3 - b.shape(x).len()..];
            b.broadcast(b.convert(x, dtype.accumulator())?, &like, dims)
        };
        let (cosine, sine) = (table(self.cosine)?, table(self.sine)?);
        let turned_low = b.sub(b.mul(low, cosine)?, b.mul(high, sine)?)?;
        let turned_high = b.add(b.mul(high, cosine)?, b.mul(low, sine)?)?;
        b.convert(b.concatenate(&[turned_low, turned_high], last)?, dtype)
    }
}
