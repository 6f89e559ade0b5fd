//! Removal of what no result needs.

use crate::function::{Function, Value};

/// Drops nodes none of whose results is read, and renumbers values in order of definition: parameters first.
pub fn remove_dead_nodes(function: &mut Function) {
    let mut live = vec![false; function.types.len()];
    function.results.iter().for_each(|output| live[output.value.index()] = true);
    let mut kept = Vec::with_capacity(function.nodes.len());
    for node in std::mem::take(&mut function.nodes).into_iter().rev() {
        if node.results.iter().any(|result| live[result.index()]) {
            node.operands.iter().for_each(|operand| live[operand.index()] = true);
            kept.push(node);
        }
    }
    kept.reverse();
    function.nodes = kept;
    renumber(function);
}

fn renumber(function: &mut Function) {
    let mut renamed = vec![Value(u32::MAX); function.types.len()];
    let mut types = Vec::with_capacity(function.types.len());
    let mut define = |value: &mut Value, renamed: &mut Vec<Value>| {
        types.push(function.types[value.index()].clone());
        renamed[value.index()] = Value(types.len() as u32 - 1);
        *value = renamed[value.index()];
    };
    function.params.iter_mut().for_each(|param| define(&mut param.value, &mut renamed));
    for node in &mut function.nodes {
        node.operands.iter_mut().for_each(|operand| *operand = renamed[operand.index()]);
        node.results.iter_mut().for_each(|result| define(result, &mut renamed));
    }
    function.results.iter_mut().for_each(|output| output.value = renamed[output.value.index()]);
    function.types = types;
    let mut used: Vec<Option<u32>> = vec![None; function.scopes.len()];
    let mut scopes = vec![String::new()];
    used[0] = Some(0);
    for node in &mut function.nodes {
        let old = node.scope as usize;
        node.scope = *used[old].get_or_insert_with(|| {
            scopes.push(function.scopes[old].clone());
            scopes.len() as u32 - 1
        });
    }
    function.scopes = scopes;
}
