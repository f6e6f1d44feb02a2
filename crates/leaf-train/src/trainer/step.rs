//! One training step.

use std::time::Instant;

use leaf_ssl::{Algorithm, Batch, Losses, Network, PSEUDO_ACCURACY, Unlabeled};

use super::readings::Readings;
use super::{Trainer, context};
use crate::resident_memory::resident_memory;
use crate::{Error, Gradients, Result, StepReport};

impl<N: Network, A: Algorithm> Trainer<N, A> {
    /// Trains on one batch: loss, backward, clipping, optimizer, weight average. Evaluation and
    /// checkpoints are [`Trainer::run`]'s.
    ///
    /// # Errors
    /// [`Error::NonFiniteLoss`] and [`Error::NonFiniteGradient`], both before any weight changes,
    /// and those of the algorithm and the optimizer.
    pub fn step(&mut self, batch: &Batch) -> Result<StepReport> {
        let started = Instant::now();
        let step = self.now();
        let learning_rate = self.config.learning_rate * self.schedule.factor(step);
        let labeled = self.labeled.as_deref();
        let context = context(&self.student, self.average.as_ref(), labeled);
        let losses = self.algorithm.loss(&context, &without_truth(batch), step)?;
        let mut readings = Readings::of(&losses)?;
        self.measure(&losses, batch, &mut readings)?;
        if !readings.loss.is_finite() {
            return Err(Error::NonFiniteLoss {
                step: step.index + 1,
                loss: readings.loss,
                terms: readings.terms_text(),
            });
        }
        let mut gradients = Gradients::of(&losses.total, self.optimizer.parameters())?;
        let gradient_norm = match self.config.clip {
            Some(largest) => gradients.clip(largest)?,
            None => gradients.norm()?,
        };
        if !gradient_norm.is_finite() {
            return Err(Error::NonFiniteGradient {
                step: step.index + 1,
                norm: gradient_norm,
                terms: readings.terms_text(),
            });
        }
        // The graph shares storage with the weights, which are about to change in place.
        drop(losses);
        match &self.average {
            Some(average) => {
                let tracker = &average.tracker;
                self.optimizer
                    .step_with_average(&gradients, learning_rate, tracker)?;
            }
            None => self.optimizer.step(&gradients, learning_rate)?,
        }
        self.done += 1;
        self.report(readings, learning_rate, gradient_norm, started)
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

    fn report(
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
