//! Values of the forward pass in the body of a backward scan, or in the backward half of a function: kept, or computed
//! again.

use std::collections::{BTreeMap, HashMap};

use crate::builder::{Builder, Tensor};
use crate::error::Error;
use crate::function::{Function, Node, Value};
use crate::op::{Binary, Op, Remat, Unary};

/// Where a backward body gets a forward value that it does not compute.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Origin {
    /// Stacked input number `n` of the forward scan, or input number `n` of a split function.
    Stacked(usize),
    /// Constant number `n` of the forward scan, or fixed input number `n` of a split function.
    Constant(usize),
    /// A stack of this value that the forward scan must write; the value itself, of a split function.
    Residual,
}

/// A parameter of the backward body that brings a value of the forward body.
pub(super) struct Request {
    pub(super) value: Value,
    pub(super) origin: Origin,
    pub(super) tensor: Tensor,
}

/// Forward values available in a backward body, found or made on demand.
pub(super) struct Recompute {
    remat: Remat,
    /// Of each parameter of the body.
    origins: Vec<Origin>,
    pub(super) known: HashMap<Value, Tensor>,
    /// Under [`Remat::Save`], values that are kept under the name given to them.
    renamed: HashMap<Value, Value>,
    /// Under [`Remat::None`], values that are computed again all the same.
    cheap: Vec<bool>,
    /// Parameters added to the backward body.
    pub(super) requests: Vec<Request>,
}

impl Recompute {
    pub(super) fn new(body: &Function, remat: &Remat, origins: Vec<Origin>) -> Self {
        let mut renamed = HashMap::new();
        if let Remat::Save(names) = remat {
            for node in &body.nodes {
                if matches!(&node.op, Op::Name(name) if names.contains(name)) {
                    renamed.insert(node.operands[0], node.results[0]);
                }
            }
        }
        Self {
            remat: remat.clone(),
            known: HashMap::new(),
            renamed,
            cheap: invariant(body, &origins),
            origins,
            requests: Vec::new(),
        }
    }

    /// A value of the forward body in the backward body `b`.
    pub(super) fn primal(&mut self, body: &Function, b: &Builder, value: Value) -> Result<Tensor, Error> {
        if let Some(&tensor) = self.known.get(&value) {
            return Ok(tensor);
        }
        if let Some(&named) = self.renamed.get(&value) {
            return self.primal(body, b, named);
        }
        if let Some(position) = body.params.iter().position(|param| param.value == value) {
            let origin = self.origins[position];
            return Ok(self.request(body, b, value, origin));
        }
        let node = body.nodes.iter().find(|node| node.results.contains(&value));
        let node = node.ok_or_else(|| Error::Gradient(format!("value {} has no definition", value.0)))?;
        if self.is_kept(body, node) {
            return Ok(self.request(body, b, value, Origin::Residual));
        }
        let operands: Result<Vec<_>, _> =
            node.operands.iter().map(|&operand| self.primal(body, b, operand)).collect();
        let results =
            b.in_scope(format!("remat/{}", body.scope(node)), || b.op(node.op.clone(), &operands?))?;
        self.known.extend(node.results.iter().copied().zip(results));
        Ok(self.known[&value])
    }

    /// Whether the policy keeps the results of this node.
    fn is_kept(&self, body: &Function, node: &Node) -> bool {
        match &self.remat {
            Remat::None => {
                // Of a narrowing conversion or a comparison keep the small result, not the large operands.
                let operands: usize = node.operands.iter().map(|&operand| body.ty(operand).bytes()).sum();
                let shrinks = body.ty(node.results[0]).bytes() < operands;
                !self.is_cheap(node.results[0]) && (shrinks || Cost::of(&node.op) > Cost::Free)
            }
            Remat::Dots => matches!(node.op, Op::Dot { .. } | Op::Scan(_)),
            Remat::Full => false,
            Remat::Save(names) => matches!(&node.op, Op::Name(name) if names.contains(name)),
        }
    }

    fn is_cheap(&self, value: Value) -> bool {
        self.cheap.get(value.index()).copied().unwrap_or(false)
    }

    fn request(&mut self, body: &Function, b: &Builder, value: Value, origin: Origin) -> Tensor {
        let tensor = b.param(format!("forward{}", value.0), body.ty(value).clone(), &[]);
        self.requests.push(Request { value, origin, tensor });
        self.known.insert(value, tensor);
        tensor
    }

    /// Under [`Remat::None`], once all demands are known: computes again what takes only cheap ops on values that are
    /// kept anyway, at the start of the backward body. That fuses into what reads it, where a stack would have to be
    /// written and read.
    pub(super) fn settle(&mut self, body: &Function, b: &Builder) -> Result<(), Error> {
        if self.remat != Remat::None {
            return Ok(());
        }
        self.cheap.resize(body.types.len(), false);
        self.request_common_sources(body, b);
        self.cheap = self.at_hand(body).0;
        let requests = std::mem::take(&mut self.requests);
        let (mut again, kept): (Vec<_>, Vec<_>) = requests
            .into_iter()
            .partition(|request| request.origin == Origin::Residual && self.is_cheap(request.value));
        self.known = kept.iter().map(|request| (request.value, request.tensor)).collect();
        self.requests = kept;
        let before = b.function.borrow().nodes.len();
        // In the order of the forward body, so that one can be computed from another.
        let order: HashMap<Value, usize> =
            body.nodes.iter().enumerate().map(|(index, node)| (node.results[0], index)).collect();
        again.sort_by_key(|request| order.get(&request.value).copied());
        for Request { value, tensor, .. } in again {
            self.primal(body, b, value)?;
            // The new node defines what was a parameter.
            let mut function = b.function.borrow_mut();
            function.params.retain(|param| param.value != tensor.value);
            if let Some(node) = function.nodes.last_mut() {
                node.results = vec![tensor.value];
            }
            self.known.insert(value, tensor);
        }
        let mut function = b.function.borrow_mut();
        let added = function.nodes.len() - before;
        function.nodes.rotate_right(added);
        Ok(())
    }

