//! The program of docs/library.md runs.

#[path = "../examples/library.rs"]
mod library;

#[test]
fn the_program_of_the_documentation_runs() {
    library::main().unwrap();
}
