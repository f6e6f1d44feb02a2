//! One local command for what continuous integration does.

use std::process::Command;

use crate::Outcome;
use crate::workspace::{root, run as run_program};

/// Runs `.ci/run`: the list of checks is there, once.
///
/// # Errors
/// When a check fails.
pub(crate) fn run() -> Outcome {
    run_program(Command::new("bash").arg(".ci/run").current_dir(root()))
}
