//! The snapshots of a run.

use std::path::{Path, PathBuf};

use leaf_ssl::State;
use serde_json::Value;

use super::record::TensorFile;
use super::{Record, from_bytes, to_bytes};
use crate::checkpoint::{names, remove, remove_unfinished};
use crate::{Error, Result, write_atomically};

/// Where a run keeps its snapshots: the last few of them.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotFolder {
    folder: PathBuf,
    keep: usize,
}

/// A snapshot that was read whole.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: Record,
    pub(crate) tensors: State,
    /// Newer ones that are damaged, and how.
    pub(crate) damaged: Vec<String>,
}

impl SnapshotFolder {
    /// Makes the folder if it is not there, and removes what was begun and not finished.
    pub(crate) fn new(folder: &Path, keep: usize) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|source| Error::Io {
            action: "make the folder",
            path: folder.to_owned(),
            source,
        })?;
        remove_unfinished(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            keep,
        })
    }

    /// Writes a snapshot, then removes the oldest ones. Returns the JSON's path.
    pub(crate) fn write(&self, mut record: Record, tensors: &State) -> Result<PathBuf> {
        let (tensor_path, path) = (
            self.path(record.step, TENSORS),
            self.path(record.step, JSON),
        );
        let bytes = to_bytes(tensors, &tensor_path)?;
        record.tensors = TensorFile::of(&bytes);
        let json = record.to_json().map_err(|error| Error::Io {
            action: "write",
            path: path.clone(),
            source: error.into(),
        })?;
        write_atomically(&tensor_path, &bytes)?;
        write_atomically(&path, json.as_bytes())?;
        self.remove_old(record.step)?;
        Ok(path)
    }

    /// Keeps the newest ones up to this step; later ones are of a part of the run that is done again.
    fn remove_old(&self, step: usize) -> Result<()> {
        let mut steps = self.steps(JSON)?;
        steps.retain(|&other| other <= step);
        let kept = &steps[steps.len().saturating_sub(self.keep)..];
        // The JSON goes first, since it says that the tensors are there.
        for ending in [JSON, TENSORS] {
            for other in self.steps(ending)? {
                if !kept.contains(&other) {
                    remove(&self.path(other, ending))?;
                }
            }
        }
        Ok(())
    }

    /// The newest snapshot that is whole; none before the first one was written.
    ///
    /// # Errors
    /// [`Error::OtherFormat`] and [`Error::OtherRun`] if the newest that can be read is of another format or
    /// run; the damage of the newest if there are some and none is whole.
    pub(crate) fn newest(&self, run: &Value) -> Result<Option<Found>> {
        let mut damaged = Vec::new();
        let mut first = None;
        for step in self.steps(JSON)?.into_iter().rev() {
            match self.read(step, run) {
                Ok((record, tensors)) => {
                    return Ok(Some(Found {
                        record,
                        tensors,
                        damaged,
                    }));
                }
                Err(error @ (Error::OtherFormat { .. } | Error::OtherRun { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    damaged.push(error.to_string());
                    first.get_or_insert(error);
                }
            }
        }
        first.map_or(Ok(None), Err)
    }

    fn read(&self, step: usize, run: &Value) -> Result<(Record, State)> {
        let (path, tensor_path) = (self.path(step, JSON), self.path(step, TENSORS));
        let text = read(&path)?;
        let record = Record::from_json(&String::from_utf8_lossy(&text), &path)?;
        record.check_run(run, &path)?;
        let bytes = read(&tensor_path)?;
        let found = TensorFile::of(&bytes);
        if found != record.tensors {
            let describe =
                |file: &TensorFile| format!("{} bytes of hash {}", file.bytes, file.hash);
            return Err(Error::NotACheckpoint {
                path: tensor_path,
                found: describe(&found),
                expected: describe(&record.tensors),
            });
        }
        Ok((record, from_bytes(&bytes)?))
    }

    /// Removes all snapshots.
    pub(crate) fn clear(&self) -> Result<()> {
        for ending in [JSON, TENSORS] {
            for step in self.steps(ending)? {
                remove(&self.path(step, ending))?;
            }
        }
        Ok(())
    }

    /// The path of the newest snapshot's JSON, whole or not.
    pub(crate) fn last(&self) -> Option<PathBuf> {
        let steps = self.steps(JSON).ok()?;
        steps.last().map(|&step| self.path(step, JSON))
    }

    /// The steps that there are files for, in order.
    fn steps(&self, ending: &str) -> Result<Vec<usize>> {
        let step = |name: String| {
            let digits = name.strip_prefix(STEP)?.strip_suffix(ending)?;
            digits.parse().ok()
        };
        let mut steps: Vec<usize> = names(&self.folder)?.into_iter().filter_map(step).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    fn path(&self, step: usize, ending: &str) -> PathBuf {
        self.folder.join(format!("{STEP}{step:08}{ending}"))
    }
}

/// The newest checkpoint that [`crate::Trainer::with_snapshots`] wrote into a folder, whole or not.
pub fn last_snapshot(folder: &Path) -> Option<PathBuf> {
    let snapshots = SnapshotFolder {
        folder: folder.to_owned(),
        keep: 1,
    };
    snapshots.last()
}

const STEP: &str = "step-";
const JSON: &str = ".json";
const TENSORS: &str = ".safetensors";

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })
}
