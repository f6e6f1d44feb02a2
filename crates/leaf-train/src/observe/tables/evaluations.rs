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

    /// Goes on with a file after that many steps: rows of later steps, and one that is not whole, are cut off.
    ///
    /// # Errors
    /// [`crate::Error::Io`], also if a row does not begin with a step.
    pub fn continue_after(path: &Path, step: usize) -> Result<Self> {
        Ok(Self(Table::continue_after(path, step)?))
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

    fn write(mut table: EvaluationTable, steps: &[usize]) -> Result<()> {
        for &step in steps {
            table.on_evaluation(&report(step)?)?;
        }
        Ok(())
    }

    #[test]
    fn a_table_that_goes_on_is_that_of_one_run() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evaluations.csv");
        let read = || std::fs::read(&path).expect("read");
        write(EvaluationTable::create(&path)?, &[10, 20, 30])?;
        let whole = read();
        // Wherever the writing of the last evaluations was cut off.
        let rows_of_10 = {
            write(EvaluationTable::create(&path)?, &[10])?;
            read().len()
        };
        for length in [rows_of_10, rows_of_10 + 1, whole.len() - 1, whole.len()] {
            std::fs::write(&path, &whole[..length]).expect("written");
            write(EvaluationTable::continue_after(&path, 10)?, &[20, 30])?;
            assert_eq!(read(), whole, "cut off at byte {length}");
        }
        for begun in [0, 7] {
            std::fs::write(&path, &whole[..begun]).expect("written");
            write(EvaluationTable::continue_after(&path, 0)?, &[10, 20, 30])?;
            assert_eq!(read(), whole);
        }
        write(EvaluationTable::continue_after(&path, 30)?, &[])?;
        assert_eq!(read(), whole, "nothing is left to do");
        Ok(())
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evaluations.csv");
        let refused = || {
            EvaluationTable::continue_after(&path, 10)
                .unwrap_err()
                .to_string()
        };
        assert!(refused().contains("evaluations.csv"));
        std::fs::write(&path, "step,set\nten,test\n").expect("written");
        let text = refused();
        assert!(text.contains("\"ten\", expected a step"), "{text}");
    }
}
