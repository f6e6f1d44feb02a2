//! A run's figures for spreadsheets.

mod evaluations;
mod steps;
mod table;

pub use evaluations::EvaluationTable;
pub use steps::StepTable;
