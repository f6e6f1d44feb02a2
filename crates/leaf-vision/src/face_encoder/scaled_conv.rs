//! The convolution with a scale and a bias for each channel.

use candle_core::Tensor;
use candle_nn::init::DEFAULT_KAIMING_NORMAL;
use candle_nn::{Init, VarBuilder};
use leaf_core::Mode;

use crate::conv2d::{Conv2dConfig, convolve};
use crate::error::Result;

/// `scale * conv(x) + bias`: what is left of batch norm when its statistics are constants.
///
/// Computed as `conv(x)` with the scaled filters, since there are fewer weights than pixels.
#[derive(Clone, Debug)]
pub(super) struct ScaledConv {
    weight: Tensor,
    scale: Tensor,
    bias: Tensor,
    config: Conv2dConfig,
}

/// Channels, side of the kernel and steps of a [`ScaledConv`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Filters {
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    /// dlib pads only where the stride is 1.
    pub(super) padding: usize,
}

impl ScaledConv {
    /// Paths: `conv.weight` `(O, C, k, k)`, normal with variance `2/(C k k)` at first, `scale.weight`
    /// `(O,)`, which starts at `scale`, and `scale.bias`, at 0.
    pub(super) fn new(filters: Filters, scale: f64, vb: VarBuilder) -> Result<Self> {
        let (out_channels, kernel) = (filters.out_channels, filters.kernel);
        let shape = (out_channels, filters.in_channels, kernel, kernel);
        let (conv, affine) = (vb.pp("conv"), vb.pp("scale"));
        Ok(Self {
            weight: conv.get_with_hints(shape, "weight", DEFAULT_KAIMING_NORMAL)?,
            scale: affine.get_with_hints(out_channels, "weight", Init::Const(scale))?,
            bias: affine.get_with_hints(out_channels, "bias", Init::Const(0.))?,
            config: Conv2dConfig {
                stride: filters.stride,
                padding: filters.padding,
                ..Default::default()
            },
        })
    }

    /// `(N, C, H, W)` to `(N, O, H', W')`.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let scale = mode.view(&self.scale).reshape(((), 1, 1, 1))?;
        let weight = mode.view(&self.weight).broadcast_mul(&scale)?;
        let bias = mode.view(&self.bias).reshape((1, (), 1, 1))?;
        Ok(convolve(xs, &weight, &self.config)?.broadcast_add(&bias)?)
    }
}
