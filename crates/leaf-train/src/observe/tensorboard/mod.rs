//! A run's figures for TensorBoard.

mod event;
mod files;
mod message;
mod record;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use leaf_ssl::THRESHOLDS;

use super::{EvaluationReport, Observer, StepReport};
use crate::{Error, PseudoLabelQuality, Result};
use event::Summary;

/// Writes a run's figures as event files, which `tensorboard --logdir FOLDER` shows.
///
/// They are those of [`super::JsonLines`], rounded to f32: of steps to show under `train/`, `terms/`,
/// `experts/`, `thresholds/` (with a histogram of all classes' thresholds) and `speed/`, of evaluations
/// under the set's name and `pseudo_labels/`. The page `docs/metrics.md` lists all tags.
#[derive(Debug)]
pub struct TensorBoard {
    file: File,
}

impl TensorBoard {
    /// Into a folder that is there; event files of an earlier run of this library in it are removed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(folder: &Path) -> Result<Self> {
        Self::begin(files::first(folder)?)
    }

    /// Goes on in a folder after that many steps, in a new file: what earlier files say of later steps is
    /// declared void.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn continue_after(folder: &Path, step: usize) -> Result<Self> {
        let mut board = Self::begin(files::next(folder)?)?;
        board.write(&event::start(now(), step + 1))?;
        Ok(board)
    }

    fn begin(file: File) -> Result<Self> {
        let mut board = Self { file };
        board.write(&event::file_version(now()))?;
        Ok(board)
    }

    /// A record in one piece, so that a reader sees whole ones.
    fn write(&mut self, record: &[u8]) -> Result<()> {
        self.file.write_all(record).map_err(|source| Error::Output {
            what: "event file",
            source,
        })
    }
}

impl Observer for TensorBoard {
    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        if !report.logged {
            return Ok(());
        }
        self.write(&event::summary(now(), report.step, step(report)))
    }

    fn on_evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        self.write(&event::summary(now(), report.step, evaluation(report)))
    }
}

/// Seconds since 1970; 0 if the clock is set before.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0., |since| since.as_secs_f64())
}

fn step(report: &StepReport) -> Summary {
    let mut summary = Summary::default();
    let mut add = |tag: &str, value: Option<f64>| {
        if let Some(value) = value {
            summary.scalar(tag, value);
        }
    };
    add("train/loss", Some(report.loss));
    add("train/learning_rate", Some(report.learning_rate));
    add("train/gradient_norm", Some(report.gradient_norm));
    add("train/classifier_norm", report.classifier_norm);
    add("speed/seconds", Some(report.seconds));
    add("speed/wait_seconds", Some(report.wait_seconds));
    let throughput = report.throughput;
    add(
        "speed/images_per_second",
        throughput.map(|t| t.images_per_second),
    );
    add("speed/wait_share", throughput.map(|t| t.wait_share));
    add(
        "speed/resident_memory",
        report.resident_memory.map(|bytes| bytes as f64),
    );
    for (name, value) in &report.terms {
        add(&tag("terms", name), Some(*value));
    }
    for (name, values) in &report.diagnostics {
        diagnostic(&mut summary, name, values);
    }
    summary
}

/// One number under `train/`; several under a heading of their own, numbered from 0.
fn diagnostic(summary: &mut Summary, name: &str, values: &[f64]) {
    if name == THRESHOLDS {
        summary.histogram("thresholds/all", values);
    } else if let [value] = values {
        return summary.scalar(&tag("train", name), *value);
    }
    for (i, value) in values.iter().enumerate() {
        summary.scalar(&format!("{}/{i}", underscored(name)), *value);
    }
}

fn evaluation(report: &EvaluationReport) -> Summary {
    let mut summary = Summary::default();
    for set in &report.sets {
        let heading = underscored(&set.set);
        for (name, rate) in set.metrics.rates() {
            summary.scalar(&format!("{heading}/{name}"), rate);
        }
        for (class, recall) in set.metrics.recalls.iter().enumerate() {
            if let Some(recall) = recall {
                summary.scalar(&format!("{heading}/recall_{class}"), *recall);
            }
        }
    }
    if let Some(quality) = &report.pseudo_labels {
        pseudo_labels(&mut summary, quality);
    }
    summary
}

fn pseudo_labels(summary: &mut Summary, quality: &PseudoLabelQuality) {
    let mut add = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            summary.scalar(&tag("pseudo_labels", name), value);
        }
    };
    add("utilization", Some(quality.utilization));
    add("accuracy", quality.accuracy);
    for (class, of_class) in quality.classes.iter().enumerate() {
        add(&format!("accuracy_{class}"), of_class.accuracy);
        add(&format!("coverage_{class}"), of_class.coverage);
    }
}

fn tag(heading: &str, name: &str) -> String {
    format!("{heading}/{}", underscored(name))
}

/// `expert usage, semantic` as `expert_usage_semantic`.
fn underscored(name: &str) -> String {
    let words = name.split(|c: char| c == ',' || c.is_whitespace());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("_")
}
