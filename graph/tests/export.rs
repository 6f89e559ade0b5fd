//! Laws of exported programs that need no compiler; that they run to the right numbers is tested in `runtime`.

use std::collections::HashSet;

use graph::hlo::proto::Module;
use graph::testing::{Options, random_function};
use graph::{Builder, DType, Error, Function, Literal, ScanInputs, ScanOutputs, TensorType};
use graph::{to_hlo_proto, to_hlo_text, to_stablehlo};
use proptest::prelude::*;
use prost::Message;

fn any_function(seed: u64, nodes: usize) -> Function {
    random_function(seed, &Options { nodes, dtypes: DType::ALL.to_vec(), tame: false, collectives: true })
}

/// The `%name`s at the start of a line before ` = `, or in a list of arguments before `: ` or ` = `.
fn defined(line: &str) -> Vec<&str> {
    let words = line.split([' ', '(', ',']).zip(line.split([' ', '(', ',']).skip(1));
    let names = words.filter(|(word, next)| word.starts_with('%') && (word.ends_with(':') || *next == "="));
    names.map(|(word, _)| word.trim_end_matches(':')).map(|word| word.split(':').next().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stablehlo_defines_each_name_once(seed: u64, nodes in 0usize..40) {
        let text = to_stablehlo(&any_function(seed, nodes)).unwrap();
        let mut seen = HashSet::new();
        for name in text.lines().flat_map(defined) {
            prop_assert!(seen.insert(name), "{name} is defined twice in\n{text}");
        }
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || "%_.$-".contains(c))) {
            let name = word.trim_end_matches(['.', ':']);
            prop_assert!(!name.starts_with('%') || seen.contains(name), "{name} is not defined in\n{text}");
        }
    }

    #[test]
    fn locations_are_defined_and_used(seed: u64, nodes in 0usize..40) {
        let text = to_stablehlo(&any_function(seed, nodes)).unwrap();
        let (used, defined): (Vec<_>, Vec<_>) = text.lines().partition(|line| !line.starts_with("#loc"));
        let number = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().to_owned();
        let used: HashSet<_> = used.iter().flat_map(|line| line.split("loc(#loc").skip(1)).map(number).collect();
        let defined: HashSet<_> = defined.iter().map(|line| number(&line[4..])).collect();
        prop_assert_eq!(used, defined);
    }

    #[test]
    fn hlo_is_in_order_with_unique_names_and_ids(seed: u64, nodes in 0usize..40) {
        let function = any_function(seed, nodes);
        let module = Module::decode(&to_hlo_proto(&function).unwrap()[..]).unwrap();
        let (mut ids, mut names, mut computations) = (HashSet::new(), HashSet::new(), HashSet::new());
        for computation in &module.computations {
            let mut inside = HashSet::new();
            for instruction in &computation.instructions {
                prop_assert!(instruction.operand_ids.iter().all(|id| inside.contains(id)), "{}", instruction.name);
                let mut called = instruction.called_computation_ids.iter();
                prop_assert!(called.all(|id| computations.contains(id)), "{}", instruction.name);
                prop_assert!(ids.insert(instruction.id) && names.insert(&instruction.name), "{}", instruction.name);
                inside.insert(instruction.id);
            }
            prop_assert!(inside.contains(&computation.root_id));
            prop_assert!(ids.insert(computation.id) && names.insert(&computation.name));
            computations.insert(computation.id);
        }
        let entry = module.computations.last().unwrap();
        prop_assert_eq!((entry.id, &entry.name), (module.entry_computation_id, &module.entry_computation_name));
        let shape = module.host_program_shape.unwrap();
        prop_assert_eq!(shape.parameters.len(), function.params.len());
        prop_assert_eq!(shape.result.unwrap().tuple_shapes.len(), function.results.len());
        let aliases = module.input_output_alias.map_or(0, |alias| alias.entries.len());
        prop_assert_eq!(aliases, function.results.iter().filter(|output| output.alias.is_some()).count());
    }
}

/// Both exporters refuse a function with this message.
fn check_refused(function: &Function, expected: &str) {
    for result in [to_stablehlo(function), to_hlo_text(function)] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn what_the_verifier_refuses_is_not_printed() {
    let builder = Builder::new("broken");
    let x = builder.param("x", TensorType::new(DType::F32, [2]), &[]);
    builder.output("y", builder.neg(x).unwrap());
    let mut function = builder.finish().unwrap();
    function.nodes[0].operands[0] = graph::Value(7);
    check_refused(&function, "function `broken`, node 0");
}

#[test]
fn a_scan_too_long_to_count_is_refused() {
    let builder = Builder::new("long");
    let x = builder.param("x", TensorType::scalar(DType::F32), &[]);
    let inputs = ScanInputs { length: 1 << 31, carries: &[x], ..Default::default() };
    let scan = builder.scan("forever", inputs, |body| {
        Ok::<_, Error>(ScanOutputs { carries: vec![body.builder.neg(body.carries[0])?], ys: vec![] })
    });
    builder.output("y", scan.unwrap().carries[0]);
    check_refused(&builder.finish().unwrap(), "export: scan `forever`: 2147483648 iterations do not fit i32");
}

#[test]
fn repeated_numbers_are_not_stored() {
    let builder = Builder::new("zeros");
    let ty = TensorType::new(DType::F32, [1000, 1000]);
    builder.output("y", builder.constant(Literal::from_floats(ty, vec![0.5; 1_000_000]).unwrap()).unwrap());
    let function = builder.finish().unwrap();
    assert!(to_stablehlo(&function).unwrap().len() < 400);
    assert!(to_hlo_text(&function).unwrap().len() < 400);
    assert!(to_hlo_proto(&function).unwrap().len() < 400);
}
