//! A run's evaluations for spreadsheets.

use std::io::Write;
use std::path::Path;

use super::file::create;
use super::{EvaluationReport, Observer, SetMetrics};
use crate::{Error, Metrics, Result};

/// What is written of each set, before the recalls.
const RATES: [(&str, fn(&Metrics) -> f64); 8] = [
    ("loss", |metrics| metrics.loss),
    ("accuracy", |metrics| metrics.accuracy),
    ("balanced_accuracy", |metrics| metrics.balanced_accuracy),
    ("macro_precision", |metrics| metrics.macro_precision),
    ("macro_recall", |metrics| metrics.macro_recall),
    ("macro_f1", |metrics| metrics.macro_f1),
    ("top2", |metrics| metrics.top2),
    ("calibration_error", |metrics| metrics.calibration_error),
];

/// Writes a run's evaluations as comma-separated values, a row for each set, flushed as soon as it is known.
///
/// The columns are `step`, `set`, `best` (whether these weights are the best so far), `faces`, the rates
/// under their names in [`Metrics`], and `recall_0`, `recall_1` and so on, empty for a class without faces.
/// The header comes with the first evaluation, which tells the number of classes.
pub struct CsvTable {
    writer: csv::Writer<Box<dyn Write>>,
    headed: bool,
}

impl std::fmt::Debug for CsvTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsvTable")
            .field("headed", &self.headed)
            .finish_non_exhaustive()
    }
}

impl CsvTable {
    /// To any writer.
    pub fn new(writer: impl Write + 'static) -> Self {
        Self {
            writer: csv::Writer::from_writer(Box::new(writer)),
            headed: false,
        }
    }

    /// To a new file, in place of one that may be there.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self::new(create(path)?))
    }

    fn write(&mut self, report: &EvaluationReport) -> std::io::Result<()> {
        for set in &report.sets {
            if !self.headed {
                self.writer.write_record(header(&set.metrics))?;
                self.headed = true;
            }
            self.writer.write_record(row(report, set))?;
        }
        self.writer.flush()
    }
}

impl Observer for CsvTable {
    fn on_evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        self.write(report).map_err(|source| Error::Output {
            what: "table of evaluations",
            source,
        })
    }
}

fn header(metrics: &Metrics) -> Vec<String> {
    let mut names: Vec<String> = ["step", "set", "best", "faces"].map(str::to_owned).into();
    names.extend(RATES.map(|(name, _)| name.to_owned()));
    names.extend((0..metrics.recalls.len()).map(|class| format!("recall_{class}")));
    names
}

fn row(report: &EvaluationReport, set: &SetMetrics) -> Vec<String> {
    let metrics = &set.metrics;
    let mut cells = vec![
        report.step.to_string(),
        set.set.clone(),
        report.is_best.to_string(),
        metrics.faces.to_string(),
    ];
    cells.extend(RATES.map(|(_, of)| of(metrics).to_string()));
    let recalls = metrics.recalls.iter();
    cells
        .extend(recalls.map(|recall| recall.map_or_else(String::new, |recall| recall.to_string())));
    cells
}
