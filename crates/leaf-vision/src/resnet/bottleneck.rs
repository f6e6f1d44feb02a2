//! The residual block of ResNet-50: a narrow 3x3 convolution between two of 1x1.

use candle_nn::VarBuilder;

use super::block::{BlockShape, downsample};
use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::Result;
use crate::pass::{Activation, Map, Pass};

/// By how much a block's output is wider than its middle.
pub(super) const EXPANSION: usize = 4;

/// `relu(bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))) + shortcut(x))`; the 3x3 convolution takes the
/// stride, as in torchvision.
#[derive(Clone, Debug)]
pub(super) struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Conv2d,
    bn3: BatchNorm2d,
    downsample: Option<(Conv2d, BatchNorm2d)>,
}

impl Bottleneck {
    /// Paths: `conv1` to `conv3`, `bn1` to `bn3`, and `downsample.0`, `downsample.1` if needed.
    pub(super) fn new(shape: BlockShape, norm: &BatchNormConfig, vb: VarBuilder) -> Result<Self> {
        let middle = shape.out_channels / EXPANSION;
        let one = Conv2dConfig::default();
        let three = Conv2dConfig {
            stride: shape.stride,
            padding: 1,
            ..Default::default()
        };
        Ok(Self {
            conv1: conv2d(shape.in_channels, middle, 1, &one, vb.pp("conv1"))?,
            bn1: batch_norm2d(middle, norm, vb.pp("bn1"))?,
            conv2: conv2d(middle, middle, 3, &three, vb.pp("conv2"))?,
            bn2: batch_norm2d(middle, norm, vb.pp("bn2"))?,
            conv3: conv2d(middle, shape.out_channels, 1, &one, vb.pp("conv3"))?,
            bn3: batch_norm2d(shape.out_channels, norm, vb.pp("bn3"))?,
            downsample: downsample(shape, norm, vb)?,
        })
    }

    pub(super) fn forward(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let shortcut = match &self.downsample {
            Some((conv, bn)) => {
                pass.convolve_normalize(xs, (conv, bn), None, Activation::Identity)?
            }
            None => xs.clone(),
        };
        let ys = pass.convolve_normalize(xs, (&self.conv1, &self.bn1), None, Activation::Relu)?;
        let ys = pass.convolve_normalize(&ys, (&self.conv2, &self.bn2), None, Activation::Relu)?;
        let last = (&self.conv3, &self.bn3);
        pass.convolve_normalize(&ys, last, Some(&shortcut), Activation::Relu)
    }
}
