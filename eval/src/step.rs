//! Decoding steps, compiled in the form that is best for the device.
//!
//! On a CPU, layers follow each other and each has its parameters, where they lie in the stacked ones, and its caches as inputs of its
//! own ([`graph::unroll()`]). A loop over stacked ones copies all parameters once and all caches several times for every token, which takes
//! as long as the work: a token is little work on much memory. On accelerators, and for models of very many layers, it stays a loop.

use std::sync::Arc;

use graph::Piece;
use model::score::output_axes;
use model::{DecodeShape, ModelConfig, Precision};
use runtime::{Buffer, DeviceKind, Program, Runtime};

use crate::Result;
use crate::devices::Devices;

/// The most layers that are written out. The compiler takes about 0.07 s of processor time for each in a program, once as programs are
/// kept: 9 s for so many. Models that people train have fewer; what has more is mostly made for trying something out.
const MOST_LAYERS: usize = 128;

/// Whether decoding steps of a model have its layers one after another.
pub(crate) fn apart(devices: &Devices, config: &ModelConfig) -> bool {
    let is_one_cpu = devices.runtime().kind() == DeviceKind::Cpu && devices.mesh().is_none();
    is_one_cpu && config.sizes().layers <= MOST_LAYERS
}

/// What steps read of the model and do not change, whole and by layer.
#[derive(Debug)]
pub(crate) struct Weights {
    /// For each parameter, its layers; empty if it is read whole.
    parameters: Arc<Vec<Vec<Buffer>>>,
    /// Each table, with its layers if it is read by them.
    tables: Vec<(Buffer, Vec<Buffer>)>,
}

/// Inputs that a step has of its own: tokens, their position, the index of the last.
const OWN_INPUTS: usize = 3;

/// A program of [`model::decode`].
#[derive(Debug)]
pub(crate) struct Step {
    pub program: Program,
    /// What each of its inputs is of those that [`model::decode`] describes.
    inputs: Vec<Piece>,
}

impl Step {
    pub fn compile(
        devices: &Devices,
        config: &ModelConfig,
        precision: Precision,
        shape: DecodeShape,
    ) -> Result<Self> {
        let function = model::decode(config, precision, shape)?;
        if apart(devices, config) {
            let unrolled = graph::unroll(&function)?;
            let program = devices.runtime().compile(&unrolled.function)?;
            return Ok(Self { program, inputs: unrolled.inputs });
        }
        let inputs = (0..function.params.len()).map(|of| Piece { of, part: None }).collect();
        let program = devices.compile(&function, |name| output_axes(config, precision, name))?;
        Ok(Self { program, inputs })
    }

    /// What this step and others of the same model read: `parameters` of the model, and the tables made of them.
    pub fn weights(&self, runtime: &Runtime, parameters: &[Buffer], tables: Vec<Buffer>) -> Result<Weights> {
        let layers = parameters.iter().enumerate().map(|(index, whole)| self.layers(runtime, index, whole));
        let weights = Weights { parameters: Arc::new(layers.collect::<Result<_>>()?), tables: Vec::new() };
        self.weights_with(runtime, &weights, tables)
    }

    /// As [`Step::weights`], for a step of other tables and the same parameters.
    pub fn weights_with(&self, runtime: &Runtime, weights: &Weights, tables: Vec<Buffer>) -> Result<Weights> {
        let parameters = Arc::clone(&weights.parameters);
        let first = parameters.len() + OWN_INPUTS;
        let tables = tables.into_iter().enumerate().map(|(index, table)| {
            let layers = self.layers(runtime, first + index, &table)?;
            Ok((table, layers))
        });
        Ok(Weights { tables: tables.collect::<Result<_>>()?, parameters })
    }

    /// An input's layers, if it is read by them.
    fn layers(&self, runtime: &Runtime, index: usize, whole: &Buffer) -> Result<Vec<Buffer>> {
        let is_apart = self.inputs.iter().any(|piece| piece.of == index && piece.part.is_some());
        if is_apart { Ok(runtime.rows(whole)?) } else { Ok(Vec::new()) }
    }

    /// The numbers of the inputs that each run gives anew, of a model with so many parameters.
    pub fn own_inputs(&self, parameters: usize) -> [usize; OWN_INPUTS] {
        let place = |of| self.inputs.iter().position(|piece| piece.of == of).unwrap_or_default();
        [0, 1, 2].map(|index| place(parameters + index))
    }

    /// Caches of texts that nothing is read of.
    pub fn caches(&self, runtime: &Runtime, parameters: &[Buffer], weights: &Weights) -> Result<Vec<Buffer>> {
        let first = parameters.len() + OWN_INPUTS + weights.tables.len();
        let caches = self.inputs.iter().zip(self.program.inputs()).filter(|(piece, _)| piece.of >= first);
        caches.map(|(_, input)| Ok(runtime.zeros_with(&input.ty, &input.layout)?)).collect()
    }

    /// Runs it with tokens, their position and the last one's index: the logits.
    pub fn run(
        &self,
        parameters: &[Buffer],
        weights: &Weights,
        own: [&Buffer; 3],
        caches: &mut Vec<Buffer>,
    ) -> Result<Buffer> {
        let tables = weights.tables.iter().map(|(table, layers)| (table, &layers[..]));
        let parameters =
            parameters.iter().zip(&*weights.parameters).map(|(whole, layers)| (whole, &layers[..]));
        let own = own.into_iter().map(|whole| (whole, &[][..]));
        let read: Vec<(&Buffer, &[Buffer])> = parameters.chain(own).chain(tables).collect();
        let pieces = self.inputs.iter().filter(|piece| piece.of < read.len());
        let piece = |piece: &Piece| piece.part.map_or(read[piece.of].0, |part| &read[piece.of].1[part]);
        let inputs: Vec<&Buffer> = pieces.map(piece).chain(&*caches).collect();
        let mut outputs = self.program.run(&inputs)?;
        *caches = outputs.split_off(1);
        Ok(outputs.swap_remove(0))
    }
}
