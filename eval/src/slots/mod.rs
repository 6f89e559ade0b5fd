//! Texts in slots: many prompts read and texts continued at once, each with the bits that it would have alone.
//!
//! A [`Slots`] has programs that continue texts, and programs that read a chunk of one prompt and its end, each for a few lengths of what
//! is attended to. Which length, a text's own position decides.
//!
//! Slots come in groups, each with caches of its own, and texts are continued by the smallest program that has room for the groups they are
//! in: two texts do not cost what 32 do. A row's bits must not depend on which program that is. Of a group's attention that is so by
//! construction, as every program has the same computation for each group; of matmuls it depends on the compiler's kernels, which is why
//! the smallest program has a group of rows and not one. When all is compiled, each program's rows are compared, bit for bit, and one
//! that computes others is not used (`check.rs`).

mod check;
mod prefixes;

use std::sync::Arc;

use model::score::{output_axes, table_params};
use model::{DecodeShape, ModelConfig, Precision};
use runtime::{Buffer, Program};

use self::prefixes::{ChunkId, Prefixes};
use crate::decoder::chunk_and_capacity;
use crate::devices::Devices;
use crate::step::{Step, Weights, apart};
use crate::{Error, Result};

/// Tokens that a smaller program than that of a chunk reads: of the end of a prompt.
const SHORT: usize = 16;

/// The fewest positions that are attended to, if the window has as many.
const SHORTEST: usize = 256;

/// Slots of a group. Programs of 8 and of 32 rows compute the same bits of a row with XLA's CPU compiler; those of one row have a kernel of
/// their own for matmuls, and those of 4 round otherwise too.
const GROUP: usize = 8;

/// Groups that programs continue at once. From 48 rows on, XLA's CPU compiler adds some products up in another order.
const GROUPS: [usize; 2] = [1, 4];

/// How many slots there are, and what is kept for later prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotOptions {
    /// Texts side by side; at least 1.
    pub slots: usize,
    /// Tokens of a text at most, prompt and answer together; at least 1.
    pub window: usize,
    /// Bytes that beginnings of prompts take at most; 0 keeps none.
    pub prefix_bytes: u64,
}

/// Programs for texts that attend to so many positions.
struct Length {
    attended: usize,
    /// Reads a chunk.
    read: Step,
    /// Reads up to [`SHORT`] tokens, if that is less.
    read_short: Option<Step>,
    /// Continue the texts of so many groups, the fewest first; at least one.
    steps: Vec<(usize, Step)>,
    /// Puts a prompt's caches into those of a group.
    place: Program,
    /// Makes the tables that both steps read.
    tables: Option<Program>,
    weights: Weights,
}

/// A prompt that is being read.
struct Reading {
    tokens: Vec<u32>,
    /// Tokens that are read.
    position: usize,
    /// Its chunks that are kept.
    path: Vec<ChunkId>,
    /// Whether all chunks so far are kept.
    is_kept: bool,
}

/// What has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotStatistics {
    /// Tokens of prompts that went through the model.
    pub read: u64,
    /// Tokens of prompts that were found among beginnings of earlier ones.
    pub found: u64,
    /// Bytes that beginnings take now.
    pub prefix_bytes: u64,
}

/// A model on a device, or split over several, with slots for texts.
pub struct Slots {
    devices: Devices,
    /// The model as the devices have it.
    config: ModelConfig,
    parameters: Arc<[Buffer]>,
    tokens: usize,
    /// By what they attend to, the shortest first.
    lengths: Vec<Length>,
    take: Program,
    put: Program,
    options: SlotOptions,
    chunk: usize,
    /// Slots of each group.
    group: usize,
    /// Caches of each group, and of the prompt that is read.
    all: Vec<Vec<Buffer>>,
    one: Vec<Buffer>,
    reading: Option<Reading>,
    prefixes: Prefixes<Vec<Buffer>>,
    statistics: SlotStatistics,
    is_invariant: bool,
}

