//! Parsing.

use std::collections::HashMap;

use super::cursor::Cursor;
use super::elements;
use crate::dtype::{DType, TensorType};
use crate::error::Error;
use crate::function::{Function, Node, Output, Param, Value};
use crate::literal::Literal;
use crate::mesh::{MeshAxis, Placement, PlacementTable};
use crate::op::{Binary, Comparison, DotDims, Op, Reduction, Remat, Scan, Unary};

/// Scan bodies nested deeper than this are refused: parsing is recursive.
const MAX_DEPTH: usize = 64;

pub(super) fn whole_function(text: &str) -> Result<Function, Error> {
    let mut cursor = Cursor::new(text);
    let function = function(&mut cursor, 0)?;
    if cursor.is_at_end() { Ok(function) } else { cursor.expected("nothing after the function") }
}

pub(super) fn whole_literal(text: &str) -> Result<Literal, Error> {
    let mut cursor = Cursor::new(text);
    let ty = tensor_type(&mut cursor)?;
    let literal = elements::parse(&mut cursor, &ty)?;
    if cursor.is_at_end() { Ok(literal) } else { cursor.expected("nothing after the literal") }
}

/// What a function's text says about its values, checked when all of it is read.
#[derive(Default)]
struct Values {
    /// Number, type and position of each definition.
    defined: Vec<(Value, TensorType, usize)>,
    /// Number and position of each use, with the type where the text repeats it.
    used: Vec<(Value, Option<TensorType>, usize)>,
}

impl Values {
    /// The table of types.
    fn table(self, cursor: &Cursor<'_>) -> Result<Vec<TensorType>, Error> {
        let count = self.defined.len();
        let mut types: Vec<Option<TensorType>> = vec![None; count];
        for (value, ty, position) in self.defined {
            let Some(entry) = types.get_mut(value.index()) else {
                let message = format!("%{} is too large: {count} values have the numbers from 0 on", value.0);
                return Err(cursor.error_at(position, message));
            };
            if entry.replace(ty).is_some() {
                return Err(cursor.error_at(position, format!("%{} is defined a second time", value.0)));
            }
        }
        // As many distinct numbers below the count as the count: none is missing.
        let types: Vec<TensorType> = types.into_iter().flatten().collect();
        for (value, expected, position) in self.used {
            let Some(ty) = types.get(value.index()) else {
                return Err(cursor.error_at(position, format!("%{} is never defined", value.0)));
            };
            if let Some(expected) = expected.filter(|expected| expected != ty) {
                let message = format!("%{} is {expected} here and {ty} where it is defined", value.0);
                return Err(cursor.error_at(position, message));
            }
        }
        Ok(types)
    }
}

fn function(cursor: &mut Cursor<'_>, depth: usize) -> Result<Function, Error> {
    let start = cursor.position();
    if depth > MAX_DEPTH {
        return Err(cursor.error_at(start, format!("scans are nested more than {MAX_DEPTH} deep")));
    }
    if !cursor.eat_word("func") {
        return cursor.expected("`func`");
    }
    cursor.expect("@")?;
    let mut function = Function::new(cursor.word("the function's name")?);
    let mut values = Values::default();
    function.params = cursor.list("(", ")", |cursor| param(cursor, &mut values))?;
    cursor.expect("->")?;
    function.results = cursor.list("(", ")", |cursor| result(cursor, &mut values))?;
    cursor.expect("{")?;
    let mut scopes = HashMap::from([("", 0)]);
    while !cursor.eat("}") {
        let node = node(cursor, &mut values, &mut scopes, depth)?;
        function.nodes.push(node);
    }
    function.scopes.resize(scopes.len(), String::new());
    for (name, index) in scopes {
        function.scopes[index as usize] = name.into();
    }
    function.types = values.table(cursor)?;
    Ok(function)
}

fn param(cursor: &mut Cursor<'_>, values: &mut Values) -> Result<Param, Error> {
    let position = cursor.position();
    let value = value_number(cursor)?;
    let name = cursor.string("the parameter's name in quotes")?.into();
    cursor.expect(":")?;
    values.defined.push((value, tensor_type(cursor)?, position));
    let axes = match cursor.sees("{") {
        true => cursor.list("{", "}", |cursor| Ok(cursor.name("an axis name")?.into()))?,
        false => Vec::new(),
    };
    Ok(Param { name, axes, value })
}

