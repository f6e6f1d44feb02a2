//! Weights from PyTorch and for PyTorch.
//!
//! ```text
//! cargo run --release --example weights -- import model_best.pth.tar --leaf released --out authors.safetensors
//! cargo run --release --example weights -- export runs/train --layout torchvision --out resnet18.safetensors
//! ```

mod export;
mod import;
#[path = "../common/say.rs"]
mod say;
#[path = "../common/status.rs"]
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes a checkpoint of a network that PyTorch trained, and gives a checkpoint's weights to PyTorch.
#[derive(Debug, Parser)]
#[command(name = "weights")]
struct Arguments {
    #[command(subcommand)]
    direction: Direction,
}

#[derive(Debug, Subcommand)]
enum Direction {
    /// Makes a checkpoint, which the example predict takes, of a whole network that PyTorch trained.
    Import(import::Import),
    /// Writes a checkpoint's weights, the average's if they are there, as a safetensors file under the
    /// names of a PyTorch program.
    Export(export::Export),
}

fn main() -> ExitCode {
    status::of(match Arguments::parse().direction {
        Direction::Import(import) => import.run(),
        Direction::Export(export) => export.run(),
    })
}
