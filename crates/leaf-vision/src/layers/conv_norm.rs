//! A convolution, its batch norm and an activation.

use candle_nn::VarBuilder;

use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::Result;
use crate::map_layer::MapLayer;
use crate::pass::{Activation, Map, Pass};

/// `activation(norm(convolve(x)))`; in evaluation one operation on the processor.
#[derive(Clone, Debug)]
pub struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm2d,
    activation: Activation,
}

impl ConvNorm {
    /// From its layers.
    pub fn new(conv: Conv2d, norm: BatchNorm2d, activation: Activation) -> Self {
        Self {
            conv,
            norm,
            activation,
        }
    }

    /// The same layers with another activation.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// `activation(norm(convolve(x)) + residual)`.
    ///
    /// # Errors
    /// When a map does not fit.
    pub fn forward_with(&self, xs: &Map, residual: Option<&Map>, pass: &mut Pass) -> Result<Map> {
        pass.convolve_normalize(xs, (&self.conv, &self.norm), residual, self.activation)
    }
}

impl MapLayer for ConvNorm {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        self.forward_with(xs, None, pass)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        self.norm.out_channels(self.conv.out_channels(in_channels)?)
    }
}

/// A [`ConvNorm`] of a square kernel that covers its pixel evenly (padding `kernel/2`), without bias
/// and with a rectifier behind it. Paths: `conv.weight`, `norm.weight`, `norm.bias` and the buffers.
///
/// # Errors
/// When a size is 0 or the builder's tensors do not fit.
pub fn conv_norm(
    in_channels: usize,
    out_channels: usize,
    kernel: usize,
    stride: usize,
    vb: VarBuilder,
) -> Result<ConvNorm> {
    let config = Conv2dConfig {
        stride,
        padding: kernel / 2,
        ..Default::default()
    };
    Ok(ConvNorm::new(
        conv2d(in_channels, out_channels, kernel, &config, vb.pp("conv"))?,
        batch_norm2d(out_channels, &BatchNormConfig::default(), vb.pp("norm"))?,
        Activation::Relu,
    ))
}
