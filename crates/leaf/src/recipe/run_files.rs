//! What watches a run and writes files beside its weights.

use std::path::Path;

use leaf_train::{EvaluationTable, JsonLines, Observer, Resumed, StepTable, TensorBoard};

use crate::Result;

const METRICS: &str = "metrics.jsonl";
const STEPS: &str = "steps.csv";
const EVALUATIONS: &str = "evaluations.csv";

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
            metrics: JsonLines::create(&folder.join(METRICS))?,
            steps: StepTable::create(&folder.join(STEPS))?,
            evaluations: EvaluationTable::create(&folder.join(EVALUATIONS))?,
            tensorboard: TensorBoard::create(folder)?,
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
            steps: StepTable::go_on(&folder.join(STEPS), length(STEPS)?)?,
            evaluations: EvaluationTable::go_on(&folder.join(EVALUATIONS), length(EVALUATIONS)?)?,
            tensorboard: TensorBoard::continue_after(folder, resumed.step)?,
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
