//! What can go wrong, each with the thing, its value and what was expected.

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong in `leaf-ssl` and in the trainers built on it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer or a loss of `leaf-core` failed.
    #[error(transparent)]
    Core(#[from] leaf_core::Error),

    /// A batch lacks views that the trainer declared.
    #[error("the batch has {found} {kind} views, the trainer needs {expected}")]
    MissingViews {
        /// `"weak"` or `"strong"`.
        kind: &'static str,
        /// How many the trainer declared.
        expected: usize,
        /// How many the batch has.
        found: usize,
    },

    /// A part of the batch has other rows than the rest of it.
    #[error("the batch has {found} {what}, expected {expected}")]
    Rows {
        /// Which part.
        what: &'static str,
        /// How many rows it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },

    /// A batch without rows.
    #[error("the batch has 0 {what}, expected at least 1")]
    Empty {
        /// Which rows.
        what: &'static str,
    },

    /// A trainer needs what the network or whoever runs it does not offer.
    #[error("the trainer needs a {what}, and there is none")]
    Missing {
        /// What is missing.
        what: &'static str,
    },

    /// The labelled faces could not be read.
    #[error("the labelled faces could not be read")]
    LabeledFaces(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// A saved state lacks an entry.
    #[error("the saved state has no entry {name:?}")]
    MissingState {
        /// The entry.
        name: String,
    },

    /// A saved state has an entry that nothing reads.
    #[error("the saved state has an entry {name:?} that nothing reads")]
    UnknownState {
        /// The entry.
        name: String,
    },

    /// A saved state's entry does not fit.
    #[error("the saved state's entry {name:?} has shape {found:?}, expected {expected:?}")]
    StateShape {
        /// The entry.
        name: String,
        /// The trainer's shape.
        expected: Vec<usize>,
        /// The shape that was given.
        found: Vec<usize>,
    },

    /// A saved state is about other labelled faces, or about the same in another order.
    #[error("the saved state's entry {name:?} is about other labelled faces than the task")]
    StateOfOtherFaces {
        /// The entry that says which.
        name: String,
    },
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Self::Core(error.into())
    }
}
