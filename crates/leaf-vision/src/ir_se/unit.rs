//! The improved residual unit.

use candle_nn::VarBuilder;

use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::Result;
use crate::layers::{PRelu, SqueezeExcite, prelu, squeeze_excite};
use crate::map_layer::{MapLayer, same_channels};
use crate::pass::{Activation, Map, Pass};
use crate::resnet::BlockShape;

/// `se(bn2(conv2(prelu(conv1(bn1(x)))))) + shortcut(x)`; the shortcut takes every stride-th pixel, or
/// is a 1x1 convolution and batch norm where the channels change.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    bn1: BatchNorm2d,
    conv1: Conv2d,
    prelu: PRelu,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    se: SqueezeExcite,
    shortcut: Option<(Conv2d, BatchNorm2d)>,
    shape: BlockShape,
}

impl Unit {
    /// Paths: `res_layer.0` to `res_layer.5`, and `shortcut_layer.0`, `shortcut_layer.1` if needed.
    pub(super) fn new(shape: BlockShape, reduction: usize, vb: VarBuilder) -> Result<Self> {
        let BlockShape {
            in_channels,
            out_channels,
            stride,
        } = shape;
        let norm = BatchNormConfig::default();
        let conv = |padding, stride| Conv2dConfig {
            stride,
            padding,
            ..Default::default()
        };
        let shortcut = match in_channels == out_channels {
            true => None,
            false => {
                let vb = vb.pp("shortcut_layer");
                Some((
                    conv2d(in_channels, out_channels, 1, &conv(0, stride), vb.pp(0))?,
                    batch_norm2d(out_channels, &norm, vb.pp(1))?,
                ))
            }
        };
        let vb = vb.pp("res_layer");
        Ok(Self {
            bn1: batch_norm2d(in_channels, &norm, vb.pp(0))?,
            conv1: conv2d(in_channels, out_channels, 3, &conv(1, 1), vb.pp(1))?,
            prelu: prelu(out_channels, vb.pp(2))?,
            conv2: conv2d(out_channels, out_channels, 3, &conv(1, stride), vb.pp(3))?,
            bn2: batch_norm2d(out_channels, &norm, vb.pp(4))?,
            se: squeeze_excite(out_channels, reduction, vb.pp(5))?,
            shortcut,
            shape,
        })
    }
}

impl MapLayer for Unit {
    fn forward_map(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let none = Activation::Identity;
        let shortcut = match &self.shortcut {
            Some((conv, bn)) => pass.convolve_normalize(xs, (conv, bn), None, none)?,
            None if self.shape.stride == 1 => xs.clone(),
            None => pass.max_pool2d(xs, 1, self.shape.stride, 0)?,
        };
        let ys = pass.normalize(xs, &self.bn1, None, none)?;
        let ys = pass.convolve(&ys, &self.conv1)?;
        let ys = self.prelu.forward_map(&ys, pass)?;
        let ys = pass.convolve_normalize(&ys, (&self.conv2, &self.bn2), None, none)?;
        let ys = self.se.forward_map(&ys, pass)?;
        pass.add(&shortcut, &ys)
    }

    fn out_channels(&self, in_channels: usize) -> Result<usize> {
        same_channels(in_channels, self.shape.in_channels)?;
        Ok(self.shape.out_channels)
    }
}
