//! Progress for a person.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::line::{duration, figures, pace};
use super::{EvaluationReport, Observer, RunStart, RunSummary, SetMetrics, StepReport, Warning};
use crate::{Error, PseudoLabelQuality, Result};

/// Shows a run to a person: a live line on a terminal, otherwise a plain line for every step to show and
/// once a minute if those are rarer, without control characters.
///
/// Besides loss, accuracy of the last evaluation and learning rate it shows what tells early that
/// something is dead: the share of unlabelled faces that pass the selection (`pass`), the mean
/// confidence, the mean size of the positive sets (`set`), the experts' shares and the norm of the
/// classifier's weight vectors (`|w|`).
pub struct Console {
    output: Output,
    quiet: Duration,
    said: Instant,
    started: Option<(Instant, usize)>,
    accuracy: Option<f64>,
    classifier_norm: Option<f64>,
}

/// After how long without a plain line a step is shown that would not be.
const QUIET: Duration = Duration::from_secs(60);

enum Output {
    Live(ProgressBar),
    Plain(Box<dyn Write>),
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let live = matches!(self.output, Output::Live(_));
        f.debug_struct("Console")
            .field("live", &live)
            .finish_non_exhaustive()
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl Console {
    /// On standard error, live if that is a terminal.
    pub fn new() -> Self {
        if std::io::stderr().is_terminal() {
            return Self::with(Output::Live(ProgressBar::no_length()));
        }
        Self::plain(std::io::stderr())
    }

    /// Plain lines to any writer.
    pub fn plain(writer: impl Write + 'static) -> Self {
        Self::with(Output::Plain(Box::new(writer)))
    }

    /// With a plain line at least after that long, rather than after a minute, even if steps to show are rarer.
    #[must_use]
    pub fn quiet_for_at_most(self, quiet: Duration) -> Self {
        Self { quiet, ..self }
    }

    fn with(output: Output) -> Self {
        Self {
            output,
            quiet: QUIET,
            said: Instant::now(),
            started: None,
            accuracy: None,
            classifier_norm: None,
        }
    }

    /// A line that stays, above the live one if there is one.
    fn say(&mut self, line: &str) -> Result<()> {
        self.said = Instant::now();
        match &mut self.output {
            Output::Live(bar) => bar.println(line),
            Output::Plain(writer) => {
                let written = writeln!(writer, "{line}").and_then(|()| writer.flush());
                written.map_err(|source| Error::Output {
                    what: "progress",
                    source,
                })?;
            }
        }
        Ok(())
    }

    fn pace(&self, report: &StepReport) -> String {
        let Some((since, before)) = self.started else {
            return String::new();
        };
        let done = report.step.saturating_sub(before);
        let remaining = report.total.saturating_sub(report.step);
        pace(done, remaining, since.elapsed().as_secs_f64())
    }
}

impl Observer for Console {
    fn on_start(&mut self, start: &RunStart) -> Result<()> {
        self.started = Some((Instant::now(), start.done));
        if let Output::Live(bar) = &self.output {
            bar.set_length(start.total as u64);
            bar.set_position(start.done as u64);
            // The template is ours; should a release refuse it, the default one serves.
            if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len}\n{wide_msg}") {
                bar.set_style(style);
            }
        }
        self.say(&format!(
            "{} with {}: {} parameters, {} steps",
            start.algorithm, start.optimizer, start.parameters, start.total
        ))
    }

    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        self.classifier_norm = report.classifier_norm.or(self.classifier_norm);
        let plain = matches!(self.output, Output::Plain(_));
        if plain && !report.logged && self.said.elapsed() < self.quiet {
            return Ok(());
        }
        let figures = figures(report, self.accuracy, self.classifier_norm);
        let pace = self.pace(report);
        match &self.output {
            Output::Live(bar) => {
                bar.set_position(report.step as u64);
                bar.set_message(format!("{figures}  {pace}"));
                Ok(())
            }
            Output::Plain(_) => {
                let (step, total) = (report.step, report.total);
                self.say(format!("step {step}/{total}  {figures}  {pace}").trim_end())
            }
        }
    }

    fn on_warning(&mut self, warning: &Warning) -> Result<()> {
        self.say(&format!("warning: {warning}"))
    }

    fn on_evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        let shown = report.sets.iter().find(|set| set.for_selection);
        let shown = shown.or(report.sets.first());
        self.accuracy = shown.map(|set| set.metrics.accuracy).or(self.accuracy);
        let step = report.step;
        for set in &report.sets {
            let best = if report.is_best && set.for_selection {
                "  best so far"
            } else {
                ""
            };
            self.say(&format!("step {step}  {}{best}", rates(set)))?;
        }
        match report.pseudo_labels.as_ref().and_then(pseudo_labels) {
            Some(text) => self.say(&format!("step {step}  {text}")),
            None => Ok(()),
        }
    }

    fn on_end(&mut self, summary: &RunSummary) -> Result<()> {
        if let Output::Live(bar) = &self.output {
            bar.finish_and_clear();
        }
        let (steps, time) = (summary.steps, duration(summary.seconds));
        self.say(&format!("{steps} steps done in {time}"))
    }
}

/// How many pseudo-labels were used since the last evaluation and how many of them are right.
fn pseudo_labels(quality: &PseudoLabelQuality) -> Option<String> {
    let accuracy = quality.accuracy?;
    let used = 100. * quality.utilization;
    Some(format!(
        "pseudo-labels: {used:.0} % used, {:.1} % of them right",
        100. * accuracy
    ))
}

fn rates(set: &SetMetrics) -> String {
    let SetMetrics { set, metrics, .. } = set;
    format!(
        "{set}: accuracy {:.4}  balanced {:.4}  macro F1 {:.4}  loss {:.3}",
        metrics.accuracy, metrics.balanced_accuracy, metrics.macro_f1, metrics.loss
    )
}
