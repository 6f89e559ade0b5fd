//! The text form: random functions survive a round trip, damaged text is refused without a panic, and every
//! kind of mistake is named with its line and column.

use graph::testing::{Options, Random, random_function};
use graph::{DType, Function, Literal, TensorType};
use proptest::prelude::*;

fn wild(nodes: usize) -> Options {
    Options { nodes, dtypes: DType::ALL.to_vec(), tame: false, collectives: true }
}

fn parse(text: &str) -> Function {
    Function::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_printed_parses_back_to_the_same(seed: u64, nodes in 0usize..30) {
        let function = random_function(seed, &wild(nodes));
        let text = function.to_string();
        prop_assert_eq!(&parse(&text), &function, "{}", text);
    }

    #[test]
    fn literals_parse_back_to_the_same(seed: u64, dtype in prop::sample::select(DType::ALL.to_vec())) {
        let mut random = Random::new(seed);
        let shape = random.shape(false);
        let literal = random.literal(&TensorType::new(dtype, shape), false);
        let text = literal.to_string();
        prop_assert_eq!(Literal::parse(&text).map_err(|error| error.to_string()), Ok(literal), "{}", text);
    }

    #[test]
    fn damaged_text_is_refused_or_read_but_never_panics(
        seed: u64, nodes in 0usize..12, cut: prop::sample::Index, change: prop::sample::Index, byte in 0u8..128,
    ) {
        let text = random_function(seed, &wild(nodes)).to_string();
        let _ = Function::parse(&text[..cut.index(text.len())]);
        let mut bytes = text.into_bytes();
        let position = change.index(bytes.len());
        bytes[position] = byte;
        if let Ok(function) = Function::parse(&String::from_utf8_lossy(&bytes)) {
            let _ = graph::verify::verify(&function);
            let _ = function.to_string();
        }
    }
}

#[test]
fn random_functions_contain_every_op() {
    let text: String = (0..300).map(|seed| random_function(seed, &wild(20)).to_string()).collect();
    let named = |name: &str| text.contains(&format!("= {name} "));
    let names =
        graph::Unary::ALL.map(|op| op.name()).into_iter().chain(graph::Binary::ALL.map(|op| op.name()));
    let others = "constant iota select convert bitcast broadcast reshape transpose slice pad concatenate reverse dot \
                  take scatter_add dynamic_slice dynamic_update_slice barrier stop_gradient name scan shard axis_index \
                  all_reduce all_gather reduce_scatter all_to_all permute";
    let kinds = graph::Comparison::ALL.map(|kind| format!("compare {}", kind.name())).into_iter();
    let kinds = kinds.chain(graph::Reduction::ALL.map(|kind| format!("reduce {}", kind.name())));
    let all = names.chain(others.split_whitespace()).map(String::from).chain(kinds);
    let missing: Vec<_> = all.filter(|name| !named(name)).collect();
    assert!(missing.is_empty(), "never generated: {missing:?}");
}

/// The bits of a NaN differ between implementations, so that integers computed by way of floats cannot be compared exactly.
#[test]
fn random_functions_of_integers_have_no_floats() {
    let dtypes = vec![DType::Pred, DType::U8, DType::I32, DType::U32, DType::I64];
    for seed in 0..2000 {
        let options = Options { nodes: 1 + seed as usize % 30, dtypes: dtypes.clone(), ..wild(0) };
        let text = random_function(seed, &options).to_string();
        let float = [": f", ": bf"].into_iter().find(|start| text.contains(start));
        assert_eq!(float, None, "seed {seed}\n{text}");
    }
}

/// The error of a text, as `line:column: message`.
#[track_caller]
fn refused(text: &str, expected: &str) {
    match Function::parse(text) {
        Err(graph::Error::Parse { line, column, message }) => {
            assert_eq!(format!("{line}:{column}: {message}"), expected, "{text}");
        }
        other => panic!("expected `{expected}`, got {other:?}"),
    }
}

/// The error of a function of one parameter `%0: f32[2]` with this body line (line 2 of the text).
#[track_caller]
fn line_refused(line: &str, expected: &str) {
    refused(&format!("func @f(%0 \"x\": f32[2]) -> () {{\n{line}\n}}"), expected);
}

#[test]
fn mistakes_in_the_header_are_named() {
    refused("", "1:1: expected `func`, found the end of the text");
    refused("fun @f() -> () {}", "1:1: expected `func`, found `fun`");
    refused("func f() -> () {}", "1:6: expected `@`, found `f`");
    refused("func @f() -> () {} func", "1:20: expected nothing after the function, found `func`");
    refused("func @f(%0 x: f32[]) -> () {}", "1:12: expected the parameter's name in quotes, found `x`");
    refused("func @f(%0 \"x: f32[]) -> () {}", "1:12: the quote is not closed on its line");
    refused("func @f(%x \"x\": f32[]) -> () {}", "1:10: expected the number of a value, found `x`");
    refused(
        "func @f(%0 \"x\": f33[]) -> () {}",
        "1:17: unknown dtype `f33`; known are pred, u8, i32, u32, i64, f16, bf16, f32, f64",
    );
    refused("func @f(%0 \"x\": f32[2 3]) -> () {}", "1:23: expected `,` or `]`, found `3`");
    refused(
        "func @f(%0 \"x\": f32[-2]) -> () {}",
        "1:21: expected the size of a dimension, `-2` is malformed or too large",
    );
    refused(
        "func @f(%99999999999 \"x\": f32[]) -> () {}",
        "1:10: expected the number of a value, `99999999999` is malformed or too large",
    );
    refused("func @f() -> (%0 \"x\": f32[]) {}", "1:15: %0 is never defined");
    refused(
        "func @f(%0 \"x\": f32[]) -> (%0 \"y\": f64[]) {}",
        "1:28: %0 is f64[] here and f32[] where it is defined",
    );
    refused("func @f(%0 \"x\": f32[], %0 \"y\": f32[]) -> () {}", "1:24: %0 is defined a second time");
    refused("func @f(%1 \"x\": f32[]) -> () {}", "1:9: %1 is too large: 1 values have the numbers from 0 on");
    refused("func @f() -> () {\n  // é\n  ß\n}", "3:3: expected an op, found `ß`");
}

