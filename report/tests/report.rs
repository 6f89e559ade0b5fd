//! The report of run directories: what it has, what it keeps to itself, and that nothing of a run becomes code of the page.

use std::fs;
use std::path::{Path, PathBuf};

use report::{Error, LARGEST, Report, collect, page};
use serde_json::json;

/// Run directories in a folder of their own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A run of so many parameters whose loss falls to `loss`.
    fn run(&self, name: &str, parameters: u64, loss: f64) -> PathBuf {
        let config = "[model]\nkind = \"gopher\"\nlayers = 2\nvocabulary_size = 512\n\n[data]\npaths = [\"/home/someone/secret/a.txt\"]\n\n\
                      [training]\nsteps = 100\nseed = 1\n";
        self.write(&format!("{name}/config.toml"), config);
        self.write(&format!("{name}/plan.json"), &json!({"parameters": parameters}).to_string());
        let line = |step: u64| {
            let now = loss + 2.0 / step as f64;
            let validation = step.is_multiple_of(25).then_some(if step == 100 { loss } else { now });
            json!({"step": step, "tokens": step * 1000, "loss": now, "learning_rate": 1e-3, "grad_norm": 1.0,
                   "seconds": 0.1, "tokens_per_second": 1e4, "validation_loss": validation})
            .to_string()
        };
        self.write(
            &format!("{name}/metrics.jsonl"),
            &(1..=100).map(|step| line(step) + "\n").collect::<String>(),
        );
        self.path(name)
    }

    /// An evaluation of a run, as `gopher eval` leaves it.
    fn evaluation(&self, run: &str, tasks: &[(&str, &str, &str, f64)]) {
        let mut own = serde_json::Map::new();
        for (task, category, metric, value) in tasks {
            let score = json!({"statistic": "mean", "higher_is_better": *metric != "bits_per_byte", "value": value, "standard_error": 0.01,
                               "interval": {"low": value - 0.02, "high": value + 0.02, "method": "wilson"}, "documents": 100});
            let summary = json!({"category": category, "protocol": "paper", "shots": 0, "prompt_hash": "p", "checkpoint_hash": "c",
                "metric": metric, "documents": {"original": 100, "scored": 100, "skipped": 0, "truncated": 0, "empty": 0}, "tokens": 1, "seconds": 1.0,
                "tokens_per_second": null, "metrics": {*metric: score}, "leak": null});
            own.insert((*task).to_owned(), summary);
        }
        let mut results = serde_json::to_value(tasks::results::Results::default()).unwrap();
        results["gopher"]["version"] = json!(tasks::results::VERSION);
        results["gopher"]["checkpoint"]["step"] = json!(100);
        results["gopher"]["tasks"] = own.into();
        results["config"]["limit"] = json!(100);
        self.write(&format!("{run}/evaluation/step-100/results.json"), &results.to_string());
        self.write(&format!("{run}/evaluation/step-100/samples.jsonl"), "{\"doc\": \"ABOMINATION\"}\n{}\n");
    }

    /// An analysis of a run, as `gopher analyze` leaves it.
    fn analysis(&self, run: &str, value: f64) {
        let figure = |group: &str, value: Option<f64>, note: Option<&str>| {
            json!({"measure": "accuracy", "group": group, "items": 720, "value": value, "note": note,
                   "interval": value.map(|value| json!({"low": value - 0.1, "high": value + 0.1, "method": "bootstrap"}))})
        };
        let figures = vec![
            figure("all", Some(value), None),
            figure("few", None, Some("3 independent items, and 10 are needed: not shown")),
        ];
        let of_run = json!({"run": run, "step": 100, "checkpoint_hash": "c", "parameters": 1, "window": 64, "tokenizer": "t", "questions": 2,
                            "skipped": 0, "figures": figures});
        let written = json!({"analysis": "bias", "program": "0", "seed": 1, "resamples": 100, "limit": null, "settings": {}, "notes": ["a note"],
                             "runs": [of_run]});
        self.write(&format!("{run}/analyses/step-100/bias.json"), &written.to_string());
        self.write(&format!("{run}/analyses/step-100/bias.jsonl"), "{\"text\": \"ABOMINATION\"}\n");
    }

    /// Five runs whose losses follow a law, with everything.
    fn ladder(&self) -> Vec<PathBuf> {
        let of = |(place, parameters): (usize, u64)| {
            let name = format!("r{place}");
            let run = self.run(&name, parameters, 1.8 + 400.0 / (parameters as f64).powf(0.34));
            self.evaluation(
                &name,
                &[
                    ("piqa", "common sense", "acc", 0.5 + 0.02 * place as f64),
                    ("wikitext103", "language modelling", "bits_per_byte", 2.0 - 0.2 * place as f64),
                ],
            );
            self.analysis(&name, 0.5 + 0.01 * place as f64);
            run
        };
        [10_000_000, 30_000_000, 90_000_000, 270_000_000, 810_000_000]
            .into_iter()
            .enumerate()
            .map(of)
            .collect()
    }
}

