//! One training step.

use std::time::Instant;

use leaf_ssl::{Algorithm, Batch, Network, Step};

use super::readings::Readings;
use super::{Trainer, networks};
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
        let step = Step {
            index: self.done,
            total: self.config.steps,
        };
        let learning_rate = self.config.learning_rate * self.schedule.factor(step);
        let networks = networks(&self.student, self.average.as_ref());
        let losses = self.algorithm.loss(&networks, batch, step)?;
        let readings = Readings::of(&losses)?;
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
        self.optimizer.step(&gradients, learning_rate)?;
        if let Some(average) = &self.average {
            average.tracker.update()?;
        }
        self.done += 1;
        self.report(readings, learning_rate, gradient_norm, started)
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
        })
    }
}
