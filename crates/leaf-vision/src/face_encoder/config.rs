//! Which face encoder.

use crate::error::{Result, positive};

/// What the features are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum FaceFeatures {
    /// The descriptor that tells people apart, of width 128.
    #[default]
    Descriptor,
    /// The mean over the last map, of width 256, from which the descriptor is one linear layer away;
    /// that layer is left out.
    Pooled,
}

/// The configuration of a [`FaceEncoder`](super::FaceEncoder).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct FaceEncoderConfig {
    /// Channels of the images: 3 for the published weights, which saw color.
    pub in_channels: usize,
    /// What the features are.
    pub features: FaceFeatures,
}

impl Default for FaceEncoderConfig {
    /// Color images, the descriptor.
    fn default() -> Self {
        Self {
            in_channels: 3,
            features: FaceFeatures::Descriptor,
        }
    }
}

impl FaceEncoderConfig {
    /// The side in pixels of the images that the published weights were made for.
    pub const IMAGE_SIZE: usize = 150;

    /// The smallest side in pixels: one less and the last window would not fit.
    pub const MIN_SIZE: usize = 103;

    /// Mean of red, green and blue to give images `(level/255 - mean)/std`, as the published weights
    /// saw them: dlib takes 122.782, 117.001 and 104.298 from the levels.
    pub const MEAN: [f64; 3] = [122.782 / 255., 117.001 / 255., 104.298 / 255.];

    /// The deviation that belongs to [`FaceEncoderConfig::MEAN`]: dlib divides levels by 256.
    pub const STD: [f64; 3] = [256. / 255.; 3];

    /// The same network for images of that many channels.
    pub fn with_in_channels(self, in_channels: usize) -> Self {
        Self {
            in_channels,
            ..self
        }
    }

    /// The same network with other features.
    pub fn with_features(self, features: FaceFeatures) -> Self {
        Self { features, ..self }
    }

    /// The width of the features.
    pub fn feature_dim(&self) -> usize {
        match self.features {
            FaceFeatures::Descriptor => 128,
            FaceFeatures::Pooled => 256,
        }
    }

    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        positive("in_channels", self.in_channels)
    }
}
