//! The parts of the page, one a file.

mod about;
mod classes;
mod curves;
mod faces;
mod features;
mod gates;
mod overview;

pub(super) use about::about;
pub(super) use classes::{classes, confusion};
pub(super) use curves::curves;
pub(super) use faces::{ambiguous, mistakes};
pub(super) use features::features;
pub(super) use gates::gates;
pub(super) use overview::overview;

/// What is said where an evaluation is needed.
const NO_EVALUATION: &str = "Nothing was evaluated yet.";

/// What is said where a step is needed.
const NO_STEP: &str = "No step was shown yet.";
