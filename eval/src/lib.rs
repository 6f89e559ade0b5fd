//! Sampling and evaluation of trained models.