fn report(runs: &[PathBuf]) -> (Report, String) {
    let report = collect(runs, None).unwrap();
    let page = page(&report).unwrap();
    (report, page)
}

#[test]
fn a_ladder_is_shown_whole() {
    let place = Place::new();
    let (report, page) = report(&place.ladder());
    let fit = &report.scaling.fits[0];
    assert!((fit.fit.constant("alpha").unwrap().value - 0.34).abs() < 0.02, "{:?}", report.scaling);
    let left = fit.largest_left_out.as_ref().unwrap();
    assert!(left.run == "r4" && (left.predicted - left.measured).abs() < 0.02, "{left:?}");
    let gains = &report.gain.as_ref().unwrap().gains;
    assert_eq!((gains.all.tasks, gains.all.large, gains.all.some), (2, 1, 1));
    // PIQA of the 280B model, in the unit of the scores.
    let task = &report.runs[0].evaluation.as_ref().unwrap().tasks[1];
    assert_eq!((task.task.as_str(), task.gopher_280b), ("piqa", Some(0.818)));
    for words in [
        "L = E + A / N^alpha",
        "Loss by parameters",
        "81.8",
        "Winogender, all",
        "as Hoffmann et al. 2022 reprint it",
        "bias, accuracy by size",
        "3 independent items, and 10 are needed: not shown",
        "79, 57, 16 of 152",
        "Each run was asked 100 documents of each task at most",
        "unknown: to be written by whoever publishes the model",
        "the largest run",
    ] {
        assert!(page.contains(words), "{words}");
    }
    // A plot never stands without its numbers.
    assert!(page.matches("<svg").count() >= 6);
    assert_eq!(page.matches("<svg").count(), page.matches("<summary>Numbers: ").count());
    assert_eq!(
        page,
        self::report(&(0..5).map(|run| place.path(&format!("r{run}"))).collect::<Vec<_>>()).1,
        "the same bytes"
    );
}

#[test]
fn texts_are_held_back_and_counted() {
    let place = Place::new();
    let (report, page) = report(&place.ladder()[..1]);
    let held: Vec<_> = report.held_back.iter().map(|held| (held.file.as_str(), held.lines)).collect();
    assert_eq!(held, [("evaluation/step-100/samples.jsonl", 2), ("analyses/step-100/bias.jsonl", 1)]);
    let all = page + &serde_json::to_string(&report).unwrap() + &report.card.markdown();
    assert!(!all.contains("ABOMINATION"));
    assert!(all.contains("samples.jsonl") && all.contains("neither prompts nor what models wrote"));
}

#[test]
fn nothing_comes_from_outside_and_nothing_runs() {
    let place = Place::new();
    let name = "<img src=x onerror=alert(1)>&\"'";
    let run = place.run(name, 1_000_000, 3.0);
    place.write(
        &format!("{name}/config.toml"),
        "[data]\nfield = \"</style><script>alert(2)</script>\"\n[training]\nsteps = 100\n",
    );
    place.evaluation(name, &[("<b>task</b>", "</table><script>", "acc", 0.5)]);
    place.analysis(name, 0.5);
    let (report, page) = report(&[run]);
    for code in [
        "<script",
        "<img",
        "<b>",
        "onerror=alert(1)>",
        "http:",
        "https:",
        "url(",
        "@import",
        "<iframe",
        "<object",
    ] {
        let found = page.matches(code).count();
        assert_eq!(found, 0, "{code}");
    }
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;"));
    assert!(page.contains("default-src 'none'"));
    let card = report.card.markdown();
    assert!(card.contains("\\<img src=x onerror=alert(1)\\>") && !card.contains("\n<img"), "{card}");
}

