use super::*;
use model::remat::policy;
use model::{KINDS, Preset, Sizes};
use proptest::prelude::*;

/// Applies a file's text, then overrides, to the quick start.
fn resolve(text: &str, overrides: &[&str]) -> Result<Config, Error> {
    let mut draft = Draft::quick_start()?;
    draft.apply_text("my.toml", text)?;
    overrides.iter().try_for_each(|text| draft.set(text))?;
    draft.finish()
}

fn sizes(config: &Config) -> Sizes {
    config.model.sizes()
}

#[track_caller]
fn check_error(text: &str, overrides: &[&str], expected: &str) {
    assert_eq!(resolve(text, overrides).expect_err("a wrong configuration").to_string(), expected);
}

#[test]
fn unknown_keys_are_named_with_the_nearest() {
    check_error(
        "[model]\nlayrs = 2",
        &[],
        "my.toml: unknown key `model.layrs`; did you mean `model.layers`?",
    );
    check_error("layers = 2", &[], "my.toml: unknown key `layers`; did you mean `model.layers`?");
    check_error("[modle]\nheads = 2", &[], "my.toml: unknown key `modle.heads`; did you mean `model.heads`?");
    check_error(
        "",
        &["training.step=3"],
        "--set: unknown key `training.step`; did you mean `training.steps`?",
    );
    check_error(
        "",
        &["train.lr=3"],
        "--set: unknown key `train.lr`; configs/quick-start.toml lists all keys",
    );
    check_error(
        "",
        &["model.layers.x=3"],
        "--set: unknown key `model.layers.x`; did you mean `model.layers`?",
    );
    check_error(
        "[model.extra]",
        &[],
        "my.toml: unknown key `model.extra`; configs/quick-start.toml lists all keys",
    );
}

