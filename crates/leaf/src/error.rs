//! What can go wrong in a run.

use leaf_core::Levels;

use crate::DeviceChoice;
use crate::weights::Layout;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer, a loss or a trainer failed.
    #[error(transparent)]
    Ssl(#[from] leaf_ssl::Error),

    /// The backbone failed.
    #[error(transparent)]
    Vision(#[from] leaf_vision::Error),

    /// The data failed.
    #[error(transparent)]
    Data(#[from] leaf_data::Error),

    /// The run failed.
    #[error(transparent)]
    Train(#[from] leaf_train::Error),

    /// A data set that nothing can be measured on.
    #[error("data {data} has 0 test faces, expected at least 1")]
    NoTestFaces {
        /// Where the faces come from.
        data: String,
    },

    /// A device that this build cannot use.
    #[error(
        "this build cannot use {feature}: build it with `--features {feature}`, for instance \
         `cargo run --release --features {feature} --example fixmatch_leaf -- --device {feature}`"
    )]
    DeviceNotBuilt {
        /// The feature that is missing.
        feature: &'static str,
    },

    /// A device that cannot be opened.
    #[error("device {device} cannot be opened: {source}")]
    Device {
        /// Which one.
        device: DeviceChoice,
        /// Why.
        source: candle_core::Error,
    },

    /// A choice among names.
    #[error("{field} = {value:?}, expected {expected}")]
    Choice {
        /// The setting.
        field: &'static str,
        /// What was given.
        value: String,
        /// The names.
        expected: &'static str,
    },

    /// A trainer that there is not.
    #[error("algorithm = {value:?}, expected one of {expected}")]
    Trainer {
        /// What was given.
        value: String,
        /// The names.
        expected: String,
    },

    /// DebiasPL around a trainer without pseudo-labels.
    #[error("debias is on, but {algorithm} uses no unlabelled faces, expected it off")]
    NothingToDebias {
        /// The trainer's name.
        algorithm: &'static str,
    },

    /// Levels that LEAF's configuration does not have in this trainer.
    #[error(
        "levels = {asked}, expected some of those that {algorithm} has with this preset of LEAF: {there}"
    )]
    Levels {
        /// What was asked for.
        asked: Levels,
        /// What there is.
        there: String,
        /// The trainer's name.
        algorithm: &'static str,
    },

    /// A network that cannot be exported under other names.
    #[error("layout {layout} has no place for {what}; expected layout own, or such a network")]
    Layout {
        /// The names that were asked for.
        layout: Layout,
        /// What they do not cover.
        what: String,
    },

    /// A setting that is no `PATH=VALUE`, or whose path leads nowhere.
    #[error("setting {setting:?}: {what}")]
    Setting {
        /// What was given.
        setting: String,
        /// What is wrong with it.
        what: String,
    },

    /// A list of what faces are like that cannot be used.
    #[error("{path}: {what}")]
    Factors {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },

    /// Features that nothing can be read from.
    #[error("the network's features cannot be probed for {factor}, expected finite numbers")]
    Probe {
        /// What was to be read from them.
        factor: String,
    },

    /// A recipe that makes no sense.
    #[error("{path}: {what}")]
    RecipeFile {
        /// The file.
        path: String,
        /// Where and why.
        what: String,
    },

    /// A recipe that cannot be written.
    #[error("the recipe cannot be written as TOML: {what}")]
    RecipeForm {
        /// Why.
        what: String,
    },

    /// A folder without a run.
    #[error("{folder} holds no run: expected a folder with the recipe.toml of one")]
    NoRun {
        /// The folder.
        folder: String,
    },

    /// A run that has no step left.
    #[error("the run in {folder} did all of its {steps} steps, expected one that was ended before")]
    Finished {
        /// The folder.
        folder: String,
        /// How many steps it has.
        steps: usize,
    },

    /// A run's split is not the one that its recipe draws now.
    #[error(
        "{path} is another split than the one that the recipe draws from the faces now ({hash})"
    )]
    OtherSplit {
        /// The split's file.
        path: String,
        /// The hash of the recipe's split.
        hash: String,
    },

    /// A loader that ended before its first batch.
    #[error("the loader gave no batch, expected at least 1")]
    NoBatch,

    /// A comparison's folder that was made with other settings.
    #[error("{folder} was made with other settings: {}", .differences.join("; "))]
    OtherSettings {
        /// The folder.
        folder: String,
        /// Each setting, with what it is now and what it was.
        differences: Vec<String>,
    },

    /// A comparison's folder that another process has open.
    #[error("{folder} is in use by another process, expected one at a time")]
    FolderInUse {
        /// The folder.
        folder: String,
    },

    /// A line that makes no sense.
    #[error("{path}: line {line}: {what}")]
    Line {
        /// The file.
        path: String,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },

    /// A text whose tables cannot be made.
    #[error("line {line}, {marker:?}: {what}")]
    Document {
        /// Which line of the text, from 1.
        line: usize,
        /// The line.
        marker: String,
        /// What is wrong.
        what: String,
    },

    /// Runs that do not share what they must.
    #[error(
        "{one} and {other} with {labels_per_class} labels a class and seed {seed} differ in {what}, expected the \
         same: were the faces changed since the first?"
    )]
    Unpaired {
        /// What differs.
        what: &'static str,
        /// The earlier run.
        one: String,
        /// The later run.
        other: String,
        /// Their budget.
        labels_per_class: usize,
        /// Their seed.
        seed: u64,
    },

    /// A run of a comparison that failed.
    #[error("{run}: {what}")]
    ComparedRun {
        /// Which one.
        run: String,
        /// Why.
        what: String,
    },

    /// A file that cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl From<leaf_core::Error> for Error {
    fn from(error: leaf_core::Error) -> Self {
        Self::Ssl(error.into())
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Ssl(error.into())
    }
}
