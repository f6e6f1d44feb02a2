//! Side by side with PyTorch, and our own time and memory against batch and size.

mod case;
mod cost;
mod environment;
mod load;
mod modules;
mod modules_report;
mod plot;
mod report;
mod results;
mod sample;
mod step;
mod sweep;
mod views;
mod views_report;
mod weights;

use clap::Subcommand;

use crate::Outcome;

/// What is compared.
#[derive(Debug, Subcommand)]
pub(crate) enum Peers {
    /// Whole training steps and evaluation passes, ours and PyTorch's in turn.
    Step(step::Step),
    /// Single modules, ours and PyTorch's in turn.
    Modules(modules::Modules),
    /// What our aggregation costs against rows, experts, width and experts a row, as a table and a plot.
    Cost(cost::Cost),
    /// Our training step against batch and size, as a table and a plot.
    Sweep(sweep::Sweep),
    /// Views of JPEG files, ours and PyTorch's in turn.
    Views(views::Views),
    /// Weights from PyTorch and for PyTorch: the same logits on both sides.
    Weights(weights::Weights),
}

impl Peers {
    /// Runs the comparison.
    ///
    /// # Errors
    /// When a side cannot be built or run, or the machine stays busy.
    pub(crate) fn run(&self) -> Outcome {
        match self {
            Self::Step(step) => step.run(),
            Self::Modules(modules) => modules.run(),
            Self::Cost(cost) => cost.run(),
            Self::Sweep(sweep) => sweep.run(),
            Self::Views(views) => views.run(),
            Self::Weights(weights) => weights.run(),
        }
    }
}
