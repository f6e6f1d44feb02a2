//! The files that observers write to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
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

/// A file that is there, cut to as many of its bytes as `kept` says and open for more after them; and that
/// number.
pub(super) fn reopened(
    path: &Path,
    kept: impl Fn(&[u8]) -> io::Result<u64>,
) -> Result<(File, u64)> {
    let cut = || -> io::Result<(File, u64)> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let kept = kept(&bytes)?;
        file.set_len(kept)?;
        file.seek(SeekFrom::Start(kept))?;
        Ok((file, kept))
    };
    cut().map_err(|source| Error::Io {
        action: "go on with",
        path: path.to_owned(),
        source,
    })
}
