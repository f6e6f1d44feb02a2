//! A whole run.

use std::time::Instant;

use leaf_ssl::{Algorithm, Batch, CONFIDENCE, Network, UTILIZATION};

use super::Trainer;
use crate::metrics::PseudoLabelTally;
use crate::observe::Pace;
use crate::{
    Answers, Best, BoxError, Error, EvaluationReport, EvaluationSet, Observer, PseudoLabelQuality,
    Result, RunStart, RunSummary, SetMetrics, StepReport, Warning, evaluate_watched,
};

impl<N: Network, A: Algorithm> Trainer<N, A> {
    /// Trains to the last step, from wherever the trainer stands, taking one batch a step.
    ///
    /// After every [`crate::TrainConfig::eval_every`] steps and after the last one all sets are
    /// evaluated and checkpoints written. The best step is chosen on the set that is marked with
    /// [`EvaluationSet::for_selection`]; without one there is no best step and no file for it.
    ///
    /// # Errors
    /// Those of [`Trainer::step`], [`crate::evaluate`], the checkpoints and the observers;
    /// [`Error::Batch`] if the source of the batches fails, [`Error::BatchesEnded`] if it ends too
    /// early, [`Error::SeveralSelectionSets`], [`Error::Stopped`] if a [`crate::Stop`] asked for it, and [`Error::Conflict`] if the settings want an
    /// average and [`Trainer::with_average`] was not called.
    pub fn run<I, E>(
        &mut self,
        batches: I,
        sets: &[EvaluationSet],
        observers: &mut [&mut dyn Observer],
    ) -> Result<RunSummary>
    where
        I: IntoIterator<Item = Result<Batch, E>>,
        E: Into<BoxError>,
    {
        let started = Instant::now();
        self.check_run(sets)?;
        let start = self.start();
        observers.iter_mut().try_for_each(|o| o.on_start(&start))?;
        if self.saves_the_start && self.done == 0 {
            self.save(observers, 0.)?;
        }
        let mut batches = batches.into_iter();
        let mut last = None;
        let mut pace = Pace::default();
        while self.done < self.config.steps {
            let asked = Instant::now();
            let batch = self.next_batch(&mut batches)?;
            let wait_seconds = asked.elapsed().as_secs_f64();
            let mut report = StepReport {
                wait_seconds,
                images: batch.images(),
                ..self.step(&batch)?
            };
            pace.count(&mut report);
            let evaluation = self.evaluate_if_due(sets, observers)?;
            let warnings = self.warnings(&report);
            for observer in observers.iter_mut() {
                observer.on_step(&report)?;
                for warning in &warnings {
                    observer.on_warning(warning)?;
                }
                if let Some(evaluation) = &evaluation {
                    observer.on_evaluation(evaluation)?;
                }
            }
            last = evaluation.or(last);
            self.save_if_due(observers, started.elapsed().as_secs_f64())?;
        }
        let summary = self.summary(last, started);
        observers.iter_mut().try_for_each(|o| o.on_end(&summary))?;
        Ok(summary)
    }

    fn check_run(&self, sets: &[EvaluationSet]) -> Result<()> {
        let marked = sets.iter().filter(|set| set.is_for_selection());
        let marked: Vec<String> = marked.map(|set| set.name().to_owned()).collect();
        if marked.len() > 1 {
            return Err(Error::SeveralSelectionSets { sets: marked });
        }
        if self.config.ema_decay.is_some() && self.average.is_none() {
            return Err(Error::Conflict {
                given: "ema_decay without an average network",
                expected: "a call of with_average, or ema_decay = None",
            });
        }
        let views = self.algorithm.views();
        if views.average && self.average.is_none() {
            return Err(Error::Conflict {
                given: "an algorithm that reads the running average of the weights, and none is kept",
                expected: "a decay in ema_decay and a call of with_average",
            });
        }
        if views.labeled_pass && self.labeled.is_none() {
            return Err(Error::Conflict {
                given: "an algorithm that looks at all labelled faces, and they are not at hand",
                expected: "a call of with_labeled",
            });
        }
        Ok(())
    }

    fn start(&self) -> RunStart {
        let parameters = self.optimizer.parameters().iter();
        RunStart {
            algorithm: self.algorithm.name().to_owned(),
            optimizer: self.optimizer.name(),
            parameters: parameters.map(|(_, var)| var.elem_count()).sum(),
            done: self.done,
            total: self.config.steps,
        }
    }

