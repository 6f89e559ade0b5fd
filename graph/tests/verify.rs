//! Every rule of the verifier has a program that breaks it: here those that no text can express, the others in
//! `filetests/verify.txt`. And a verified function is as good as promised: nothing panics on it.

use graph::testing::{Options, Random, random_function, random_inputs};
use graph::verify::verify;
use graph::{DType, Function, Op, TensorType, Value, interpret};
use proptest::prelude::*;

const VALID: &str = r#"
func @f(%0 "x": f32[2], %1 "y": f32[2]) -> (%3 "z": f32[2]) {
  %2: f32[2] = add %0, %1 @ "first"
  %3: f32[2] = exp %2 @ "second"
}"#;

/// Breaks the valid program with `damage`, and expects the verifier's message.
#[track_caller]
fn check(damage: impl FnOnce(&mut Function), expected: &str) {
    let mut function = Function::parse(VALID).expect("a program");
    assert_eq!(verify(&function).map_err(|error| error.to_string()), Ok(()));
    damage(&mut function);
    let error = verify(&function).expect_err("the damage is a broken rule");
    assert_eq!(error.to_string(), expected);
    // The text of a broken function serves messages: it may be wrong, but must be there.
    assert!(!function.to_string().is_empty());
}

#[test]
fn rule_1_the_name_is_not_empty() {
    let expected =
        "function ``: the name `` is not letters, digits and underscores, not starting with a digit";
    check(|f| f.name.clear(), expected);
}

#[test]
fn rule_3_values_are_in_the_table() {
    check(
        |f| f.nodes[0].operands[1] = Value(4),
        "function `f`, node 0: %4 has no type; the table has 4 entries",
    );
    check(
        |f| f.nodes[1].results[0] = Value(9),
        "function `f`, node 1: %9 has no type; the table has 4 entries",
    );
    check(|f| f.results[0].value = Value(7), "function `f`: %7 has no type; the table has 4 entries");
    check(
        |f| f.params[0].value = Value(u32::MAX),
        "function `f`: %4294967295 has no type; the table has 4 entries",
    );
}

#[test]
fn rule_4_values_are_defined_exactly_once() {
    check(|f| f.nodes[1].results[0] = Value(2), "function `f`, node 1: %2 is defined twice");
    check(|f| f.params[1].value = Value(0), "function `f`: %0 is defined twice");
    check(|f| f.types.push(TensorType::scalar(DType::F32)), "function `f`: %4 is never defined");
    let drop_last = |f: &mut Function| {
        f.nodes.pop();
        f.scopes.pop();
    };
    check(drop_last, "function `f`: %3 is never defined");
}

#[test]
fn rule_5_nodes_stand_in_order() {
    check(|f| f.nodes.swap(0, 1), "function `f`, node 0: exp: %2 is read before it is defined");
    check(
        |f| f.nodes[0].operands[0] = Value(2),
        "function `f`, node 0: add: %2 is read before it is defined",
    );
}

#[test]
fn rule_6_a_node_has_the_results_of_its_op() {
    let expected = "function `f`, node 1: exp: the results are declared as nothing; the op gives f32[2]";
    check(|f| f.nodes[1].results.clear(), expected);
    let convert = |f: &mut Function| f.nodes[1].op = Op::Convert(DType::BF16);
    check(convert, "function `f`, node 1: convert: the results are declared as f32[2]; the op gives bf16[2]");
    let name = |f: &mut Function| f.nodes[1].op = Op::Name(String::new());
    check(name, "function `f`, node 1: name: `` is not a name; names are letters, digits and `_-./:`");
}

#[test]
fn rule_8_axes_have_names() {
    let expected =
        "function `f`: parameter `x`: axis `a b` is not a name; names are letters, digits and `_-./:`";
    check(|f| f.params[0].axes = vec!["a b".into()], expected);
}

