//! One training step.

use std::time::Instant;

use leaf_ssl::{Algorithm, Batch, Losses, Network, PSEUDO_ACCURACY, Unlabeled};

use super::readings::Readings;
use super::skip::Bad;
use super::{Trainer, context};
use crate::resident_memory::resident_memory;
use crate::{Gradients, Result, StepReport};

impl<N: Network, A: Algorithm> Trainer<N, A> {
    /// Trains on one batch: loss, backward, clipping, optimizer, weight average. Evaluation and
    /// checkpoints are [`Trainer::run`]'s.
    ///
    /// # Errors
    /// [`crate::Error::NonFinite`], before any weight changes, unless
    /// [`crate::TrainConfig::skip_nonfinite`] leaves such a step out; those of the algorithm and the
    /// optimizer.
    pub fn step(&mut self, batch: &Batch) -> Result<StepReport> {
        let started = Instant::now();
        let step = self.now();
        let learning_rate = self.config.learning_rate * self.schedule.factor(step);
        let before = self.before()?;
        let labeled = self.labeled.as_deref();
        let context = context(&self.student, self.average.as_ref(), labeled);
        let losses = self.algorithm.loss(&context, &without_truth(batch), step)?;
        let mut readings = Readings::of(&losses)?;
        if !readings.loss.is_finite() {
            let bad = Bad {
                what: "loss",
                value: readings.loss,
                readings,
                gradient_norm: f64::NAN,
            };
            return self.skip(bad, before, learning_rate, started);
        }
        self.measure(&losses, batch, &mut readings)?;
        let mut gradients = Gradients::of(&losses.total, self.optimizer.parameters())?;
        let gradient_norm = match self.config.clip {
            Some(largest) => gradients.clip(largest)?,
            None => gradients.norm()?,
        };
        // The graph shares storage with the weights, which are about to change in place.
        drop(losses);
        if !gradient_norm.is_finite() {
            let bad = Bad {
                what: "gradient's norm",
                value: gradient_norm,
                readings,
                gradient_norm,
            };
            return self.skip(bad, before, learning_rate, started);
        }
        self.change_weights(&gradients, learning_rate)?;
        self.done += 1;
        self.skipped_in_a_row = 0;
        self.report(readings, learning_rate, gradient_norm, started)
    }

    fn change_weights(&mut self, gradients: &Gradients, learning_rate: f64) -> Result<()> {
        match &self.average {
            Some(average) => {
                let tracker = &average.tracker;
                self.optimizer
                    .step_with_average(gradients, learning_rate, tracker)
            }
            None => self.optimizer.step(gradients, learning_rate),
        }
    }

    /// How good the pseudo-labels are, as far as the true classes are known.
    fn measure(&mut self, losses: &Losses, batch: &Batch, readings: &mut Readings) -> Result<()> {
        let Some(selection) = &losses.selection else {
            return Ok(());
        };
        let truth = &batch.unlabeled.hidden_labels;
        if let Some(accuracy) = self.pseudo_labels.add(selection, truth)? {
            let entry = (PSEUDO_ACCURACY.to_owned(), vec![accuracy]);
            readings.diagnostics.push(entry);
        }
        Ok(())
    }

    pub(super) fn report(
        &mut self,
        readings: Readings,
        learning_rate: f64,
        gradient_norm: f64,
        started: Instant,
    ) -> Result<StepReport> {
        let (step, total) = (self.done, self.config.steps);
        let logged = step == 1 || step == total || step.is_multiple_of(self.config.log_every);
        let classifier_norm = if logged {
            self.student.network.classifier_norm()?
        } else {
            None
        };
        self.classifier_norm = classifier_norm.or(self.classifier_norm);
        Ok(StepReport {
            step,
            total,
            logged,
            learning_rate,
            loss: readings.loss,
            gradient_norm,
            terms: readings.terms,
            diagnostics: readings.diagnostics,
            classifier_norm,
            skipped: self.skipped,
            non_finite: None,
            seconds: started.elapsed().as_secs_f64(),
            wait_seconds: 0.,
            images: 0,
            throughput: None,
            resident_memory: if logged { resident_memory() } else { None },
        })
    }
}

/// The batch as an algorithm may see it. Tensors share their storage: nothing is copied but places.
fn without_truth(batch: &Batch) -> Batch {
    Batch {
        labeled: batch.labeled.clone(),
        unlabeled: Unlabeled {
            hidden_labels: Vec::new(),
            ..batch.unlabeled.clone()
        },
    }
}