#[test]
fn mistakes_in_a_line_are_named() {
    line_refused("%1: f32[2] = ad %0", "2:14: no op is named `ad`");
    line_refused("%1: f32[2] add %0", "2:12: expected `=`, found `add`");
    line_refused("%1: f32[2] = neg %7", "2:18: %7 is never defined");
    line_refused("neg %0", "2:1: `neg` gives one result, not 0");
    line_refused("%1: f32[2], %2: f32[2] = neg %0", "2:26: `neg` gives one result, not 2");
    line_refused(
        "%1: f32[2] = compare less %0, %0",
        "2:22: expected a direction (eq, ne, lt, le, gt, ge), found `less`",
    );
    line_refused(
        "%1: f32[] = reduce %0 dims=[0]",
        "2:20: expected a kind of reduction (sum, max, min, and, or), found `%`",
    );
    line_refused("%1: f32[] = reduce sum %0", "3:1: expected `dims=`, found `}`");
    line_refused("%1: f32[] = reduce sum %0 dims=0", "2:32: expected `[`, found `0`");
    line_refused("%1: f32[2] = constant [1, x]", "2:27: `x` is not a value of f32");
    line_refused("%1: f32[2] = constant [1]", "2:25: expected `,`, found `]`");
    line_refused("%1: f32[2] = constant [1, 2, 3]", "2:28: expected `]`, found `,`");
    line_refused("%1: f32[2,0] = constant [[], []]", "2:26: expected `]`, found `[`");
    line_refused("%1: u8[] = constant 256", "2:21: `256` is not a value of u8");
    line_refused("%1: pred[] = constant 1", "2:23: `1` is not a value of pred");
    line_refused("%1: f32[] = constant infinity", "2:22: `infinity` is not a value of f32");
    line_refused("%1: f32[] = constant nan:0x0", "2:22: `nan:0x0` is not a value of f32");
    line_refused("%1: f32[2] = name %0", "3:1: expected a name in quotes, found `}`");
    line_refused("%1: f32[2] = neg %0 @ x", "2:23: expected the scope's name in quotes, found `x`");
    line_refused(
        "%1: f32[2] = scan length=1 remat=all {",
        "2:34: expected `dots`, `full` or `save`, found `all`",
    );
    line_refused("%1: f32[2] = scan length=1 {\n}", "3:1: expected `func`, found `}`");
}

#[test]
fn deep_nesting_is_refused() {
    let text = "func @f() -> () { scan length=1 {".repeat(100_000);
    let error = Function::parse(&text).expect_err("too deep");
    assert!(error.to_string().contains("scans are nested more than 64 deep"), "{error}");
}

#[test]
fn floats_are_printed_with_the_fewest_digits() {
    let check = |dtype: DType, value: f64, expected: &str| {
        let literal = Literal::scalar(dtype, value);
        assert_eq!(literal.to_string(), format!("{dtype}[] {expected}"));
        assert_eq!(Literal::parse(&literal.to_string()).ok(), Some(literal));
    };
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        check(dtype, 0.1, "0.1");
        check(dtype, -0.0, "-0.0");
        check(dtype, 3.0, "3.0");
        check(dtype, f64::INFINITY, "inf");
        check(dtype, f64::NEG_INFINITY, "-inf");
        check(dtype, f64::NAN, "nan");
        check(dtype, -f64::NAN, "nan:0xfff8000000000000");
    }
    check(DType::BF16, 3.0e38, "3e38");
    check(DType::BF16, 1.0 / 3.0, "0.334");
    check(DType::F16, 1.0 / 3.0, "0.3333");
    check(DType::F32, 1.0 / 3.0, "0.33333334");
    check(DType::F64, 1.0 / 3.0, "0.3333333333333333");
    check(DType::F32, 1e-45, "1e-45");
}

#[test]
fn space_and_comments_do_not_matter() {
    let canonical =
        "func @f(%0 \"x\": f32[2] {a}) -> (%1 \"y\": f32[2]) {\n  %1: f32[2] = neg %0 @ \"part\"\n}\n";
    let spread = "// first\nfunc@f (\n%0\"x\":f32 [ 2 ]{a})->(%1\"y\":f32[2]){%1:f32[2]=neg%0@\"part\"// last\n}// end";
    assert_eq!(parse(spread), parse(canonical));
    assert_eq!(parse(spread).to_string(), canonical);
}
