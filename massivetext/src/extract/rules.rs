//! The rules of the stage, by their names, in the order in which they are asked.

/// The host is on the list of those that are not wanted.
pub const BLOCKED_HOST: &str = "blocked_host";
/// The HTTP status is not 200.
pub const STATUS: &str = "status";
/// The content is no HTML and no plain text.
pub const CONTENT_TYPE: &str = "content_type";
/// The page says that it is for adults.
pub const ADULT_RATING: &str = "adult_rating";
/// There is no text.
pub const NO_TEXT: &str = "no_text";
/// Too much of the text is U+FFFD.
pub const MAX_REPLACEMENT: &str = "max_replacement";
/// The text is in another language, or it is not sure enough in which.
pub const LANGUAGE: &str = "language";
