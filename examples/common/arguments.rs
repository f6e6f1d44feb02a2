//! The command line of a run.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use leaf::DeviceChoice;
use leaf::core::{InstanceLevel, LeafConfig, MixtureConfig};
use leaf::data::{
    AugmentConfig, CheckLevel, Color, ImageConfig, LoaderConfig, Shuffle, SplitConfig, UnlabeledSet,
};
use leaf::recipe::{Backbone, DataRecipe, FaceSource, Preset, Recipe};
use leaf::train::{CosineSchedule, TrainConfig};

/// Which faces, which network, how long: everything about a run but its training rule.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArguments {
    /// Where the faces come from: drawn (with this library; not photographs), rafdb:DIR (RAF-DB's
    /// layout) or folder:DIR (train/CLASS/*.jpg and test/CLASS/*.jpg).
    #[arg(
        long,
        value_name = "SOURCE",
        default_value = "drawn",
        help_heading = "Faces"
    )]
    data: FaceSource,
    /// Labelled faces of each class; every training face is used without its label too.
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Faces")]
    labels_per_class: usize,
    /// Training faces of each class to hold out and choose the best step on (best.safetensors); none
    /// is ever chosen on the test faces.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Faces")]
    validation: usize,
    /// How the labelled faces are drawn: this library's generator with --seed, or NumPy's with seed 5
    /// as LEAF's authors do for RAF-DB, who use only the other faces without a label.
    #[arg(long, value_enum, default_value_t = SplitArgument::Seeded, help_heading = "Faces")]
    split: SplitArgument,
    /// Height and width in pixels.
    #[arg(long, value_name = "PX", default_value_t = 32, help_heading = "Faces")]
    size: usize,
    /// Train on gray faces; --grey=false keeps the color.
    #[arg(
        long, visible_alias = "gray", value_name = "BOOL", default_value_t = true, num_args = 0..=1,
        require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set,
        help_heading = "Faces"
    )]
    grey: bool,
    /// Largest random shift of a view, as a share of its side.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.03125,
        help_heading = "Faces"
    )]
    shift: f64,
    /// How closely every listed file is looked at before the first step.
    #[arg(long, value_enum, default_value_t = CheckArgument::Headers, help_heading = "Faces")]
    check: CheckArgument,
    /// Decode every image before the first step and leave bad files out, and count them, instead of
    /// ending at one.
    #[arg(long, help_heading = "Faces")]
    skip_bad: bool,

    /// The encoder: narrow (for 32 to 64 pixels), resnet18 or resnet34.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "narrow",
        help_heading = "Network"
    )]
    backbone: Backbone,
    /// What LEAF adds: robust (measured to work), paper (as drawn), released (as the authors' code
    /// computes) or none.
    #[arg(
        long,
        value_name = "PRESET",
        default_value = "robust",
        help_heading = "Network"
    )]
    pub(crate) leaf: Preset,
    /// Experts of each mixture, instead of the preset's.
    #[arg(long, value_name = "N", help_heading = "Network")]
    experts: Option<usize>,
    /// Experts that each face keeps, instead of the preset's.
    #[arg(long, value_name = "K", help_heading = "Network")]
    k: Option<usize>,
    /// Largest number of positive classes of a face, instead of the preset's.
    #[arg(long, value_name = "K", help_heading = "Network")]
    max_positives: Option<usize>,
    /// Start from the weights in this checkpoint.
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub(crate) init: Option<PathBuf>,

    /// Training steps.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 700,
        help_heading = "Training"
    )]
    steps: usize,
    /// Steps of linear warm-up, which are part of the steps.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    warmup: usize,
    /// Labelled faces a step.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 21,
        help_heading = "Training"
    )]
    batch: usize,
    /// Unlabelled faces a step for each labelled one.
    #[arg(long, value_name = "N", default_value_t = 2, help_heading = "Training")]
    mu: usize,
    /// Base learning rate of SGD with Nesterov momentum; it falls by cosine 7/16.
    #[arg(
        long,
        value_name = "RATE",
        default_value_t = 0.05,
        help_heading = "Training"
    )]
    learning_rate: f64,
    /// Share of the weights' average that each step keeps.
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.99,
        help_heading = "Training"
    )]
    ema: f64,
    /// Evaluate and save after every so many steps.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 100,
        help_heading = "Training"
    )]
    eval_every: usize,
    /// What decides split, initial weights, batches and noise.
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Training")]
    pub(crate) seed: u64,
    /// Where to compute: cpu, cuda or metal (the latter two need a build with that feature).
    #[arg(
        long,
        value_name = "DEVICE",
        default_value = "cpu",
        help_heading = "Training"
    )]
    pub(crate) device: DeviceChoice,

    /// Folder for checkpoints, metrics, split and recipe; it is made if it is not there [default:
    /// runs/ and the example's name].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// JSON file for the final figures.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) summary: Option<PathBuf>,
}

