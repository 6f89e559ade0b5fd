//! A plan: how one training step is split over a machine.
//!
//! A plan is a small JSON object, made by [`crate::search`] or by hand. It says the shape of the mesh and a few choices;
//! the tables from logical to mesh axes ([`Rules`]) follow from these, and are written out so that they can be read and
//! changed.

use std::collections::BTreeMap;

use graph::{Mesh, MeshAxis, PlacementTable};
use serde::{Deserialize, Serialize};

use crate::partition::{AxisRules, Rules};

/// The mesh axis of pipeline stages.
pub const STAGE: &str = "stage";
/// The mesh axis of data parallelism: each position has its own sequences.
pub const DATA: &str = "data";
/// The mesh axis of tensor (and sequence) parallelism: each position has its part of every layer.
pub const MODEL: &str = "model";

/// What the backward pass keeps of each layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RematPolicy {
    /// Everything it reads.
    None,
    /// The results of matmuls but the attention scores; norms, scores, activation functions and gathered inputs
    /// are computed again (Korthikanti et al. 2022).
    Selective,
    /// As `Selective`, without the wide hidden layer of the feed-forward half.
    Attention,
    /// The layer's input only.
    Full,
}

impl RematPolicy {
    /// Every policy, from the one that keeps most.
    pub const ALL: [RematPolicy; 4] =
        [RematPolicy::None, RematPolicy::Selective, RematPolicy::Attention, RematPolicy::Full];

    /// The name in a plan.
    pub fn name(self) -> &'static str {
        match self {
            RematPolicy::None => "none",
            RematPolicy::Selective => "selective",
            RematPolicy::Attention => "attention",
            RematPolicy::Full => "full",
        }
    }
}

/// How one training step is split over a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The machine, such as `tpu:v3:32x32`.
    pub topology: String,
    /// Number of such slices, joined by the data-centre network.
    #[serde(default = "one")]
    pub slices: usize,
    /// Devices along each axis: `stage`, `data`, `model`.
    pub mesh: MeshShape,
    /// Pipeline stages; the size of the mesh axis `stage`.
    #[serde(default = "one")]
    pub stages: usize,
    /// Parts that a batch is worked on in, one after the other.
    #[serde(default = "one")]
    pub microbatches: usize,
    /// What is split over the axis `data` besides the batch: 0 nothing, 1 the optimiser's state, 2 gradients too,
    /// 3 parameters too (Rajbhandari et al. 2020, arXiv 1910.02054).
    pub zero: u8,
    /// What the backward pass keeps of each layer.
    pub remat: RematPolicy,
    /// Whether the residual stream is split along the sequence over the axis `model` (Korthikanti et al. 2022, arXiv
    /// 2205.05198).
    pub sequence_sharding: bool,
    /// Sequences of a whole batch.
    pub batch: usize,
    /// Tokens of a sequence.
    pub sequence_length: usize,
    /// From logical to mesh axes, for each kind of tensor; those that follow from the fields above if left out.
    #[serde(default)]
    pub rules: Rules,
}

fn one() -> usize {
    1
}

/// Devices along each axis of the mesh, the slowest-varying first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeshShape {
    /// Pipeline stages.
    #[serde(default = "one")]
    pub stage: usize,
    /// Data parallelism.
    #[serde(default = "one")]
    pub data: usize,
    /// Tensor parallelism.
    #[serde(default = "one")]
    pub model: usize,
}

impl MeshShape {
    /// Number of devices.
    pub fn devices(self) -> usize {
        self.stage.saturating_mul(self.data).saturating_mul(self.model)
    }
}

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plan: {field} = {value}: {reason}")]
pub struct PlanError {
    /// The field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// What it should be.
    pub reason: String,
}

fn wrong(field: impl Into<String>, value: impl ToString, reason: impl Into<String>) -> PlanError {
    PlanError { field: field.into(), value: value.to_string(), reason: reason.into() }
}

/// The logical axes that can be split in a table (docs/plan.md).
fn splittable(table: PlacementTable) -> &'static [&'static str] {
    match table {
        PlacementTable::Activations => &["batch", "residual_time", "heads", "feed_forward", "vocabulary"],
        PlacementTable::Weights
        | PlacementTable::Gradients
        | PlacementTable::Parameters
        | PlacementTable::Optimizer => &["layers", "embed", "heads", "feed_forward", "vocabulary"],
    }
}

/// Whether a plan must have the table. Without that of gradients, each device's own are added up once, at the end.
fn is_required(table: PlacementTable) -> bool {
    match table {
        PlacementTable::Gradients => false,
        PlacementTable::Activations
        | PlacementTable::Weights
        | PlacementTable::Parameters
        | PlacementTable::Optimizer => true,
    }
}

