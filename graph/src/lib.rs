//! Tensor program IR: ops, builder, verifier, autodiff, interpreter, StableHLO and HLO output.
