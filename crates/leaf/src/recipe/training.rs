//! A recipe's training run, from its start or from where it was ended.

use std::path::Path;

use candle_core::Device;
use leaf_core::Random;
use leaf_data::{Faces, Loader, Roster};
use leaf_ssl::Algorithm;
use leaf_train::{BatchFaces, EvaluationSet, Observer, Resumed, Stop, Trainer, Warning};

use super::identity::{check_split, identity};
use super::model::noise;
use super::run_files::RunFiles;
use super::step_times::StepTimes;
use super::{Classifier, ClassifierSpec, Outcome, Prepared, Recipe};
use crate::{Error, Result};

/// How many faces are evaluated at once.
pub(crate) const EVALUATION_CHUNK: usize = 250;

const SPLIT: &str = "split.json";
const CHECKPOINTS: &str = "checkpoints";

/// A training run of a recipe.
///
/// ```no_run
/// use std::path::Path;
///
/// use candle_core::Device;
/// use leaf::recipe::{Recipe, Run};
/// use leaf::train::Stop;
///
/// # fn main() -> leaf::Result<()> {
/// // A run that was ended goes on where its last checkpoint was written.
/// let folder = Path::new("runs/fixmatch_leaf");
/// let recipe = Recipe::of_run(folder)?;
/// let faces = recipe.prepare(|_| {})?;
/// let stop = Stop::default(); // for another thread, or a signal
/// let run = Run::new(&recipe, &faces, &Device::Cpu, folder).with_stop(stop).resuming();
/// let outcome = run.train(&mut [])?;
/// # Ok(())
/// # }
/// ```
pub struct Run<'a> {
    recipe: &'a Recipe,
    faces: &'a Prepared,
    device: &'a Device,
    folder: &'a Path,
    algorithm: Option<Box<dyn Algorithm>>,
    stop: Stop,
    resumes: bool,
}

impl std::fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("recipe", self.recipe)
            .field("folder", &self.folder)
            .field("resumes", &self.resumes)
            .finish_non_exhaustive()
    }
}

impl<'a> Run<'a> {
    /// A run that starts at step 0, whatever is in the folder.
    pub fn new(
        recipe: &'a Recipe,
        faces: &'a Prepared,
        device: &'a Device,
        folder: &'a Path,
    ) -> Self {
        Self {
            recipe,
            faces,
            device,
            folder,
            algorithm: None,
            stop: Stop::default(),
            resumes: false,
        }
    }