impl Plan {
    /// The mesh, major axis first.
    pub fn mesh(&self) -> Mesh {
        let MeshShape { stage, data, model } = self.mesh;
        let axis = |name: &str, size| MeshAxis { name: name.to_owned(), size };
        Mesh { axes: vec![axis(STAGE, stage), axis(DATA, data), axis(MODEL, model)] }
    }

    /// Sequences of one microbatch, over all devices.
    pub fn microbatch(&self) -> usize {
        self.batch / self.microbatches.max(1)
    }

    /// Tokens of a batch.
    pub fn tokens(&self) -> u64 {
        self.batch as u64 * self.sequence_length as u64
    }

    /// The same plan with its tables made anew.
    pub fn with_derived_rules(mut self) -> Self {
        self.rules = self.derived_rules();
        self
    }

    /// The tables that follow from the other fields:
    ///
    /// | table | split |
    /// |---|---|
    /// | `activations` | `batch` over data; `heads`, `feed_forward`, `vocabulary` over model; with sequence sharding `residual_time` over model |
    /// | `weights` (as matmuls use them) | `heads`, `feed_forward`, `vocabulary` over model; `layers` over stage |
    /// | `optimizer` | as `weights`; from ZeRO 1 also `embed` over data |
    /// | `gradients` | from ZeRO 2 as `optimizer`; what that does not add up is each device's own until the end |
    /// | `parameters` (as stored) | as `weights`; with ZeRO 3 as `optimizer` |
    pub fn derived_rules(&self) -> Rules {
        rules(self.zero, self.sequence_sharding)
    }

    /// The field, and its other value, from which the tables follow when they do not follow from the fields there are:
    /// someone changed the one and not the other. `None` for tables that were made by hand.
    fn rules_of_other_fields(&self) -> Option<(&'static str, String)> {
        let follow = |plan: &Plan| plan.derived_rules() == self.rules;
        if self.zero > 3 || follow(self) {
            return None;
        }
        let zero = (0..=3).find(|&zero| follow(&Plan { zero, ..self.clone() }));
        let sequence_sharding = !self.sequence_sharding;
        let split = || follow(&Plan { sequence_sharding, ..self.clone() });
        match zero {
            Some(zero) => Some(("zero", zero.to_string())),
            None => split().then(|| ("sequence_sharding", sequence_sharding.to_string())),
        }
    }

    /// Checks that the parts fit each other and a machine of `devices` devices, and fills in tables that were left out.
    ///
    /// # Errors
    /// [`PlanError`], with the field and what it may be, if the mesh is not of `devices` devices or not of `stages` stages;
    /// a size is 0; microbatches do not divide the batch, or the axis `data` not a microbatch; there are fewer
    /// microbatches than stages; a sequence that is to be split does not fall into equal parts; a table, a row of
    /// one or a mesh axis in it does not exist; or the tables are those of another `zero` or `sequence_sharding`.
    pub fn check(&mut self, devices: usize) -> Result<(), PlanError> {
        let MeshShape { stage, data, model } = self.mesh;
        for (axis, size) in [(STAGE, stage), (DATA, data), (MODEL, model)] {
            if size == 0 {
                return Err(wrong(format!("mesh.{axis}"), 0, "it must be at least 1"));
            }
        }
        let product = self.mesh.devices();
        if product != devices {
            let shape = format!("{stage} x {data} x {model}");
            let reason =
                format!("stage x data x model is {product} devices, {} has {devices}", self.topology);
            return Err(wrong("mesh", shape, reason));
        }
        if self.stages != stage {
            return Err(wrong("stages", self.stages, format!("mesh axis `{STAGE}` has {stage} devices")));
        }
        if self.zero > 3 {
            return Err(wrong("zero", self.zero, "it must be 0, 1, 2 or 3"));
        }
        for (field, size) in [("batch", self.batch), ("sequence_length", self.sequence_length)] {
            if size == 0 {
                return Err(wrong(field, 0, "it must be at least 1"));
            }
        }
        if self.microbatches == 0 || !self.batch.is_multiple_of(self.microbatches) {
            let reason = format!("it must divide the batch of {} sequences", self.batch);
            return Err(wrong("microbatches", self.microbatches, reason));
        }
        if !self.microbatch().is_multiple_of(data) {
            let reason = format!(
                "mesh axis `{DATA}` has {data} devices, and a microbatch has {} sequences ({} in {} microbatches)",
                self.microbatch(),
                self.batch,
                self.microbatches
            );
            return Err(wrong("batch", self.batch, reason));
        }
        if self.microbatches < self.stages {
            let reason = format!("{} stages need at least as many microbatches", self.stages);
            return Err(wrong("microbatches", self.microbatches, reason));
        }
        if self.sequence_sharding && !self.sequence_length.is_multiple_of(model) {
            let reason =
                format!("sequence sharding splits it over the {model} devices of mesh axis `{MODEL}`");
            return Err(wrong("sequence_length", self.sequence_length, reason));
        }
        if self.rules.tables.is_empty() {
            self.rules = self.derived_rules();
        }
        if let Some((field, value)) = self.rules_of_other_fields() {
            let reason = format!(
                "they are those of {field} = {value}: leave `rules` out to have them follow from {field}, or set {field} \
                 back"
            );
            return Err(wrong("rules", format!("(made before {field} was changed)"), reason));
        }
        for (table, rows) in &self.rules.tables {
            let Some(splits) = PlacementTable::find(table).map(splittable) else {
                let known = PlacementTable::ALL.map(PlacementTable::name);
                let reason = format!("there is no such table; there are {}", known.join(", "));
                return Err(wrong("rules", table, reason));
            };
            for (logical, axes) in rows {
                if !splits.contains(&logical.as_str()) {
                    let reason = format!("what can be split there is {}", splits.join(", "));
                    return Err(wrong(format!("rules.{table}"), logical, reason));
                }
                if let Some(axis) = (1..axes.len()).find(|&place| axes[..place].contains(&axes[place])) {
                    let reason = format!("mesh axis `{}` stands there twice", axes[axis]);
                    return Err(wrong(format!("rules.{table}.{logical}"), axes.join(", "), reason));
                }
                if let Some(axis) = axes.iter().find(|axis| ![STAGE, DATA, MODEL].contains(&axis.as_str())) {
                    let reason = format!("the mesh has no axis `{axis}`; it has {STAGE}, {DATA} and {MODEL}");
                    return Err(wrong(format!("rules.{table}.{logical}"), axes.join(", "), reason));
                }
            }
        }
        for table in PlacementTable::ALL.into_iter().filter(|&table| is_required(table)) {
            if !self.rules.tables.contains_key(table.name()) {
                return Err(wrong(
                    "rules",
                    "(a table is missing)",
                    format!("there must be a table `{table}`"),
                ));
            }
        }
        Ok(())
    }
}

