//! Which residual network.

use super::Block;
use crate::batch_norm::BatchNormConfig;
use crate::error::{Error, Result, positive};

/// How a network begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Stem {
    /// A 7x7 convolution with stride 2 and a 3x3 max-pool with stride 2, for photographs of about
    /// 224 pixels: a quarter of the side is left.
    Large,
    /// A 3x3 convolution with stride 1, for images of 32 to 64 pixels.
    #[default]
    Small,
}

impl Stem {
    /// By how much the side shrinks.
    pub(super) fn stride(self) -> usize {
        match self {
            Self::Large => 4,
            Self::Small => 1,
        }
    }
}

/// The configuration of a [`ResNet`](super::ResNet): stages of residual blocks, each stage after
/// the first with half the side of the one before.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct ResNetConfig {
    /// Channels of the images: 1 for grey, 3 for color.
    pub in_channels: usize,
    /// How the network begins.
    pub stem: Stem,
    /// Of which blocks the network is made.
    pub block: Block,
    /// Channels of each stage, before a block's expansion; the stem has as many as the first.
    pub widths: Vec<usize>,
    /// Blocks of each stage.
    pub blocks: Vec<usize>,
    /// All batch norms.
    pub norm: BatchNormConfig,
}

impl Default for ResNetConfig {
    /// [`ResNetConfig::narrow`].
    fn default() -> Self {
        Self::narrow()
    }
}

impl ResNetConfig {
    /// A small network for faces of 32 to 64 pixels: widths 8, 16, 32, 64, one block a stage, color
    /// images, features of width 64.
    pub fn narrow() -> Self {
        Self {
            in_channels: 3,
            stem: Stem::Small,
            block: Block::Basic,
            widths: vec![8, 16, 32, 64],
            blocks: vec![1; 4],
            norm: BatchNormConfig::default(),
        }
    }

    /// ResNet-18, torchvision's names and shapes, features of width 512.
    pub fn resnet18() -> Self {
        Self {
            stem: Stem::Large,
            widths: vec![64, 128, 256, 512],
            blocks: vec![2; 4],
            ..Self::narrow()
        }
    }

    /// ResNet-34, torchvision's names and shapes, features of width 512.
    pub fn resnet34() -> Self {
        Self {
            blocks: vec![3, 4, 6, 3],
            ..Self::resnet18()
        }
    }

    /// ResNet-50, torchvision's names and shapes, features of width 2048.
    pub fn resnet50() -> Self {
        Self {
            block: Block::Bottleneck,
            ..Self::resnet34()
        }
    }

    /// The same network for images of that many channels.
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self {
            in_channels,
            ..self
        }
    }

    /// The same network whose batch norms keep to their running statistics, for fine-tuning.
    pub fn with_frozen_norm(mut self) -> Self {
        self.norm.frozen = true;
        self
    }

    /// The width of the features.
    pub fn feature_dim(&self) -> usize {
        let width = self.widths.last().copied().unwrap_or_default();
        width.saturating_mul(self.block.expansion())
    }

    /// The smallest side of an image in pixels: what one pixel of the last stage stands for.
    ///
    /// The layers would run on less, but their windows would see mostly padding.
    pub fn min_size(&self) -> usize {
        let halvings = self.widths.len().saturating_sub(1) as u32;
        self.stem
            .stride()
            .saturating_mul(2usize.saturating_pow(halvings))
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        positive("in_channels", self.in_channels)?;
        positive("number of widths", self.widths.len())?;
        if self.blocks.len() != self.widths.len() {
            return Err(Error::OutOfRange {
                field: "number of blocks",
                value: self.blocks.len(),
                expected: format!("one for each of the {} widths", self.widths.len()),
            });
        }
        for (width, blocks) in self.widths.iter().zip(&self.blocks) {
            positive("widths", *width)?;
            positive("blocks", *blocks)?;
        }
        self.norm.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_from_the_stages() {
        assert_eq!(ResNetConfig::resnet18().min_size(), 32);
        assert_eq!(ResNetConfig::resnet34().feature_dim(), 512);
        assert_eq!(ResNetConfig::resnet50().feature_dim(), 2048);
        assert_eq!(ResNetConfig::narrow().min_size(), 8);
        assert_eq!(ResNetConfig::narrow().feature_dim(), 64);
    }

    #[test]
    fn rules_are_checked() {
        let wrong = |change: fn(&mut ResNetConfig)| {
            let mut config = ResNetConfig::narrow();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            wrong(|c| c.in_channels = 0),
            "in_channels = 0, expected at least 1"
        );
        assert_eq!(
            wrong(|c| c.widths.clear()),
            "number of widths = 0, expected at least 1"
        );
        assert_eq!(
            wrong(|c| c.blocks.push(1)),
            "number of blocks = 5, expected one for each of the 4 widths"
        );
        assert_eq!(
            wrong(|c| c.blocks[2] = 0),
            "blocks = 0, expected at least 1"
        );
        assert_eq!(
            wrong(|c| c.norm.eps = -1.),
            "eps = -1, expected a number above 0"
        );
    }
}
