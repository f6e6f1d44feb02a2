//! What others may see of a run.

mod console;
mod json_lines;
mod line;
mod observer;
mod pace;
mod reports;
mod selection_watch;
mod sink;
mod tables;
mod tensorboard;
mod written_file;

pub use console::Console;
pub use json_lines::JsonLines;
pub use observer::Observer;
pub(crate) use pace::Pace;
pub use reports::{
    Best, EvaluationReport, RunStart, RunSummary, SetMetrics, StepReport, Throughput, Warning,
};
pub(crate) use selection_watch::SelectionWatch;
pub use tables::{EvaluationTable, StepTable};
pub use tensorboard::TensorBoard;