/// The tables of [`Plan::derived_rules`].
pub(crate) fn rules(zero: u8, sequence_sharding: bool) -> Rules {
    let table = |rows: &[(&str, &str)]| -> AxisRules {
        rows.iter().map(|(logical, axis)| (logical.to_string(), vec![axis.to_string()])).collect()
    };
    let split = [("heads", MODEL), ("feed_forward", MODEL), ("vocabulary", MODEL)];
    let weights = table(&[&split[..], &[("layers", STAGE)]].concat());
    let sharded = table(&[&split[..], &[("layers", STAGE), ("embed", DATA)]].concat());
    let mut activations = table(&[&split[..], &[("batch", DATA)]].concat());
    if sequence_sharding {
        activations.insert("residual_time".into(), vec![MODEL.into()]);
    }
    let from = |level: u8| if zero >= level { sharded.clone() } else { weights.clone() };
    let mut tables = BTreeMap::from([
        (PlacementTable::Activations, activations),
        (PlacementTable::Weights, weights.clone()),
        (PlacementTable::Optimizer, from(1)),
        (PlacementTable::Parameters, from(3)),
    ]);
    if zero >= 2 {
        tables.insert(PlacementTable::Gradients, sharded.clone());
    }
    Rules { tables: tables.into_iter().map(|(table, rows)| (table.name().to_owned(), rows)).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let plan = Plan {
            topology: "tpu:v3:2x2".into(),
            slices: 1,
            mesh: MeshShape { stage: 2, data: 2, model: 2 },
            stages: 2,
            microbatches: 4,
            zero: 1,
            remat: RematPolicy::Selective,
            sequence_sharding: true,
            batch: 16,
            sequence_length: 2048,
            rules: Rules::default(),
        };
        plan.with_derived_rules()
    }

    #[test]
    fn a_plan_is_what_its_json_says() {
        let text = serde_json::to_string(&plan()).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan());
        let short = r#"{"topology": "tpu:v3:2x2", "mesh": {"data": 8}, "zero": 1, "remat": "full",
            "sequence_sharding": false, "batch": 8, "sequence_length": 128}"#;
        let mut plan: Plan = serde_json::from_str(short).unwrap();
        assert_eq!(plan.check(8), Ok(()));
        assert_eq!(plan.rules, plan.derived_rules());
    }

    /// A hand-edited plan that does not fit says which field, and what would fit.
    #[track_caller]
    fn refused(edit: impl Fn(&mut Plan), expected: &str) {
        let mut plan = plan();
        edit(&mut plan);
        assert_eq!(plan.check(8).unwrap_err().to_string(), expected);
    }

    #[test]
    fn inconsistent_plans_are_refused_by_name() {
        refused(
            |plan| plan.mesh.data = 4,
            "plan: mesh = 2 x 4 x 2: stage x data x model is 16 devices, tpu:v3:2x2 has 8",
        );
        refused(|plan| plan.mesh.model = 0, "plan: mesh.model = 0: it must be at least 1");
        refused(|plan| plan.stages = 1, "plan: stages = 1: mesh axis `stage` has 2 devices");
        refused(|plan| plan.zero = 4, "plan: zero = 4: it must be 0, 1, 2 or 3");
        refused(|plan| plan.batch = 0, "plan: batch = 0: it must be at least 1");
        refused(|plan| plan.sequence_length = 0, "plan: sequence_length = 0: it must be at least 1");
        refused(
            |plan| plan.microbatches = 3,
            "plan: microbatches = 3: it must divide the batch of 16 sequences",
        );
        refused(
            |plan| plan.microbatches = 16,
            "plan: batch = 16: mesh axis `data` has 2 devices, and a microbatch has 1 sequences (16 in 16 microbatches)",
        );
        refused(
            |plan| plan.microbatches = 1,
            "plan: microbatches = 1: 2 stages need at least as many microbatches",
        );
        refused(
            |plan| plan.sequence_length = 7,
            "plan: sequence_length = 7: sequence sharding splits it over the 2 devices of mesh axis `model`",
        );
        refused(
            |plan| {
                let row = plan.rules.tables.get_mut("weights").and_then(|table| table.get_mut("heads"));
                *row.unwrap() = vec!["tensor".into()];
            },
            "plan: rules.weights.heads = tensor: the mesh has no axis `tensor`; it has stage, data and model",
        );
        let row = |table: &'static str, logical: &'static str, axes: &'static [&str]| {
            move |plan: &mut Plan| {
                let axes = axes.iter().map(|axis| axis.to_string()).collect();
                plan.rules.tables.entry(table.into()).or_default().insert(logical.into(), axes);
            }
        };
        refused(
            row("weights", "heads", &["model", "model"]),
            "plan: rules.weights.heads = model, model: mesh axis `model` stands there twice",
        );
        refused(
            row("activations", "width", &["model"]),
            "plan: rules.activations = width: what can be split there is batch, residual_time, heads, feed_forward, vocabulary",
        );
        refused(
            row("weight", "heads", &["model"]),
            "plan: rules = weight: there is no such table; there are activations, weights, parameters, gradients, optimizer",
        );
    }

    /// One truth: what a table shows of a plan is what is computed.
    #[test]
    fn fields_that_were_changed_without_the_tables_are_refused() {
        let edited = |edit: fn(&mut Plan)| {
            let mut plan = Plan { zero: 1, ..plan() }.with_derived_rules();
            edit(&mut plan);
            plan.check(8).map_err(|error| error.to_string())
        };
        let error = edited(|plan| plan.zero = 3).unwrap_err();
        let expected = "plan: rules = (made before zero was changed): they are those of zero = 1: leave `rules` out to have \
                        them follow from zero, or set zero back";
        assert_eq!(error, expected);
        assert!(edited(|plan| plan.zero = 0).unwrap_err().contains("those of zero = 1"));
        let error = edited(|plan| plan.sequence_sharding = !plan.sequence_sharding).unwrap_err();
        assert!(error.contains("they are those of sequence_sharding = "), "{error}");
        assert_eq!(edited(|plan| plan.remat = RematPolicy::None), Ok(()));
        // Without the tables, they follow; made by hand, they count.
        let mut left_out = Plan { zero: 3, rules: Rules::default(), ..plan() };
        left_out.check(8).unwrap();
        assert_eq!(left_out.rules, left_out.derived_rules());
        let by_hand =
            |plan: &mut Plan| drop(plan.rules.tables.get_mut("weights").unwrap().remove("vocabulary"));
        assert_eq!(edited(by_hand), Ok(()));
    }

    #[test]
    fn zero_levels_add_tables() {
        let tables = |zero| Plan { zero, ..plan() }.derived_rules().tables;
        let embed = |zero, table: &str| tables(zero).get(table).map(|table| table.contains_key("embed"));
        assert_eq!(embed(0, "optimizer"), Some(false));
        assert_eq!(embed(1, "optimizer"), Some(true));
        assert_eq!(embed(1, "gradients"), None);
        assert_eq!(embed(2, "gradients"), Some(true));
        assert_eq!(embed(2, "parameters"), Some(false));
        assert_eq!(embed(3, "parameters"), Some(true));
        assert_eq!(embed(3, "weights"), Some(false));
    }
}