impl Slots {
    /// Compiles all programs, and compares them. `config` and `parameters` are the model's as the devices have it, of which `tokens` are the ids that
    /// stand for something.
    pub(crate) fn new(
        devices: &Devices,
        config: &ModelConfig,
        precision: Precision,
        parameters: Arc<[Buffer]>,
        tokens: usize,
        options: SlotOptions,
    ) -> Result<Self> {
        let SlotOptions { slots, window, prefix_bytes } = options;
        let (runtime, apart) = (devices.runtime(), apart(devices, config));
        let (chunk, capacity) = chunk_and_capacity(window);
        let (group, groups) = groups(slots);
        let axes = |name: &str| {
            let of_cache = |spec: model::CacheSpec| (spec.name == name).then(|| spec.axes.to_vec());
            config.caches(1, 1).into_iter().find_map(of_cache)
        };
        let compile = |function: graph::Function| {
            devices
                .compile(&function, |name| axes(name).unwrap_or_else(|| output_axes(config, precision, name)))
        };
        let mut lengths: Vec<Length> = Vec::new();
        for attended in attended_lengths(capacity) {
            let compile_step = |batch, groups, chunk, own_positions| {
                let shape = DecodeShape { batch, groups, chunk, window: capacity, attended, own_positions };
                Step::compile(devices, config, precision, shape)
            };
            let read_short = if SHORT < chunk { Some(compile_step(1, 1, SHORT, false)?) } else { None };
            let read = compile_step(1, 1, chunk, false)?;
            let step = |groups| Ok((groups, compile_step(groups * group, groups, 1, true)?));
            let steps = group_counts(groups).into_iter().map(step).collect::<Result<Vec<_>>>()?;
            let tables = model::decode_tables(config, precision, attended)?.map(compile).transpose()?;
            let made = run_tables(tables.as_ref(), &parameters)?;
            let weights = match lengths.first() {
                Some(first) => read.weights_with(runtime, &first.weights, made)?,
                None => read.weights(runtime, &parameters, made)?,
            };
            let place = model::place_caches(config, precision, group, capacity, attended, apart)?;
            let place = compile(place)?;
            lengths.push(Length { attended, read, read_short, steps, place, tables, weights });
        }
        let mut made = Self {
            take: compile(model::take_chunk(config, precision, capacity, chunk, apart)?)?,
            put: compile(model::put_chunk(config, precision, capacity, chunk, apart)?)?,
            group,
            all: Vec::new(),
            one: Vec::new(),
            devices: devices.clone(),
            config: config.clone(),
            parameters,
            tokens,
            lengths,
            options,
            chunk,
            reading: None,
            prefixes: Prefixes::new(prefix_bytes),
            statistics: SlotStatistics::default(),
            is_invariant: true,
        };
        made.all.resize_with(groups, Vec::new);
        made.reset()?;
        made.is_invariant = made.keep_equal()?;
        Ok(made)
    }

    /// Whether a text's bits depend on nothing but itself, as far as its programs show. If not, no program was found whose rows
    /// are computed alike.
    pub fn is_invariant(&self) -> bool {
        self.is_invariant
    }

    /// Rows of the programs that continue texts, for each number of positions that are attended to.
    pub fn rows(&self) -> Vec<(usize, Vec<usize>)> {
        let rows = |length: &Length| length.steps.iter().map(|(groups, _)| groups * self.group).collect();
        self.lengths.iter().map(|length| (length.attended, rows(length))).collect()
    }

    /// Texts side by side.
    pub fn count(&self) -> usize {
        self.options.slots
    }

    /// Tokens of a text at most.
    pub fn window(&self) -> usize {
        self.options.window
    }

    /// Tokens of a prompt that are read at once.
    pub fn chunk(&self) -> usize {
        self.chunk
    }

    /// What has been read so far.
    pub fn statistics(&self) -> SlotStatistics {
        SlotStatistics { prefix_bytes: self.prefixes.bytes(), ..self.statistics }
    }

    /// Begins to read a prompt, in place of one that is not read to its end. How many of its tokens were found among the beginnings
    /// of earlier ones.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`], [`Error::PromptTooLong`] and [`Error::Token`], which change nothing; [`Error::Device`].
    pub fn begin(&mut self, prompt: &[u32]) -> Result<usize> {
        let (window, vocabulary_size) = (self.window(), self.tokens);
        if prompt.is_empty() {
            return Err(Error::EmptyPrompt);
        }
        if prompt.len() > window {
            return Err(Error::PromptTooLong { tokens: prompt.len(), window });
        }
        if let Some(&token) = prompt.iter().find(|&&token| token as usize >= vocabulary_size) {
            return Err(Error::Token { token, vocabulary_size });
        }
        self.reading = None;
        let mut path = Vec::new();
        // The last token is read in any case: its logits are wanted.
        for tokens in prompt[..prompt.len() - 1].chunks_exact(self.chunk) {
            let Some((id, part)) = self.prefixes.find(path.last().copied(), tokens) else { break };
            let position = self.put.upload_slice(0, &[(path.len() * self.chunk) as i32])?;
            let inputs: Vec<&Buffer> = [&position].into_iter().chain(&self.one).chain(part).collect();
            self.one = self.put.run(&inputs)?;
            path.push(id);
        }
        self.prefixes.touch(&path);
        let position = path.len() * self.chunk;
        self.statistics.found += position as u64;
        self.reading = Some(Reading { tokens: prompt.to_vec(), position, path, is_kept: true });
        Ok(position)
    }