#[test]
fn kinds_of_models_have_their_own_keys() {
    let llama =
        resolve("[model]\nlayers = 2\nkey_value_heads = 2\nkind = \"llama\"", &["model.heads=6"]).unwrap();
    assert_eq!((llama.model.kind(), sizes(&llama).layers, sizes(&llama).d_model), ("llama", 2, 192));
    // A kind given again changes nothing; another has the sizes that all kinds have.
    assert_eq!(resolve(&llama.to_toml(), &["model.kind=llama"]).unwrap(), llama);
    let gopher = resolve(&llama.to_toml(), &["model.kind=gopher"]).unwrap();
    assert_eq!((gopher.model.kind(), sizes(&gopher).layers, sizes(&gopher).heads), ("gopher", 2, 6));
    assert_eq!(
        resolve("", &["model.preset=llama-7b"]).unwrap().model,
        Preset::find("llama-7b").unwrap().config
    );

    let check =
        |overrides: &[&str], expected: &str| check_error("", overrides, &format!("--set: {expected}"));
    check(
        &["model.kind=lama"],
        r#"model.kind = "lama": expected "gopher" or "llama"; did you mean "llama"?"#,
    );
    check(&["model.kind=7"], r#"model.kind = 7: expected "gopher" or "llama""#);
    check(
        &["model.rope_base=10"],
        r#"unknown key `model.rope_base`; it is a key of model.kind = "llama", and this model's is "gopher""#,
    );
    check(
        &["model.kind=llama", "model.tied_embedding=1"],
        "model.tied_embedding = 1: expected true or false",
    );
    check(
        &["model.kind=llama", "model.rope_bas=1"],
        "unknown key `model.rope_bas`; did you mean `model.rope_base`?",
    );
    check_error(
        "",
        &["model.kind=llama", "model.key_value_heads=3"],
        "configuration: model.key_value_heads is 3; it must divide model.heads, 4, so that each serves as many query heads",
    );
}

#[test]
fn values_of_the_wrong_type_are_named_with_what_was_expected() {
    let check = |text: &str, expected: &str| check_error("", &[text], &format!("--set: {expected}"));
    check("model.layers=four", r#"model.layers = "four": expected a whole number"#);
    check("model.layers=1.5", "model.layers = 1.5: expected a whole number");
    check("model.layers=-1", "model.layers = -1: expected 0 or more");
    check("training.seed=5000000000", "training.seed = 5000000000: expected 0 to 4294967295");
    check("schedule.maximum=high", r#"schedule.maximum = "high": expected a number"#);
    check("name=3", "name = 3: expected a string");
    check("data.paths=a.txt", r#"data.paths = "a.txt": expected a list of strings, such as ["a", "b"]"#);
    check("model=3", "model = 3: expected a section, [model]");
    check(
        "training.precision=f16",
        r#"training.precision = "f16": expected one of "f32", "bf16-activations", "bf16", "bf16-f32-copy", "auto""#,
    );
    check("data.invalid_utf8=skip", r#"data.invalid_utf8 = "skip": expected "error" or "replace""#);
    check("data.bad_records=drop", r#"data.bad_records = "drop": expected "error" or "skip""#);
    check(
        "model.preset=45m",
        r#"model.preset = "45m": expected one of 44m, 117m, 417m, 1.4b, 7.1b, 280b, llama-7b, llama-13b, llama-70b"#,
    );
    let remat = r#"expected "none", "selective", "attention", "full", "dots", or a list of names out of "attention_input", "query", "key", "value", "attention_result", "attention_output", "feed_forward_hidden""#;
    check("training.remat=all", &format!(r#"training.remat = "all": {remat}"#));
    check(r#"training.remat=["x"]"#, &format!(r#"training.remat = ["x"]: {remat}"#));
    check("device.kind=gpu", r#"device.kind = "gpu": expected one of "cpu", "cuda", "tpu""#);
}

#[test]
fn values_that_make_no_sense_are_named() {
    let check = |text: &str, expected: &str| check_error("", &[text], &format!("configuration: {expected}"));
    check("model.heads=0", "model.heads is 0; it must be at least 1");
    check("training.steps=0", "training.steps = 0: it must be between 1 and 16777216");
    check("training.clip_norm=0", "training.clip_norm = 0: it must be a positive number");
    check(
        "training.microbatches=3",
        "training.microbatches = 3: it must be at least 1, and a divisor of training.batch",
    );
    check("optimizer.weight_decay=-0.1", "optimizer.weight_decay = -0.1: it must be at least 0 and below 1");
    check("optimizer.beta2=1", "optimizer.beta2 = 1: it must be at least 0 and below 1");
    check("schedule.maximum=-1", "schedule.maximum = -1: it must be a positive number");
    check("data.validation_fraction=1.0", "data.validation_fraction = 1: it must be at least 0 and below 1");
    check(
        "name=../x",
        "name = ../x: it must be a name for a folder: not empty, without `/`, not starting with a dot",
    );
}

#[test]
fn text_that_is_not_toml_is_placed() {
    check_error(
        "[model]\nlayers =\n",
        &[],
        "my.toml, line 2, column 9: string values must be quoted, expected literal string",
    );
    let large = "my.toml, line 2, column 10: the whole number is too large";
    check_error("[model]\nlayers = 99999999999999999999\n", &[], large);
    check_error(
        "",
        &["model.layers"],
        "--set model.layers: expected SECTION.KEY=VALUE, as in --set model.layers=4",
    );
    let message = Draft::quick_start().unwrap().apply_file("no/such.toml".as_ref()).unwrap_err().to_string();
    assert!(message.starts_with("cannot read the configuration no/such.toml: "), "{message}");
}

#[test]
fn layers_win_over_those_below() {
    let config = resolve(
        "[training]\nsteps = 7\n[model]\nlayers = 2\npreset = \"44m\"",
        &["training.remat=[\"query\", \"key\"]", "schedule.maximum=1", "data.tokenizer=a b.model"],
    )
    .unwrap();
    assert_eq!((config.training.steps, sizes(&config).layers, sizes(&config).d_model), (7, 2, 512));
    assert_eq!((config.name.as_str(), config.schedule.maximum), ("44m", 1.0));
    assert_eq!(config.training.remat, Remat::Save(vec!["query".into(), "key".into()]));
    assert_eq!(config.data.tokenizer, Some("a b.model".into()));
    assert_eq!(sizes(&resolve("", &["model={ layers = 3, heads = 2 }"]).unwrap()).layers, 3);
    // A preset given later wins over sizes given earlier.
    assert_eq!(sizes(&resolve("[model]\nlayers = 2", &["model.preset=117m"]).unwrap()).layers, 12);
}

#[test]
fn a_ramp_is_a_list_of_changes() {
    let expected = vec![BatchChange { tokens: 4096, batch: 8 }, BatchChange { tokens: 10_000, batch: 6 }];
    let text = "[[training.batch_ramp]]\ntokens = 4096\nbatch = 8\n[[training.batch_ramp]]\ntokens = 10_000\nbatch = 6";
    let config = resolve(text, &[]).unwrap();
    assert_eq!(config.training.batch_ramp, expected);
    let inline = "training.batch_ramp=[{tokens = 4096, batch = 8}, {tokens = 10000, batch = 6}]";
    assert_eq!(resolve("", &[inline]).unwrap(), config);
    assert_eq!(resolve(&config.to_toml(), &[]).unwrap(), config);
    let ramp = |value: &str| format!("training.batch_ramp={value}");
    let example = "expected a list of changes, such as [{ tokens = 1000000, batch = 8 }]";
    check_error("", &[&ramp("8")], &format!("--set: training.batch_ramp = 8: {example}"));
    check_error(
        "",
        &[&ramp("[{batch = 8}]")],
        &format!("--set: training.batch_ramp = [{{ batch = 8 }}]: {example}"),
    );
    let order = "in order: tokens above 0, and more for each change than for the one before";
    check_error(
        "",
        &[&ramp("[{tokens = 9, batch = 8}, {tokens = 9, batch = 1}]")],
        &format!("configuration: training.batch_ramp = [.., {{ tokens = 9, .. }}]: it must be {order}"),
    );
    check_error(
        "",
        &[&ramp("[{tokens = 9, batch = 0}]")],
        "configuration: training.batch_ramp = [.., { batch = 0, .. }]: it must be of batches between 1 and 1048576",
    );
}

#[test]
fn a_mixture_is_a_list_of_sources() {
    let text = "[[data.mixture]]\npaths = [\"web\"]\nweight = 0.75\n[[data.mixture]]\npaths = [\"a\", \"b\"]\nweight = 1";
    let config = resolve(text, &[]).unwrap();
    let source =
        |paths: &[&str], weight| MixtureSource { paths: paths.iter().map(PathBuf::from).collect(), weight };
    assert_eq!(config.data.mixture, [source(&["web"], 0.75), source(&["a", "b"], 1.0)]);
    assert_eq!(resolve(&config.to_toml(), &[]).unwrap(), config);
    let check = |value: &str, message: &str| check_error("", &[&format!("data.mixture={value}")], message);
    let example = r#"expected a list of sources, such as [{ paths = ["books/"], weight = 0.3 }]"#;
    check("[1]", &format!("--set: data.mixture = [1]: {example}"));
    check(
        "[{paths = [], weight = 1.0}]",
        "configuration: data.mixture = [.., { paths = [], .. }]: it must be of sources with at least one path each",
    );
    check(
        "[{paths = [\"a\"], weight = 0.0}]",
        "configuration: data.mixture = [.., { weight = 0, .. }]: it must be of sources with positive weights",
    );
    check_error(
        text,
        &["data.paths=[\"c\"]"],
        "configuration: data.mixture = [.. 2 sources]: it must be empty where data.paths (or --data) names text",
    );
}

/// On one device, no batch of a ramp needs more memory than the first.
#[test]
fn microbatches_of_a_ramp_are_no_larger_than_the_first() {
    let ramp = "training.batch_ramp=[{tokens = 3000, batch = 24}, {tokens = 9000, batch = 2}, {tokens = 90000, batch = 10}]";
    let config = resolve("", &["training.batch=8", "training.microbatches=2", ramp]).unwrap();
    let parts: Vec<_> =
        config.batches().phases().map(|(_, batch)| (batch, config.microbatches(batch))).collect();
    assert_eq!(parts, [(8, 2), (24, 6), (2, 1), (10, 5)]);
}

/// Those of other papers have their presets' sizes, batches and learning rates.
#[test]
fn every_preset_has_a_configuration() {
    for preset in Preset::all() {
        let path = format!("{}/../configs/{}.toml", env!("CARGO_MANIFEST_DIR"), preset.name);
        let config = resolve(&std::fs::read_to_string(&path).unwrap(), &[]).unwrap();
        assert_eq!((config.name.as_str(), &config.model), (preset.name, &preset.config));
        let Training { batch, clip_norm, precision, .. } = config.training;
        let given =
            (config.schedule.maximum, batch, clip_norm, precision.regime(DeviceKind::Tpu, &config.model));
        let regime = PrecisionPolicy::Auto.regime(DeviceKind::Tpu, &config.model);
        assert_eq!(
            given,
            (preset.max_learning_rate, preset.batch_sequences, preset.clip_norm, regime),
            "{path}"
        );
    }
}

/// Each file of `configs` says, key by key, what Table 1 does.
#[test]
fn the_papers_configurations_are_those_of_table_1() {
    for preset in Preset::all().into_iter().filter(|preset| preset.config.kind() == "gopher") {
        let path = format!("{}/../configs/{}.toml", env!("CARGO_MANIFEST_DIR"), preset.name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("preset ="), "{path} gives the sizes themselves");
        let config = resolve(&text, &[]).unwrap();
        assert_eq!(config.name, preset.name);
        assert_eq!(config.model, preset.config);
        assert_eq!(config.schedule, Schedule::new(preset.max_learning_rate));
        assert_eq!(config.training.clip_norm, preset.clip_norm);
        assert_eq!(config.training.batch, preset.batch_sequences);
        assert_eq!(config.training.sequence_length, 2048);
        // 300 billion tokens (paper, section 3.1).
        let (steps, batches) = (config.training.steps, config.batches());
        let (before, after) = (batches.tokens(steps - 1), batches.tokens(steps));
        assert!((before..after).contains(&300_000_000_000), "{path}: {after} tokens");
        let sizes: Vec<_> = batches.phases().map(|(_, batch)| batch).collect();
        let first = preset.batch_sequences;
        assert_eq!(sizes, if preset.name == "280b" { vec![first, 2 * first] } else { vec![first] });
        let device = DeviceKind::Tpu;
        let papers = PrecisionPolicy::Auto.regime(device, &preset.config);
        assert_eq!(config.training.precision.regime(device, &config.model), papers);
        assert_eq!(config.optimizer, Adam::default());
    }
}

#[test]
fn the_quick_start_is_small() {
    let config = Config::quick_start().unwrap();
    assert!((1_000_000..4_000_000).contains(&config.model.total_parameters()));
    assert_eq!(config.to_toml(), resolve(QUICK_START, &[]).unwrap().to_toml());
}

proptest! {
    #[test]
    fn a_configuration_written_and_read_is_the_same(
        sizes in prop::array::uniform4(1usize..1000),
        rate in prop::num::f64::POSITIVE | prop::num::f64::NORMAL,
        seed: u32,
        weight_decay in 0.0..1.0f64,
        ramp in prop::collection::btree_map(1..1u64 << 40, 1..5000usize, 0..4),
        regime in prop::sample::select(Regime::ALL.to_vec()),
        kind in prop::sample::select(KINDS.to_vec()),
        paths in prop::collection::vec("\\PC{1,8}", 0..3),
        remat in prop::sample::select(vec![
            Remat::None, Remat::Dots, Remat::Full, Remat::Save(vec!["key".into()]), policy("selective").unwrap(),
        ]),
    ) {
        let mut config = Config::quick_start().unwrap();
        let (layers, heads);
        [layers, heads, config.training.batch, config.training.query_block] = sizes;
        let sizes = Sizes { layers, heads, ..config.model.sizes() };
        config.model = (kind.like)(&sizes);
        config.schedule.maximum = rate.abs();
        config.schedule.initial = 0.0;
        config.training.seed = seed;
        config.training.precision = regime.into();
        config.optimizer.weight_decay = weight_decay;
        let changes = ramp.into_iter().map(|(tokens, batch)| BatchChange { tokens, batch });
        config.training.batch_ramp = changes.collect();
        config.training.remat = remat;
        config.data.paths = paths.into_iter().map(PathBuf::from).collect();
        prop_assert_eq!(resolve(&config.to_toml(), &[]).unwrap(), config);
    }
}
