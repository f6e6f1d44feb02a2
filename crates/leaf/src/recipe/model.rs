//! The network of a run.

use candle_core::{DType, Device};
use leaf_core::{
    InstanceLevel, LeafConfig, MixtureConfig, NoiseSource, Normalization, Parameters, Random,
    leaf_head,
};
use leaf_ssl::{Heads, Model, auxiliary_heads};
use leaf_train::{Architecture, Checkpoint, Learner, ModelCard};
use serde::Deserialize;

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

    /// What a checkpoint says of the network: with the card's classes and channels it is all that
    /// [`ClassifierSpec::of_card`] needs.
    pub fn architecture(&self) -> Architecture {
        // The head's tensors follow from its mixtures; training's weights and ramps do not matter.
        let config = serde_json::json!({
            "semantic": self.leaf.semantic,
            "instance": self.leaf.instance,
            "normalization": self.leaf.normalization,
            "heads": self.heads,
        });
        Architecture {
            name: self.backbone.to_string(),
            config,
        }
    }

    /// The network that a checkpoint's card describes, to predict with: what only training needs of
    /// LEAF is off.
    ///
    /// # Errors
    /// [`leaf_train::Error::Card`] if the card is of no network that recipes train.
    pub fn of_card(card: &ModelCard) -> Result<Self> {
        let wrong = |field, found: String, expected| leaf_train::Error::Card {
            field,
            found,
            expected,
        };
        let Architecture { name, config } = &card.architecture;
        let backbone = name
            .parse()
            .map_err(|_| wrong("architecture.name", format!("{name:?}"), Backbone::NAMES))?;
        let head: Head = serde_json::from_value(config.clone()).map_err(|error| {
            let expected = "the settings of a head that recipes train";
            wrong(
                "architecture.config",
                format!("{config} ({error})"),
                expected,
            )
        })?;
        Ok(Self {
            backbone,
            channels: card.preprocessing.channels,
            num_classes: card.classes.len(),
            leaf: LeafConfig {
                semantic: head.semantic,
                instance: head.instance,
                normalization: head.normalization,
                ..LeafConfig::off()
            },
            heads: head.heads,
        })
    }

    /// The network of a recipe's checkpoint with its weights: the average's if it holds them.
    ///
    /// ```no_run
    /// use candle_core::Device;
    /// use leaf::recipe::ClassifierSpec;
    /// use leaf::train::Checkpoint;
    ///
    /// let checkpoint = Checkpoint::read("runs/fixmatch_leaf/last.safetensors")?;
    /// let trained = ClassifierSpec::load(&checkpoint, &Device::Cpu)?;
    /// # Ok::<(), leaf::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`ClassifierSpec::of_card`], and when the tensors do not fit the card.
    pub fn load(checkpoint: &Checkpoint, device: &Device) -> Result<Learner<Classifier>> {
        let learner = Self::of_card(checkpoint.card())?.build(0, &noise(0), device)?;
        checkpoint.load_into(checkpoint.part_for_use(), &learner.parameters)?;
        Ok(learner)
    }
}

/// The settings that decide a head's tensors, as [`ClassifierSpec::architecture`] writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    semantic: Option<MixtureConfig>,
    instance: Option<InstanceLevel>,
    normalization: Normalization,
    heads: Heads,
}

/// The noise of a run's network.
pub(crate) fn noise(seed: u64) -> NoiseSource {
    NoiseSource::new(Random::new(seed).split("noise"))
}

#[cfg(test)]
mod tests {
    use leaf_core::{Mode, Preset};
    use leaf_ssl::Network;
    use leaf_train::{Part, Preprocessing, save_checkpoint};

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

    fn card(spec: &ClassifierSpec) -> ModelCard {
        ModelCard {
            classes: (0..spec.num_classes).map(|i| format!("c{i}")).collect(),
            preprocessing: Preprocessing {
                size: 16,
                channels: spec.channels,
                mean: vec![0.5; spec.channels],
                std: vec![0.5; spec.channels],
            },
            architecture: spec.architecture(),
        }
    }

    #[test]
    fn a_checkpoint_alone_gives_the_network_back() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("last.safetensors");
        let xs = Random::new(1).normal_tensor(0., 1., (2, 1, 16, 16), DType::F32, &Device::Cpu)?;
        for preset in Preset::ALL {
            for heads in [Heads::default(), Heads::projection(8), Heads::rotation()] {
                let spec = ClassifierSpec {
                    backbone: Backbone::Narrow,
                    channels: 1,
                    num_classes: 7,
                    leaf: preset.config(),
                    heads,
                };
                let trained = spec.build(3, &noise(3), &Device::Cpu)?;
                let parts = [(Part::Student, &trained.parameters)];
                save_checkpoint(&path, &card(&spec), 9, &parts)?;
                let again = ClassifierSpec::load(&Checkpoint::read(&path)?, &Device::Cpu)?;
                let logits = |learner: &Learner<Classifier>| -> Result<Vec<f32>> {
                    let output = learner.network.forward(&xs, Mode::Eval)?;
                    Ok(output.logits.flatten_all()?.to_vec1()?)
                };
                assert_eq!(logits(&trained)?, logits(&again)?, "{preset} {heads:?}");
            }
        }
        Ok(())
    }

    #[test]
    fn cards_of_other_networks_are_named() {
        let spec = ClassifierSpec {
            backbone: Backbone::Narrow,
            channels: 1,
            num_classes: 3,
            leaf: LeafConfig::robust(),
            heads: Heads::default(),
        };
        let problem = |change: fn(&mut Architecture)| {
            let mut card = card(&spec);
            change(&mut card.architecture);
            ClassifierSpec::of_card(&card).unwrap_err().to_string()
        };
        let name = problem(|architecture| architecture.name = "vgg".to_owned());
        assert!(
            name.contains("\"vgg\", expected narrow, resnet18"),
            "{name}"
        );
        let config = problem(|architecture| architecture.config = serde_json::json!({"width": 3}));
        assert!(
            config.contains("architecture.config is {\"width\":3}"),
            "{config}"
        );
    }
}
