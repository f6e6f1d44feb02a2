//! The trait of those who watch a run.

use super::{EvaluationReport, RunStart, RunSummary, StepReport, Warning};
use crate::{Answers, Result};

/// Watches a run: every method does nothing unless it is written.
///
/// An error from any of them ends the run; wrap one of your own in [`crate::Error::Observer`].
///
/// ```
/// use leaf_train::{Observer, Result, StepReport};
///
/// /// Remembers the losses.
/// #[derive(Debug, Default)]
/// struct Losses(Vec<f64>);
///
/// impl Observer for Losses {
///     fn on_step(&mut self, report: &StepReport) -> Result<()> {
///         self.0.push(report.loss);
///         Ok(())
///     }
/// }
/// ```
pub trait Observer {
    /// Before the first step.
    ///
    /// # Errors
    /// The observer's own.
    fn on_start(&mut self, start: &RunStart) -> Result<()> {
        let _ = start;
        Ok(())
    }

    /// After every step; [`StepReport::logged`] says which ones to show.
    ///
    /// # Errors
    /// The observer's own.
    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        let _ = report;
        Ok(())
    }

    /// When a run looks as if it will lead to nothing, once per occurrence.
    ///
    /// # Errors
    /// The observer's own.
    fn on_warning(&mut self, warning: &Warning) -> Result<()> {
        let _ = warning;
        Ok(())
    }

    /// In an evaluation, for every chunk of every set, before [`Observer::on_step`] of the step that it
    /// follows.
    ///
    /// # Errors
    /// The observer's own.
    fn on_answers(&mut self, answers: &Answers) -> Result<()> {
        let _ = answers;
        Ok(())
    }

    /// After an evaluation, when the checkpoints are written.
    ///
    /// # Errors
    /// The observer's own.
    fn on_evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        let _ = report;
        Ok(())
    }

    /// The name of the observer's file and how many bytes were written to it, all of them on the disk:
    /// asked when a checkpoint is written, so that a run that goes on from there can cut the file off behind
    /// them ([`crate::Resumed::written`]).
    ///
    /// # Errors
    /// The observer's own.
    fn written(&mut self) -> Result<Option<(String, u64)>> {
        Ok(None)
    }

    /// After the last step.
    ///
    /// # Errors
    /// The observer's own.
    fn on_end(&mut self, summary: &RunSummary) -> Result<()> {
        let _ = summary;
        Ok(())
    }
}
