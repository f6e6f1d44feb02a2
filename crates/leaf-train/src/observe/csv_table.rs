//! A run's evaluations for spreadsheets.

use std::io::Write;
use std::path::Path;

use super::file::{create, reopened};
use super::{EvaluationReport, Observer, SetMetrics};
use crate::{Error, Metrics, Result};

/// Writes a run's evaluations as comma-separated values, a row for each set, flushed as soon as it is known.
///
/// The columns are `step`, `set`, `best` (whether these weights are the best so far), `faces`, the rates
/// of [`Metrics::rates`], and `recall_0`, `recall_1` and so on, empty for a class without faces.
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

    /// Goes on with a file after that many steps: rows of later steps, and one that is not whole, are cut off.
    ///
    /// # Errors
    /// [`Error::Io`], also if a row does not begin with a step.
    pub fn continue_after(path: &Path, step: usize) -> Result<Self> {
        let (file, kept) = reopened(path, |bytes| rows_up_to(bytes, step))?;
        Ok(Self {
            headed: kept > 0,
            ..Self::new(file)
        })
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

/// How many bytes the header and the rows of up to that many steps have; steps never fall.
fn rows_up_to(bytes: &[u8], step: usize) -> std::io::Result<u64> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let mut record = csv::StringRecord::new();
    let (mut kept, mut columns) = (0, None);
    while reader.read_record(&mut record)? {
        let end = reader.position().byte();
        let whole = bytes[..end as usize].ends_with(b"\n");
        match columns {
            None if !whole => break,
            None => columns = Some(record.len()),
            Some(columns) if !whole || record.len() != columns => break,
            Some(_) if step_of(&record)? > step => break,
            Some(_) => {}
        }
        kept = end;
    }
    Ok(kept)
}

fn step_of(row: &csv::StringRecord) -> std::io::Result<usize> {
    let cell = row.get(0).unwrap_or_default();
    cell.parse().map_err(|_| {
        let text = format!("a row begins with {cell:?}, expected a step");
        std::io::Error::new(std::io::ErrorKind::InvalidData, text)
    })
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
    cells
        .extend(recalls.map(|recall| recall.map_or_else(String::new, |recall| recall.to_string())));
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

    fn write(mut table: CsvTable, steps: &[usize]) -> Result<()> {
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
        write(CsvTable::create(&path)?, &[10, 20, 30])?;
        let whole = read();
        // Wherever the writing of the last evaluations was cut off.
        let rows_of_10 = {
            write(CsvTable::create(&path)?, &[10])?;
            read().len()
        };
        for length in [rows_of_10, rows_of_10 + 1, whole.len() - 1, whole.len()] {
            std::fs::write(&path, &whole[..length]).expect("written");
            write(CsvTable::continue_after(&path, 10)?, &[20, 30])?;
            assert_eq!(read(), whole, "cut off at byte {length}");
        }
        for begun in [0, 7] {
            std::fs::write(&path, &whole[..begun]).expect("written");
            write(CsvTable::continue_after(&path, 0)?, &[10, 20, 30])?;
            assert_eq!(read(), whole);
        }
        write(CsvTable::continue_after(&path, 30)?, &[])?;
        assert_eq!(read(), whole, "nothing is left to do");
        Ok(())
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evaluations.csv");
        let refused = || CsvTable::continue_after(&path, 10).unwrap_err().to_string();
        assert!(refused().contains("evaluations.csv"));
        std::fs::write(&path, "step,set\nten,test\n").expect("written");
        let text = refused();
        assert!(text.contains("\"ten\", expected a step"), "{text}");
    }
}