fn result(cursor: &mut Cursor<'_>, values: &mut Values) -> Result<Output, Error> {
    let position = cursor.position();
    let value = value_number(cursor)?;
    let name = cursor.string("the result's name in quotes")?.into();
    cursor.expect(":")?;
    values.used.push((value, Some(tensor_type(cursor)?), position));
    let alias = match cursor.eat_word("alias") {
        true => Some(cursor.integer("the number of a parameter")?),
        false => None,
    };
    Ok(Output { name, value, alias })
}

fn node<'a>(
    cursor: &mut Cursor<'a>,
    values: &mut Values,
    scopes: &mut HashMap<&'a str, u32>,
    depth: usize,
) -> Result<Node, Error> {
    let mut types = Vec::new();
    let mut results = Vec::new();
    if cursor.sees("%") {
        loop {
            let position = cursor.position();
            let value = value_number(cursor)?;
            cursor.expect(":")?;
            let ty = tensor_type(cursor)?;
            types.push(ty.clone());
            results.push(value);
            values.defined.push((value, ty, position));
            if !cursor.eat(",") {
                break;
            }
        }
        cursor.expect("=")?;
    }
    let position = cursor.position();
    let name = cursor.word("an op")?;
    if name == "scan" {
        let (mut scan, operands) = scan_header(cursor, values)?;
        let scope = scope(cursor, scopes)?;
        cursor.expect("{")?;
        scan.body = function(cursor, depth + 1)?;
        cursor.expect("}")?;
        return Ok(Node { op: Op::Scan(Box::new(scan)), operands, results, scope });
    }
    let [ty] = &types[..] else {
        return Err(cursor.error_at(position, format!("`{name}` gives one result, not {}", types.len())));
    };
    let (op, operands) = op(cursor, values, name, position, ty)?;
    let scope = scope(cursor, scopes)?;
    Ok(Node { op, operands, results, scope })
}

fn scope<'a>(cursor: &mut Cursor<'a>, scopes: &mut HashMap<&'a str, u32>) -> Result<u32, Error> {
    if !cursor.eat("@") {
        return Ok(0);
    }
    let next = scopes.len() as u32;
    Ok(*scopes.entry(cursor.string("the scope's name in quotes")?).or_insert(next))
}

