//! Runs any semi-supervised algorithm on any network: optimizers, schedule, weight average, checkpoints, metrics.