    /// Which values cheap ops make from kept values, stacked inputs and constants; and these together with the kept.
    fn at_hand(&self, body: &Function) -> (Vec<bool>, Vec<bool>) {
        let mut cheap = self.cheap.clone();
        let mut at_hand = cheap.clone();
        self.requests.iter().for_each(|request| at_hand[request.value.index()] = true);
        for (param, origin) in body.params.iter().zip(&self.origins) {
            at_hand[param.value.index()] |= *origin != Origin::Residual;
        }
        for node in &body.nodes {
            let is_cheap = Cost::of(&node.op) <= Cost::Cheap
                && node.operands.iter().all(|operand| at_hand[operand.index()]);
            for result in &node.results {
                cheap[result.index()] |= is_cheap;
                at_hand[result.index()] |= is_cheap;
            }
        }
        (cheap, at_hand)
    }

    /// Keeps a value instead of several that cheap ops make of it, such as slices of it, where that is less.
    fn request_common_sources(&mut self, body: &Function, b: &Builder) {
        let definitions = body.definitions();
        let (cheap, at_hand) = self.at_hand(body);
        let mut bytes: BTreeMap<Value, usize> = BTreeMap::new();
        let residuals = self.requests.iter().filter(|request| request.origin == Origin::Residual);
        for request in residuals.filter(|request| !cheap[request.value.index()]) {
            let mut source = request.value;
            while let Some(node) = definitions[source.index()].map(|index| &body.nodes[index]) {
                let mut missing = node.operands.iter().filter(|operand| !at_hand[operand.index()]);
                match (Cost::of(&node.op) <= Cost::Cheap, missing.next(), missing.next()) {
                    (true, Some(&operand), None) => source = operand,
                    _ => break,
                }
            }
            *bytes.entry(source).or_default() += body.ty(request.value).bytes();
        }
        for (source, bytes) in bytes {
            if bytes > body.ty(source).bytes() && !at_hand[source.index()] {
                self.request(body, b, source, Origin::Residual);
            }
        }
    }
}

/// Values of a scan body that are the same in every iteration and not the result of a contraction or the like.
/// Stacks of them would hold copies; compilers move the computation out of the loop.
fn invariant(body: &Function, origins: &[Origin]) -> Vec<bool> {
    let mut invariant = vec![false; body.types.len()];
    for (param, origin) in body.params.iter().zip(origins) {
        invariant[param.value.index()] = matches!(origin, Origin::Constant(_));
    }
    for node in &body.nodes {
        let is_invariant = Cost::of(&node.op) != Cost::Heavy
            && node.operands.iter().all(|operand| invariant[operand.index()]);
        node.results.iter().for_each(|result| invariant[result.index()] = is_invariant);
    }
    invariant
}

/// What it takes to compute an op again, beside keeping its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    /// Nothing: it only rearranges, renames, or counts.
    Free,
    /// An instruction or so for each element, or a move.
    Cheap,
    /// A function's evaluation for each element, or a lookup in memory.
    Moderate,
    /// Work on many elements for each, or an exchange between devices.
    Heavy,
}

impl Cost {
    fn of(op: &Op) -> Cost {
        match op {
            Op::Constant(_)
            | Op::Iota { .. }
            | Op::Broadcast { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Convert(_)
            | Op::Compare(_)
            | Op::Barrier
            | Op::StopGradient
            | Op::Shard { .. }
            | Op::AxisIndex { .. }
            | Op::Name(_) => Cost::Free,
            Op::Slice { .. } | Op::Concatenate { .. } | Op::Select => Cost::Cheap,
            Op::Unary(unary) => match unary {
                Unary::Neg | Unary::Abs | Unary::Sign | Unary::Floor | Unary::Not | Unary::IsFinite => {
                    Cost::Cheap
                }
                Unary::Exp
                | Unary::Log
                | Unary::Tanh
                | Unary::Logistic
                | Unary::Sqrt
                | Unary::Rsqrt
                | Unary::Sin
                | Unary::Cos => Cost::Moderate,
            },
            Op::Binary(binary) => match binary {
                Binary::Add
                | Binary::Sub
                | Binary::Mul
                | Binary::Max
                | Binary::Min
                | Binary::And
                | Binary::Or
                | Binary::Xor
                | Binary::ShiftLeft
                | Binary::ShiftRight => Cost::Cheap,
                Binary::Div | Binary::Rem | Binary::Pow => Cost::Moderate,
            },
            Op::Bitcast(_)
            | Op::Pad { .. }
            | Op::Reverse { .. }
            | Op::DynamicSlice { .. }
            | Op::DynamicUpdateSlice => Cost::Moderate,
            Op::Dot { .. }
            | Op::Reduce { .. }
            | Op::Take
            | Op::ScatterAdd
            | Op::AllReduce { .. }
            | Op::AllGather { .. }
            | Op::ReduceScatter { .. }
            | Op::AllToAll { .. }
            | Op::Permute { .. }
            | Op::Scan(_) => Cost::Heavy,
        }
    }
}
