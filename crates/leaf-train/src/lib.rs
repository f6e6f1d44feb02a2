//! Runs any semi-supervised algorithm on any network: optimizers, schedule, weight average, checkpoints, metrics.

mod error;
mod gradients;
mod metrics;
mod mismatches;
mod optim;
mod schedule;
mod weight_average;

pub use error::{BoxError, Error, Result};
pub use gradients::Gradients;
pub use metrics::{Confusion, Metrics, Tally};
pub use mismatches::{Mismatches, Reshaped};
pub use optim::{Adam, AdamConfig, Optimizer, OptimizerConfig, Sgd, SgdConfig, WeightDecay};
pub use schedule::{ConstantSchedule, CosineSchedule, Schedule};
pub use weight_average::WeightAverage;
