//! Files that are whole or not there.

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::{Error, Result, fault};

/// Writes a file so that its name always means a whole file, the old one or the new one, even if
/// the machine stops in between.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let io = |action: &'static str| {
        move |source: std::io::Error| Error::Io {
            action,
            path: path.to_owned(),
            source,
        }
    };
    // In the same folder, since a rename is atomic only within a file system.
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fault::point("begin", path);
    let mut file = temporary(folder).map_err(io("write"))?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first).map_err(io("write"))?;
    fault::point("half", path);
    file.write_all(second).map_err(io("write"))?;
    fault::point("written", path);
    file.as_file().sync_all().map_err(io("write"))?;
    fault::point("flushed", path);
    let persisted = file.persist(path).map_err(|error| error.error);
    persisted.map_err(io("write"))?;
    fault::point("renamed", path);
    sync_folder(folder).map_err(io("write"))
}

/// Removes what a process that was killed had begun to write into a folder and had not named yet.
///
/// # Errors
/// [`Error::Io`] naming the folder or the file.
pub(crate) fn remove_unfinished(folder: &Path) -> Result<()> {
    for name in names(folder)? {
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// The names of what is in a folder, as far as they are text; none if it is not there.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let unreadable = |source| Error::Io {
        action: "list",
        path: folder.to_owned(),
        source,
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(unreadable)?.file_name();
        names.extend(name.into_string().ok());
    }
    Ok(names)
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(Error::Io {
            action: "remove",
            path: path.to_owned(),
            source,
        }),
        _ => {
            fault::point("removed", path);
            Ok(())
        }
    }
}

const PREFIX: &str = ".writing-";
const SUFFIX: &str = ".part";

fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        // As for any other new file: the user's mask decides.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        super::names(folder).expect("a folder")
    }

    #[test]
    fn replaces_the_whole_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("weights");
        for bytes in [&b"a longer one"[..], b"short"] {
            write_atomically(&path, bytes).expect("written");
            assert_eq!(std::fs::read(&path).expect("read"), bytes);
        }
        assert_eq!(names(folder.path()), ["weights"]);
    }

    #[test]
    fn a_failure_leaves_nothing_half_written() {
        let folder = tempfile::tempdir().expect("a folder");
        // A folder in the way lets the last move, the rename, fail.
        let path = folder.path().join("weights");
        std::fs::create_dir(&path).expect("a folder");
        let error = write_atomically(&path, b"bytes").expect_err("a folder is in the way");
        assert!(error.to_string().contains("weights"), "{error}");
        assert_eq!(names(folder.path()), ["weights"]);
        assert!(write_atomically(&folder.path().join("none/weights"), b"bytes").is_err());
    }

    #[test]
    fn what_was_begun_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        write_atomically(&folder.path().join("weights"), b"bytes").expect("written");
        let begun = temporary(folder.path()).expect("a file");
        begun.keep().expect("kept as if the process had ended");
        assert_eq!(names(folder.path()).len(), 2);
        remove_unfinished(folder.path()).expect("removed");
        assert_eq!(names(folder.path()), ["weights"]);
        remove_unfinished(&folder.path().join("none")).expect("nothing to do");
    }
}
