//! What can go wrong, each with the thing, its value and what was expected.

use std::path::PathBuf;

use crate::{Mismatches, NonFinite};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error of a caller's own data source or observer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong in `leaf-train`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer of `leaf-core`, or candle, failed.
    #[error(transparent)]
    Core(#[from] leaf_core::Error),

    /// The algorithm or the network failed.
    #[error(transparent)]
    Ssl(#[from] leaf_ssl::Error),

    /// A number of a configuration is out of its bounds.
    #[error("{field} = {value}, expected {expected}")]
    OutOfRange {
        /// The configuration's field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The bounds in words.
        expected: &'static str,
    },

    /// Two settings that exclude or need each other.
    #[error("{given}, expected {expected}")]
    Conflict {
        /// What was set.
        given: &'static str,
        /// What would fit.
        expected: &'static str,
    },

    /// An optimizer got nothing to train.
    #[error("the optimizer got 0 parameters, expected at least 1")]
    NoParameters,

    /// The loss does not depend on some parameters.
    #[error(
        "no gradient reached {names:?}: the loss does not depend on them; set \
         allow_missing_gradients if that is meant"
    )]
    MissingGradient {
        /// The parameters.
        names: Vec<String>,
    },

    /// A parameter's gradient has another shape than the parameter.
    #[error("the gradient of {name:?} has shape {found:?}, expected {expected:?}")]
    GradientShape {
        /// The parameter.
        name: String,
        /// Its shape.
        expected: Vec<usize>,
        /// The gradient's shape.
        found: Vec<usize>,
    },

    /// A saved optimizer's entries do not fit.
    #[error("the saved state of {optimizer} does not fit: {mismatches}")]
    OptimizerState {
        /// The optimizer.
        optimizer: &'static str,
        /// What does not fit.
        mismatches: Mismatches,
    },

    /// A state was refused, and the one before it could not be taken back: what the trainer keeps
    /// between steps is undefined.
    #[error("{refused}; and the state before it could not be taken back: {source}")]
    NotTakenBack {
        /// Why the state was refused.
        refused: String,
        /// Why the state before it was.
        source: Box<Error>,
    },

    /// The average network's tensors are not the trained network's.
    #[error("the average network does not fit the trained one: {mismatches}")]
    AverageMismatch {
        /// What does not fit.
        mismatches: Mismatches,
    },

    /// The average network shares a variable with the trained one.
    #[error(
        "the average network shares {name:?} with the trained one, expected a network of its own"
    )]
    AverageShared {
        /// The first shared variable.
        name: String,
    },

    /// The loss or the gradient is infinite or not a number.
    #[error("{0}")]
    NonFinite(Box<NonFinite>),

    /// The run was asked to end before its last step.
    #[error(
        "stopped after step {step} of {total}{}",
        checkpoint.as_ref().map(|path| format!("; it can go on from {}", path.display())).unwrap_or_default()
    )]
    Stopped {
        /// How many steps were done.
        step: usize,
        /// How many the run has.
        total: usize,
        /// The checkpoint that was written, if there is a folder for them.
        checkpoint: Option<PathBuf>,
    },

    /// A checkpoint of a version of this library that is newer or older.
    #[error("{}: a checkpoint of format {format}, expected format {expected}, which this version reads", path.display())]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u64,
        /// The one that can be read.
        expected: u64,
    },

    /// A checkpoint is of another run: configuration, faces, classes, split or device differ.
    #[error("{} is a checkpoint of another run: {}", path.display(), differences.join("; "))]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What differs: the checkpoint's value, then this run's.
        differences: Vec<String>,
    },

    /// A checkpoint's tensors do not fit the network.
    #[error("the checkpoint's tensors of part {part:?} do not fit the network: {mismatches}")]
    SnapshotTensors {
        /// Which network's.
        part: &'static str,
        /// What does not fit.
        mismatches: Mismatches,
    },

    /// A file is shorter than when the checkpoint was written, so what is missing cannot be taken up.
    #[error("{} has {found} bytes, expected at least the {expected} that the checkpoint counts on", path.display())]
    Shortened {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// Its length when the checkpoint was written.
        expected: u64,
    },

    /// A label is none of the classes.
    #[error("label {label} in row {row}, expected 0 to {}", num_classes.saturating_sub(1))]
    Label {
        /// The label.
        label: i64,
        /// Its row in the chunk.
        row: usize,
        /// How many classes there are.
        num_classes: usize,
    },

    /// A prediction is infinite or not a number.
    #[error("the scores of row {row} are {scores:?}, expected finite numbers")]
    NonFiniteScores {
        /// The row in the chunk.
        row: usize,
        /// Its scores.
        scores: Vec<f64>,
    },

    /// Scores and labels do not belong together.
    #[error("scores of shape {scores:?} with {labels} labels, expected (N, {num_classes}) with N")]
    Scores {
        /// The scores' shape.
        scores: Vec<usize>,
        /// How many labels there are.
        labels: usize,
        /// How many classes there are.
        num_classes: usize,
    },

    /// There is nothing to evaluate on.
    #[error("evaluation set {set:?} has 0 faces, expected at least 1")]
    EmptySet {
        /// The set's name.
        set: String,
    },

    /// Several sets are marked for choosing the best step.
    #[error("{sets:?} are marked for selection, expected at most 1 set")]
    SeveralSelectionSets {
        /// The sets' names.
        sets: Vec<String>,
    },

    /// The batches ended before the run did.
    #[error("the batches ended after {found} steps, expected {expected}")]
    BatchesEnded {
        /// How many steps were done.
        found: usize,
        /// How many the run has.
        expected: usize,
    },

    /// The source of the batches failed.
    #[error("the batch of step {step} could not be made: {source}")]
    Batch {
        /// The step, from 1.
        step: usize,
        /// What the source says.
        source: BoxError,
    },

    /// The source of an evaluation set failed.
    #[error("evaluation set {set:?} could not be read: {source}")]
    EvaluationData {
        /// The set's name.
        set: String,
        /// What the source says.
        source: BoxError,
    },

    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },

    /// Progress could not be written.
    #[error("cannot write {what}: {source}")]
    Output {
        /// What was to be written.
        what: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },

    /// A file is no checkpoint, or one of another format.
    #[error("{}: {found}, expected {expected}", path.display())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
    },

    /// A model card makes no sense.
    #[error("the model card's {field} is {found}, expected {expected}")]
    Card {
        /// Which field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would make sense.
        expected: &'static str,
    },

    /// A checkpoint was made for something else.
    #[error("{}: {field} is {found}, expected {expected}", path.display())]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// Which part of the card differs.
        field: &'static str,
        /// The checkpoint's value.
        found: String,
        /// The caller's value.
        expected: String,
    },

    /// A checkpoint's tensors do not fit the network.
    #[error("{}: the tensors of part {part:?} do not fit the network: {mismatches}", path.display())]
    OtherTensors {
        /// The file.
        path: PathBuf,
        /// Which weights.
        part: &'static str,
        /// What does not fit.
        mismatches: Mismatches,
    },

    /// An observer of the caller's failed.
    #[error("an observer failed: {0}")]
    Observer(BoxError),
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Core(error.into())
    }
}