    /// Reads the next chunk of the prompt: once it is read to its end, the logits of what follows.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] if none was begun, [`Error::Device`].
    pub fn read(&mut self) -> Result<Option<Vec<f32>>> {
        let Some(mut reading) = self.reading.take() else { return Err(Error::EmptyPrompt) };
        let (start, chunk) = (reading.position, self.chunk);
        let end = reading.tokens.len().min(start + chunk);
        let tokens = &reading.tokens[start..end];
        let size = if tokens.len() <= SHORT.min(chunk) { SHORT.min(chunk) } else { chunk };
        let length = length(&self.lengths, start + size);
        let read = length.read_short.as_ref().filter(|_| size < chunk).unwrap_or(&length.read);
        let mut padded: Vec<i32> = tokens.iter().map(|&token| token as i32).collect();
        padded.resize(size, 0);
        let own = Own { tokens: &padded, position: &[start as i32], last: tokens.len() - 1 };
        let logits = own.run(&self.parameters, read, &length.weights, &mut self.one)?;
        if tokens.len() == chunk && reading.is_kept && self.options.prefix_bytes > 0 {
            reading.is_kept = match self.prefixes.find(reading.path.last().copied(), tokens) {
                Some((id, _)) => {
                    reading.path.push(id);
                    true
                }
                None => {
                    let position = self.take.upload_slice(0, &[start as i32])?;
                    let inputs: Vec<&Buffer> = [&position].into_iter().chain(&self.one).collect();
                    let part = self.take.run(&inputs)?;
                    let bytes = part.iter().map(|buffer| buffer.ty().bytes() as u64).sum();
                    self.prefixes.keep(&mut reading.path, tokens, bytes, part)
                }
            };
        }
        self.statistics.read += tokens.len() as u64;
        reading.position = end;
        let is_whole = end == reading.tokens.len();
        self.reading = Some(reading);
        if !is_whole {
            return Ok(None);
        }
        let mut logits = logits.to_vec::<f32>()?;
        logits.truncate(self.tokens);
        Ok(Some(logits))
    }

    /// Puts the prompt that was read to its end into a slot, in place of what was there. It can be put into others too.
    ///
    /// # Errors
    /// [`Error::EmptyPrompt`] if none was read to its end, [`Error::Device`].
    pub fn place(&mut self, slot: usize) -> Result<()> {
        let read = self.reading.as_ref().filter(|reading| reading.position == reading.tokens.len());
        let length = length(&self.lengths, read.ok_or(Error::EmptyPrompt)?.position);
        let row = length.place.upload_slice(0, &[(slot % self.group) as i32])?;
        let group = &mut self.all[slot / self.group];
        let inputs: Vec<&Buffer> = [&row].into_iter().chain(&*group).chain(&self.one).collect();
        *group = length.place.run(&inputs)?;
        Ok(())
    }

