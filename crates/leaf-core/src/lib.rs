//! LEAF's layers and losses as composable candle modules.

mod encoder;
mod error;
mod head_output;
mod linear;
mod mode;
mod parameters;
mod random;
mod routing;

pub use encoder::Encoder;
pub use error::{Error, Result};
pub use head_output::HeadOutput;
pub use linear::{Linear, linear, linear_zero};
pub use mode::Mode;
pub use parameters::Parameters;
pub use random::{NoiseSource, Random, RandomState};
pub use routing::Routing;
