//! What the regimes hold and compute in which dtype.

use std::collections::BTreeSet;

use configuration::{Adam, Regime};
use graph::{Binary, DType, Function, Literal, Op, TensorType, Unary};
use model::{Architecture, Precision};
use sharding::plan::{MeshShape, Plan, RematPolicy};
use train::plan::{Planned, split, split_initialize};
use train::step::{StepOptions, initialize, train_step};

use crate::common::{count, inputs, options, tiny};

fn with(regime: Regime, options: StepOptions) -> StepOptions {
    StepOptions { precision: regime.dtypes(), float32_copy: regime.float32_copy(), ..options }
}

/// The programs hold what is said of them.
#[test]
fn the_state_of_a_step_has_these_bytes_for_each_parameter() {
    let model = model::Preset::all().remove(0).config;
    for regime in Regime::ALL {
        let options = StepOptions {
            precision: regime.dtypes(),
            float32_copy: regime.float32_copy(),
            ..StepOptions::new(model.clone(), 1, 16)
        };
        let step = train_step(&options).unwrap();
        let bytes: usize = step.param_types()[..options.state_count()]
            .iter()
            .map(|ty| ty.elements() * ty.dtype.size())
            .sum();
        let expected = regime.bytes_per_parameter().state * model.total_parameters() as usize;
        assert_eq!(bytes, expected, "{}", regime.name());
    }
}

/// Calls `see` with every operation of a function and of the loops in it, the scope it is in, and the dtypes of its
/// operands and results.
fn walk(function: &Function, outer: &str, see: &mut dyn FnMut(&Op, &str, &[DType])) {
    for node in &function.nodes {
        let scope = format!("{outer}/{}", function.scope(node));
        if let Op::Scan(scan) = &node.op {
            walk(&scan.body, &scope, see);
        }
        let values = node.operands.iter().chain(&node.results);
        see(&node.op, &scope, &values.map(|&value| function.ty(value).dtype).collect::<Vec<_>>());
    }
}

/// Whether it computes new numbers, rather than moving, choosing or converting old ones.
fn is_arithmetic(op: &Op) -> bool {
    matches!(
        op,
        Op::Unary(_)
            | Op::Binary(_)
            | Op::Dot { .. }
            | Op::Reduce { .. }
            | Op::ScatterAdd
            | Op::AllReduce { .. }
            | Op::ReduceScatter { .. }
    )
}

