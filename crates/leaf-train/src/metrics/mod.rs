//! How good predictions are.

mod calibration;
mod confusion;
mod pseudo_labels;
mod summary;
mod tally;

pub use confusion::Confusion;
pub(crate) use pseudo_labels::PseudoLabelTally;
pub use pseudo_labels::{ClassQuality, PseudoLabelQuality};
pub use summary::Metrics;
pub use tally::Tally;
