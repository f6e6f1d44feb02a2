//! Which wide residual network.

use crate::batch_norm::BatchNormConfig;
use crate::error::{Error, Result, positive};

/// The configuration of a [`WideResNet`](super::WideResNet): three stages of `(depth - 4)/6` blocks with
/// 16, 32 and 64 channels times `widen`, the last two with half the side of the stage before.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct WideResNetConfig {
    /// Channels of the images: 1 for gray, 3 for color.
    pub in_channels: usize,
    /// 4 more than a multiple of 6.
    pub depth: usize,
    /// How many times as wide as a plain residual network.
    pub widen: usize,
    /// Whether convolutions have a bias, as in USB's files; batch norm takes it out again.
    pub bias: bool,
    /// What numbers below 0 are multiplied with.
    pub slope: f32,
    /// All batch norms.
    pub norm: BatchNormConfig,
}

impl Default for WideResNetConfig {
    /// [`WideResNetConfig::wrn28_2`].
    fn default() -> Self {
        Self::wrn28_2()
    }
}

impl WideResNetConfig {
    /// WRN-28-2, which FixMatch and those after it train on CIFAR-10: features of width 128.
    pub fn wrn28_2() -> Self {
        Self {
            in_channels: 3,
            depth: 28,
            widen: 2,
            bias: false,
            slope: 0.1,
            norm: BatchNormConfig {
                eps: 1e-3,
                momentum: 1e-3,
                frozen: false,
            },
        }
    }

    /// WRN-28-8, which they train on CIFAR-100: features of width 512.
    pub fn wrn28_8() -> Self {
        Self {
            widen: 8,
            ..Self::wrn28_2()
        }
    }

    /// The same network for images of that many channels.
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self {
            in_channels,
            ..self
        }
    }

    /// The width of the features.
    pub fn feature_dim(&self) -> usize {
        self.widths()[2]
    }

    /// The smallest side of an image in pixels: what one pixel of the last stage stands for.
    pub fn min_size(&self) -> usize {
        4
    }

    /// The channels of each stage.
    pub(super) fn widths(&self) -> [usize; 3] {
        [16, 32, 64].map(|width: usize| width.saturating_mul(self.widen))
    }

    /// The blocks of each stage.
    pub(super) fn blocks(&self) -> usize {
        self.depth.saturating_sub(4) / 6
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        positive("in_channels", self.in_channels)?;
        positive("widen", self.widen)?;
        if self.depth < 10 || self.depth % 6 != 4 {
            return Err(Error::OutOfRange {
                field: "depth",
                value: self.depth,
                expected: "10, 16, 22, 28 and so on".to_owned(),
            });
        }
        if !(0. ..=1.).contains(&self.slope) {
            return Err(Error::NumberOutOfRange {
                field: "slope",
                value: self.slope.into(),
                expected: "0 to 1",
            });
        }
        self.norm.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_checked() {
        let wrong = |change: fn(&mut WideResNetConfig)| {
            let mut config = WideResNetConfig::wrn28_2();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            wrong(|c| c.depth = 29),
            "depth = 29, expected 10, 16, 22, 28 and so on"
        );
        assert_eq!(wrong(|c| c.widen = 0), "widen = 0, expected at least 1");
        assert_eq!(wrong(|c| c.slope = 2.), "slope = 2, expected 0 to 1");
    }

    #[test]
    fn sizes_follow() {
        assert_eq!(WideResNetConfig::wrn28_2().feature_dim(), 128);
        assert_eq!(WideResNetConfig::wrn28_8().feature_dim(), 512);
        assert_eq!(WideResNetConfig::wrn28_8().blocks(), 4);
    }
}