/// The op of this name, which stands at `position`, and its operands. `ty` is the type of its result.
fn op(
    cursor: &mut Cursor<'_>,
    values: &mut Values,
    name: &str,
    position: usize,
    ty: &TensorType,
) -> Result<(Op, Vec<Value>), Error> {
    if let Some(&unary) = Unary::ALL.iter().find(|unary| unary.name() == name) {
        return Ok((Op::Unary(unary), operands(cursor, values)?));
    }
    if let Some(&binary) = Binary::ALL.iter().find(|binary| binary.name() == name) {
        return Ok((Op::Binary(binary), operands(cursor, values)?));
    }
    let (dtype, shape) = (ty.dtype, ty.shape.clone());
    let mut operands = |cursor: &mut Cursor<'_>| operands(cursor, values);
    Ok(match name {
        "constant" => (Op::Constant(elements::parse(cursor, ty)?), Vec::new()),
        "iota" => (Op::Iota { ty: ty.clone(), dim: integer(cursor, "dim")? }, Vec::new()),
        "compare" => {
            let direction = variant(cursor, "a direction", &Comparison::ALL, Comparison::name)?;
            (Op::Compare(direction), operands(cursor)?)
        }
        "select" => (Op::Select, operands(cursor)?),
        "convert" => (Op::Convert(dtype), operands(cursor)?),
        "bitcast" => (Op::Bitcast(dtype), operands(cursor)?),
        "broadcast" => {
            let operands = operands(cursor)?;
            (Op::Broadcast { shape, dims: integers(cursor, "dims")? }, operands)
        }
        "reshape" => (Op::Reshape { shape }, operands(cursor)?),
        "transpose" => {
            let operands = operands(cursor)?;
            (Op::Transpose { permutation: integers(cursor, "permutation")? }, operands)
        }
        "slice" => {
            let operands = operands(cursor)?;
            let starts = integers(cursor, "starts")?;
            let limits = integers(cursor, "limits")?;
            let strides = integers(cursor, "strides")?;
            (Op::Slice { starts, limits, strides }, operands)
        }
        "pad" => {
            let operands = operands(cursor)?;
            let low = integers(cursor, "low")?;
            let high = integers(cursor, "high")?;
            let interior = integers(cursor, "interior")?;
            (Op::Pad { low, high, interior }, operands)
        }
        "concatenate" => {
            let operands = operands(cursor)?;
            (Op::Concatenate { dim: integer(cursor, "dim")? }, operands)
        }
        "reverse" => {
            let operands = operands(cursor)?;
            (Op::Reverse { dims: integers(cursor, "dims")? }, operands)
        }
        "dot" => {
            let operands = operands(cursor)?;
            (Op::Dot { dims: dot_dims(cursor)?, output: dtype }, operands)
        }
        "reduce" => {
            let kind = variant(cursor, "a kind of reduction", &Reduction::ALL, Reduction::name)?;
            let operands = operands(cursor)?;
            (Op::Reduce { kind, dims: integers(cursor, "dims")? }, operands)
        }
        "take" => (Op::Take, operands(cursor)?),
        "scatter_add" => (Op::ScatterAdd, operands(cursor)?),
        "dynamic_slice" => (Op::DynamicSlice { sizes: shape }, operands(cursor)?),
        "dynamic_update_slice" => (Op::DynamicUpdateSlice, operands(cursor)?),
        "barrier" => (Op::Barrier, operands(cursor)?),
        "stop_gradient" => (Op::StopGradient, operands(cursor)?),
        "name" => {
            let operands = operands(cursor)?;
            (Op::Name(cursor.string("a name in quotes")?.into()), operands)
        }
        "shard" => {
            let operands = operands(cursor)?;
            key(cursor, "to")?;
            let to = placement(cursor)?;
            let gradient = if cursor.eat_word("gradient") {
                cursor.expect("=")?;
                Some(placement(cursor)?)
            } else {
                None
            };
            (Op::Shard { to, gradient }, operands)
        }
        "axis_index" => (Op::AxisIndex { axis: mesh_axis(cursor)? }, Vec::new()),
        "all_reduce" => {
            let kind = variant(cursor, "a kind of reduction", &Reduction::ALL, Reduction::name)?;
            let operands = operands(cursor)?;
            (Op::AllReduce { kind, axes: mesh_axes(cursor)? }, operands)
        }
        "all_gather" => {
            let operands = operands(cursor)?;
            (Op::AllGather { dim: integer(cursor, "dim")?, axes: mesh_axes(cursor)? }, operands)
        }
        "reduce_scatter" => {
            let operands = operands(cursor)?;
            (Op::ReduceScatter { dim: integer(cursor, "dim")?, axes: mesh_axes(cursor)? }, operands)
        }
        "all_to_all" => {
            let operands = operands(cursor)?;
            let (split, concat) = (integer(cursor, "split")?, integer(cursor, "concat")?);
            (Op::AllToAll { split, concat, axes: mesh_axes(cursor)? }, operands)
        }
        "permute" => {
            let operands = operands(cursor)?;
            let shift = integer(cursor, "shift")?;
            (Op::Permute { axis: mesh_axis(cursor)?, shift }, operands)
        }
        _ => return Err(cursor.error_at(position, format!("no op is named `{name}`"))),
    })
}

fn placement(cursor: &mut Cursor<'_>) -> Result<Placement, Error> {
    let position = cursor.position();
    let name = cursor.string("a table's name in quotes")?;
    let table = PlacementTable::find(name).ok_or_else(|| {
        let known = PlacementTable::ALL.map(PlacementTable::name).join(", ");
        cursor.error_at(position, format!("there is no table `{name}`; there are {known}"))
    })?;
    let axes = cursor.list("[", "]", |cursor| Ok(cursor.string("an axis in quotes")?.into()))?;
    Ok(Placement { table, axes })
}

fn mesh_axes(cursor: &mut Cursor<'_>) -> Result<Vec<MeshAxis>, Error> {
    key(cursor, "axes")?;
    cursor.list("[", "]", |cursor| {
        let name = cursor.string("a mesh axis in quotes")?.into();
        Ok(MeshAxis { name, size: cursor.integer("the size of a mesh axis")? })
    })
}

fn mesh_axis(cursor: &mut Cursor<'_>) -> Result<MeshAxis, Error> {
    let position = cursor.position();
    let mut axes = mesh_axes(cursor)?;
    match (axes.pop(), axes.is_empty()) {
        (Some(axis), true) => Ok(axis),
        _ => Err(cursor.error_at(position, "one mesh axis is expected")),
    }
}

