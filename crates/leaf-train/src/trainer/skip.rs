//! Leaving out a step whose loss or gradient is no number.

use std::time::Instant;

use candle_core::{Tensor, Var};
use leaf_ssl::{Algorithm, Network, State};

use super::Trainer;
use super::readings::Readings;
use super::state::copied;
use crate::metrics::PseudoLabelTally;
use crate::{BatchFaces, Error, NonFinite, Result, StepReport, TrainConfig};

/// What a step changes before its loss is known.
#[derive(Debug)]
pub(super) struct Before {
    algorithm: State,
    buffers: Vec<(Var, Tensor)>,
    pseudo_labels: PseudoLabelTally,
}

/// A loss or gradient that is no number, with what was read of the step.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) what: &'static str,
    pub(super) value: f64,
    pub(super) readings: Readings,
    pub(super) gradient_norm: f64,
}

impl<N: Network, A: Algorithm> Trainer<N, A> {
    /// What must be had to leave the next step out, where that is wanted: the noise goes on, since the
    /// steps to come draw from it in any case.
    pub(super) fn before(&self) -> Result<Option<Before>> {
        if !self.config.skip_nonfinite {
            return Ok(None);
        }
        let buffers = self.student.parameters.buffers().into_values();
        let buffers = buffers.map(|var| {
            let value = var.as_detached_tensor().copy()?;
            Ok((var, value))
        });
        Ok(Some(Before {
            algorithm: copied(&self.algorithm.state()?)?,
            buffers: buffers.collect::<Result<_>>()?,
            pseudo_labels: self.pseudo_labels.clone(),
        }))
    }

    /// The step counts as done, and nothing but its number is changed by it; or it ends the run.
    pub(super) fn skip(
        &mut self,
        bad: Bad,
        before: Option<Before>,
        learning_rate: f64,
        started: Instant,
    ) -> Result<StepReport> {
        let found = self.non_finite(&bad);
        let Some(before) = before else {
            return Err(Error::NonFinite(Box::new(found)));
        };
        if self.skipped_in_a_row >= TrainConfig::MOST_SKIPPED {
            return Err(Error::NonFinite(Box::new(found)));
        }
        self.algorithm.load_state(&before.algorithm)?;
        for (var, value) in &before.buffers {
            var.set(value)?;
        }
        self.pseudo_labels = before.pseudo_labels;
        self.done += 1;
        self.skipped += 1;
        self.skipped_in_a_row += 1;
        let report = self.report(bad.readings, learning_rate, bad.gradient_norm, started)?;
        Ok(StepReport {
            non_finite: Some(found),
            ..report
        })
    }

    fn non_finite(&self, bad: &Bad) -> NonFinite {
        let faces = self.faces.as_ref();
        NonFinite {
            step: self.done + 1,
            what: bad.what,
            value: bad.value,
            terms: bad.readings.terms.clone(),
            faces: faces.map_or_else(BatchFaces::default, |faces| faces(self.done)),
            skipped_before: self.skipped_in_a_row,
            checkpoint: self.last_snapshot(),
        }
    }
}
