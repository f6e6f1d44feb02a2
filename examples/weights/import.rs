//! A checkpoint of a network that PyTorch trained.

use std::path::PathBuf;

use candle_core::Device;
use clap::Args;
use leaf::core::{NoiseSource, Preset, Random};
use leaf::recipe::{Backbone, ClassifierSpec};
use leaf::train::{ModelCard, Part, Preprocessing, Weights, save_checkpoint};
use leaf::weights::load_all;

use crate::say::say;

/// Makes a checkpoint of a whole network that PyTorch trained, encoder and classifier. What the file does
/// not say, the options do.
#[derive(Args, Debug)]
#[command(after_long_help = ABOUT)]
pub(crate) struct Import {
    /// PyTorch's .pth, .pth.tar or .safetensors.
    file: PathBuf,
    /// The state dict within it [default: ema_state_dict, state_dict or what else is usual].
    #[arg(long, value_name = "NAME")]
    nest: Option<String>,
    /// The encoder: resnet18, resnet34 or resnet50.
    #[arg(long, value_name = "NAME", default_value = "resnet18")]
    backbone: Backbone,
    /// The head: none for torchvision's networks, released for the LEAF authors'.
    #[arg(long, value_name = "PRESET", default_value = "none")]
    leaf: Preset,
    /// The classes' names in the order of the logits; unless given, RAF-DB's.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_values = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
    )]
    classes: Vec<String>,
    /// Height and width in pixels.
    #[arg(long, value_name = "PX", default_value_t = 224)]
    size: usize,
    /// What is subtracted from each channel; unless given, ImageNet's mean.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_values_t = [0.485, 0.456, 0.406])]
    mean: Vec<f64>,
    /// What each channel is divided by; unless given, ImageNet's deviation.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_values_t = [0.229, 0.224, 0.225])]
    std: Vec<f64>,
    /// The checkpoint to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

const ABOUT: &str = "\
Names are torchvision's (conv1.weight, layer1.0.conv1.weight, fc.weight), the LEAF authors' trainer's (base.0.weight,
semantic_moe.expert.fc.0.weight) or this library's, with or without the prefix module. Pickles are read, never run.
Everything that does not fit is named in one error, with the status 2, and nothing is written.";

impl Import {
    /// Reads, checks and writes.
    ///
    /// # Errors
    /// When the file is no such network or cannot be read, or the checkpoint cannot be written.
    pub(crate) fn run(&self) -> leaf::Result<()> {
        let weights = match &self.nest {
            Some(nest) => Weights::read_nested(&self.file, nest)?,
            None => Weights::read(&self.file)?,
        };
        let spec = ClassifierSpec {
            backbone: self.backbone,
            channels: self.mean.len(),
            num_classes: self.classes.len(),
            leaf: self.leaf.config(),
            heads: Default::default(),
        };
        let noise = NoiseSource::new(Random::new(0));
        let network = spec.build(0, &noise, &Device::Cpu)?;
        let taken = load_all(&weights, &network.parameters)?;
        let card = ModelCard {
            classes: self.classes.clone(),
            preprocessing: Preprocessing {
                size: self.size,
                channels: self.mean.len(),
                mean: self.mean.clone(),
                std: self.std.clone(),
            },
            architecture: spec.architecture(),
        };
        save_checkpoint(&self.out, &card, 0, &[(Part::Student, &network.parameters)])?;
        let (file, out) = (self.file.display(), self.out.display());
        say(format!("{file}: {taken}; written to {out}"))
    }
}
