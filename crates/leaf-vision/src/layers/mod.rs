//! Small layers over maps, to build blocks and networks of.

mod basic;
mod conv_norm;
mod max_pool;
mod prelu;
mod residual;
mod squeeze_excite;

pub use conv_norm::{ConvNorm, conv_norm};
pub use max_pool::MaxPool2d;
pub use prelu::{PRelu, prelu};
pub use residual::Residual;
pub use squeeze_excite::{SqueezeExcite, squeeze_excite};

#[cfg(test)]
mod tests;
