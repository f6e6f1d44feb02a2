//! The residual block of two 3x3 convolutions.

use candle_nn::VarBuilder;

use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::Result;
use crate::pass::{Activation, Map, Pass};

/// What one block does to channels and side.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockShape {
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
    pub(super) stride: usize,
}

/// `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`; the shortcut is x itself, or a 1x1
/// convolution and batch norm where the shape changes.
#[derive(Clone, Debug)]
pub(super) struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<(Conv2d, BatchNorm2d)>,
}

impl BasicBlock {
    /// Paths: `conv1`, `bn1`, `conv2`, `bn2`, and `downsample.0`, `downsample.1` if needed.
    pub(super) fn new(shape: BlockShape, norm: &BatchNormConfig, vb: VarBuilder) -> Result<Self> {
        let BlockShape {
            in_channels,
            out_channels,
            stride,
        } = shape;
        let three = |stride| Conv2dConfig {
            stride,
            padding: 1,
            ..Default::default()
        };
        let one = Conv2dConfig {
            stride,
            ..Default::default()
        };
        let downsample = match stride != 1 || in_channels != out_channels {
            true => {
                let vb = vb.pp("downsample");
                Some((
                    conv2d(in_channels, out_channels, 1, &one, vb.pp(0))?,
                    batch_norm2d(out_channels, norm, vb.pp(1))?,
                ))
            }
            false => None,
        };
        Ok(Self {
            conv1: conv2d(in_channels, out_channels, 3, &three(stride), vb.pp("conv1"))?,
            bn1: batch_norm2d(out_channels, norm, vb.pp("bn1"))?,
            conv2: conv2d(out_channels, out_channels, 3, &three(1), vb.pp("conv2"))?,
            bn2: batch_norm2d(out_channels, norm, vb.pp("bn2"))?,
            downsample,
        })
    }

    pub(super) fn forward(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let shortcut = match &self.downsample {
            Some((conv, bn)) => {
                pass.convolve_normalize(xs, (conv, bn), None, Activation::Identity)?
            }
            None => xs.clone(),
        };
        let first = (&self.conv1, &self.bn1);
        let second = (&self.conv2, &self.bn2);
        let ys = pass.convolve_normalize(xs, first, None, Activation::Relu)?;
        pass.convolve_normalize(&ys, second, Some(&shortcut), Activation::Relu)
    }
}
