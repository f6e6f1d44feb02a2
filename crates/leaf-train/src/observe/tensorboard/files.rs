//! The event files of a folder.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What TensorBoard looks for, and what tells our files from others'.
const PREFIX: &str = "events.out.tfevents.";
const SUFFIX: &str = ".leaf";

/// The event files that this library wrote there, with their numbers.
fn ours(folder: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let failed = |source| Error::Io {
        action: "read",
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            found.push((number, path));
        }
    }
    Ok(found)
}

/// A new file, the first of its folder; ours of an earlier run are removed.
pub(super) fn first(folder: &Path) -> Result<File> {
    for (_, path) in ours(folder)? {
        std::fs::remove_file(&path).map_err(|source| Error::Io {
            action: "remove",
            path,
            source,
        })?;
    }
    create(&path(folder, 0))
}

/// A new file after those that are there: TensorBoard reads them in the order of their names.
pub(super) fn next(folder: &Path) -> Result<File> {
    let last = ours(folder)?.into_iter().map(|(number, _)| number).max();
    create(&path(folder, last.map_or(0, |last| last + 1)))
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number:010}{SUFFIX}"))
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|source| Error::Io {
        action: "create",
        path: path.to_owned(),
        source,
    })
}