    /// Reads a token of some slots, given with its position in its text, which is below the window: of each, the logits of what follows.
    /// One entry for each slot; those without a token have none, and no text afterwards.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn step(&mut self, tokens: &[Option<(u32, usize)>]) -> Result<Vec<Option<Vec<f32>>>> {
        let mut logits = vec![None; self.count()];
        // Where a slot's next token goes. A program of another length writes one there that is never read.
        let mut next: Vec<usize> = tokens.iter().map(|token| token.map_or(0, |(_, at)| at)).collect();
        for index in 0..self.lengths.len() {
            let attended = self.lengths[index].attended;
            let is_of = |token: &Option<(u32, usize)>| {
                token.is_some_and(|(_, at)| attended == length(&self.lengths, at + 1).attended)
            };
            let active: Vec<bool> = tokens.iter().map(is_of).collect();
            let (of, others): (Vec<usize>, Vec<usize>) =
                (0..self.all.len()).partition(|&group| self.slots_of(group).any(|slot| active[slot]));
            let most = self.lengths[index].steps.last().map_or(1, |&(groups, _)| groups);
            for groups in of.chunks(most) {
                // Other groups fill a program up; what is written to them is never read.
                let steps = &self.lengths[index].steps;
                let place = steps.iter().position(|&(count, _)| count >= groups.len()).unwrap_or_default();
                let fill = others.iter().chain(of.iter().filter(|group| !groups.contains(group)));
                let groups: Vec<usize> = groups.iter().chain(fill).copied().take(steps[place].0).collect();
                let slots: Vec<Option<usize>> =
                    groups.iter().flat_map(|&group| self.rows_of(group)).collect();
                let token = |&slot: &Option<usize>| match slot.filter(|&slot| active[slot]) {
                    Some(slot) => tokens[slot].map_or(0, |(id, _)| id as i32),
                    None => 0,
                };
                let ids: Vec<i32> = slots.iter().map(token).collect();
                let positions = slots.iter().map(|slot| slot.map_or(0, |slot| next[slot] as i32));
                let made = self.step_groups((index, place), &groups, &ids, &positions.collect::<Vec<_>>())?;
                let rows = made.chunks(self.config.padded_vocabulary());
                for (slot, row) in slots.into_iter().zip(rows) {
                    if let Some(slot) = slot.filter(|&slot| active[slot]) {
                        logits[slot] = Some(row[..self.tokens].to_vec());
                        next[slot] += 1;
                    }
                }
            }
        }
        Ok(logits)
    }

    /// Runs a program, given by its length and its place there, on groups of slots: the logits of all rows, one after another.
    fn step_groups(
        &mut self,
        (length, place): (usize, usize),
        groups: &[usize],
        tokens: &[i32],
        position: &[i32],
    ) -> Result<Vec<f32>> {
        let length = &self.lengths[length];
        let mut caches: Vec<Buffer> =
            groups.iter().flat_map(|&group| std::mem::take(&mut self.all[group])).collect();
        let each = caches.len() / groups.len().max(1);
        let own = Own { tokens, position, last: 0 };
        let logits = own.run(&self.parameters, &length.steps[place].1, &length.weights, &mut caches)?;
        for &group in groups.iter().rev() {
            self.all[group] = caches.split_off(caches.len().saturating_sub(each));
        }
        Ok(logits.to_vec::<f32>()?)
    }

    /// The slots of a group.
    fn slots_of(&self, group: usize) -> impl Iterator<Item = usize> + use<> {
        let first = group * self.group;
        first..(first + self.group).min(self.options.slots)
    }

    /// A group's rows, each with its slot; the last group can have rows without one.
    fn rows_of(&self, group: usize) -> impl Iterator<Item = Option<usize>> + use<> {
        let (first, slots) = (group * self.group, self.options.slots);
        (first..first + self.group).map(move |slot| (slot < slots).then_some(slot))
    }

    /// Forgets all texts and all beginnings of prompts, after which it is as new; also after a failure.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn reset(&mut self) -> Result<()> {
        let (runtime, first) = (self.devices.runtime(), &self.lengths[0]);
        self.reading = None;
        self.prefixes.clear();
        // Its inputs are a row, a group's caches, and as many of one text.
        let of_group = &first.place.inputs()[1..];
        let of_group = &of_group[..of_group.len() / 2];
        for group in &mut self.all {
            let zeros = |input: &runtime::Input| Ok(runtime.zeros_with(&input.ty, &input.layout)?);
            *group = of_group.iter().map(zeros).collect::<Result<_>>()?;
        }
        self.one = first.read.caches(runtime, &self.parameters, &first.weights)?;
        Ok(())
    }

    /// Takes other parameters of the same model, and forgets everything. Nothing is compiled.
    pub(crate) fn replace(&mut self, parameters: Arc<[Buffer]>) -> Result<()> {
        let runtime = self.devices.runtime();
        let mut weights: Vec<Weights> = Vec::new();
        for length in &self.lengths {
            let tables = run_tables(length.tables.as_ref(), &parameters)?;
            weights.push(match weights.first() {
                Some(first) => length.read.weights_with(runtime, first, tables)?,
                None => length.read.weights(runtime, &parameters, tables)?,
            });
        }
        for (length, weights) in self.lengths.iter_mut().zip(weights) {
            length.weights = weights;
        }
        self.parameters = parameters;
        self.reset()
    }
}

