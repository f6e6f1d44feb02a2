//! A recipe's training run.

use std::path::{Path, PathBuf};

use candle_core::Device;
use leaf_core::Random;
use leaf_data::{Faces, Loader};
use leaf_ssl::{Algorithm, Heads, Task};
use leaf_train::{
    EvaluationSet, JsonLines, ModelCard, Observer, Preprocessing, PseudoLabelQuality, SetMetrics,
    Trainer,
};

use super::model::noise;
use super::step_times::StepTimes;
use super::{Classifier, ClassifierSpec, Prepared, Rates, Recipe};
use crate::{Error, Result};

/// How many faces are evaluated at once.
pub(crate) const EVALUATION_CHUNK: usize = 250;

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
    /// How long the training took, in seconds.
    pub seconds: f64,
    /// How long a step took, in seconds, without waiting for its batch: the median.
    pub step_seconds: f64,
}

impl Outcome {
    /// The rates on the data set's own test faces.
    pub fn rates(&self) -> Rates {
        let metrics = self.sets.first().map(|set| &set.metrics);
        Rates {
            accuracy: metrics.map_or(f64::NAN, |metrics| metrics.accuracy),
            balanced_accuracy: metrics.map_or(f64::NAN, |metrics| metrics.balanced_accuracy),
        }
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

    fn check_with(&self, algorithm: &dyn Algorithm) -> Result<()> {
        self.check_seeds()?;
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

    /// Trains on prepared faces and writes `recipe.toml`, `split.json`, `metrics.jsonl` and
    /// `last.safetensors` into the folder, which is made if it is not there, and `best.safetensors` if
    /// faces are held out to choose it on. Weights of an earlier run in that folder are removed.
    ///
    /// The same recipe gives the same weights: everything random follows from its seeds.
    ///
    /// # Errors
    /// When the recipe breaks a rule, the starting weights do not fit, a file cannot be written, or
    /// the loss stops being a number.
    pub fn train(
        &self,
        faces: &Prepared,
        device: &Device,
        folder: &Path,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Outcome> {
        let algorithm = self.algorithm(&faces.task().with_seed(self.seed))?;
        self.train_with(algorithm, faces, device, folder, observers)
    }

    /// As [`Recipe::train`], with a training rule of one's own in place of the recipe's; the head is
    /// the one that the recipe's trainer says ([`super::TrainerChoice::leaf`]).
    ///
    /// # Errors
    /// Those of [`Recipe::train`].
    pub fn train_with(
        &self,
        algorithm: Box<dyn Algorithm>,
        faces: &Prepared,
        device: &Device,
        folder: &Path,
        observers: &mut [&mut dyn Observer],
    ) -> Result<Outcome> {
        self.check_with(&*algorithm)?;
        let mut trainer = self.trainer(algorithm, faces, device, folder)?;
        let views = trainer.algorithm().views();
        let random = Random::new(self.seed).split("batches");
        let training = faces.training().clone();
        let loader = &self.data.loader;
        let batches = Loader::new(training, faces.split(), views, loader, &random, device)?;
        trainer = trainer
            .with_labeled(batches.labeled_pass())
            .with_epochs_of(batches.steps_per_epoch());
        let mut metrics = self.write_beside(faces, folder)?;

        let mut sets: Vec<EvaluationSet> = faces
            .tests()
            .iter()
            .map(|(name, faces)| evaluation_set(name, faces, device))
            .collect();
        if let Some(validation) = faces.validation() {
            sets.push(evaluation_set("validation", validation, device).for_selection());
        }
        let mut times = StepTimes::default();
        let mut all: Vec<&mut dyn Observer> = vec![&mut metrics, &mut times];
        for observer in observers {
            all.push(&mut **observer);
        }
        let summary = trainer.run(batches, &sets, &mut all)?;
        Ok(Outcome {
            sets: summary.last,
            checkpoint: summary
                .last_checkpoint
                .unwrap_or_else(|| folder.join("last.safetensors")),
            best_checkpoint: summary.best_checkpoint,
            pseudo_labels: summary.pseudo_labels,
            seconds: summary.seconds,
            step_seconds: times.median(),
        })
    }

    fn trainer(
        &self,
        algorithm: Box<dyn Algorithm>,
        faces: &Prepared,
        device: &Device,
        folder: &Path,
    ) -> Result<Trainer<Classifier, Box<dyn Algorithm>>> {
        let spec = ClassifierSpec {
            heads: algorithm.heads(),
            ..self.classifier(faces)
        };
        let card = self.card(faces, &spec);
        let noise = noise(self.seed);
        let student = spec.build(self.seed, &noise, device)?;
        self.start(&student, &card)?;
        let optimizer = self.optimizer.build(&student.parameters.trainable())?;
        let mut trainer = Trainer::new(self.train.clone(), student, algorithm, optimizer)?
            .with_schedule(self.schedule)?;
        if self.train.ema_decay.is_some() {
            trainer = trainer.with_average(spec.build(self.seed, &noise, device)?)?;
        }
        Ok(trainer.with_checkpoints(folder, card)?)
    }

    /// What must be known to read the run: written before the first step. Weights of an earlier run
    /// in the same folder would not be this recipe's.
    fn write_beside(&self, faces: &Prepared, folder: &Path) -> Result<JsonLines> {
        for name in ["last.safetensors", "best.safetensors"] {
            let old = folder.join(name);
            if old.exists() && !self.starts_from(&old) {
                std::fs::remove_file(&old).map_err(|source| Error::File {
                    path: old.display().to_string(),
                    source,
                })?;
            }
        }
        self.write(&folder.join("recipe.toml"))?;
        faces.split().write(&folder.join("split.json"))?;
        Ok(JsonLines::create(&folder.join("metrics.jsonl"))?)
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

    fn card(&self, faces: &Prepared, spec: &ClassifierSpec) -> ModelCard {
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

fn evaluation_set<'a>(name: &str, faces: &'a Faces, device: &'a Device) -> EvaluationSet<'a> {
    EvaluationSet::from_fn(name, move || {
        let chunks = faces.labeled_chunks(EVALUATION_CHUNK, device);
        Box::new(chunks.map(|chunk| chunk.map_err(Into::into)))
    })
}
