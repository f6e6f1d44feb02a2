//! Where an observer writes.

use std::io::Write;
use std::path::Path;

use super::written_file::WrittenFile;
use crate::{Error, Result};

/// A file that can go on where a checkpoint was written, or any writer.
pub(super) enum Sink {
    File(WrittenFile),
    Any(Box<dyn Write>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(file) => file.fmt(f),
            Self::Any(_) => f.write_str("Any"),
        }
    }
}

impl Sink {
    pub(super) fn any(writer: impl Write + 'static) -> Self {
        Self::Any(Box::new(writer))
    }

    /// A new file, in place of one that may be there.
    pub(super) fn create(path: &Path) -> Result<Self> {
        Ok(Self::File(WrittenFile::create(path)?))
    }

    /// A file behind its first `bytes`; what follows them is cut off.
    pub(super) fn go_on(path: &Path, bytes: u64) -> Result<Self> {
        Ok(Self::File(WrittenFile::go_on(path, bytes)?))
    }

    /// Writes `bytes` and hands them to the system; `what` they are.
    pub(super) fn append(&mut self, what: &'static str, bytes: &[u8]) -> Result<()> {
        match self {
            Self::File(file) => file.append(bytes),
            Self::Any(writer) => {
                let written = writer.write_all(bytes).and_then(|()| writer.flush());
                written.map_err(|source| Error::Output { what, source })
            }
        }
    }

    /// What [`super::Observer::written`] returns.
    pub(super) fn written(&self) -> Result<Option<(String, u64)>> {
        match self {
            Self::File(file) => file.written().map(Some),
            Self::Any(_) => Ok(None),
        }
    }
}
