//! A file of which it is known how much a checkpoint counts on.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A file that an observer writes from its start to its end, and that is cut off to where a checkpoint was
/// written when a run goes on. What is written is handed to the system at once.
#[derive(Debug)]
pub(super) struct WrittenFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl WrittenFile {
    /// A new file, in place of one that may be there.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(io("create", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes: 0,
        })
    }

    /// Goes on behind the first `bytes`; what follows them is cut off.
    pub(super) fn go_on(path: &Path, bytes: u64) -> Result<Self> {
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(io("open", path))?;
        let found = file.metadata().map_err(io("read", path))?.len();
        if found < bytes {
            return Err(Error::Shortened {
                path: path.to_owned(),
                found,
                expected: bytes,
            });
        }
        file.set_len(bytes).map_err(io("write", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes,
        })
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.file.write_all(bytes);
        written.map_err(io("write", &self.path))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// The file's name and length, with all of it on the disk: what
    /// [`Observer::written`](super::Observer::written) returns.
    pub(super) fn written(&self) -> Result<(String, u64)> {
        self.file.sync_data().map_err(io("write", &self.path))?;
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        Ok((name.to_string_lossy().into_owned(), self.bytes))
    }
}

fn io(action: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |source| Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_checkpoint_does_not_count_on_is_cut_off() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metrics.jsonl");
        let mut file = WrittenFile::create(&path)?;
        file.append(b"one\n")?;
        let (name, bytes) = file.written()?;
        assert_eq!((name.as_str(), bytes), ("metrics.jsonl", 4));
        file.append(b"two\nthr")?;
        let mut file = WrittenFile::go_on(&path, bytes)?;
        file.append(b"2\n")?;
        assert_eq!(file.written()?.1, 6);
        assert_eq!(std::fs::read(&path).expect("read"), b"one\n2\n");
        let error = WrittenFile::go_on(&path, 7).unwrap_err().to_string();
        assert!(
            error.ends_with("has 6 bytes, expected at least the 7 that the checkpoint counts on"),
            "{error}"
        );
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("metrics.jsonl");
        std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
        let error = WrittenFile::create(&path)?.append(b"one\n").unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("cannot write ") && text.contains("metrics.jsonl"),
            "{text}"
        );
        assert!(text.contains("No space left"), "{text}");
        Ok(())
    }
}
