//! Runs the files in `filetests/`: programs in the text form, each followed by directives with their output.
//!
//! ```text
//! What the file shows.
//!
//! === name of the case
//! func @f(…) -> (…) {
//!   …
//! }
//! --- interpret f32[2] [1.0, 2.0]; i32[] 3
//! the output that is expected
//! ```
//!
//! `BLESS=1 cargo test -p graph --test filetests` writes the actual output into the files; read the difference
//! before committing it. A directive is a row of [`DIRECTIVES`]: a function of the program and of the rest of the
//! directive's line. An error is an output too, after `error: `.

use std::fmt::Write;
use std::path::Path;

use graph::verify::verify;
use graph::{
    Builder, Error, Function, Literal, Mesh, MeshAxis, Partitioned, Tensor, Value, gradient, interpret,
    interpret_partitioned, to_hlo_text, to_hlo_text_partitioned, to_stablehlo, to_stablehlo_partitioned,
};

type Directive = fn(program: &str, arguments: &str) -> Result<String, Error>;

const DIRECTIVES: &[(&str, Directive)] = &[
    // Whether the program is valid.
    ("check", |program, _| read(program).map(|_| "ok".into())),
    // The program as it prints; run it where that differs from what is written above.
    ("print", |program, _| read(program).map(|function| function.to_string())),
    // The results for inputs given as literals separated by `;`.
    ("interpret", interpret_text),
    // The program with the derivatives of its first result as further results: `gradient x, y` names parameters.
    ("gradient", differentiate),
    // The program as other tools read it.
    ("stablehlo", |program, _| to_stablehlo(&read(program)?)),
    ("hlo-text", |program, _| to_hlo_text(&read(program)?)),
    // The program of a device of a mesh, on whole inputs: `data=2 model=2 | data,- ; - | -` gives the mesh, then how each
    // parameter is split, then each result; dimensions are separated by commas, axes of one dimension joined by `+`;
    // `.` is a scalar.
    ("stablehlo-on", |program, arguments| to_stablehlo_partitioned(&partitioned(program, arguments)?)),
    ("hlo-text-on", |program, arguments| to_hlo_text_partitioned(&partitioned(program, arguments)?)),
    // As above, and after one more `|` the inputs.
    ("interpret-on", |program, arguments| {
        let (splits, inputs) = arguments.rsplit_once('|').expect("inputs after the splits");
        let program = partitioned(program, splits)?;
        let results = interpret_partitioned(&program, &literals(inputs)?)?;
        Ok(named(&program.function, results))
    }),
    // The program without the nodes that no result needs.
    ("simplify", |program, _| {
        let mut function = read(program)?;
        graph::simplify::remove_dead_nodes(&mut function);
        verify(&function)?;
        Ok(function.to_string())
    }),
    // The program with its contractions as matmuls.
    ("flatten", |program, _| {
        let mut function = read(program)?;
        graph::flatten_matmuls(&mut function);
        verify(&function)?;
        Ok(function.to_string())
    }),
    // The program with its loops written out.
    ("unroll", |program, _| Ok(graph::unroll(&read(program)?)?.function.to_string())),
];

fn read(program: &str) -> Result<Function, Error> {
    let function = Function::parse(program)?;
    verify(&function)?;
    Ok(function)
}

fn interpret_text(program: &str, arguments: &str) -> Result<String, Error> {
    let function = read(program)?;
    let results = interpret(&function, &literals(arguments)?)?;
    Ok(named(&function, results))
}

fn literals(arguments: &str) -> Result<Vec<Literal>, Error> {
    arguments.split(';').filter(|input| !input.trim().is_empty()).map(Literal::parse).collect()
}

fn named(function: &Function, results: Vec<Literal>) -> String {
    let lines = function.results.iter().zip(results);
    lines.map(|(output, literal)| format!("{}: {literal}\n", output.name)).collect()
}

fn partitioned(program: &str, arguments: &str) -> Result<Partitioned, Error> {
    let parts: Vec<_> = arguments.split('|').map(str::trim).collect();
    let [mesh, params, results] = parts[..] else { panic!("mesh | parameters | results, not `{arguments}`") };
    let axis = |axis: &str| {
        let (name, size) = axis.split_once('=').expect("name=size");
        MeshAxis { name: name.into(), size: size.parse().expect("a size") }
    };
    let axes =
        |dim: &str| dim.split('+').map(str::trim).filter(|&axis| axis != "-").map(String::from).collect();
    let split = |tensor: &str| {
        let dims = tensor.split(',').map(str::trim).filter(|&dim| dim != ".");
        dims.map(axes).collect()
    };
    let splits =
        |tensors: &str| tensors.split(';').filter(|tensor| !tensor.trim().is_empty()).map(split).collect();
    Ok(Partitioned {
        function: read(program)?,
        mesh: Mesh { axes: mesh.split_whitespace().map(axis).collect() },
        params: splits(params),
        results: splits(results),
    })
}

