//! The residual block that normalizes before it convolves.

use candle_nn::VarBuilder;

use super::WideResNetConfig;
use crate::batch_norm::{BatchNorm2d, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::Result;
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Activation, Map, Pass};
use crate::resnet::BlockShape;

/// `x + conv2(act(bn2(conv1(act(bn1(x))))))` where the channels stay.
///
/// Where they change, the shortcut is a 1x1 convolution, and the released code does one of two things.
/// With `first_stage`, `act(bn1(x))` takes the place of x for both. Without, `conv1` and the shortcut
/// read x itself: nothing reads `bn1`, which is there for the names alone and gets a gradient of 0.
#[derive(Clone, Debug)]
pub(super) struct WideBlock {
    bn1: BatchNorm2d,
    conv1: Conv2d,
    bn2: BatchNorm2d,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
    first_stage: bool,
    activation: Activation,
}

impl WideBlock {
    /// Paths: `bn1`, `conv1`, `bn2`, `conv2`, and `convShortcut` if needed.
    pub(super) fn new(
        shape: BlockShape,
        first_stage: bool,
        config: &WideResNetConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let BlockShape {
            in_channels,
            out_channels,
            stride,
        } = shape;
        let conv = |kernel: usize, stride| Conv2dConfig {
            stride,
            padding: kernel / 2,
            bias: config.bias,
            ..Default::default()
        };
        let shortcut = match in_channels == out_channels {
            true => None,
            false => {
                let vb = vb.pp("convShortcut");
                Some(conv2d(in_channels, out_channels, 1, &conv(1, stride), vb)?)
            }
        };
        let three = |channels, stride, vb| conv2d(channels, out_channels, 3, &conv(3, stride), vb);
        Ok(Self {
            bn1: batch_norm2d(in_channels, &config.norm, vb.pp("bn1"))?,
            conv1: three(in_channels, stride, vb.pp("conv1"))?,
            bn2: batch_norm2d(out_channels, &config.norm, vb.pp("bn2"))?,
            conv2: three(out_channels, 1, vb.pp("conv2"))?,
            shortcut,
            first_stage,
            activation: Activation::LeakyRelu(config.slope),
        })
    }
}

impl MapLayer for WideBlock {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let activation = self.activation;
        let (inner, outer) = match &self.shortcut {
            None => {
                let inner = pass.normalize(xs, &self.bn1, None, activation)?;
                (inner, xs.clone())
            }
            Some(shortcut) if self.first_stage => {
                let xs = pass.normalize(xs, &self.bn1, None, activation)?;
                let outer = pass.convolve(&xs, shortcut)?;
                (xs, outer)
            }
            Some(shortcut) => {
                let xs = pass.unread(xs, &[self.bn1.weight(), self.bn1.bias()])?;
                let outer = pass.convolve(&xs, shortcut)?;
                (xs, outer)
            }
        };
        let first = (&self.conv1, &self.bn2);
        let ys = pass.convolve_normalize(&inner, first, None, activation)?;
        let ys = pass.convolve(&ys, &self.conv2)?;
        pass.add(&outer, &ys)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        same_channels(in_channels, self.bn1.weight().elem_count())?;
        Ok(self.bn2.weight().elem_count())
    }
}
