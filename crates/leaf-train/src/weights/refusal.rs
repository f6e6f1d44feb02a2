//! Why a file's weights are not taken.

use std::path::Path;

use crate::Error;

/// What is there and what should be, before the file's name is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    found: String,
    expected: String,
}

pub(super) type Result<T> = std::result::Result<T, Refusal>;

impl Refusal {
    pub(super) fn new(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            found: found.into(),
            expected: expected.into(),
        }
    }

    /// The same of a tensor.
    pub(super) fn within(self, tensor: &str) -> Self {
        Self {
            found: format!("{tensor:?} is {}", self.found),
            ..self
        }
    }

    /// The error, which names the file.
    pub(super) fn of(self, path: &Path) -> Error {
        Error::NotACheckpoint {
            path: path.to_owned(),
            found: self.found,
            expected: self.expected,
        }
    }
}
