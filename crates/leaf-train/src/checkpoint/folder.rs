//! The two checkpoints of a run.

use std::path::{Path, PathBuf};

use leaf_core::Parameters;

use super::{ModelCard, Part, remove, remove_unfinished, save_checkpoint};
use crate::{Error, Result};

/// Where a run keeps its last and its best weights.
#[derive(Clone, Debug)]
pub(crate) struct CheckpointFolder {
    folder: PathBuf,
    card: ModelCard,
    wrote_last: bool,
    wrote_best: bool,
}

impl CheckpointFolder {
    /// Makes the folder if it is not there.
    pub(crate) fn new(folder: &Path, card: ModelCard) -> Result<Self> {
        card.check()?;
        std::fs::create_dir_all(folder).map_err(|source| Error::Io {
            action: "make the folder",
            path: folder.to_owned(),
            source,
        })?;
        remove_unfinished(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            card,
            wrote_last: false,
            wrote_best: false,
        })
    }

    /// The files in the folder are this run's: it goes on after they were written.
    pub(crate) fn go_on(&mut self, has_best: bool) {
        self.wrote_last = true;
        self.wrote_best = has_best;
    }

    /// The last weights' file, if this run wrote it.
    pub(crate) fn last(&self) -> Option<PathBuf> {
        self.wrote_last.then(|| self.path("last"))
    }

    /// The best weights' file, if this run wrote it.
    pub(crate) fn best(&self) -> Option<PathBuf> {
        self.wrote_best.then(|| self.path("best"))
    }

    /// Writes the weights as the last ones, and as the best ones if they are.
    pub(crate) fn write(
        &mut self,
        step: usize,
        parts: &[(Part, &Parameters)],
        is_best: bool,
    ) -> Result<()> {
        save_checkpoint(&self.path("last"), &self.card, step, parts)?;
        if is_best {
            save_checkpoint(&self.path("best"), &self.card, step, parts)?;
            self.wrote_best = true;
        } else if !self.wrote_last {
            // An earlier run's last weights were just replaced: its best ones must not pass for ours.
            remove(&self.path("best"))?;
        }
        self.wrote_last = true;
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.safetensors"))
    }
}
