//! A run's figures for programs.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::written_file::WrittenFile;
use super::{EvaluationReport, Observer, RunStart, RunSummary, SetMetrics, StepReport, Warning};
use crate::{Error, Result};

/// Writes a run's figures as one JSON object a line, each handed to the system as soon as it is known.
///
/// The field `event` says what a line is: `start`, `step` (those to show), `warning`, `evaluation`
/// or `end`. A number that JSON cannot hold becomes `null`.
pub struct JsonLines {
    writer: Writer,
    /// Whether the first line is there already.
    started: bool,
}

enum Writer {
    Any(Box<dyn Write>),
    File(WrittenFile),
}

impl std::fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JsonLines").finish_non_exhaustive()
    }
}

impl JsonLines {
    /// To any writer.
    pub fn new(writer: impl Write + 'static) -> Self {
        Self {
            writer: Writer::Any(Box::new(writer)),
            started: false,
        }
    }

    /// To a new file, in place of one that may be there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self {
            writer: Writer::File(WrittenFile::create(path)?),
            started: false,
        })
    }

    /// Goes on in a file behind its first `bytes`, which a checkpoint counts on: what follows them is cut
    /// off, since it will be written again.
    ///
    /// # Errors
    /// [`Error::Shortened`] if the file has fewer bytes, and [`Error::Io`].
    pub fn go_on(path: &Path, bytes: u64) -> Result<Self> {
        Ok(Self {
            writer: Writer::File(WrittenFile::go_on(path, bytes)?),
            started: true,
        })
    }

    fn write(&mut self, line: &Value) -> Result<()> {
        let line = format!("{line}\n");
        match &mut self.writer {
            Writer::File(file) => file.append(line.as_bytes()),
            Writer::Any(writer) => {
                let written = writer
                    .write_all(line.as_bytes())
                    .and_then(|()| writer.flush());
                written.map_err(|source| Error::Output {
                    what: "metrics",
                    source,
                })
            }
        }
    }
}

impl Observer for JsonLines {
    fn on_start(&mut self, start: &RunStart) -> Result<()> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        self.write(&json!({
            "event": "start",
            "algorithm": start.algorithm,
            "optimizer": start.optimizer,
            "parameters": start.parameters,
            "done": start.done,
            "total": start.total,
        }))
    }

    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        if !report.logged {
            return Ok(());
        }
        let terms: Map<String, Value> = report
            .terms
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let diagnostics: Map<String, Value> = report
            .diagnostics
            .iter()
            .map(|(name, values)| (name.clone(), number_or_list(values)))
            .collect();
        self.write(&json!({
            "event": "step",
            "step": report.step,
            "learning_rate": report.learning_rate,
            "loss": report.loss,
            "gradient_norm": report.gradient_norm,
            "terms": terms,
            "diagnostics": diagnostics,
            "classifier_norm": report.classifier_norm,
            "skipped": report.skipped,
            "seconds": report.seconds,
        }))
    }

    fn on_warning(&mut self, warning: &Warning) -> Result<()> {
        self.write(&json!({
            "event": "warning",
            "step": warning.step(),
            "text": warning.to_string(),
        }))
    }

    fn on_evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        self.write(&json!({
            "event": "evaluation",
            "step": report.step,
            "best": report.is_best,
            "pseudo_labels": report.pseudo_labels,
            "sets": sets(&report.sets),
        }))
    }

    fn written(&mut self) -> Result<Option<(String, u64)>> {
        match &self.writer {
            Writer::File(file) => file.written().map(Some),
            Writer::Any(_) => Ok(None),
        }
    }

    fn on_end(&mut self, summary: &RunSummary) -> Result<()> {
        let best = summary
            .best
            .as_ref()
            .map(|best| json!({ "step": best.step, "set": best.set, "value": best.value }));
        self.write(&json!({
            "event": "end",
            "steps": summary.steps,
            "best": best,
            "sets": sets(&summary.last),
            "pseudo_labels": summary.pseudo_labels,
            "skipped": summary.skipped,
            "seconds": summary.seconds,
        }))
    }
}

fn number_or_list(values: &[f64]) -> Value {
    match values {
        [value] => json!(value),
        values => json!(values),
    }
}

fn sets(sets: &[SetMetrics]) -> Value {
    let entries = sets.iter().map(|set| (set.set.clone(), json!(set.metrics)));
    Value::Object(entries.collect())
}
