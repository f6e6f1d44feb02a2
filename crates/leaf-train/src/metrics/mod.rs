//! How good predictions are.

mod confusion;
mod summary;
mod tally;

pub use confusion::Confusion;
pub use summary::Metrics;
pub use tally::Tally;