#[test]
fn paths_of_a_computer_are_not_shown_on_the_page() {
    let place = Place::new();
    let (report, page) = report(&[place.run("r", 1_000_000, 3.0)]);
    assert!(!page.contains("/home/someone") && page.contains("a.txt"));
    assert!(!report.card.markdown().contains("/home/someone"));
    let twin = serde_json::to_string(&report).unwrap();
    assert!(!twin.contains("/home/someone") && twin.contains("model.layers"));
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_shown() {
    let place = Place::new();
    let run = place.run("r", 1_000_000, 3.0);
    place.write("r/evaluation/step-100/results.json", "{\"gopher\": ");
    place.write("r/analyses/step-100/bias.json", "[]");
    place.write(
        "r/analyses/step-100/dialect.json",
        &json!({"analysis": "dialect", "seed": 1, "resamples": 1, "limit": null, "runs": []}).to_string(),
    );
    let (report, page) = report(&[run]);
    assert_eq!(report.runs[0].problems.len(), 3, "{:?}", report.runs[0].problems);
    assert!(page.contains("Not shown of r: ") && page.contains("it is of 0 runs, not of one"));
    assert!(page.contains("None of the runs was evaluated"));
    assert!(report.scaling.fits.is_empty() && report.scaling.not_fitted.len() == 4);
}

#[test]
fn an_empty_run_has_a_page() {
    let place = Place::new();
    place.write("r/config.toml", "");
    let (report, page) = report(&[place.path("r")]);
    assert!(page.contains("<td class=\"n\">–</td>") && !page.contains("NaN"));
    assert_eq!(report.card.sections.len(), 9);
    assert!(report.card.markdown().matches("unknown: to be written").count() > 12);
}

#[test]
fn runs_of_other_text_are_not_fitted_together() {
    let place = Place::new();
    let runs = place.ladder();
    let text = fs::read_to_string(place.path("r2/config.toml")).unwrap();
    place.write("r2/config.toml", &text.replace("a.txt", "b.txt"));
    let (report, page) = report(&runs);
    assert!(report.scaling.fits.is_empty());
    assert_eq!(
        report.scaling.not_fitted,
        ["data.paths of r0 and r2 differ: their losses are of different text or tokens"]
    );
    assert!(page.contains("Not fitted: data.paths of r0 and r2 differ"));
}

#[test]
fn a_data_card_is_quoted() {
    let place = Place::new();
    let run = place.run("r", 1_000_000, 3.0);
    place.write("card.md", "# Data card\n\nNovels <em>of</em> 1900\n");
    let report = collect(std::slice::from_ref(&run), Some(&place.path("card.md"))).unwrap();
    assert!(report.card.markdown().contains("  > Novels <em>of</em> 1900\n"));
    assert!(page(&report).unwrap().contains("Novels &lt;em&gt;of&lt;/em&gt; 1900"));
    let error = collect(&[run], Some(&place.path("none.md"))).unwrap_err().to_string();
    assert!(error.ends_with("none.md: no such file or folder"), "{error}");
}

#[test]
fn what_is_no_run_is_refused() {
    let place = Place::new();
    let run = place.run("r", 1, 1.0);
    let check = |runs: &[PathBuf], expected: &str| {
        let error = collect(runs, None).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    };
    check(&[run.clone(), place.path("./r")], "r: it is named twice");
    check(&[place.path("none")], "none: no such folder");
    check(&vec![run; 65], "65 runs: a page is of 64 at most; leave some out");
}

/// Twelve runs with all tasks make a page that opens anywhere, and a page that does not is refused.
#[test]
fn the_largest_report_is_small() {
    let place = Place::new();
    let names: Vec<String> = tasks::suite::entries().iter().map(|entry| entry.name.clone()).collect();
    let tasks: Vec<(&str, &str, &str, f64)> =
        names.iter().map(|name| (name.as_str(), "c", "acc", 0.5)).collect();
    let runs: Vec<PathBuf> =
        (0..12).map(|number| place.run(&format!("run-{number}"), 1000 + number, 3.0)).collect();
    runs.iter().for_each(|run| place.evaluation(run.file_name().unwrap().to_str().unwrap(), &tasks));
    let (mut report, page) = report(&runs);
    assert!(page.len() < LARGEST / 2, "{}", page.len());
    report.runs[0].config = (0..40_000).map(|key| (format!("key-{key}"), "x".repeat(100))).collect();
    assert!(matches!(self::page(&report), Err(Error::Large { bytes }) if bytes > LARGEST));
}

#[test]
fn the_files_of_the_page_are_where_they_should_be() {
    // The style is in the page, and nowhere else.
    let style = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/style.css")).unwrap();
    assert!(
        style.contains("prefers-color-scheme:dark")
            && style.contains("@media print")
            && style.contains("max-width:40rem")
    );
    assert!(!style.contains("url(") && !style.contains("@import"));
}