#[test]
fn rule_10_scopes_are_in_order_of_first_use() {
    check(|f| f.scopes.clear(), "function `f`: scope 0 is None, expected the empty name");
    check(
        |f| f.scopes[0] = "outside".into(),
        "function `f`: scope 0 is Some(\"outside\"), expected the empty name",
    );
    check(|f| f.nodes[1].scope = 3, "function `f`, node 1: scope 3 does not exist; there are 3");
    check(|f| f.nodes[0].scope = 2, "function `f`, node 0: scope 2, `second`, is used before scope 1");
    check(|f| f.scopes[2] = "first".into(), "function `f`, node 1: two scopes are named `first`");
    check(|f| f.scopes.push("third".into()), "function `f`: no node is in scope `third`");
}

/// Changes one thing at random, in the function or in the body of one of its scans.
fn mutate(random: &mut Random, function: &mut Function) {
    let values = function.types.len() + 1;
    let value = Value(random.below(values) as u32);
    let count = function.nodes.len();
    if count == 0 || random.once_in(8) {
        match (random.below(4), function.results.first_mut()) {
            (0, Some(output)) => output.value = value,
            (1, Some(output)) => output.alias = Some(random.below(4)),
            (2, _) => drop(function.types.pop()),
            _ => function.params.truncate(1),
        }
        return;
    }
    let other = random.below(count);
    let other_op = function.nodes[other].op.clone();
    let node = &mut function.nodes[random.below(count)];
    match random.below(6) {
        0 => node.op = other_op,
        1 => drop(node.operands.pop()),
        2 => node.operands.push(value),
        3 => {
            if let Some(operand) = node.operands.first_mut() {
                *operand = value;
            }
        }
        4 => {
            let ty = node.results.first().and_then(|result| function.types.get_mut(result.index()));
            if let Some(ty) = ty {
                ty.shape.push(random.pick(&[0, 1, 2, usize::MAX]));
            }
        }
        _ => match &mut node.op {
            Op::Scan(scan) if random.once_in(2) => mutate(random, &mut scan.body),
            Op::Scan(scan) => match random.below(3) {
                0 => scan.carries = random.pick(&[0, 1, 3, usize::MAX]),
                1 => scan.xs = random.pick(&[0, 1, 3, usize::MAX]),
                _ => scan.length = random.below(3),
            },
            Op::Pad { low, high, interior } => match (random.below(3), low.first_mut(), high.first_mut()) {
                (0, Some(low), _) => *low = random.pick(&[i64::MIN, -1, i64::MAX]),
                (1, Some(low), Some(high)) => (*low, *high) = (i64::MIN, i64::MAX),
                _ => interior.iter_mut().for_each(|each| *each = usize::MAX),
            },
            Op::Slice { limits, strides, .. } => {
                limits.iter_mut().chain(strides).for_each(|each| *each = random.pick(&[0, 1, usize::MAX]));
            }
            Op::Transpose { permutation: dims }
            | Op::Reverse { dims }
            | Op::Reduce { dims, .. }
            | Op::Broadcast { dims, .. } => dims.push(random.below(4)),
            Op::Reshape { shape } => shape.push(random.pick(&[0, 1, usize::MAX])),
            Op::Dot { dims, .. } => dims.lhs_contract.push(random.below(3)),
            Op::Iota { dim, .. } | Op::Concatenate { dim } => *dim = random.below(4),
            _ => {}
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_the_verifier_passes_prints_parses_and_runs(seed: u64, nodes in 0usize..20, mutations in 0usize..3) {
        let options = Options { nodes, dtypes: DType::ALL.to_vec(), tame: false, collectives: true };
        let mut function = random_function(seed, &options);
        let mut random = Random::new(seed ^ 1);
        (0..mutations).for_each(|_| mutate(&mut random, &mut function));
        prop_assume!(function.types.iter().all(|ty| ty.elements() < 1 << 16));
        let verified = verify(&function);
        prop_assert!(mutations > 0 || verified.is_ok(), "{:?}", verified);
        let text = function.to_string();
        if verified.is_err() {
            prop_assert!(interpret(&function, &[]).is_err());
        } else {
            let results = interpret(&function, &random_inputs(seed, &function, false));
            let results = results.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            let types: Vec<_> = results.iter().map(|result| result.ty().clone()).collect();
            prop_assert_eq!(types, function.result_types());
            let parsed = Function::parse(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
            prop_assert_eq!(&parsed, &function, "{}", text);
        }
    }
}
