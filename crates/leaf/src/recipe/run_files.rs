//! What watches a run and writes files beside its weights.

use std::path::Path;

use leaf_train::{JsonLines, Observer, Resumed};

use crate::Result;

const METRICS: &str = "metrics.jsonl";

/// The observers that every run of a recipe has.
#[derive(Debug)]
pub(super) struct RunFiles {
    metrics: JsonLines,
}

impl RunFiles {
    /// New files, in place of those of an earlier run in the folder.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        Ok(Self {
            metrics: JsonLines::create(&folder.join(METRICS))?,
        })
    }

    /// The files as they were when a checkpoint was written: what came after it will be written again.
    pub(super) fn go_on(folder: &Path, resumed: &Resumed) -> Result<Self> {
        let length = |name: &str| {
            let length = resumed.written.get(name).copied();
            length.ok_or_else(|| leaf_train::Error::NotACheckpoint {
                path: folder.to_owned(),
                found: format!("a checkpoint that says nothing of {name}"),
                expected: "its length".to_owned(),
            })
        };
        Ok(Self {
            metrics: JsonLines::go_on(&folder.join(METRICS), length(METRICS)?)?,
        })
    }

    pub(super) fn observers(&mut self) -> [&mut dyn Observer; 1] {
        [&mut self.metrics]
    }
}
