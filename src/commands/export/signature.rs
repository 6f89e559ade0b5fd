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
    split: Option<&'a Split>,
}

/// The signature of a program as JSON, with a line for each input and output, in order. Of a program that is split, shapes
/// are of whole arrays.
///
/// # Errors
/// When the splits are not of the function.
pub fn of(
    function: &Function,
    split: Option<(&Partitioned, &Plan)>,
    config: &ModelConfig,
) -> anyhow::Result<String> {
    let specs = config.parameters();
    let initializer = |name: &str| {
        if name.starts_with(ADAM) {
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
    let inputs = function.params.iter().zip(&params).enumerate().map(|(index, (param, ty))| {
        let (shape, dtype) = parts(ty);
        let split = split.map(|(partitioned, _)| &partitioned.params[index]);
        let input = Input {
            name: &param.name,
            axes: axes(index),
            shape,
            dtype,
            initializer: initializer(&param.name),
            split,
        };
        serde_json::to_string(&input)
    });
    let outputs = function.results.iter().zip(&results).enumerate().map(|(index, (output, ty))| {
        let (shape, dtype) = parts(ty);
        let axes = match output.alias {
            Some(input) => axes(input),
            // Without an alias there are the logits, and scalars.
            None => ["batch", "time", "vocabulary"][..shape.len()].to_vec(),
        };
        let split = split.map(|(partitioned, _)| &partitioned.results[index]);
        serde_json::to_string(&Output { name: &output.name, axes, shape, dtype, alias: output.alias, split })
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
            format!(",\n  \"mesh\": {mesh},\n  \"plan\": {}", serde_json::to_string(plan)?)
        }
        None => String::new(),
    };
    Ok(format!(
        "{{\n  \"program\": {program},\n  \"model\": {model}{place},\n  \"inputs\": {inputs},\n  \"outputs\": {outputs}\n}}\n"
    ))
}
