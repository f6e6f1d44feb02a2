//! A run's figures for programs.

use std::io::Write;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::sink::Sink;
use super::{EvaluationReport, Observer, RunStart, RunSummary, SetMetrics, StepReport, Warning};
use crate::Result;

/// Writes a run's figures as one JSON object a line, each handed to the system as soon as it is known.
///
/// The field `event` says what a line is: `start`, `step` (those to show), `warning`, `evaluation`
/// or `end`. A number that JSON cannot hold becomes `null`.
#[derive(Debug)]
pub struct JsonLines {
    sink: Sink,
    /// Whether the first line is there already.
    started: bool,
}

impl JsonLines {
    /// To any writer.
    pub fn new(writer: impl Write + 'static) -> Self {
        Self {
            sink: Sink::any(writer),
            started: false,
        }
    }

    /// To a new file, in place of one that may be there.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self {
            sink: Sink::create(path)?,
            started: false,
        })
    }

    /// Goes on in a file behind its first `bytes`, which a checkpoint counts on: what follows them is cut
    /// off, since it will be written again.
    ///
    /// # Errors
    /// [`crate::Error::Shortened`] if the file has fewer bytes, and [`crate::Error::Io`].
    pub fn go_on(path: &Path, bytes: u64) -> Result<Self> {
        Ok(Self {
            sink: Sink::go_on(path, bytes)?,
            started: true,
        })
    }

    fn write(&mut self, line: &Value) -> Result<()> {
        self.sink.append("metrics", format!("{line}\n").as_bytes())
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
        let throughput = report.throughput.as_ref();
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
            "wait_seconds": report.wait_seconds,
            "images": report.images,
            "images_per_second": throughput.map(|throughput| throughput.images_per_second),
            "wait_share": throughput.map(|throughput| throughput.wait_share),
            "resident_memory": report.resident_memory,
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
        self.sink.written()
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
