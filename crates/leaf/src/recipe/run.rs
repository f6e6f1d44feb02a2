//! A recipe's training run.

use std::path::{Path, PathBuf};

use candle_core::Device;
use leaf_ssl::{Algorithm, Heads, Task};
use leaf_train::{ModelCard, Observer, Preprocessing, PseudoLabelQuality, RunSummary, SetMetrics};

use super::step_times::StepTimes;
use super::{ClassifierSpec, Prepared, Rates, Recipe, Run};
use crate::Result;

/// What a run found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The last weights on each test set, the data set's own first.
    pub sets: Vec<SetMetrics>,
    /// How good the pseudo-labels of the steps before the last evaluation were.
    pub pseudo_labels: Option<PseudoLabelQuality>,
    /// Where the last weights are.
    pub checkpoint: PathBuf,
    /// Where the weights of the best step are, if faces were held out to choose it on.
    pub best_checkpoint: Option<PathBuf>,
    /// How many steps were left out because their loss or gradient was no number.
    pub skipped: usize,
    /// How long the training took, in seconds, the time before it was resumed included.
    pub seconds: f64,
    /// How long a step took, in seconds, without waiting for its batch: the median.
    pub step_seconds: f64,
}

impl Outcome {
    pub(super) fn of(summary: RunSummary, folder: &Path, times: StepTimes) -> Self {
        Self {
            sets: summary.last,
            pseudo_labels: summary.pseudo_labels,
            checkpoint: summary
                .last_checkpoint
                .unwrap_or_else(|| folder.join("last.safetensors")),
            best_checkpoint: summary.best_checkpoint,
            skipped: summary.skipped,
            seconds: summary.seconds,
            step_seconds: times.median(),
        }
    }

    /// The rates on the data set's own test faces.
    pub fn rates(&self) -> Rates {
        let first = self.sets.first();
        first.map_or(Rates::UNKNOWN, |set| Rates::of(&set.metrics))
    }
}

impl Recipe {
    /// Whether images of the recipe's size fit its backbone.
    pub(super) fn check_size(&self) -> Result<()> {
        let size = self.data.images.size;
        let min_size = self.backbone.config(self.channels()).min_size();
        if size < min_size {
            return Err(leaf_vision::Error::TooSmall { size, min_size }.into());
        }
        Ok(())
    }

    /// Checks everything that needs neither faces nor network.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self, task: &Task) -> Result<()> {
        self.check_with(&*self.algorithm(task)?)
    }

    pub(super) fn check_with(&self, algorithm: &dyn Algorithm) -> Result<()> {
        self.check_seeds()?;
        self.check_frozen()?;
        self.check_size()?;
        if algorithm.views().average && self.train.ema_decay.is_none() {
            return Err(leaf_train::Error::Conflict {
                given: "ema_decay is off, and the algorithm reads the average of the weights",
                expected: "a decay",
            }
            .into());
        }
        self.train.check()?;
        self.data.loader.check()?;
        leaf_train::Schedule::check(&self.schedule, self.train.steps)?;
        Ok(())
    }

    /// Trains on prepared faces from step 0; [`Run`] says what goes into the folder, and goes on with a run
    /// that was ended.
    ///
    /// # Errors
    /// Those of [`Run::train`].
    pub fn train(
        &self,
        faces: &Prepared,
        device: &Device,
        folder: &Path,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Outcome> {
        Run::new(self, faces, device, folder).train(observers)
    }

    /// As [`Recipe::train`], with a training rule of one's own in place of the recipe's.
    ///
    /// # Errors
    /// Those of [`Run::train`].
    pub fn train_with(
        &self,
        algorithm: Box<dyn Algorithm>,
        faces: &Prepared,
        device: &Device,
        folder: &Path,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Outcome> {
        let run = Run::new(self, faces, device, folder).with_algorithm(algorithm);
        run.train(observers)
    }

    /// The network that the recipe trains on these faces, without the heads that only the training
    /// rule needs.
    pub fn classifier(&self, faces: &Prepared) -> ClassifierSpec {
        ClassifierSpec {
            backbone: self.backbone,
            channels: self.channels(),
            num_classes: faces.classes().len(),
            leaf: self.trainer.leaf().clone(),
            heads: Heads::default(),
        }
    }

    fn channels(&self) -> usize {
        self.data.images.color.channels()
    }

    pub(super) fn card(&self, faces: &Prepared, spec: &ClassifierSpec) -> ModelCard {
        let normalization = self.data.images.normalization();
        ModelCard {
            classes: faces.classes().to_vec(),
            preprocessing: Preprocessing {
                size: self.data.images.size,
                channels: spec.channels,
                mean: normalization.mean,
                std: normalization.std,
            },
            architecture: spec.architecture(),
        }
    }
}
