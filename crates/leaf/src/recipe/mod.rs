//! The recipe: one serialisable value that says everything about a run.
//!
//! A [`Recipe`] is checked once and assembled in one place, so that examples and one's own programs
//! stay thin: [`Recipe::prepare`] reads the faces, [`Recipe::train`] trains on them.

mod backbone;
mod data;
mod face_top;
mod feature_layer;
mod file;
mod frozen;
mod frozen_features;
mod identity;
mod model;
mod prepared;
mod run;
mod run_files;
mod setting;
mod standing;
mod start;
mod step_times;
mod summary;
mod trainer;
mod training;

pub use backbone::{Backbone, BackboneConfig, BackboneEncoder};
pub use data::{DataRecipe, FaceSource};
pub use face_top::FaceTop;
pub use feature_layer::FeatureLayer;
pub use frozen::FrozenEncoder;
pub(crate) use model::noise;
pub use model::{Classifier, ClassifierSpec};
pub use prepared::{Prepared, Progress};
pub use run::Outcome;
pub use summary::{Rates, RunFigures, Summary};
pub use trainer::TrainerChoice;
pub(crate) use training::EVALUATION_CHUNK;
pub use training::Run;

#[doc(no_inline)]
pub use leaf_core::{Levels, Preset};

use standing::RECIPE;
use std::path::PathBuf;

use leaf_data::Color;
use leaf_debias::DebiasConfig;
use leaf_ssl::{Algorithm, Task};
use leaf_train::{CosineSchedule, OptimizerConfig, TrainConfig};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Everything about a run. The default is the main job: FixMatch with
/// [`LeafConfig::robust`](leaf_core::LeafConfig::robust) on gray drawn faces of 32 pixels.
///
/// ```
/// use leaf::recipe::Recipe;
///
/// let mut recipe = Recipe::default();
/// recipe.train.steps = 100;
/// let text = serde_json::to_string(&recipe)?;
/// assert_eq!(serde_json::from_str::<Recipe>(&text)?, recipe);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recipe {
    /// What decides initial weights, batches, views and noise. Which faces keep their label is
    /// [`DataRecipe::split`]'s; in a file its seed is this one unless it is given.
    pub seed: u64,
    /// The faces.
    pub data: DataRecipe,
    /// The backbone.
    pub backbone: Backbone,
    /// A frozen encoder whose features are trained on in place of images; off by default. Its backbone is
    /// [`Backbone::FaceFeatures`] or [`Backbone::FaceTop`].
    #[serde(with = "leaf_core::switch")]
    pub frozen: Option<FrozenEncoder>,
    /// The training rule, with LEAF in it.
    pub trainer: TrainerChoice,
    /// DebiasPL around the training rule, for classes of unequal size; off by default.
    #[serde(with = "leaf_core::switch")]
    pub debias: Option<DebiasConfig>,
    /// All weights to start from: a checkpoint of this library, or a file of the same network in a layout
    /// of [`crate::weights`]; off by default.
    #[serde(with = "leaf_core::switch")]
    pub init: Option<PathBuf>,
    /// The encoder's weights to start from, whatever head they had ([`crate::weights::load_encoder`]); off by
    /// default.
    #[serde(with = "leaf_core::switch")]
    pub pretrained: Option<PathBuf>,
    /// The optimizer.
    pub optimizer: OptimizerConfig,
    /// The learning rate's course: cosine 7/16 after a warm-up, which is part of the steps.
    pub schedule: CosineSchedule,
    /// Steps, learning rate, weight average, evaluations.
    pub train: TrainConfig,
}

impl Recipe {
    /// The training rule for a task, with everything that is put around it.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn algorithm(&self, task: &Task) -> Result<Box<dyn Algorithm>> {
        let base = self.trainer.build(task)?;
        if self.debias.is_some() && !base.views().any() {
            return Err(Error::NothingToDebias {
                algorithm: self.trainer.name(),
            });
        }
        match &self.debias {
            None => Ok(base),
            Some(debias) => Ok(Box::new(debias.around(base, task)?)),
        }
    }

    /// The network, its images and the batches, in a line.
    pub fn describe(&self) -> String {
        let size = self.data.images.size;
        let color = match self.data.images.color {
            Color::Gray => "gray",
            Color::Rgb => "color",
        };
        let (labeled, mu) = (self.data.loader.batch_size, self.data.loader.mu);
        format!(
            "{} network, {color} images of {size} x {size} pixels, {labeled} labelled and {} unlabelled \
             faces a step, seed {}",
            self.backbone,
            labeled * mu,
            self.seed
        )
    }

    /// The same run with another training rule: same faces, split, initial encoder and batches.
    pub fn with_trainer(&self, trainer: TrainerChoice) -> Self {
        Self {
            trainer,
            ..self.clone()
        }
    }
}
