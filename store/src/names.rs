//! Names in a run directory.

/// Name of the configuration in a checkpoint.
pub const CONFIG: &str = "config.toml";
/// Name of the tokenizer in a checkpoint.
pub const TOKENIZER: &str = "tokenizer.model";
/// Name of the file that says where an imported model came from, in a checkpoint; others have none.
pub const IMPORT: &str = "import.json";
/// Name of the plan in a checkpoint.
pub const PLAN: &str = "plan.json";

/// The folder of the checkpoint of a step.
pub fn folder(checkpoints: &std::path::Path, step: u64) -> std::path::PathBuf {
    checkpoints.join(folder_name(step))
}

/// Name of the folder of a step's checkpoint.
pub fn folder_name(step: u64) -> String {
    format!("step-{step:08}")
}

/// The step a folder's name stands for.
pub fn step_of(name: &str) -> Option<u64> {
    let step = name.strip_prefix("step-")?.parse().ok()?;
    (folder_name(step) == name).then_some(step)
}
