//! The list of a program's inputs and outputs.

use graph::{Function, Partitioned, Split, TensorType};
use model::ModelConfig;
use model::parameters::Initializer;
use serde::Serialize;
use serde_json::{Value, json};
use sharding::plan::Plan;
use train::step::{ADAM, state_groups};

#[derive(Serialize)]
struct Input<'a> {
    name: &'a str,
    /// Logical axis of each dimension.
    axes: Vec<&'a str>,
    shape: Vec<usize>,
    dtype: &'static str,
    /// What it is initialised with; `null` for what a caller gives anew each time.
    initializer: Option<Initializer>,
    /// What it is, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    /// The mesh axes that each dimension is split by, if the program is for a mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<&'a Split>,
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'a str,
    axes: Vec<&'a str>,
    shape: Vec<usize>,
    dtype: &'static str,
    /// Index of the input whose memory it takes over.
    alias: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<&'a Split>,
}

/// What is said of the programs of a server beside.
pub struct Words<'a> {
    /// More of the program as a whole.
    pub more: Vec<(&'static str, Value)>,
    /// What an input or an output is, by its name.
    pub meaning: &'a dyn Fn(&str) -> &'static str,
    /// Whether an input is a cache, which begins as zeros.
    pub is_cache: &'a dyn Fn(&str) -> bool,
    /// The logical axes of an output that takes over no input's memory.
    pub output_axes: &'a dyn Fn(&str) -> Vec<&'static str>,
}

/// The signature of a program as JSON, with a line for each input and output, in order. Of a program that is split, shapes
/// are of whole arrays.
///
/// # Errors
/// When the splits are not of the function.
pub fn of(
    function: &Function,
    split: Option<(&Partitioned, Option<&Plan>)>,
    config: &ModelConfig,
    words: Option<&Words<'_>>,
) -> anyhow::Result<String> {
    let specs = config.parameters();
    let initializer = |name: &str| {
        if name.starts_with(ADAM) || words.is_some_and(|words| (words.is_cache)(name)) {
            return Some(Initializer::Zeros);
        }
        // Parameters, and their float32 copy.
        let name = state_groups(true).iter().find_map(|prefix| name.strip_prefix(prefix))?;
        specs.iter().find(|spec| spec.name == name).map(|spec| spec.initializer)
    };
    let (params, results) = match split {
        Some((partitioned, _)) => (partitioned.param_types()?, partitioned.result_types()?),
        None => (function.param_types(), function.result_types()),
    };
    let parts = |ty: &TensorType| (ty.shape.clone(), ty.dtype.name());
    let axes = |index: usize| function.params[index].axes.iter().map(String::as_str).collect::<Vec<_>>();
    let meaning = |name: &str| words.map(|words| (words.meaning)(name));
    let inputs = function.params.iter().zip(&params).enumerate().map(|(index, (param, ty))| {
        let (shape, dtype) = parts(ty);
        let split = split.map(|(partitioned, _)| &partitioned.params[index]);
        let input = Input {
            name: &param.name,
            axes: axes(index),
            shape,
            dtype,
            initializer: initializer(&param.name),
            meaning: meaning(&param.name),
            split,
        };
        serde_json::to_string(&input)
    });
    let outputs = function.results.iter().zip(&results).enumerate().map(|(index, (output, ty))| {
        let (shape, dtype) = parts(ty);
        let axes = match output.alias {
            Some(input) => axes(input),
            None if let Some(words) = words => (words.output_axes)(&output.name),
            // Without an alias there are the logits, and scalars.
            None => ["batch", "time", "vocabulary"][..shape.len()].to_vec(),
        };
        let split = split.map(|(partitioned, _)| &partitioned.results[index]);
        let (name, alias, meaning) = (&*output.name, output.alias, meaning(&output.name));
        serde_json::to_string(&Output { name, axes, shape, dtype, alias, meaning, split })
    });
    let lines = |entries: serde_json::Result<Vec<String>>| -> serde_json::Result<String> {
        Ok(format!("[\n    {}\n  ]", entries?.join(",\n    ")))
    };
    let (inputs, outputs) = (lines(inputs.collect())?, lines(outputs.collect())?);
    let (program, model) = (serde_json::to_string(&function.name)?, serde_json::to_string(config)?);
    let place = match split {
        Some((partitioned, plan)) => {
            let axes = &partitioned.mesh.axes;
            let mesh: Value =
                axes.iter().map(|axis| json!({ "name": axis.name, "size": axis.size })).collect();
            let plan = plan.map(|plan| Ok(format!(",\n  \"plan\": {}", serde_json::to_string(plan)?)));
            let plan = plan.transpose().map_err(|error: serde_json::Error| error)?.unwrap_or_default();
            format!(",\n  \"mesh\": {mesh}{plan}")
        }
        None => String::new(),
    };
    let more = words.map(|words| words.more.iter().map(|(name, value)| format!(",\n  \"{name}\": {value}")));
    let more: String = more.into_iter().flatten().collect();
    Ok(format!(
        "{{\n  \"program\": {program},\n  \"model\": {model}{more}{place},\n  \"inputs\": {inputs},\n  \"outputs\": {outputs}\n}}\n"
    ))
}
