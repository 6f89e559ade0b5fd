/// What a parser of TOML says, in one line and without the names that the program has for its types.
pub fn toml_words(message: &str) -> String {
    match message {
        message if message.contains("i128") => "the whole number is too large".to_owned(),
        message => message.lines().collect::<Vec<_>>().join(", "),
    }
}
