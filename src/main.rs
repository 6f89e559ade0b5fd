//! The `gopher` command.
fn main() {}
