//! Layers and backbones for images that candle cannot train by itself.

mod batch_norm;
mod conv2d;
mod cpu;
mod error;
#[cfg(test)]
mod finite_difference;
mod frozen;
mod global_average_pool;
mod max_pool2d;
mod relu;
mod resnet;

pub use batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
pub use conv2d::{Conv2d, Conv2dConfig, conv2d, convolve};
pub use error::{Error, Result};
pub use frozen::Frozen;
pub use global_average_pool::global_average_pool;
pub use max_pool2d::max_pool2d;
pub use resnet::{ResNet, ResNetConfig, Stem, resnet};
