//! What watches a run and writes files beside its weights.

use std::path::Path;

use leaf_train::{CsvTable, JsonLines, Observer, TensorBoard};

use crate::Result;

/// The observers that every run of a recipe has.
#[derive(Debug)]
pub(super) struct RunFiles {
    metrics: JsonLines,
    evaluations: CsvTable,
    tensorboard: TensorBoard,
}

impl RunFiles {
    /// New files, in place of those of an earlier run in the folder.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        Ok(Self {
            metrics: JsonLines::create(&folder.join("metrics.jsonl"))?,
            evaluations: CsvTable::create(&folder.join("evaluations.csv"))?,
            tensorboard: TensorBoard::create(folder)?,
        })
    }

    pub(super) fn observers(&mut self) -> [&mut dyn Observer; 3] {
        [
            &mut self.metrics,
            &mut self.evaluations,
            &mut self.tensorboard,
        ]
    }
}
