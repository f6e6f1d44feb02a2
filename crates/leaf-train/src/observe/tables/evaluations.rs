//! A row for each set of each evaluation.

use std::io::Write;
use std::path::Path;

use super::table::{Table, cell};
use crate::{EvaluationReport, Metrics, Observer, Result, SetMetrics};

/// Writes a run's evaluations as comma-separated values, a row for each set, flushed as soon as it is known.
///
/// The columns are `step`, `set`, `best` (whether these weights are the best so far), `faces`, the rates
/// of [`Metrics::rates`], and `recall_0`, `recall_1` and so on, empty for a class without faces.
/// The header comes with the first evaluation, which tells the number of classes.
#[derive(Debug)]
pub struct EvaluationTable(Table);

impl EvaluationTable {
    /// To any writer.
    pub fn new(writer: impl Write + 'static) -> Self {
        Self(Table::new(writer))
    }

    /// To a new file, in place of one that may be there.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self(Table::create(path)?))
    }

    /// Goes on in a file behind its first `bytes`, which a checkpoint counts on: what follows them is cut
    /// off, since it will be written again.
    ///
    /// # Errors
    /// [`crate::Error::Shortened`] if the file has fewer bytes, and [`crate::Error::Io`].
    pub fn go_on(path: &Path, bytes: u64) -> Result<Self> {
        Ok(Self(Table::go_on(path, bytes)?))
    }
}

impl Observer for EvaluationTable {
    fn on_evaluation(&mut self, report: &EvaluationReport) -> Result<()> {
        let Some(first) = report.sets.first() else {
            return Ok(());
        };
        let rows = report.sets.iter().map(|set| row(report, set));
        self.0.write(&header(&first.metrics), rows)
    }

    fn written(&mut self) -> Result<Option<(String, u64)>> {
        self.0.written()
    }
}

fn header(metrics: &Metrics) -> Vec<String> {
    let mut names: Vec<String> = ["step", "set", "best", "faces"].map(str::to_owned).into();
    names.extend(metrics.rates().into_iter().map(|(name, _)| name));
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
    let rates = metrics.rates().into_iter();
    cells.extend(rates.map(|(_, rate)| rate.to_string()));
    let recalls = metrics.recalls.iter();
    cells.extend(recalls.map(|recall| cell(*recall)));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tally;

    fn report(step: usize) -> Result<EvaluationReport> {
        let metrics = Tally::new(2)?.metrics();
        let sets = ["test", "of two\nlines"].map(|set| SetMetrics {
            set: set.to_owned(),
            for_selection: false,
            metrics: metrics.clone(),
        });
        Ok(EvaluationReport {
            step,
            sets: sets.into(),
            is_best: false,
            pseudo_labels: None,
        })
    }

    #[test]
    fn a_table_that_goes_on_is_that_of_one_run() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evaluations.csv");
        let read = || std::fs::read(&path).expect("read");
        let mut lengths = Vec::new();
        let mut table = EvaluationTable::create(&path)?;
        for step in [10, 20, 30] {
            lengths.push(table.written()?.expect("a file").1);
            table.on_evaluation(&report(step)?)?;
        }
        let whole = read();
        for (left, length) in [30, 20, 10].into_iter().zip(lengths.into_iter().rev()) {
            let mut table = EvaluationTable::go_on(&path, length)?;
            for step in (left..=30).step_by(10) {
                table.on_evaluation(&report(step)?)?;
            }
            assert_eq!(read(), whole, "from the evaluation after {left} steps on");
        }
        let error = EvaluationTable::go_on(&path, whole.len() as u64 + 1).unwrap_err();
        assert!(error.to_string().contains("evaluations.csv"));
        Ok(())
    }
}
