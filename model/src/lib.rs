//! The Gopher family: configurations, parameters, forward pass, loss and decoding step.
