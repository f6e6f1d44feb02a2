//! That TensorBoard reads the event files of a run, and finds in them what `metrics.jsonl` says.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::Outcome;
use crate::python::Environment;
use crate::workspace::{cargo, root, run};

const TENSORBOARD: Environment = Environment {
    folder: "tensorboard",
    packages: &["tensorboard==2.21.*"],
    ready: "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator",
    what: "TensorBoard (180 MB)",
};

/// Reads the event files of a few steps, and of a run that was interrupted, with TensorBoard's own reader.
#[derive(Debug, Args)]
pub(crate) struct CheckTensorboard {
    /// A Python that has the package tensorboard, instead of one installed under target/.
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
}

impl CheckTensorboard {
    /// Runs the example `train`, the test `run_files` and tests/peers/read_tensorboard.py.
    ///
    /// # Errors
    /// When pip or one of them fails.
    pub(crate) fn run(&self) -> Outcome {
        let python = TENSORBOARD.python(self.python.as_deref())?;
        let folder = root().join("target/check-tensorboard");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let (whole, interrupted) = (folder.join("whole"), folder.join("interrupted"));
        run(&mut few_steps(&whole))?;
        run(&mut interrupted_run(&interrupted))?;
        let mut reader = Command::new(python);
        reader.arg(root().join("tests/peers/read_tensorboard.py"));
        run(reader.args([whole, interrupted]))
    }
}

/// A run with thresholds for each class, experts at both levels and an evaluation in between.
fn few_steps(folder: &Path) -> Command {
    let mut command = cargo();
    command.args(["run", "--quiet", "--example", "train", "--"]);
    command.args(["--algorithm", "freematch", "--leaf", "paper"]);
    command.args([
        "--steps",
        "4",
        "--labels-per-class",
        "4",
        "--validation",
        "2",
    ]);
    command.args(["--set", "train.log_every=1", "--set", "train.eval_every=2"]);
    command.arg("--out").arg(folder);
    command
}

fn interrupted_run(folder: &Path) -> Command {
    let mut command = cargo();
    command.args(["test", "--quiet", "--test", "run_files"]);
    command.env("LEAF_RUN_FILES_DIR", folder);
    command
}
