//! Runs any semi-supervised algorithm on any network: optimizers, schedule, weight average, checkpoints, metrics.

mod checkpoint;
mod error;
mod evaluation_set;
#[cfg(test)]
mod fake;
mod gradients;
mod metrics;
mod mismatches;
mod observe;
mod optim;
mod schedule;
mod trainer;
mod weight_average;

pub use checkpoint::{Architecture, Checkpoint, ModelCard, Part, Preprocessing, save_checkpoint};
pub use error::{BoxError, Error, Result};
pub use evaluation_set::{Chunks, EvaluationSet, evaluate};
pub use gradients::Gradients;
pub use metrics::{Confusion, Metrics, Tally};
pub use mismatches::{Mismatches, Reshaped};
pub use observe::{
    Best, Console, EvaluationReport, JsonLines, Observer, RunStart, RunSummary, SetMetrics,
    StepReport, Warning,
};
pub use optim::{Adam, AdamConfig, Optimizer, OptimizerConfig, Sgd, SgdConfig, WeightDecay};
pub use schedule::{ConstantSchedule, CosineSchedule, Schedule};
pub use trainer::{Learner, SelectBy, TrainConfig, Trainer};
pub use weight_average::WeightAverage;
