//! A second root of the workspace: the same sources, a `Cargo.lock` of its own.

use std::path::Path;

use super::remove;
use crate::Outcome;

/// What cargo reads or writes beside the manifest is copied, so that the original stays as it is.
const COPIED: &[&str] = &["Cargo.lock", "Cargo.toml"];

/// What the mirror does without.
const LEFT_OUT: &[&str] = &[".git", "target"];

/// Makes `mirror` a folder that shows what `root` holds: links to everything, copies of the manifest
/// and the lock file.
///
/// # Errors
/// When a file cannot be copied or linked.
pub(super) fn make(root: &Path, mirror: &Path) -> Outcome {
    remove(mirror)?;
    std::fs::create_dir_all(mirror)?;
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        let to = mirror.join(&name);
        if COPIED.iter().any(|copied| name == *copied) {
            std::fs::copy(entry.path(), to)?;
        } else {
            link(&entry.path(), &to)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link(from: &Path, _: &Path) -> std::io::Result<()> {
    let message = format!("cannot link {}: not a Unix", from.display());
    Err(std::io::Error::new(
        std::io::ErrorKind::Unsupported,
        message,
    ))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_a_copy_and_sources_are_not() -> Outcome {
        let folder = tempfile::tempdir()?;
        let (root, mirror) = (folder.path().join("root"), folder.path().join("mirror"));
        std::fs::create_dir_all(root.join("crates"))?;
        std::fs::create_dir_all(root.join("target"))?;
        for name in ["Cargo.lock", "Cargo.toml", "crates/one.rs"] {
            std::fs::write(root.join(name), "old")?;
        }
        for _twice in 0..2 {
            make(&root, &mirror)?;
        }
        std::fs::write(mirror.join("Cargo.lock"), "new")?;
        std::fs::write(root.join("crates/one.rs"), "new")?;
        assert_eq!(std::fs::read_to_string(root.join("Cargo.lock"))?, "old");
        assert_eq!(
            std::fs::read_to_string(mirror.join("crates/one.rs"))?,
            "new"
        );
        assert!(!mirror.join("target").exists());
        Ok(())
    }
}
