//! Training: step, optimiser, schedule, loop, checkpoints, metrics.
