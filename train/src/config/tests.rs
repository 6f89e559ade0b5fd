use super::*;
use model::Preset;
use model::remat::policy;
use proptest::prelude::*;

/// Applies a file's text, then overrides, to the quick start.
fn resolve(text: &str, overrides: &[&str]) -> Result<Config, Error> {
    let mut draft = Draft::quick_start()?;
    draft.apply_text("my.toml", text)?;
    overrides.iter().try_for_each(|text| draft.set(text))?;
    draft.finish()
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
        r#"training.precision = "f16": expected one of "f32", "bf16-activations", "auto""#,
    );
    check("data.invalid_utf8=skip", r#"data.invalid_utf8 = "skip": expected "error" or "replace""#);
    check("model.preset=45m", r#"model.preset = "45m": expected one of 44m, 117m, 417m, 1.4b, 7.1b, 280b"#);
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
    assert_eq!((config.training.steps, config.model.layers, config.model.d_model), (7, 2, 512));
    assert_eq!((config.name.as_str(), config.schedule.maximum), ("44m", 1.0));
    assert_eq!(config.training.remat, Remat::Save(vec!["query".into(), "key".into()]));
    assert_eq!(config.data.tokenizer, Some("a b.model".into()));
    assert_eq!(resolve("", &["model={ layers = 3, heads = 2 }"]).unwrap().model.layers, 3);
    // A preset given later wins over sizes given earlier.
    assert_eq!(resolve("[model]\nlayers = 2", &["model.preset=117m"]).unwrap().model.layers, 12);
}

#[test]
fn auto_precision_is_the_papers_on_accelerators() {
    let auto = PrecisionPolicy::Auto;
    assert_eq!(auto.dtypes(DeviceKind::Cpu), Precision::FLOAT32);
    assert_eq!(auto.dtypes(DeviceKind::Tpu), Precision::BFLOAT16_ACTIVATIONS);
    assert_eq!(PrecisionPolicy::Bf16Activations.dtypes(DeviceKind::Cpu), Precision::BFLOAT16_ACTIVATIONS);
}

/// Each file of `configs` says, key by key, what Table 1 does.
#[test]
fn the_papers_configurations_are_those_of_table_1() {
    for preset in Preset::all() {
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
        let tokens = config.training.steps * config.batch_tokens();
        assert!(tokens.abs_diff(300_000_000_000) < config.batch_tokens(), "{path}: {tokens} tokens");
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
        paths in prop::collection::vec("\\PC{1,8}", 0..3),
        remat in prop::sample::select(vec![
            Remat::None, Remat::Dots, Remat::Full, Remat::Save(vec!["key".into()]), policy("selective").unwrap(),
        ]),
    ) {
        let mut config = Config::quick_start().unwrap();
        [config.model.layers, config.model.heads, config.training.batch, config.training.query_block] = sizes;
        config.schedule.maximum = rate.abs();
        config.schedule.initial = 0.0;
        config.training.seed = seed;
        config.training.remat = remat;
        config.data.paths = paths.into_iter().map(PathBuf::from).collect();
        prop_assert_eq!(resolve(&config.to_toml(), &[]).unwrap(), config);
    }
}