    fn next_batch<E: Into<BoxError>>(
        &self,
        batches: &mut impl Iterator<Item = Result<Batch, E>>,
    ) -> Result<Batch> {
        match batches.next() {
            Some(Ok(batch)) => Ok(batch),
            Some(Err(error)) => Err(Error::Batch {
                step: self.done + 1,
                source: error.into(),
            }),
            None => Err(Error::BatchesEnded {
                found: self.done,
                expected: self.config.steps,
            }),
        }
    }

    fn evaluate_if_due(
        &mut self,
        sets: &[EvaluationSet],
        observers: &mut [&mut dyn Observer],
    ) -> Result<Option<EvaluationReport>> {
        let last = self.done == self.config.steps;
        if !last && !self.done.is_multiple_of(self.config.eval_every) {
            return Ok(None);
        }
        let mut found = Vec::with_capacity(sets.len());
        let mut watch = |answers: &Answers| {
            let mut observers = observers.iter_mut();
            observers.try_for_each(|observer| observer.on_answers(answers))
        };
        for set in sets {
            found.push(SetMetrics {
                set: set.name().to_owned(),
                for_selection: set.is_for_selection(),
                metrics: evaluate_watched(self.network_for_use(), set, &mut watch)?,
            });
        }
        let is_best = self.take_best(&found);
        self.write_checkpoints(is_best)?;
        Ok(Some(EvaluationReport {
            step: self.done,
            sets: found,
            is_best,
            pseudo_labels: self.take_quality(),
        }))
    }

    /// How good the pseudo-labels were since the last evaluation.
    fn take_quality(&mut self) -> Option<PseudoLabelQuality> {
        let classes = self.student.network.num_classes();
        let tally = std::mem::replace(&mut self.pseudo_labels, PseudoLabelTally::new(classes));
        tally.quality()
    }

    /// Whether the set for selection says that these weights are the best so far.
    fn take_best(&mut self, found: &[SetMetrics]) -> bool {
        let Some(chosen) = found.iter().find(|set| set.for_selection) else {
            return false;
        };
        let value = self.config.select_by.of(&chosen.metrics);
        if self.best.as_ref().is_some_and(|best| value <= best.value) {
            return false;
        }
        self.best = Some(Best {
            step: self.done,
            set: chosen.set.clone(),
            value,
        });
        true
    }

    fn write_checkpoints(&mut self, is_best: bool) -> Result<()> {
        let Some(mut checkpoints) = self.checkpoints.take() else {
            return Ok(());
        };
        let written = checkpoints.write(self.done, &self.parts(), is_best);
        self.checkpoints = Some(checkpoints);
        written
    }

    fn warnings(&mut self, report: &StepReport) -> Vec<Warning> {
        let skipped = report.non_finite.clone();
        let skipped = skipped.map(|found| Warning::Skipped(Box::new(found)));
        skipped.into_iter().chain(self.watch(report)).collect()
    }

    fn watch(&mut self, report: &StepReport) -> Option<Warning> {
        if !self.algorithm.views().any() {
            return None;
        }
        let utilization = report.diagnostic(UTILIZATION)?;
        let run_out = self.watch.runs_out(utilization);
        run_out.then(|| Warning::NothingSelected {
            step: report.step,
            steps: self.watch.patience(),
            confidence: report.diagnostic(CONFIDENCE),
            classifier_norm: self.classifier_norm,
        })
    }

    fn summary(&self, last: Option<EvaluationReport>, started: Instant) -> RunSummary {
        let checkpoints = self.checkpoints.as_ref();
        let (last, pseudo_labels) = last.map_or((Vec::new(), None), |report| {
            (report.sets, report.pseudo_labels)
        });
        RunSummary {
            steps: self.done,
            last,
            pseudo_labels,
            best: self.best.clone(),
            last_checkpoint: checkpoints.and_then(|checkpoints| checkpoints.last()),
            best_checkpoint: checkpoints.and_then(|checkpoints| checkpoints.best()),
            skipped: self.skipped,
            seconds: self.seconds_before + started.elapsed().as_secs_f64(),
        }
    }
}
