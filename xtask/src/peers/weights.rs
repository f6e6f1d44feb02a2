//! `cargo xtask peers weights`.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use super::environment;
use crate::Outcome;
use crate::workspace::{root, run};

/// Weights go from PyTorch to this library and back, and give the same logits on both sides.
#[derive(Debug, Args)]
pub(crate) struct Weights {
    /// A Python with torch, torchvision and safetensors; unless given, a virtual environment under target/.
    #[arg(long)]
    python: Option<PathBuf>,
    /// Largest difference of a logit.
    #[arg(long, default_value_t = 1e-4)]
    tolerance: f64,
}

impl Weights {
    /// Runs tests/peers/torch_weights.py, which runs the examples `weights` and `train`.
    ///
    /// # Errors
    /// When a side cannot be built or fails, or a logit differs.
    pub(super) fn run(&self) -> Outcome {
        let python = environment::python_with_safetensors(self.python.as_deref())?;
        let (weights, train) = (
            environment::example("weights")?,
            environment::example("train")?,
        );
        let folder = root().join("target/peers-weights");
        std::fs::create_dir_all(&folder)?;
        let mut command = Command::new(python);
        command.arg(root().join("tests/peers/torch_weights.py"));
        command.arg("--weights").arg(weights);
        command.arg("--train").arg(train);
        command.arg("--folder").arg(&folder);
        command.args(["--tolerance", &self.tolerance.to_string()]);
        command.current_dir(&folder);
        run(&mut command)?;
        // Some hundred megabytes that no one looks at.
        Ok(std::fs::remove_dir_all(folder)?)
    }
}
