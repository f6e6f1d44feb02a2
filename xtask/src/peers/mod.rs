//! Side by side with PyTorch, and our own time and memory against batch and size.

mod case;
mod environment;
mod load;
mod plot;
mod report;
mod results;
mod sample;
mod step;
mod sweep;

use clap::Subcommand;

use crate::Outcome;

/// What is compared.
#[derive(Debug, Subcommand)]
pub(crate) enum Peers {
    /// Whole training steps and evaluation passes, ours and PyTorch's in turn.
    Step(step::Step),
    /// Our training step against batch and size, as a table and a plot.
    Sweep(sweep::Sweep),
}

impl Peers {
    /// Runs the comparison.
    ///
    /// # Errors
    /// When a side cannot be built or run, or the machine stays busy.
    pub(crate) fn run(&self) -> Outcome {
        match self {
            Self::Step(step) => step.run(),
            Self::Sweep(sweep) => sweep.run(),
        }
    }
}