/// In bfloat16 are products of matrices, what is elementwise in the feed-forward block (biases and GELU), the residual
/// stream and rotations of it; nothing else. So softmax (exponentials, sums, divisions), cross-entropy (logarithms),
/// normalisation (sums, roots), all sums over a dimension or over devices, and the optimiser are in float32.
#[test]
fn only_products_and_elementwise_activations_are_in_bfloat16() {
    for regime in [Regime::Bf16Activations, Regime::Bf16, Regime::Bf16F32Copy] {
        for (stages, microbatches) in [(1, 1), (1, 2), (2, 2)] {
            let options = with(regime, StepOptions { stages, microbatches, ..options(2, 2) });
            let step = train_step(&options).unwrap();
            let (mut narrow, mut wide) = (BTreeSet::new(), BTreeSet::new());
            walk(&step, "", &mut |op, scope, dtypes| {
                let is_narrow = dtypes.contains(&DType::BF16);
                if !is_arithmetic(op) {
                    return;
                }
                if is_narrow {
                    let allowed = [
                        Op::Unary(Unary::Neg),
                        Op::Unary(Unary::Tanh),
                        Op::Binary(Binary::Add),
                        Op::Binary(Binary::Mul),
                    ];
                    let good = matches!(op, Op::Dot { .. }) || allowed.contains(op);
                    assert!(good, "{regime:?}: {op:?} in {scope} has bfloat16");
                    assert!(!scope.contains("optimizer"), "{regime:?}: {op:?} in {scope} has bfloat16");
                }
                if is_narrow {
                    narrow.insert(op.name())
                } else {
                    wide.insert(op.name())
                };
            });
            // The program has what was looked for.
            let of = |names: &[&'static str]| names.iter().copied().collect::<BTreeSet<_>>();
            assert!(wide.is_superset(&of(&["exp", "log", "rsqrt", "sqrt", "div", "reduce"])), "{wide:?}");
            assert!(narrow.is_superset(&of(&["dot", "add", "mul", "tanh"])), "{narrow:?}");
        }
    }
}

#[test]
fn sums_of_microbatches_are_float32() {
    for regime in Regime::ALL {
        let options = with(regime, StepOptions { microbatches: 2, ..options(2, 2) });
        let step = train_step(&options).unwrap();
        // The loop over microbatches carries the loss and a sum for each parameter.
        let loops = step
            .nodes
            .iter()
            .filter(|node| matches!(node.op, Op::Scan(_)) && node.results.len() == 1 + count());
        let sums: Vec<Vec<DType>> =
            loops.map(|node| node.results.iter().map(|&value| step.ty(value).dtype).collect()).collect();
        assert_eq!(sums, [vec![DType::F32; 1 + count()]], "{regime:?}");
        assert_eq!(regime.bytes_per_parameter().gradients_with_microbatches, DType::F32.size());
    }
}

/// Inputs of a step in whose update gradients have no part: they are clipped to nearly nothing, so that Adam's means are
/// its old ones, decayed.
fn update_alone(options: &StepOptions) -> StepOptions {
    StepOptions { clip_norm: 1e-30, ..options.clone() }
}

/// The float32 step's inputs for one with a copy: the copy has the numbers, parameters are these rounded.
fn with_copy(wide: &[Literal]) -> Vec<Literal> {
    let rounded = wide[..count()].iter().map(|literal| {
        let ty = TensorType::new(DType::BF16, literal.ty().shape.clone());
        Literal::from_floats(ty, literal.floats().unwrap().to_vec()).unwrap()
    });
    let (state, rest) = wide.split_at(3 * count());
    rounded.chain(state[count()..].to_vec()).chain(state[..count()].to_vec()).chain(rest.to_vec()).collect()
}

#[test]
fn a_float32_copy_is_updated_as_float32_parameters_and_parameters_are_it_rounded() {
    let plain =
        update_alone(&StepOptions { adam: Adam { weight_decay: 0.1, ..Adam::default() }, ..options(2, 2) });
    let whole = train_step(&plain).unwrap();
    let inputs = inputs(&whole);
    let expected = graph::interpret(&whole, &inputs).unwrap();
    let copied = train_step(&with(Regime::Bf16F32Copy, plain)).unwrap();
    let got = graph::interpret(&copied, &with_copy(&inputs)).unwrap();
    assert_eq!(got[3 * count()..4 * count()], expected[..count()]);
    assert_eq!(got[count()..3 * count()], expected[count()..3 * count()]);
    for (parameter, copy) in got[..count()].iter().zip(&got[3 * count()..]) {
        let rounded = copy.floats().unwrap().iter().map(|&x| DType::BF16.round(x));
        assert_eq!(parameter.ty().dtype, DType::BF16);
        assert_eq!(parameter.floats().unwrap(), rounded.collect::<Vec<_>>());
    }
}

#[test]
fn a_step_without_finite_gradients_leaves_the_copy_and_the_parameters() {
    let function = train_step(&with(Regime::Bf16F32Copy, options(2, 2))).unwrap();
    let plain = train_step(&options(2, 2)).unwrap();
    let mut inputs = with_copy(&inputs(&plain));
    // A gain that overflows everything behind it.
    let gain = &inputs[15];
    let huge = vec![3e38; gain.ty().elements()];
    inputs[15] = Literal::from_floats(gain.ty().clone(), huge.clone()).unwrap();
    let copy = &inputs[3 * count() + 15];
    inputs[3 * count() + 15] =
        Literal::from_floats(copy.ty().clone(), inputs[15].floats().unwrap().to_vec()).unwrap();
    let outputs = graph::interpret(&function, &inputs).unwrap();
    assert!(!outputs[4 * count() + 1].floats().unwrap()[0].is_finite());
    assert_eq!(outputs[..4 * count()], inputs[..4 * count()]);
}

#[test]
fn a_copy_begins_with_the_numbers_that_float32_parameters_begin_with() {
    let seed = [Literal::scalar(DType::U32, 7.0)];
    let run = |regime| {
        let function = initialize(&with(regime, options(2, 1))).unwrap();
        graph::interpret(&function, &seed).unwrap()
    };
    let (wide, copied) = (run(Regime::F32), run(Regime::Bf16F32Copy));
    assert_eq!((wide.len(), copied.len()), (count(), 2 * count()));
    assert_eq!(copied[count()..], wide);
    assert_eq!(copied[..count()], run(Regime::Bf16));
    for (parameter, copy) in copied.iter().zip(&wide) {
        let rounded: Vec<f64> = copy.floats().unwrap().iter().map(|&x| DType::BF16.round(x)).collect();
        assert_eq!(parameter.floats().unwrap(), rounded);
    }
}

/// From ZeRO 1 on, each replica has its part of the copy, and of the parameters only with ZeRO 3.
#[test]
fn zero_splits_the_copy_with_the_optimisers_state() {
    let regime = Regime::Bf16F32Copy;
    let plan = |zero| Plan {
        topology: "cpu".into(),
        slices: 1,
        mesh: MeshShape { stage: 1, data: 4, model: 1 },
        stages: 1,
        microbatches: 1,
        zero,
        remat: RematPolicy::None,
        sequence_sharding: false,
        batch: 4,
        sequence_length: 6,
        rules: Default::default(),
    };
    let StepOptions { adam, clip_norm, queries, seed, .. } = options(1, 1);
    let (model, precision) = (tiny(2), regime.dtypes());
    let (model, float32_copy, answers_only) = (model.into(), true, false);
    let planned = Planned { model, precision, float32_copy, adam, clip_norm, queries, seed, answers_only };
    for zero in 0..=3 {
        let plan = plan(zero).with_derived_rules();
        let options = planned.step_options(&plan);
        let step = split(&train_step(&options).unwrap(), &plan).unwrap();
        let first = split_initialize(&initialize(&options).unwrap(), &planned.model, &plan).unwrap();
        let of = |name: &str| {
            let index = step.function.params.iter().position(|param| param.name == name).unwrap();
            (step.params[index].clone(), step.results[index].clone())
        };
        for (index, spec) in planned.model.parameters().iter().enumerate() {
            let name = spec.name;
            let copy = of(&format!("optimizer/float32_copy/{name}"));
            let parameter = of(&format!("parameters/{name}"));
            assert_eq!(copy, of(&format!("adam/m/{name}")), "ZeRO {zero}, {name}");
            assert_eq!((&first.results[index], &first.results[count() + index]), (&parameter.0, &copy.0));
        }
        let is_split = |name: &str| of(name).0[1] == ["data"];
        assert_eq!(is_split("optimizer/float32_copy/embedding"), zero >= 1);
        assert_eq!(is_split("parameters/embedding"), zero >= 3);
    }
}

/// AdamW takes `learning_rate · weight_decay` of them off matrices; gains, biases, `u` and `v` stay as Adam has them.
#[test]
fn weight_decay_is_of_matrices_only() {
    let (learning_rate, weight_decay) = (0.01, 0.1);
    let run = |weight_decay: f64, precision: Precision| {
        let adam = Adam { weight_decay, ..Adam::default() };
        let function = train_step(&StepOptions { adam, precision, ..options(2, 2) }).unwrap();
        let inputs = inputs(&function);
        (graph::interpret(&function, &inputs).unwrap(), inputs)
    };
    let (without, inputs) = run(0.0, Precision::FLOAT32);
    let (with, _) = run(weight_decay, Precision::FLOAT32);
    for (index, spec) in tiny(2).parameters().iter().enumerate() {
        let values = |literals: &[Literal]| literals[index].floats().unwrap().to_vec();
        let (before, without, with) = (values(&inputs), values(&without), values(&with));
        let decay = if spec.is_matrix() { learning_rate * weight_decay } else { 0.0 };
        for ((before, without), with) in before.iter().zip(&without).zip(&with) {
            let expected = without - decay * before;
            assert!((with - expected).abs() <= 2e-7, "{}: {with} instead of {expected}", spec.name);
        }
        if !spec.is_matrix() {
            assert_eq!(with, without, "{}", spec.name);
        }
    }
    // Means, loss and norm of gradients know nothing of it.
    assert_eq!(with[count()..], without[count()..]);
}
