//! Which wide residual network.

use crate::batch_norm::BatchNormConfig;
use crate::error::{Error, Result, positive};

/// The configuration of a [`WideResNet`](super::WideResNet): three stages of `(depth - 4)/6` blocks.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct WideResNetConfig {
    /// Channels of the images: 1 for grey, 3 for color.
    pub in_channels: usize,
    /// Convolutions one after the other: 4 more than a multiple of 6.
    pub depth: usize,
    /// What the widths 16, 32 and 64 are multiplied with.
    pub widen: usize,
    /// All batch norms. USB's average moves by a thousandth a step.
    pub norm: BatchNormConfig,
    /// Whether the first block of the later stages convolves its input as it is, as USB's code does: it
    /// normalizes there and throws the result away, so that those `bn1` get no gradient. For USB's own
    /// weights; otherwise off.
    pub usb_compat: bool,
}

impl Default for WideResNetConfig {
    /// [`WideResNetConfig::wrn28_2`].
    fn default() -> Self {
        Self::wrn28_2()
    }
}

impl WideResNetConfig {
    /// WRN-28-2: 1.5 million parameters, features of width 128.
    pub fn wrn28_2() -> Self {
        Self {
            in_channels: 3,
            depth: 28,
            widen: 2,
            norm: BatchNormConfig {
                eps: 1e-3,
                momentum: 1e-3,
                ..Default::default()
            },
            usb_compat: false,
        }
    }

    /// WRN-28-8: 23.4 million parameters, features of width 512.
    pub fn wrn28_8() -> Self {
        Self {
            widen: 8,
            ..Self::wrn28_2()
        }
    }

    /// The same network for images of that many channels.
    #[must_use]
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self {
            in_channels,
            ..self
        }
    }

    /// The width of the features.
    pub fn feature_dim(&self) -> usize {
        64 * self.widen
    }

    /// The smallest side of an image in pixels: what one pixel of the last stage stands for.
    pub fn min_size(&self) -> usize {
        4
    }

    pub(super) fn stem_width(&self) -> usize {
        16
    }

    pub(super) fn widths(&self) -> [usize; 3] {
        [16, 32, 64].map(|width| width * self.widen)
    }

    /// Blocks of a stage.
    pub(super) fn blocks(&self) -> usize {
        (self.depth - 4) / 6
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        positive("in_channels", self.in_channels)?;
        positive("widen", self.widen)?;
        if self.depth < 10 || !(self.depth - 4).is_multiple_of(6) {
            return Err(Error::OutOfRange {
                field: "depth",
                value: self.depth,
                expected: "4 more than a multiple of 6".to_owned(),
            });
        }
        self.norm.check()
    }
}