/// How the labelled faces are drawn.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SplitArgument {
    /// This library's generator, by --seed.
    Seeded,
    /// NumPy's legacy generator with seed 5, as LEAF's authors do for RAF-DB.
    Authors,
}

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum CheckArgument {
    /// Each file exists, is not empty and its header decodes.
    Headers,
    /// Each image is decoded whole.
    Full,
    /// Not at all.
    None,
}

impl RunArguments {
    /// The recipe, but for the training rule.
    pub(crate) fn recipe(&self) -> Recipe {
        Recipe {
            seed: self.seed,
            data: self.data_recipe(),
            backbone: self.backbone,
            schedule: CosineSchedule {
                warmup_steps: self.warmup,
            },
            train: TrainConfig {
                steps: self.steps,
                learning_rate: self.learning_rate,
                ema_decay: Some(self.ema),
                eval_every: self.eval_every,
                ..TrainConfig::default()
            },
            ..Recipe::default()
        }
    }

    /// The preset with what the command line changes in it.
    ///
    /// # Errors
    /// When an option changes a part that the preset does not have.
    pub(crate) fn leaf_config(&self) -> leaf::Result<LeafConfig> {
        let mut leaf = self.leaf.config();
        let instance = leaf.instance.as_mut().map(|level| match level {
            InstanceLevel::Features(mixture) | InstanceLevel::Predictions(mixture) => mixture,
        });
        let mixtures: Vec<&mut MixtureConfig> = [leaf.semantic.as_mut(), instance]
            .into_iter()
            .flatten()
            .collect();
        for (field, value) in [("experts", self.experts), ("k", self.k)] {
            if mixtures.is_empty() {
                refuse(field, value)?;
            }
        }
        for mixture in mixtures {
            self.change(mixture);
        }
        match &mut leaf.category {
            Some(category) => {
                let sets = &mut category.decoupling;
                sets.max_positives = self.max_positives.unwrap_or(sets.max_positives);
            }
            None => refuse("max-positives", self.max_positives)?,
        }
        Ok(leaf)
    }

    fn change(&self, mixture: &mut MixtureConfig) {
        mixture.gate.num_experts = self.experts.unwrap_or(mixture.gate.num_experts);
        mixture.gate.k = self.k.unwrap_or(mixture.gate.k);
    }

    fn data_recipe(&self) -> DataRecipe {
        DataRecipe {
            source: self.data.clone(),
            images: ImageConfig {
                size: self.size,
                color: if self.grey { Color::Gray } else { Color::Rgb },
                normalization: None,
            },
            validation_per_class: self.validation,
            split: SplitConfig {
                labels_per_class: self.labels_per_class,
                shuffle: match self.split {
                    SplitArgument::Seeded => Shuffle::Seeded { seed: self.seed },
                    SplitArgument::Authors => Shuffle::NumpyPerClass { seed: 5 },
                },
                unlabeled: match self.split {
                    SplitArgument::Seeded => UnlabeledSet::WithLabeled,
                    SplitArgument::Authors => UnlabeledSet::WithoutLabeled,
                },
            },
            loader: LoaderConfig {
                batch_size: self.batch,
                mu: self.mu,
                augment: AugmentConfig {
                    padding: self.shift,
                    ..AugmentConfig::default()
                },
                ..LoaderConfig::default()
            },
            check: match self.check {
                CheckArgument::Headers => CheckLevel::Headers,
                CheckArgument::Full => CheckLevel::Full,
                CheckArgument::None => CheckLevel::None,
            },
            skip_bad: self.skip_bad,
        }
    }
}

/// An option that would do nothing is an error, not ignored.
fn refuse(field: &'static str, value: Option<usize>) -> leaf::Result<()> {
    match value {
        None => Ok(()),
        Some(value) => Err(leaf::Error::Choice {
            field,
            value: value.to_string(),
            expected: "no value, since the preset of --leaf has no such part",
        }),
    }
}
