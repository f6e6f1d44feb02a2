//! The residual block whose batch norms come first.

use candle_nn::VarBuilder;

use super::{SLOPE, WideResNetConfig};
use crate::batch_norm::{BatchNorm2d, batch_norm2d};
use crate::conv2d::{Conv2d, Conv2dConfig, conv2d};
use crate::error::Result;
use crate::map_layer::MapLayer;
use crate::pass::{Map, Pass};

/// `conv2(f(bn2(conv1(f(bn1(x)))))) + shortcut`, with f the leaky rectifier. The shortcut is x, or where
/// the width changes a 1x1 convolution: of `f(bn1(x))` in the first stage, of x in the others.
#[derive(Clone, Debug)]
pub(super) struct PreActivationBlock {
    bn1: BatchNorm2d,
    conv1: Conv2d,
    bn2: BatchNorm2d,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
    /// Whether the shortcut sees what the first convolution sees.
    shortcut_is_activated: bool,
    usb_compat: bool,
}

impl PreActivationBlock {
    /// Paths: `bn1`, `conv1`, `bn2`, `conv2`, and `convShortcut` if the width changes.
    pub(super) fn new(
        (in_channels, out_channels, stride): (usize, usize, usize),
        first_stage: bool,
        config: &WideResNetConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let three = |stride| Conv2dConfig {
            stride,
            padding: 1,
            ..Default::default()
        };
        let one = Conv2dConfig {
            stride,
            ..Default::default()
        };
        let shortcut = match in_channels == out_channels {
            true => None,
            false => {
                let vb = vb.pp("convShortcut");
                Some(conv2d(in_channels, out_channels, 1, &one, vb)?)
            }
        };
        Ok(Self {
            bn1: batch_norm2d(in_channels, &config.norm, vb.pp("bn1"))?,
            conv1: conv2d(in_channels, out_channels, 3, &three(stride), vb.pp("conv1"))?,
            bn2: batch_norm2d(out_channels, &config.norm, vb.pp("bn2"))?,
            conv2: conv2d(out_channels, out_channels, 3, &three(1), vb.pp("conv2"))?,
            shortcut,
            shortcut_is_activated: first_stage,
            usb_compat: config.usb_compat,
        })
    }
}

impl MapLayer for PreActivationBlock {
    fn forward(&self, xs: &Map, pass: &mut Pass) -> Result<Map> {
        let activated = pass.normalize(xs, &self.bn1, None, SLOPE)?;
        let changes_later = self.shortcut.is_some() && !self.shortcut_is_activated;
        let first = match self.usb_compat && changes_later {
            true => xs,
            false => &activated,
        };
        let conv1 = (&self.conv1, &self.bn2);
        let ys = pass.convolve_normalize(first, conv1, None, SLOPE)?;
        let ys = pass.convolve(&ys, &self.conv2)?;
        let shortcut = match &self.shortcut {
            None => xs.clone(),
            Some(conv) if self.shortcut_is_activated => pass.convolve(&activated, conv)?,
            Some(conv) => pass.convolve(xs, conv)?,
        };
        pass.add(&shortcut, &ys)
    }
}
