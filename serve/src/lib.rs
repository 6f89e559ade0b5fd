//! A trained model for many clients at once.
//!
//! [`engine`] has the device and continues many texts side by side, each with the bits that it has alone; [`http`] is OpenAI's API in
//! front of it. What answers is a [`model::Model`].

pub mod engine;
pub mod http;
pub mod metrics;
pub mod model;
