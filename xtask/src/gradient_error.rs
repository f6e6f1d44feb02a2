//! How far f32's gradients are from f64's: ours beside PyTorch's.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::Outcome;
use crate::workspace::{root, run};

/// Compares the gradients of a step of ResNet-18 with PyTorch's in f64, decisions of rectifiers apart.
#[derive(Debug, Args)]
pub(crate) struct GradientError {
    /// A Python with torch, torchvision and safetensors.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Networks and batches that are drawn.
    #[arg(long, default_value_t = 20)]
    seeds: u32,
    /// A file for the numbers of each seed, as JSON lines.
    #[arg(long)]
    results: Option<PathBuf>,
}

impl GradientError {
    /// Runs tests/peers/gradient_error.py, which runs our side, benches/gradient_error.rs.
    ///
    /// # Errors
    /// When either fails.
    pub(crate) fn run(&self) -> Outcome {
        // A path, other than a name, is meant from where the user stands.
        let python = match self.python.components().count() {
            1 => self.python.clone(),
            _ => std::path::absolute(&self.python)?,
        };
        let mut command = Command::new(python);
        command.current_dir(root());
        command.arg("tests/peers/gradient_error.py");
        command.args(["--seeds", &self.seeds.to_string()]);
        if let Some(results) = &self.results {
            command.arg("--results").arg(std::path::absolute(results)?);
        }
        run(&mut command)
    }
}