fn differentiate(program: &str, arguments: &str) -> Result<String, Error> {
    let source = read(program)?;
    let builder = Builder::new(&source.name);
    let mut tensors: Vec<Option<Tensor>> = vec![None; source.types.len()];
    for param in &source.params {
        let axes: Vec<_> = param.axes.iter().map(String::as_str).collect();
        tensors[param.value.index()] =
            Some(builder.param(&param.name, source.ty(param.value).clone(), &axes));
    }
    let tensor =
        |tensors: &[Option<Tensor>], value: Value| tensors[value.index()].expect("a verified program");
    for node in &source.nodes {
        let _scope =
            Some(source.scope(node)).filter(|scope| !scope.is_empty()).map(|scope| builder.scope(scope));
        let operands: Vec<_> = node.operands.iter().map(|&operand| tensor(&tensors, operand)).collect();
        for (result, made) in node.results.iter().zip(builder.op(node.op.clone(), &operands)?) {
            tensors[result.index()] = Some(made);
        }
    }
    let names: Vec<_> = arguments.split(',').map(str::trim).collect();
    let wrt = names.iter().map(|name| {
        let param = source.params.iter().find(|param| param.name == *name);
        tensor(&tensors, param.unwrap_or_else(|| panic!("no parameter is named `{name}`")).value)
    });
    let loss = source.results.first().expect("a result to differentiate");
    let loss_tensor = tensor(&tensors, loss.value);
    let gradients = gradient(&builder, loss_tensor, &wrt.collect::<Vec<_>>())?;
    builder.output(&loss.name, loss_tensor);
    for (name, gradient) in names.iter().zip(gradients) {
        builder.output(format!("gradient/{name}"), gradient);
    }
    Ok(builder.finish()?.to_string())
}

/// A file with the output of each directive replaced by the actual one.
fn run(text: &str) -> String {
    let mut actual = String::new();
    let mut program = String::new();
    let mut in_program = false;
    let mut in_output = false;
    for line in text.lines() {
        if let Some(directive) = line.strip_prefix("--- ") {
            let (name, arguments) = directive.split_once(' ').unwrap_or((directive, ""));
            let known = DIRECTIVES.iter().find(|(known, _)| *known == name);
            let output = match known {
                Some((_, directive)) => directive(&program, arguments),
                None => panic!("unknown directive `{name}`"),
            };
            let output = output.unwrap_or_else(|error| format!("error: {error}"));
            let _ = writeln!(actual, "{line}\n{}", output.trim_end());
            (in_program, in_output) = (false, true);
        } else if line.starts_with("=== ") {
            if in_output {
                actual.push('\n');
            }
            let _ = writeln!(actual, "{line}");
            program.clear();
            (in_program, in_output) = (true, false);
        } else if !in_output {
            let _ = writeln!(actual, "{line}");
            if in_program {
                let _ = writeln!(program, "{line}");
            }
        }
    }
    actual
}

/// The first line that differs, for a message.
fn difference(expected: &str, actual: &str) -> String {
    let mut case = "";
    let mut lines = (expected.lines(), actual.lines());
    for number in 1.. {
        let (wanted, got) = (lines.0.next(), lines.1.next());
        match (wanted, got) {
            (Some(wanted), Some(got)) if wanted == got => {
                case = wanted.strip_prefix("=== ").unwrap_or(case);
            }
            (None, None) => break,
            _ => {
                let line = |line: Option<&str>| line.unwrap_or("the end of the file").to_string();
                return format!(
                    "line {number}, in `{case}`:\n  expected: {}\n  actual:   {}",
                    line(wanted),
                    line(got)
                );
            }
        }
    }
    "only the end of lines differs".into()
}

#[test]
fn files_give_the_output_they_expect() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filetests");
    let bless = std::env::var_os("BLESS").is_some();
    let mut failures = Vec::new();
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of file tests")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no file tests in {}", folder.display());
    for path in paths {
        let expected = std::fs::read_to_string(&path).expect("a readable file test");
        let actual = run(&expected);
        if actual == expected {
            continue;
        }
        if bless {
            std::fs::write(&path, actual).expect("a writable file test");
        } else {
            let name = path.file_name().unwrap_or_default().display();
            failures.push(format!("{name}, {}", difference(&expected, &actual)));
        }
    }
    assert!(failures.is_empty(), "{}\nBLESS=1 writes the actual output", failures.join("\n"));
}

#[test]
fn a_difference_is_found_and_named() {
    let file = "About.\n\n=== wrong\nfunc @f() -> () {}\n--- check\nno\n";
    let actual = run(file);
    assert_eq!(actual, file.replace("no", "ok"));
    let named = "line 6, in `wrong`:\n  expected: no\n  actual:   ok";
    assert_eq!(difference(file, &actual), named);
}
