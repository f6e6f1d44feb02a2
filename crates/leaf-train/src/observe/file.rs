//! The files that observers write to.

use std::fs::File;
use std::path::Path;

use crate::{Error, Result};

/// A new file, in place of one that may be there.
pub(super) fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|source| Error::Io {
        action: "create",
        path: path.to_owned(),
        source,
    })
}
