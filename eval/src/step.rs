//! Decoding steps, compiled in the form that is best for the device.
//!
//! On a CPU, layers follow each other and each has its parameters, where they lie in the stacked ones, and its caches as inputs of its
//! own ([`graph::unroll()`]). A loop over stacked ones copies all parameters once and all caches several times for every token, which takes
//! as long as the work: a token is little work on much memory. On accelerators, and for models of very many layers, it stays a loop.

use graph::Piece;
use model::{DecodeShape, ModelConfig, Precision};
use runtime::{Buffer, DeviceKind, Program, Runtime};

use crate::Result;

/// The most layers that are written out. The compiler takes about 0.07 s of processor time for each in a program, once as programs are
/// kept: 9 s for so many. Models that people train have fewer; what has more is mostly made for trying something out.
const MOST_LAYERS: usize = 128;

/// Whether decoding steps of a model have its layers one after another.
pub(crate) fn apart(runtime: &Runtime, config: &ModelConfig) -> bool {
    runtime.kind() == DeviceKind::Cpu && config.sizes().layers <= MOST_LAYERS
}

/// What steps read of the model and do not change, whole and by layer.
#[derive(Debug)]
pub(crate) struct Weights {
    /// For each parameter and then each table, its layers; empty if it is read whole.
    layers: Vec<Vec<Buffer>>,
    tables: Vec<Buffer>,
}

/// A program of [`model::decode`].
#[derive(Debug)]
pub(crate) struct Step {
    pub program: Program,
    /// What each of its inputs is of those that [`model::decode`] describes.
    inputs: Vec<Piece>,
}

impl Step {
    pub fn compile(
        runtime: &Runtime,
        config: &ModelConfig,
        precision: Precision,
        shape: DecodeShape,
    ) -> Result<Self> {
        let function = model::decode(config, precision, shape)?;
        if apart(runtime, config) {
            let unrolled = graph::unroll(&function)?;
            return Ok(Self { program: runtime.compile(&unrolled.function)?, inputs: unrolled.inputs });
        }
        let inputs = (0..function.params.len()).map(|of| Piece { of, part: None }).collect();
        Ok(Self { program: runtime.compile(&function)?, inputs })
    }

    /// What this step and others of the same model read: `parameters` of the model, and the tables made of them.
    pub fn weights(&self, runtime: &Runtime, parameters: &[Buffer], tables: Vec<Buffer>) -> Result<Weights> {
        let whole = parameters.iter().map(Some).chain([None; 3]).chain(tables.iter().map(Some));
        let layers = whole.enumerate().map(|(index, whole)| {
            let is_apart = self.inputs.iter().any(|piece| piece.of == index && piece.part.is_some());
            match whole {
                Some(whole) if is_apart => Ok(runtime.rows(whole)?),
                _ => Ok(Vec::new()),
            }
        });
        Ok(Weights { layers: layers.collect::<Result<_>>()?, tables })
    }

    /// Caches of texts that nothing is read of.
    pub fn caches(&self, runtime: &Runtime, parameters: &[Buffer], weights: &Weights) -> Result<Vec<Buffer>> {
        let first = parameters.len() + 3 + weights.tables.len();
        let caches = self.inputs.iter().zip(self.program.inputs()).filter(|(piece, _)| piece.of >= first);
        caches.map(|(_, input)| Ok(runtime.zeros(&input.ty)?)).collect()
    }

    /// Runs it with tokens, their position and the last one's index: the logits.
    pub fn run(
        &self,
        parameters: &[Buffer],
        weights: &Weights,
        own: [&Buffer; 3],
        caches: &mut Vec<Buffer>,
    ) -> Result<Buffer> {
        let read: Vec<&Buffer> = parameters.iter().chain(own).chain(&weights.tables).collect();
        let pieces = self.inputs.iter().filter(|piece| piece.of < read.len());
        let piece = |piece: &Piece| piece.part.map_or(read[piece.of], |part| &weights.layers[piece.of][part]);
        let inputs: Vec<&Buffer> = pieces.map(piece).chain(&*caches).collect();
        let mut outputs = self.program.run(&inputs)?;
        *caches = outputs.split_off(1);
        Ok(outputs.swap_remove(0))
    }
}