fn dot_dims(cursor: &mut Cursor<'_>) -> Result<DotDims, Error> {
    let mut dims = DotDims::default();
    if cursor.sees("lhs_batch") {
        dims.lhs_batch = integers(cursor, "lhs_batch")?;
        dims.rhs_batch = integers(cursor, "rhs_batch")?;
    }
    dims.lhs_contract = integers(cursor, "lhs_contract")?;
    dims.rhs_contract = integers(cursor, "rhs_contract")?;
    Ok(dims)
}

/// A scan up to its body, which is left empty.
fn scan_header(cursor: &mut Cursor<'_>, values: &mut Values) -> Result<(Scan, Vec<Value>), Error> {
    let length = integer(cursor, "length")?;
    let reverse = cursor.eat_word("reverse");
    let mut list = |cursor: &mut Cursor<'_>, key: &str| {
        if !cursor.eat_word(key) {
            return Ok(Vec::new());
        }
        cursor.expect("=")?;
        cursor.list("[", "]", |cursor| operand(cursor, values))
    };
    let carries = list(cursor, "carries")?;
    let xs = list(cursor, "xs")?;
    let constants = list(cursor, "constants")?;
    let mut remat = Remat::None;
    if cursor.eat_word("remat") {
        cursor.expect("=")?;
        remat = match cursor.eat_word("save") {
            true => {
                Remat::Save(cursor.list("[", "]", |cursor| Ok(cursor.string("a name in quotes")?.into()))?)
            }
            false if cursor.eat_word("dots") => Remat::Dots,
            false if cursor.eat_word("full") => Remat::Full,
            false => return cursor.expected("`dots`, `full` or `save`"),
        };
    }
    let (body, lengths) = (Function::new(""), (carries.len(), xs.len()));
    let scan = Scan { length, reverse, carries: lengths.0, xs: lengths.1, remat, body };
    Ok((scan, [carries, xs, constants].concat()))
}

fn operands(cursor: &mut Cursor<'_>, values: &mut Values) -> Result<Vec<Value>, Error> {
    let mut operands = Vec::new();
    if cursor.sees("%") {
        operands.push(operand(cursor, values)?);
        while cursor.eat(",") {
            operands.push(operand(cursor, values)?);
        }
    }
    Ok(operands)
}

fn operand(cursor: &mut Cursor<'_>, values: &mut Values) -> Result<Value, Error> {
    let position = cursor.position();
    let value = value_number(cursor)?;
    values.used.push((value, None, position));
    Ok(value)
}

fn value_number(cursor: &mut Cursor<'_>) -> Result<Value, Error> {
    if !cursor.eat("%") {
        return cursor.expected("a value such as `%0`");
    }
    Ok(Value(cursor.integer("the number of a value")?))
}

fn tensor_type(cursor: &mut Cursor<'_>) -> Result<TensorType, Error> {
    let position = cursor.position();
    let dtype = cursor.word("a type such as `f32[2,3]`")?.parse::<DType>();
    let dtype = dtype.map_err(|message| cursor.error_at(position, message))?;
    let shape = cursor.list("[", "]", |cursor| cursor.integer::<usize>("the size of a dimension"))?;
    Ok(TensorType::new(dtype, shape))
}

/// One of a closed set of words.
fn variant<T: Copy>(
    cursor: &mut Cursor<'_>,
    what: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, Error> {
    let found = all.iter().find(|&&each| cursor.eat_word(name(each)));
    found.copied().ok_or(()).or_else(|()| {
        let names: Vec<_> = all.iter().map(|&each| name(each)).collect();
        cursor.expected(&format!("{what} ({})", names.join(", ")))
    })
}

fn key(cursor: &mut Cursor<'_>, key: &str) -> Result<(), Error> {
    if !cursor.eat_word(key) {
        return cursor.expected(&format!("`{key}=`"));
    }
    cursor.expect("=")
}

fn integer<T: std::str::FromStr>(cursor: &mut Cursor<'_>, name: &str) -> Result<T, Error> {
    key(cursor, name)?;
    cursor.integer("an integer")
}

fn integers<T: std::str::FromStr>(cursor: &mut Cursor<'_>, name: &str) -> Result<Vec<T>, Error> {
    key(cursor, name)?;
    cursor.list("[", "]", |cursor| cursor.integer("an integer"))
}
