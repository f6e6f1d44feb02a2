//! The network of a run.

use candle_core::{DType, Device};
use leaf_core::{LeafConfig, NoiseSource, Parameters, Random, leaf_head};
use leaf_ssl::{Heads, Model, auxiliary_heads};
use leaf_train::{Architecture, Learner};

use super::{Backbone, BackboneEncoder};
use crate::Result;

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
    /// The network with initial weights of a seed. Paths: `encoder.*` as in torchvision or USB, `head.*`.
    ///
    /// # Errors
    /// When LEAF's configuration breaks a rule or the device fails.
    pub fn build(
        &self,
        seed: u64,
        noise: &NoiseSource,
        device: &Device,
    ) -> Result<Learner<Classifier>> {
        let config = self.backbone.config(self.channels);
        let parameters = Parameters::new(seed);
        let vb = parameters.builder(DType::F32, device);
        let head = vb.pp("head");
        let dim = config.feature_dim();
        let encoder = config.build(vb.pp("encoder"))?;
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