/// What a run of a step is given of its own.
struct Own<'a> {
    tokens: &'a [i32],
    position: &'a [i32],
    last: usize,
}

impl Own<'_> {
    fn run(
        &self,
        parameters: &[Buffer],
        step: &Step,
        weights: &Weights,
        caches: &mut Vec<Buffer>,
    ) -> Result<Buffer> {
        let [tokens, position, last] = step.own_inputs(parameters.len());
        let tokens = step.program.upload_slice(tokens, self.tokens)?;
        let position = step.program.upload_slice(position, self.position)?;
        let last = step.program.upload_slice(last, &[self.last as i32])?;
        step.run(parameters, weights, [&tokens, &position, &last], caches)
    }
}

fn run_tables(program: Option<&Program>, parameters: &[Buffer]) -> Result<Vec<Buffer>> {
    match program {
        Some(tables) => Ok(tables.run(&parameters.iter().collect::<Vec<_>>())?),
        None => Ok(Vec::new()),
    }
}

/// Slots of each group, and groups.
fn groups(slots: usize) -> (usize, usize) {
    let group = slots.clamp(1, GROUP);
    (group, slots.div_ceil(group).max(1))
}

/// For how many groups there are programs: one, always, and all, if those are not too many.
fn group_counts(groups: usize) -> Vec<usize> {
    let most = groups.min(GROUPS[GROUPS.len() - 1]);
    GROUPS.into_iter().filter(|&count| count < most).chain([most]).collect()
}

/// How many positions programs attend to: powers of two up to the capacity.
fn attended_lengths(capacity: usize) -> Vec<usize> {
    let shorter = std::iter::successors(Some(SHORTEST), |length| length.checked_mul(2));
    shorter.take_while(|&length| length < capacity).chain([capacity]).collect()
}

/// The programs for a text with so many positions.
fn length(lengths: &[Length], positions: usize) -> &Length {
    lengths.iter().find(|length| length.attended >= positions).unwrap_or(&lengths[lengths.len() - 1])
}

/// Rows of caches that so many slots take.
pub(crate) fn cache_rows(slots: usize) -> usize {
    let (group, groups) = groups(slots);
    group * groups
}

/// Bytes on each device that a slot takes, and those that the tables of all lengths take.
pub(crate) fn slot_memory(
    devices: &Devices,
    config: &ModelConfig,
    precision: Precision,
    window: usize,
) -> Result<(u64, u64)> {
    let (_, capacity) = chunk_and_capacity(window);
    let bytes = |name: &str, axes: &[&str], ty: &graph::TensorType| -> Result<u64> {
        let layout = devices.layout(name, axes, ty.rank())?;
        Ok(layout.shard_type(ty)?.bytes() as u64)
    };
    let caches = config.caches(1, capacity).into_iter();
    let slot = caches.map(|spec| {
        let ty = graph::TensorType::new(precision.activations, spec.shape);
        bytes(spec.name, spec.axes, &ty)
    });
    let slot = slot.sum::<Result<u64>>()?;
    let mut tables = 0;
    for attended in attended_lengths(capacity) {
        for table in table_params(config, precision, attended)? {
            tables += bytes(table.name, &table.axes, &table.ty)?;
        }
    }
    Ok((slot, tables))
}

#[cfg(test)]
mod tests {
    use super::{attended_lengths, cache_rows, group_counts};

    #[test]
    fn programs_are_for_some_groups_and_for_all_up_to_the_most() {
        assert_eq!(group_counts(1), [1]);
        assert_eq!(group_counts(2), [1, 2]);
        assert_eq!(group_counts(3), [1, 3]);
        assert_eq!(group_counts(4), [1, 4]);
        assert_eq!(group_counts(8), [1, 4]);
        assert_eq!([1, 3, 8, 9, 32, 33].map(cache_rows), [1, 3, 8, 16, 32, 40]);
    }

    #[test]
    fn lengths_double_up_to_the_capacity() {
        assert_eq!(attended_lengths(64), [64]);
        assert_eq!(attended_lengths(256), [256]);
        assert_eq!(attended_lengths(320), [256, 320]);
        assert_eq!(attended_lengths(2048), [256, 512, 1024, 2048]);
    }
}
