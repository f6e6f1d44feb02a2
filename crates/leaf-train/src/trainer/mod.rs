//! Runs an algorithm on a network.

mod config;
mod readings;
mod run;
mod skip;
mod snapshots;
mod state;
mod step;

#[cfg(test)]
mod tests;

use std::path::Path;

use leaf_core::Parameters;
use leaf_ssl::{Algorithm, Context, LabeledFaces, Network, Step};

pub use config::{SelectBy, TrainConfig};
pub use snapshots::Resumed;

use crate::checkpoint::CheckpointFolder;
use crate::metrics::PseudoLabelTally;
use crate::observe::SelectionWatch;
use crate::{
    BatchFaces, Best, CosineSchedule, Error, ModelCard, Optimizer, Part, Result, Schedule, Stop,
    WeightAverage,
};
use snapshots::Snapshots;

/// A network with the store that holds its tensors.
#[derive(Debug)]
pub struct Learner<N> {
    /// The network.
    pub network: N,
    /// Its parameters and buffers.
    pub parameters: Parameters,
}

#[derive(Debug)]
struct Averaged<N> {
    learner: Learner<N>,
    tracker: WeightAverage,
}

/// Runs any [`Algorithm`] on any [`Network`].
///
/// A step is: loss (where the algorithm updates its thresholds), backward, clipping, optimizer,
/// weight average; then, when due, evaluation and checkpoints; then the observers. Thresholds thus
/// change before the weights of the same step, the average sees the weights after it, and
/// evaluation and checkpoints see both.
///
/// What is evaluated is the average network if one is kept, otherwise the trained one. The crate's
/// page has a whole example.
pub struct Trainer<N, A> {
    config: TrainConfig,
    student: Learner<N>,
    average: Option<Averaged<N>>,
    algorithm: A,
    optimizer: Box<dyn Optimizer>,
    schedule: Box<dyn Schedule>,
    labeled: Option<Box<dyn LabeledFaces>>,
    steps_per_epoch: Option<usize>,
    pseudo_labels: PseudoLabelTally,
    checkpoints: Option<CheckpointFolder>,
    watch: SelectionWatch,
    classifier_norm: Option<f64>,
    best: Option<Best>,
    done: usize,
    snapshots: Option<Snapshots>,
    stop: Stop,
    faces: Option<Box<dyn Fn(usize) -> BatchFaces>>,
    saves_the_start: bool,
    skipped: usize,
    skipped_in_a_row: usize,
    seconds_before: f64,
}

