//! The network of a run.

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use leaf_core::{Encoder, LeafConfig, Mode, NoiseSource, Parameters, Random, leaf_head};
use leaf_ssl::{Heads, Model, auxiliary_heads};
use leaf_train::{Architecture, Learner};
use leaf_vision::{ResNet, ResNetConfig, WideResNet, WideResNetConfig, resnet, wide_resnet};
use serde::{Deserialize, Serialize};

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
    /// WRN-28-2, for images of 32 pixels, which semi-supervised trainers are compared on.
    #[serde(rename = "wrn28_2")]
    Wrn28x2,
    /// WRN-28-8, the same with four times the width.
    #[serde(rename = "wrn28_8")]
    Wrn28x8,
}

/// The configuration of a [`Backbone`].
enum Config {
    ResNet(ResNetConfig),
    WideResNet(WideResNetConfig),
}

impl Backbone {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Narrow,
        Self::Resnet18,
        Self::Resnet34,
        Self::Resnet50,
        Self::Wrn28x2,
        Self::Wrn28x8,
    ];

    /// The names that [`std::str::FromStr`] reads.
    pub const NAMES: &'static str = "narrow, resnet18, resnet34, resnet50, wrn28_2 or wrn28_8";

    fn config(self, channels: usize) -> Config {
        let resnet = |config: ResNetConfig| Config::ResNet(config.with_in_channels(channels));
        let wide = |config: WideResNetConfig| Config::WideResNet(config.with_in_channels(channels));
        match self {
            Self::Narrow => resnet(ResNetConfig::narrow()),
            Self::Resnet18 => resnet(ResNetConfig::resnet18()),
            Self::Resnet34 => resnet(ResNetConfig::resnet34()),
            Self::Resnet50 => resnet(ResNetConfig::resnet50()),
            Self::Wrn28x2 => wide(WideResNetConfig::wrn28_2()),
            Self::Wrn28x8 => wide(WideResNetConfig::wrn28_8()),
        }
    }

    /// The smallest side of an image in pixels.
    pub fn min_size(self) -> usize {
        match self.config(1) {
            Config::ResNet(config) => config.min_size(),
            Config::WideResNet(config) => config.min_size(),
        }
    }

    /// The encoder for images of that many channels, from a builder's tensors.
    ///
    /// # Errors
    /// When the builder's tensors do not fit.
    pub fn build(self, channels: usize, vb: VarBuilder) -> Result<BackboneEncoder> {
        Ok(match self.config(channels) {
            Config::ResNet(config) => BackboneEncoder::ResNet(resnet(&config, vb)?),
            Config::WideResNet(config) => BackboneEncoder::WideResNet(wide_resnet(&config, vb)?),
        })
    }
}

/// A [`Backbone`] with its weights.
#[derive(Clone, Debug)]
pub enum BackboneEncoder {
    /// A residual network.
    ResNet(ResNet),
    /// A wide residual network.
    WideResNet(WideResNet),
}

impl Encoder for BackboneEncoder {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        match self {
            Self::ResNet(encoder) => encoder.encode(xs, mode),
            Self::WideResNet(encoder) => encoder.encode(xs, mode),
        }
    }

    fn feature_dim(&self) -> usize {
        match self {
            Self::ResNet(encoder) => encoder.feature_dim(),
            Self::WideResNet(encoder) => encoder.feature_dim(),
        }
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

/// The network that recipes train: a backbone with LEAF's head.
pub type Classifier = Model<BackboneEncoder>;

/// Everything that decides a [`Classifier`]'s tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifierSpec {
    /// The backbone.
    pub backbone: Backbone,
    /// 1 for gray, 3 for color.
    pub channels: usize,
    /// How many classes there are.
    pub num_classes: usize,
    /// Which levels the head has.
    pub leaf: LeafConfig,
    /// The heads beside the classifier that a trainer asks for.
    pub heads: Heads,
}

impl ClassifierSpec {
    /// The network with initial weights of a seed. Paths: `encoder.*` as in torchvision, `head.*`.
    ///
    /// # Errors
    /// When LEAF's configuration breaks a rule or the device fails.
    pub fn build(
        &self,
        seed: u64,
        noise: &NoiseSource,
        device: &Device,
    ) -> Result<Learner<Classifier>> {
        let parameters = Parameters::new(seed);
        let vb = parameters.builder(DType::F32, device);
        let head = vb.pp("head");
        let encoder = self.backbone.build(self.channels, vb.pp("encoder"))?;
        let dim = encoder.feature_dim();
        let head = leaf_head(&self.leaf, dim, self.num_classes, head, noise)?;
        let auxiliary = auxiliary_heads(&self.heads, dim, vb.pp("auxiliary"))?;
        let network = Model::new(encoder, head).with_auxiliary(auxiliary);
        Ok(Learner {
            network,
            parameters,
        })
    }

    /// What a checkpoint says of the network.
    pub fn architecture(&self) -> Architecture {
        // The head's tensors follow from its mixtures; training's weights and ramps do not matter.
        let config = serde_json::json!({
            "semantic": self.leaf.semantic,
            "instance": self.leaf.instance,
            "normalization": self.leaf.normalization,
        });
        Architecture {
            name: self.backbone.to_string(),
            config,
        }
    }
}

/// The noise of a run's network.
pub(crate) fn noise(seed: u64) -> NoiseSource {
    NoiseSource::new(Random::new(seed).split("noise"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() -> Result<()> {
        for backbone in Backbone::ALL {
            assert_eq!(backbone.to_string().parse::<Backbone>()?, backbone);
            assert!(Backbone::NAMES.contains(&backbone.to_string()));
            let written = serde_json::to_value(backbone).expect("a name");
            assert_eq!(written, backbone.to_string());
        }
        assert!("resnet19".parse::<Backbone>().is_err());
        Ok(())
    }

    #[test]
    fn the_encoder_starts_alike_whatever_the_head() -> Result<()> {
        let encoder = |leaf: LeafConfig| -> Result<Vec<Vec<f32>>> {
            let spec = ClassifierSpec {
                backbone: Backbone::Narrow,
                channels: 1,
                num_classes: 7,
                leaf,
                heads: Heads::default(),
            };
            let learner = spec.build(3, &noise(3), &Device::Cpu)?;
            let vars = learner.parameters.trainable().into_iter();
            let encoder = vars.filter(|(name, _)| {
                name.starts_with("encoder.") || name.starts_with("head.classifier.")
            });
            encoder
                .map(|(_, var)| Ok(var.flatten_all()?.to_vec1()?))
                .collect()
        };
        assert_eq!(encoder(LeafConfig::off())?, encoder(LeafConfig::robust())?);
        Ok(())
    }
}
