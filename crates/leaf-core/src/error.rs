//! What can go wrong, each with the thing, its value and what was expected.

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in `leaf-core`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of candle failed.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),

    /// A tensor has another shape than the operation needs.
    #[error("{what} has shape {found:?}, expected {expected}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape in words, such as `(N, C)`.
        expected: String,
        /// The shape that was given.
        found: Vec<usize>,
    },

    /// A parameter is not in the store.
    #[error("parameter {name:?} is missing")]
    MissingParameter {
        /// The parameter's path.
        name: String,
    },

    /// A parameter has another shape than the model needs.
    #[error("parameter {name:?} has shape {found:?}, expected {expected:?}")]
    ParameterShape {
        /// The parameter's path.
        name: String,
        /// The model's shape.
        expected: Vec<usize>,
        /// The shape that was given.
        found: Vec<usize>,
    },

    /// Recorded noise is exhausted or does not fit.
    #[error("recorded noise of shape {wanted:?} was asked for, found {found:?}")]
    RecordedNoise {
        /// The shape that the layer draws.
        wanted: Vec<usize>,
        /// The next recorded tensor's shape; `None` when nothing is left.
        found: Option<Vec<usize>>,
    },

    /// A mixture keeps no expert or more than it has.
    #[error("k = {k} experts are kept, expected 1 to num_experts = {num_experts}")]
    KeptExperts {
        /// How many are kept.
        k: usize,
        /// How many there are.
        num_experts: usize,
    },

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

    /// A name is none of those that are known.
    #[error("{field} = {value:?}, expected {expected}")]
    Name {
        /// What is named.
        field: &'static str,
        /// The name that was given.
        value: String,
        /// The names in words.
        expected: &'static str,
    },

    /// A part of LEAF that a trainer has no place for.
    #[error("leaf.{part} has no place in this trainer, expected it {expected}")]
    NoPlace {
        /// The part.
        part: &'static str,
        /// What it should be, such as `off`.
        expected: &'static str,
    },

    /// A positive set could hold every class.
    #[error(
        "max_positives = {max_positives} with {num_classes} classes, expected 1 to {}",
        num_classes.saturating_sub(1)
    )]
    MaxPositives {
        /// The largest positive set.
        max_positives: usize,
        /// How many classes there are.
        num_classes: usize,
    },

    /// There are too few classes to tell apart.
    #[error("num_classes = {num_classes}, expected at least 2")]
    NumClasses {
        /// How many classes there are.
        num_classes: usize,
    },

    /// A count that must not be zero is zero.
    #[error("{field} = 0, expected at least 1")]
    Zero {
        /// The configuration's field.
        field: &'static str,
    },
}
