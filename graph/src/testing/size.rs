//! How much tests do: a part by default, all of it where `GOPHER_TEST_SIZE=full`, or `full:graph,train` for those of some crates.
//!
//! By default a test of many cases tries a few, so that `cargo test --workspace` ends in minutes on two cores; continuous integration
//! runs all of some crates' tests. Every test runs in both sizes.

use std::env;

const SIZE: &str = "GOPHER_TEST_SIZE";
const CASES: &str = "PROPTEST_CASES";

/// Whether tests run at full size: whether `GOPHER_TEST_SIZE` is `full` rather than `small`, which is the default, or `full:` with a
/// list of crates in which the one is whose tests cargo runs.
///
/// # Panics
/// When the variable has any other value.
pub fn is_full() -> bool {
    let package = env::var("CARGO_PKG_NAME").unwrap_or_default();
    parse(env::var(SIZE).ok().as_deref(), &package).unwrap_or_else(|message| panic!("{message}"))
}

/// One of two sizes of a test.
///
/// # Panics
/// As [`is_full`].
pub fn either<T>(small: T, full: T) -> T {
    if is_full() { full } else { small }
}

/// The number of cases of a property: that of the size, unless proptest's own variable `PROPTEST_CASES` says how many.
///
/// # Panics
/// As [`is_full`], or when `PROPTEST_CASES` is no number.
pub fn cases(small: u32, full: u32) -> u32 {
    match env::var(CASES) {
        Ok(cases) => cases.parse().unwrap_or_else(|_| panic!("{CASES}={cases}: expected a number of cases")),
        Err(_) => either(small, full),
    }
}

fn parse(size: Option<&str>, package: &str) -> Result<bool, String> {
    match size {
        None | Some("" | "small") => Ok(false),
        Some("full") => Ok(true),
        Some(other) => match other.strip_prefix("full:") {
            Some(packages) => Ok(packages.split(',').any(|name| name == package)),
            None => Err(format!("{SIZE}={other}: expected small, full or full:CRATE,...")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn tests_are_small_unless_all_of_it_is_asked_for() {
        let parse = |size| parse(size, "graph");
        assert_eq!([None, Some(""), Some("small")].map(parse), [Ok(false), Ok(false), Ok(false)]);
        assert_eq!(parse(Some("full")), Ok(true));
        assert_eq!(
            ["full:model,graph", "full:model", "full:"].map(|size| parse(Some(size))),
            [Ok(true), Ok(false), Ok(false)]
        );
        let error = "GOPHER_TEST_SIZE=large: expected small, full or full:CRATE,...";
        assert_eq!(parse(Some("large")), Err(error.to_owned()));
    }
}
