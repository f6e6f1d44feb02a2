//! What watches a run and writes files beside its weights.

use std::path::Path;

use leaf_train::{EvaluationTable, JsonLines, Observer, StepTable, TensorBoard};

use crate::Result;

/// The observers that every run of a recipe has.
#[derive(Debug)]
pub(super) struct RunFiles {
    metrics: JsonLines,
    steps: StepTable,
    evaluations: EvaluationTable,
    tensorboard: TensorBoard,
}

impl RunFiles {
    /// New files, in place of those of an earlier run in the folder.
    pub(super) fn create(folder: &Path) -> Result<Self> {
        Ok(Self {
            metrics: JsonLines::create(&folder.join("metrics.jsonl"))?,
            steps: StepTable::create(&folder.join("steps.csv"))?,
            evaluations: EvaluationTable::create(&folder.join("evaluations.csv"))?,
            tensorboard: TensorBoard::create(folder)?,
        })
    }

    pub(super) fn observers(&mut self) -> [&mut dyn Observer; 4] {
        [
            &mut self.metrics,
            &mut self.steps,
            &mut self.evaluations,
            &mut self.tensorboard,
        ]
    }
}
