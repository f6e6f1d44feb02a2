//! Files that are whole or not there.

use std::io::Write;
use std::path::Path;

use crate::{Error, Result};

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
    let mut file = temporary(folder).map_err(io("write"))?;
    file.write_all(bytes).map_err(io("write"))?;
    file.as_file().sync_all().map_err(io("write"))?;
    let persisted = file.persist(path).map_err(|error| error.error);
    persisted.map_err(io("write"))?;
    sync_folder(folder).map_err(io("write"))
}

fn temporary(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-").suffix(".part");
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
        let entries = std::fs::read_dir(folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
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
}
