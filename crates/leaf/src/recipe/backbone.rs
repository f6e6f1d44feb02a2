//! The backbone of a run.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};
use leaf_vision::{
    FaceEncoderConfig, ResNet, ResNetConfig, WideResNet, WideResNetConfig, resnet, wide_resnet,
};
use serde::{Deserialize, Serialize};

use super::{FaceTop, FeatureLayer};
use crate::{Error, Result};

/// Which backbone a run has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backbone {
    /// A small residual network for faces of 32 to 64 pixels.
    #[default]
    Narrow,
    /// ResNet-18, for faces of 64 to 224 pixels.
    Resnet18,
    /// ResNet-34, for faces of 64 to 224 pixels.
    Resnet34,
    /// ResNet-50, for faces of 64 to 224 pixels.
    Resnet50,
    /// WRN-28-2, for images of 32 pixels.
    #[serde(rename = "wrn28_2")]
    Wrn28x2,
    /// WRN-28-8, for images of 32 pixels.
    #[serde(rename = "wrn28_8")]
    Wrn28x8,
    /// A layer on the features of a frozen face encoder ([`FrozenEncoder`](super::FrozenEncoder)).
    FaceFeatures,
    /// The face encoder's last block, fine-tuned on what the frozen rest of it makes
    /// ([`FrozenEncoder`](super::FrozenEncoder)).
    FaceTop,
}

impl Backbone {
    /// All, in the order of [`Backbone::NAMES`].
    pub const ALL: [Self; 8] = [
        Self::Narrow,
        Self::Resnet18,
        Self::Resnet34,
        Self::Resnet50,
        Self::Wrn28x2,
        Self::Wrn28x8,
        Self::FaceFeatures,
        Self::FaceTop,
    ];

    /// The names that [`std::str::FromStr`] reads.
    pub const NAMES: &'static str =
        "narrow, resnet18, resnet34, resnet50, wrn28_2, wrn28_8, face_features or face_top";

    /// Its configuration for images of that many channels.
    pub fn config(self, channels: usize) -> BackboneConfig {
        let residual =
            |config: ResNetConfig| BackboneConfig::Residual(config.with_in_channels(channels));
        let wide =
            |config: WideResNetConfig| BackboneConfig::Wide(config.with_in_channels(channels));
        match self {
            Self::Narrow => residual(ResNetConfig::narrow()),
            Self::Resnet18 => residual(ResNetConfig::resnet18()),
            Self::Resnet34 => residual(ResNetConfig::resnet34()),
            Self::Resnet50 => residual(ResNetConfig::resnet50()),
            Self::Wrn28x2 => wide(WideResNetConfig::wrn28_2()),
            Self::Wrn28x8 => wide(WideResNetConfig::wrn28_8()),
            Self::FaceFeatures => BackboneConfig::FeatureLayer,
            Self::FaceTop => BackboneConfig::FaceTop,
        }
    }

    /// Whether it trains on what a frozen encoder makes of faces, and not on images.
    pub fn is_on_frozen(self) -> bool {
        matches!(self, Self::FaceFeatures | Self::FaceTop)
    }
}

impl std::fmt::Display for Backbone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Narrow => "narrow",
            Self::Resnet18 => "resnet18",
            Self::Resnet34 => "resnet34",
            Self::Resnet50 => "resnet50",
            Self::Wrn28x2 => "wrn28_2",
            Self::Wrn28x8 => "wrn28_8",
            Self::FaceFeatures => "face_features",
            Self::FaceTop => "face_top",
        })
    }
}

impl std::str::FromStr for Backbone {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|backbone| backbone.to_string() == text)
            .ok_or_else(|| Error::Choice {
                field: "backbone",
                value: text.to_owned(),
                expected: Self::NAMES,
            })
    }
}

/// The configuration of a backbone.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BackboneConfig {
    /// Of a [`ResNet`].
    Residual(ResNetConfig),
    /// Of a [`WideResNet`].
    Wide(WideResNetConfig),
    /// Of a [`FeatureLayer`].
    FeatureLayer,
    /// Of a [`FaceTop`].
    FaceTop,
}

