//! The first pass: how every value and every operand lies, before anything is built.

use graph::{Function, Node, Op, Placement, PlacementTable, Scan, TensorType};

use super::decide::{Decision, Site, ValueState};
use super::layout::{MeshLayout, MeshView};
use super::{Error, Rules};

/// The layouts of a function's values and operands.
#[derive(Clone, Debug)]
pub(super) struct Analysis {
    /// For each value.
    pub(super) states: Vec<ValueState>,
    /// For each node; `None` if too little was known of its operands.
    pub(super) plans: Vec<Option<NodePlan>>,
    /// How each result is to lie.
    pub(super) results: Vec<MeshLayout>,
}

/// How a node is split.
#[derive(Clone, Debug)]
pub(super) enum NodePlan {
    /// Every op but a scan.
    Op(Decision),
    /// A scan: its operands, and its body with the layouts of its parameters.
    Scan { operands: Vec<MeshLayout>, params: Vec<MeshLayout>, body: Box<Analysis> },
}

impl Analysis {
    /// The layout of a value that is known by now.
    pub(super) fn layout(&self, value: graph::Value) -> Result<&MeshLayout, Error> {
        self.states[value.index()].layout.as_ref().ok_or(Error::Unknown { value: value.0 })
    }
}

/// The mesh and the rules: what following layouts and building the function both look at.
pub(super) struct Context<'a> {
    pub(super) view: MeshView<'a>,
    pub(super) rules: &'a Rules,
}

