//! The picture of a plan, against a recorded one: `BLESS=1 cargo test -p monitor --test plan_figure` writes it anew; look
//! at it before committing.

use monitor::svg::plan::{Figure, MemoryPart, TimePart};

/// A pipelined 280B on four pods, with numbers of the right size.
fn plan() -> Figure {
    let mut times = Vec::new();
    let microbatches = 12;
    let tick = 69.3 / (microbatches + 3) as f64;
    for index in 0..microbatches + 3 {
        let start = tick * f64::from(index);
        if index < microbatches {
            times.push(TimePart::new("compute", "forward", start, tick * 0.24));
            times.push(TimePart::new("compute", "backward", start + tick * 0.24, tick * 0.5));
            times.push(TimePart::new("collectives", "all-gather", start + tick * 0.74, tick * 0.16));
            times.push(TimePart::new("collectives", "reduce-scatter", start + tick * 0.9, tick * 0.1));
        } else {
            times.push(TimePart::new("pipeline", "bubble", start, tick));
        }
    }
    Figure {
        title: "280b, 6.3M tokens per step, on tpu:v3:32x32 --slices 4".into(),
        notes: vec![
            "stage 4 × data 64 × model 32; ZeRO 1; 12 microbatches; layers are computed again in the backward pass"
                .into(),
            "products at 87% of 61.5 TFLOP/s, collective operations by ring on their own links, nothing overlaps".into(),
        ],
        memory: vec![
            MemoryPart::new("parameters", 1_170_000_000),
            MemoryPart::new("optimizer state", 1_540_000_000),
            MemoryPart::new("gradients", 2_340_000_000),
            MemoryPart::new("saved activations", 4_450_000_000),
            MemoryPart::new("pipeline buffers", 240_000_000),
            MemoryPart::new("workspace", 1_300_000_000),
        ],
        memory_limit: Some(16_622_026_752),
        times,
    }
}

#[test]
fn the_picture_of_a_plan() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/figures/plan.svg");
    let actual = plan().svg();
    assert_eq!(actual, plan().svg(), "the same input gives the same bytes");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{} differs; BLESS=1 writes it anew", path.display());
}

#[test]
fn the_legend_has_the_numbers() {
    let svg = plan().svg();
    for text in [
        ">memory of a device<",
        ">parameters<",
        ">1.09 GiB, 10.6%<",
        ">free<",
        ">5.20 GiB<",
        ">limit 15.48 GiB<",
        ">timeline of a step<",
        ">backward<",
        ">27.7 s, 40.0%<",
        ">bubble<",
        ">13.9 s, 20.0%<",
        ">step<",
        ">69.3 s<",
    ] {
        assert!(svg.contains(text), "{text}");
    }
}

#[test]
fn memory_beyond_the_limit_is_shown_beyond_it() {
    let figure = Figure {
        memory: vec![MemoryPart::new("parameters", 24 << 30)],
        memory_limit: Some(16 << 30),
        ..Figure::default()
    };
    let svg = figure.svg();
    assert!(
        svg.contains(">over the limit<") && svg.contains(">8.00 GiB<") && svg.contains(">limit 16.00 GiB<")
    );
}

#[test]
fn names_cannot_break_the_document() {
    let name = "a < b & \"c\" > 'd' \u{0} \u{1b}[31m ]]> \u{ffff}\n";
    let figure = Figure {
        title: name.into(),
        notes: vec![name.into()],
        memory: vec![MemoryPart::new(name, 1)],
        memory_limit: None,
        times: vec![TimePart::new(name, name, 0.0, 1.0)],
    };
    let svg = figure.svg();
    assert!(svg.contains("a &lt; b &amp; \"c\" &gt; 'd' \u{fffd} \u{fffd}[31m ]]&gt; \u{fffd}"));
    check_elements(&svg);
}

/// Whether elements close in the order they opened in: enough of XML to notice a name that leaks into the markup.
#[track_caller]
fn check_elements(svg: &str) {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        assert!(["svg", "title", "style", "rect", "line", "text"].contains(&name), "<{tag}>");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    assert!(svg.chars().all(|character| !character.is_control() || character == '\n'));
}

#[test]
fn many_parts_are_no_more_rectangles_than_pixels() {
    let part = |index: u32| {
        let name = if index.is_multiple_of(3) { "gather" } else { "product" };
        TimePart::new("compute", name, f64::from(index) * 1e-5, 1e-5)
    };
    let figure = Figure { times: (0..100_000).map(part).collect(), ..Figure::default() };
    let svg = figure.svg();
    check_elements(&svg);
    assert!(svg.matches("<rect").count() < 900);
    assert!(svg.contains(">mostly product<"));
    // The numbers are still of all parts.
    assert!(svg.contains(">333 ms, 33.3%<") && svg.contains(">667 ms, 66.7%<"));
}

#[test]
fn nothing_to_show_is_still_a_picture() {
    for times in [
        vec![],
        vec![TimePart::new("compute", "forward", 0.0, f64::NAN)],
        vec![TimePart::new("compute", "forward", -1.0, 1.0)],
        vec![TimePart::new("compute", "forward", 0.0, 0.0)],
        vec![TimePart::new("compute", "forward", f64::INFINITY, 1.0)],
        vec![TimePart::new("compute", "forward", f64::MAX, f64::MAX)],
        vec![TimePart::new("compute", "forward", 0.0, 1e-320)],
    ] {
        let svg = Figure { times, ..Figure::default() }.svg();
        check_elements(&svg);
        assert!(!svg.contains("timeline"));
    }
    let empty =
        Figure { memory: vec![MemoryPart::new("parameters", 0)], memory_limit: Some(0), ..Figure::default() };
    check_elements(&empty.svg());
    let huge = Figure {
        memory: vec![MemoryPart::new("a", u64::MAX), MemoryPart::new("b", u64::MAX)],
        memory_limit: Some(1),
        times: vec![
            TimePart::new("compute", "forward", 0.0, 1e-300),
            TimePart::new("compute", "wait", 0.0, 1e300),
        ],
        ..Figure::default()
    };
    check_elements(&huge.svg());
}