impl<N: std::fmt::Debug, A: std::fmt::Debug> std::fmt::Debug for Trainer<N, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trainer")
            .field("config", &self.config)
            .field("student", &self.student)
            .field("algorithm", &self.algorithm)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl<N: Network, A: Algorithm> Trainer<N, A> {
    /// A trainer at step 0 with a [`CosineSchedule`] without warm-up.
    ///
    /// The optimizer holds the variables that are trained: all trainable ones of
    /// `student.parameters`, or some of them.
    ///
    /// # Errors
    /// When a setting is out of its bounds.
    pub fn new(
        config: TrainConfig,
        student: Learner<N>,
        algorithm: A,
        optimizer: Box<dyn Optimizer>,
    ) -> Result<Self> {
        config.check()?;
        Ok(Self {
            watch: SelectionWatch::new(config.warn_after),
            steps_per_epoch: config.steps_per_epoch,
            pseudo_labels: PseudoLabelTally::new(student.network.num_classes()),
            labeled: None,
            config,
            student,
            average: None,
            algorithm,
            optimizer,
            schedule: Box::new(CosineSchedule::default()),
            checkpoints: None,
            classifier_norm: None,
            best: None,
            done: 0,
            snapshots: None,
            stop: Stop::default(),
            faces: None,
            saves_the_start: false,
            skipped: 0,
            skipped_in_a_row: 0,
            seconds_before: 0.,
        })
    }

    /// Keeps a running average of the weights in a second network of the same form, with
    /// [`TrainConfig::ema_decay`]. Its tensors become the student's.
    ///
    /// # Errors
    /// Those of [`WeightAverage::new`], and [`Error::Conflict`] without a decay.
    pub fn with_average(mut self, average: Learner<N>) -> Result<Self> {
        let Some(decay) = self.config.ema_decay else {
            return Err(Error::Conflict {
                given: "an average network with ema_decay = None",
                expected: "a decay or no average network",
            });
        };
        let tracker = WeightAverage::new(decay, &self.student.parameters, &average.parameters)?;
        tracker.copy()?;
        self.average = Some(Averaged {
            learner: average,
            tracker,
        });
        Ok(self)
    }

    /// With all labelled faces, for algorithms that look at them once an epoch
    /// ([`leaf_ssl::Views::labeled_pass`]).
    #[must_use]
    pub fn with_labeled(mut self, labeled: impl LabeledFaces + 'static) -> Self {
        self.labeled = Some(Box::new(labeled));
        self
    }

    /// With epochs of that many steps, if [`TrainConfig::steps_per_epoch`] does not say otherwise.
    /// Without both the whole run is one epoch.
    #[must_use]
    pub fn with_epochs_of(mut self, steps: usize) -> Self {
        self.steps_per_epoch = self.steps_per_epoch.or(Some(steps));
        self
    }

    /// Changes the learning rate's course.
    ///
    /// # Errors
    /// When the schedule does not suit the number of steps.
    pub fn with_schedule(mut self, schedule: impl Schedule + 'static) -> Result<Self> {
        schedule.check(self.config.steps)?;
        self.schedule = Box::new(schedule);
        Ok(self)
    }

    /// Writes `last.safetensors` at every evaluation and `best.safetensors` at every new best one
    /// into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// If the card makes no sense or has another number of classes than the network, or the folder
    /// cannot be made.
    pub fn with_checkpoints(mut self, folder: &Path, card: ModelCard) -> Result<Self> {
        let (named, known) = (card.classes.len(), self.student.network.num_classes());
        if named != known {
            return Err(Error::Card {
                field: "classes",
                found: format!("{named} names for a network of {known} classes"),
                expected: "a name for each class",
            });
        }
        self.checkpoints = Some(CheckpointFolder::new(folder, card)?);
        Ok(self)
    }

    /// How many steps were done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// The settings.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// The network that is trained.
    pub fn student(&self) -> &Learner<N> {
        &self.student
    }

    /// The network that holds the running average, if one is kept.
    pub fn average(&self) -> Option<&Learner<N>> {
        self.average.as_ref().map(|average| &average.learner)
    }

    /// The network to evaluate and to use.
    pub fn network_for_use(&self) -> &N {
        &self.average().unwrap_or(&self.student).network
    }

    /// The algorithm.
    pub fn algorithm(&self) -> &A {
        &self.algorithm
    }

    /// The optimizer.
    pub fn optimizer(&self) -> &dyn Optimizer {
        self.optimizer.as_ref()
    }

    /// Where the run stands.
    fn now(&self) -> Step {
        let step = Step::new(self.done, self.config.steps);
        self.steps_per_epoch
            .map_or(step, |steps| step.with_epochs_of(steps))
    }

    fn parts(&self) -> Vec<(Part, &Parameters)> {
        let mut parts = vec![(Part::Student, &self.student.parameters)];
        if let Some(average) = self.average() {
            parts.push((Part::Average, &average.parameters));
        }
        parts
    }
}

fn context<'a, N: Network>(
    student: &'a Learner<N>,
    average: Option<&'a Averaged<N>>,
    labeled: Option<&'a dyn LabeledFaces>,
) -> Context<'a> {
    let mut context = Context::new(&student.network);
    if let Some(average) = average {
        context = context.with_average(&average.learner.network);
    }
    match labeled {
        Some(labeled) => context.with_labeled(labeled),
        None => context,
    }
}