impl BackboneConfig {
    /// The width of the features.
    pub fn feature_dim(&self) -> usize {
        match self {
            Self::Residual(config) => config.feature_dim(),
            Self::Wide(config) => config.feature_dim(),
            Self::FeatureLayer => FeatureLayer::DIM,
            Self::FaceTop => FaceTop::DIM,
        }
    }

    /// The smallest side of an image in pixels.
    pub fn min_size(&self) -> usize {
        match self {
            Self::Residual(config) => config.min_size(),
            Self::Wide(config) => config.min_size(),
            Self::FeatureLayer | Self::FaceTop => FaceEncoderConfig::MIN_SIZE,
        }
    }

    /// The encoder, under the names of its kind.
    ///
    /// # Errors
    /// When the configuration breaks a rule or the builder's tensors do not fit.
    pub fn build(&self, vb: VarBuilder) -> Result<BackboneEncoder> {
        Ok(match self {
            Self::Residual(config) => BackboneEncoder::Residual(resnet(config, vb)?),
            Self::Wide(config) => BackboneEncoder::Wide(wide_resnet(config, vb)?),
            Self::FeatureLayer => BackboneEncoder::FeatureLayer(FeatureLayer::new(vb)?),
            Self::FaceTop => BackboneEncoder::FaceTop(FaceTop::new(vb)?),
        })
    }
}

/// The encoder of a run, from faces to features.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BackboneEncoder {
    /// A residual network.
    Residual(ResNet),
    /// A wide residual network.
    Wide(WideResNet),
    /// A layer on features.
    FeatureLayer(FeatureLayer),
    /// The face encoder's last block.
    FaceTop(FaceTop),
}

impl Encoder for BackboneEncoder {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        match self {
            Self::Residual(network) => network.encode(xs, mode),
            Self::Wide(network) => network.encode(xs, mode),
            Self::FeatureLayer(layer) => layer.encode(xs, mode),
            Self::FaceTop(top) => top.encode(xs, mode),
        }
    }

    fn feature_dim(&self) -> usize {
        match self {
            Self::Residual(network) => network.feature_dim(),
            Self::Wide(network) => network.feature_dim(),
            Self::FeatureLayer(layer) => layer.feature_dim(),
            Self::FaceTop(top) => top.feature_dim(),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use leaf_core::Parameters;

    use super::*;

    #[test]
    fn names_go_both_ways() -> Result<()> {
        let mut names = Vec::new();
        for backbone in Backbone::ALL {
            let name = backbone.to_string();
            assert_eq!(name.parse::<Backbone>()?, backbone);
            assert_eq!(serde_json::json!(backbone), name);
            names.push(name);
        }
        assert_eq!(Backbone::NAMES.replace(" or ", ", "), names.join(", "));
        assert!("resnet19".parse::<Backbone>().is_err());
        Ok(())
    }

    #[test]
    fn every_backbone_encodes_its_smallest_image() -> Result<()> {
        for backbone in Backbone::ALL {
            let config = backbone.config(1);
            let vb = Parameters::new(0).builder(DType::F32, &Device::Cpu);
            let encoder = config.build(vb)?;
            let size = config.min_size();
            let image = Tensor::zeros((1, 1, size, size), DType::F32, &Device::Cpu)?;
            let xs = match backbone {
                Backbone::FaceFeatures => Tensor::zeros((1, 256), DType::F32, &Device::Cpu)?,
                Backbone::FaceTop => Tensor::zeros((1, 256 * 9), DType::F32, &Device::Cpu)?,
                _ => image.clone(),
            };
            if backbone.is_on_frozen() {
                let error = encoder.encode(&image, Mode::Eval).unwrap_err().to_string();
                assert!(error.contains("of a frozen encoder"), "{error}");
            }
            let features = encoder.encode(&xs, Mode::Eval)?;
            assert_eq!(features.dims(), [1, config.feature_dim()], "{backbone}");
            assert_eq!(encoder.feature_dim(), config.feature_dim());
        }
        Ok(())
    }
}