impl Context<'_> {
    /// Follows the layouts of the parameters through a function.
    pub(super) fn analyse(&self, function: &Function, params: Vec<ValueState>) -> Result<Analysis, Error> {
        let mut states = vec![ValueState::default(); function.types.len()];
        for (param, state) in function.params.iter().zip(params) {
            states[param.value.index()] = state;
        }
        let mut plans = Vec::with_capacity(function.nodes.len());
        for node in &function.nodes {
            let types: Vec<&TensorType> = node.operands.iter().map(|&value| function.ty(value)).collect();
            let operands: Vec<&ValueState> =
                node.operands.iter().map(|value| &states[value.index()]).collect();
            if let Op::Scan(scan) = &node.op {
                let (plan, results) = self.scan(scan, &types, &operands)?;
                for (result, layout) in node.results.iter().zip(results) {
                    states[result.index()].layout = layout;
                }
                plans.push(plan);
                continue;
            }
            let result = function.ty(node.results[0]);
            let site = Site { op: &node.op, types, result, states: operands };
            let decision = match &node.op {
                Op::Shard { to, .. } => self.shard(function, node, &site, to)?,
                Op::AllGather { .. } | Op::ReduceScatter { .. } | Op::AllToAll { .. } => {
                    return Err(Error::Collective { op: node.op.name(), scope: function.scope(node).into() });
                }
                _ => site.decide(&self.view),
            };
            let (recomputable, zero) = site.flags();
            let layout = decision.as_ref().map(|decision| decision.result.clone());
            states[node.results[0].index()] = ValueState { layout, recomputable, zero };
            plans.push(decision.map(NodePlan::Op));
        }
        let results = function.results.iter().map(|output| {
            let replicated = || MeshLayout::replicated(function.ty(output.value).rank());
            states[output.value.index()].layout.clone().unwrap_or_else(replicated)
        });
        let results = results.collect();
        Ok(Analysis { states, plans, results })
    }

    fn shard(
        &self,
        function: &Function,
        node: &Node,
        site: &Site<'_>,
        to: &Placement,
    ) -> Result<Option<Decision>, Error> {
        let same = |layout: &MeshLayout| Decision { operands: vec![layout.clone()], result: layout.clone() };
        let Some(split) = self.rules.split(to) else {
            return Ok(site.states[0].layout.as_ref().map(same));
        };
        let what = || format!("a tensor of {} in `{}`", to.table, function.scope(node));
        if split.len() != site.result.rank() {
            return Err(Error::Rank { what: what(), axes: to.axes.clone(), ty: site.result.clone() });
        }
        let layout = self.view.layout(&split).ok_or_else(|| self.no_axis(&split, what()))?;
        self.check(&what, &to.axes, &site.result.shape, &layout)?;
        if to.table != PlacementTable::Gradients {
            return Ok(Some(same(&layout)));
        }
        // Added up over the axes it is split by, and not yet over others: the next microbatch's come on top.
        let known = site.states[0].layout.as_ref();
        Ok(known.map(|known| same(&layout.with_partial(&known.partial).consistent())))
    }

    /// The error for a split that names an axis the mesh lacks.
    pub(super) fn no_axis(&self, split: &graph::Split, what: String) -> Error {
        let known: Vec<String> = self.view.mesh.axes.iter().map(|axis| axis.name.clone()).collect();
        let axis = split.iter().flatten().find(|axis| !known.contains(axis)).cloned().unwrap_or_default();
        Error::NoAxis { what, axis, known }
    }

    /// Refuses a split whose parts would not be equal.
    pub(super) fn check(
        &self,
        what: &dyn Fn() -> String,
        axes: &[String],
        shape: &[usize],
        layout: &MeshLayout,
    ) -> Result<(), Error> {
        for (dim, split) in layout.split.iter().enumerate() {
            let parts = self.view.parts(split);
            if !shape[dim].is_multiple_of(parts) {
                let axis: Vec<_> =
                    split.iter().map(|&axis| self.view.mesh.axes[axis].name.as_str()).collect();
                return Err(Error::Indivisible {
                    what: what(),
                    logical: axes.get(dim).cloned().unwrap_or_else(|| format!("dimension {dim}")),
                    size: shape[dim],
                    axis: axis.join(" x "),
                    parts,
                });
            }
        }
        Ok(())
    }

    /// Finds layouts of the carried values that the body gives back as it got them.
    #[allow(clippy::type_complexity)] // The plan, and the layout of each result.
    fn scan(
        &self,
        scan: &Scan,
        types: &[&TensorType],
        operands: &[&ValueState],
    ) -> Result<(Option<NodePlan>, Vec<Option<MeshLayout>>), Error> {
        let carries = scan.carries;
        let mut params: Vec<ValueState> = Vec::with_capacity(operands.len());
        for (index, state) in operands.iter().enumerate() {
            let layout = match index {
                // Zeros to begin with: the body decides.
                _ if index < carries && state.zero => None,
                _ if index < carries + scan.xs => state.layout.as_ref().map(|layout| {
                    let skip = usize::from(index >= carries);
                    MeshLayout { split: layout.split[skip..].to_vec(), partial: layout.partial.clone() }
                }),
                _ => state.layout.clone(),
            };
            let constant_zero = index >= carries + scan.xs && state.zero;
            params.push(ValueState { layout, recomputable: false, zero: constant_zero });
        }
        let mut settled = vec![false; carries];
        let mut body = self.analyse(&scan.body, params.clone())?;
        loop {
            let mut changed = false;
            for carry in 0..carries {
                let result = scan.body.results[carry].value;
                let given = &body.states[result.index()].layout;
                match (&params[carry].layout, given) {
                    (None, Some(layout)) => {
                        params[carry].layout = Some(layout.clone());
                        changed = true;
                    }
                    (Some(before), Some(layout)) if before != layout && !settled[carry] => {
                        params[carry].layout = Some(layout.clone());
                        settled[carry] = true;
                        changed = true;
                    }
                    _ => {}
                }
            }
            if !changed {
                // Nothing decides the layout of what is left.
                let open = (0..carries).find(|&carry| params[carry].layout.is_none());
                let Some(open) = open else { break };
                params[open].layout = Some(MeshLayout::replicated(types[open].rank()));
                settled[open] = true;
            }
            body = self.analyse(&scan.body, params.clone())?;
        }
        for (param, result) in params[..carries].iter().zip(&mut body.results) {
            if let Some(layout) = &param.layout {
                *result = layout.clone();
            }
        }
        let stacked = |layout: &MeshLayout| MeshLayout {
            split: [&[Vec::new()], &layout.split[..]].concat(),
            partial: layout.partial.clone(),
        };
        let results = scan.body.results.iter().enumerate().map(|(index, output)| {
            let layout = &body.states[output.value.index()].layout;
            if index < carries { params[index].layout.clone() } else { layout.as_ref().map(stacked) }
        });
        let results: Vec<Option<MeshLayout>> = results.collect();
        let params: Option<Vec<MeshLayout>> = params.into_iter().map(|state| state.layout).collect();
        let plan = params.map(|params| {
            let operands = params.iter().enumerate().map(|(index, layout)| {
                if (carries..carries + scan.xs).contains(&index) { stacked(layout) } else { layout.clone() }
            });
            NodePlan::Scan { operands: operands.collect(), body: Box::new(body), params: params.clone() }
        });
        Ok((plan, results))
    }
}