    /// With a training rule of one's own in place of the recipe's; the head is the one that the recipe's
    /// trainer says ([`super::TrainerChoice::leaf`]).
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: Box<dyn Algorithm>) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Ends after the step in which it is asked for, with a checkpoint
    /// ([`leaf_train::Error::Stopped`]).
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Goes on from the folder's newest checkpoint, and from step 0 if there is none.
    #[must_use]
    pub fn resuming(mut self) -> Self {
        self.resumes = true;
        self
    }

    /// Trains to the last step. Into the folder, which is made if it is not there, go `recipe.toml` and
    /// `split.json` before the first step, then `metrics.jsonl`, `checkpoints/` to go on from,
    /// `last.safetensors`, and `best.safetensors` if faces are held out to choose it on. A run that does not
    /// resume removes the weights and checkpoints of an earlier one.
    ///
    /// The same recipe gives the same weights: everything random follows from its seeds. A run that was
    /// ended at any instant and resumed gives the same weights, averages and metrics as one that was not.
    ///
    /// # Errors
    /// When the recipe breaks a rule, the starting weights do not fit, a file cannot be written, or
    /// the loss stops being a number; [`leaf_train::Error::Stopped`] after a stop. When it resumes,
    /// [`Error::Finished`] if nothing is left to do, and everything in which the checkpoint differs from
    /// this run ([`leaf_train::Error::OtherRun`]).
    pub fn train(mut self, observers: &mut [&mut dyn Observer]) -> Result<Outcome> {
        let task = self.faces.task().with_seed(self.recipe.seed);
        let algorithm = match self.algorithm.take() {
            Some(algorithm) => algorithm,
            None => self.recipe.algorithm(&task)?,
        };
        self.recipe.check_with(&*algorithm)?;
        if self.resumes && self.recipe.is_finished(self.folder)? {
            return Err(Error::Finished {
                folder: self.folder.display().to_string(),
                steps: self.recipe.train.steps,
            });
        }
        let mut trainer = self.trainer(algorithm)?;
        let batches = self.loader(&trainer)?;
        trainer = trainer
            .with_labeled(batches.labeled_pass())
            .with_epochs_of(batches.steps_per_epoch())
            .with_faces(names(self.faces.training().clone(), batches.roster()));
        let resumed = match self.resumes {
            true => trainer.resume()?,
            false => None,
        };
        let mut files = match &resumed {
            Some(resumed) => self.go_on(resumed, observers)?,
            None => {
                trainer.forget_snapshots()?;
                self.write_beside()?
            }
        };
        let sets = self.evaluation_sets();
        let mut times = StepTimes::default();
        let mut all = Vec::from(files.observers());
        all.push(&mut times);
        for observer in observers {
            all.push(&mut **observer);
        }
        let batches = batches.start_at(trainer.done() as u64);
        let summary = trainer.run(batches, &sets, &mut all)?;
        Ok(Outcome::of(summary, self.folder, times))
    }

    fn loader(&self, trainer: &Trainer<Classifier, Box<dyn Algorithm>>) -> Result<Loader> {
        let views = trainer.algorithm().views();
        let random = Random::new(self.recipe.seed).split("batches");
        let (training, split) = (self.faces.training().clone(), self.faces.split());
        let config = &self.recipe.data.loader;
        Ok(Loader::new(
            training,
            split,
            views,
            config,
            &random,
            self.device,
        )?)
    }

    fn trainer(
        &self,
        algorithm: Box<dyn Algorithm>,
    ) -> Result<Trainer<Classifier, Box<dyn Algorithm>>> {
        let recipe = self.recipe;
        let spec = ClassifierSpec {
            heads: algorithm.heads(),
            ..recipe.classifier(self.faces)
        };
        let card = recipe.card(self.faces, &spec);
        let run = identity(recipe, algorithm.name(), self.faces, &card, self.device)?;
        let noise = noise(recipe.seed);
        let student = spec.build(recipe.seed, &noise, self.device)?;
        let checkpoints = self.folder.join(CHECKPOINTS);
        // What a run starts from may be gone when it goes on.
        let goes_on = self.resumes && leaf_train::last_snapshot(&checkpoints).is_some();
        if !goes_on {
            recipe.start(&student, &card)?;
        }
        let optimizer = recipe.optimizer.build(&student.parameters.trainable())?;
        let mut trainer = Trainer::new(recipe.train.clone(), student, algorithm, optimizer)?
            .with_schedule(recipe.schedule)?
            .with_stop(self.stop.clone());
        if recipe.init.is_some() {
            trainer = trainer.saving_the_start();
        }
        if recipe.train.ema_decay.is_some() {
            trainer = trainer.with_average(spec.build(recipe.seed, &noise, self.device)?)?;
        }
        Ok(trainer
            .with_checkpoints(self.folder, card)?
            .with_snapshots(&checkpoints, run, &noise)?)
    }

    /// What must be known to read the run: written before the first step. Weights of an earlier run
    /// in the same folder would not be this recipe's.
    fn write_beside(&self) -> Result<RunFiles> {
        for name in ["last.safetensors", "best.safetensors"] {
            let old = self.folder.join(name);
            if old.exists() && !self.recipe.starts_from(&old) {
                std::fs::remove_file(&old).map_err(|source| Error::File {
                    path: old.display().to_string(),
                    source,
                })?;
            }
        }
        self.recipe.write(&self.folder.join(super::RECIPE))?;
        self.faces.split().write(&self.folder.join(SPLIT))?;
        RunFiles::create(self.folder)
    }

    /// Cuts off the metrics of steps that will be done again, and says which checkpoints are damaged.
    fn go_on(&self, resumed: &Resumed, observers: &mut [&mut dyn Observer]) -> Result<RunFiles> {
        check_split(self.faces.split(), &self.folder.join(SPLIT))?;
        for what in &resumed.damaged {
            let warning = Warning::Damaged {
                step: resumed.step,
                what: what.clone(),
            };
            observers
                .iter_mut()
                .try_for_each(|observer| observer.on_warning(&warning))?;
        }
        RunFiles::go_on(self.folder, resumed)
    }

    fn evaluation_sets(&self) -> Vec<EvaluationSet<'a>> {
        let (faces, device) = (self.faces, self.device);
        let tests = faces.tests().iter();
        let mut sets: Vec<EvaluationSet> = tests
            .map(|(name, faces)| evaluation_set(name, faces, device))
            .collect();
        if let Some(validation) = faces.validation() {
            sets.push(evaluation_set("validation", validation, device).for_selection());
        }
        sets
    }
}

/// The names of a step's faces.
fn names(training: std::sync::Arc<Faces>, roster: Roster) -> impl Fn(usize) -> BatchFaces {
    move |step| {
        let names = |places: Vec<usize>| {
            let entries = training.entries();
            let names = places.into_iter().map(|place| entries[place].name.clone());
            names.collect()
        };
        BatchFaces {
            labeled: names(roster.labeled(step as u64)),
            unlabeled: names(roster.unlabeled(step as u64)),
        }
    }
}

fn evaluation_set<'a>(name: &str, faces: &'a Faces, device: &'a Device) -> EvaluationSet<'a> {
    EvaluationSet::from_fn(name, move || {
        let chunks = faces.labeled_chunks(EVALUATION_CHUNK, device);
        Box::new(chunks.map(|chunk| chunk.map_err(Into::into)))
    })
}
