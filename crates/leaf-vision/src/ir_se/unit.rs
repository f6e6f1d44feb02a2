//! The improved residual unit, which squeezes and excites.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::Mode;

use super::{prelu, slopes};
use crate::batch_norm::{BatchNorm2d, BatchNormConfig, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::Result;
use crate::global_average_pool;
use crate::max_pool2d;
use crate::pass::Activation;

/// By how much the excitation's middle is narrower.
const REDUCTION: usize = 16;

/// `excite(bn(conv(prelu(conv(bn(x)))))) + shortcut(x)`; the second convolution takes the stride.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    first_norm: BatchNorm2d,
    conv1: Conv2d,
    slopes: Tensor,
    conv2: Conv2d,
    last_norm: BatchNorm2d,
    /// Two layers without bias: of a map's means to a weight for each channel.
    squeeze: Conv2d,
    excite: Conv2d,
    shortcut: Option<(Conv2d, BatchNorm2d)>,
    stride: usize,
}

impl Unit {
    /// Paths: `res_layer.0` to `res_layer.4`, `res_layer.5.fc1`, `res_layer.5.fc2`, and
    /// `shortcut_layer.0`, `shortcut_layer.1` where the width changes.
    pub(super) fn new(
        (inputs, outputs, stride): (usize, usize, usize),
        norm: &BatchNormConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let three = |stride| Conv2dConfig {
            stride,
            padding: 1,
            ..Default::default()
        };
        let one = |stride| Conv2dConfig {
            stride,
            ..Default::default()
        };
        let (layers, side) = (vb.pp("res_layer"), vb.pp("shortcut_layer"));
        let gate = layers.pp(5);
        let shortcut = match inputs == outputs {
            true => None,
            false => Some((
                conv2d(inputs, outputs, 1, &one(stride), side.pp(0))?,
                batch_norm2d(outputs, norm, side.pp(1))?,
            )),
        };
        let middle = outputs / REDUCTION;
        Ok(Self {
            first_norm: batch_norm2d(inputs, norm, layers.pp(0))?,
            conv1: conv2d(inputs, outputs, 3, &three(1), layers.pp(1))?,
            slopes: slopes(outputs, layers.pp(2))?,
            conv2: conv2d(outputs, outputs, 3, &three(stride), layers.pp(3))?,
            last_norm: batch_norm2d(outputs, norm, layers.pp(4))?,
            squeeze: conv2d(outputs, middle, 1, &one(1), gate.pp("fc1"))?,
            excite: conv2d(middle, outputs, 1, &one(1), gate.pp("fc2"))?,
            shortcut,
            stride,
        })
    }

    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let ys = self.first_norm.forward(xs, mode)?;
        let ys = prelu(&self.conv1.forward(&ys, mode)?, &self.slopes, mode)?;
        let ys = self
            .last_norm
            .forward(&self.conv2.forward(&ys, mode)?, mode)?;
        let ys = ys.broadcast_mul(&self.gate(&ys, mode)?)?;
        let shortcut = match &self.shortcut {
            Some((conv, norm)) => norm.forward(&conv.forward(xs, mode)?, mode)?,
            // A window of one pixel leaves out those between.
            None if self.stride > 1 => max_pool2d(xs, 1, self.stride, 0)?,
            None => xs.clone(),
        };
        Ok((ys + shortcut)?)
    }

    /// A weight between 0 and 1 for each channel of each image `(N, C, 1, 1)`.
    fn gate(&self, ys: &Tensor, mode: Mode) -> Result<Tensor> {
        let (count, channels) = (ys.dim(0)?, ys.dim(1)?);
        let means = global_average_pool(ys)?.reshape((count, channels, 1, 1))?;
        let middle = Activation::Relu.plain(&self.squeeze.forward(&means, mode)?)?;
        Ok(candle_nn::ops::sigmoid(
            &self.excite.forward(&middle, mode)?,
        )?)
    }
}
