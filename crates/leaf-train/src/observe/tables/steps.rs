//! A row for each step to show.

use std::io::Write;
use std::path::Path;

use leaf_ssl::{CATEGORY, CONFIDENCE, PSEUDO_ACCURACY, SET_SIZE, UTILIZATION};

use super::table::{Table, cell};
use crate::{Observer, Result, StepReport};

type Reading = fn(&StepReport) -> Option<f64>;

/// The columns after `step`.
const COLUMNS: [(&str, Reading); 15] = [
    ("learning_rate", |report| Some(report.learning_rate)),
    ("loss", |report| Some(report.loss)),
    ("gradient_norm", |report| Some(report.gradient_norm)),
    ("classifier_norm", |report| report.classifier_norm),
    ("utilization", |report| report.diagnostic(UTILIZATION)),
    ("confidence", |report| report.diagnostic(CONFIDENCE)),
    ("pseudo_label_accuracy", |report| {
        report.diagnostic(PSEUDO_ACCURACY)
    }),
    ("set_size", |report| report.diagnostic(SET_SIZE)),
    ("category_loss", |report| report.diagnostic(CATEGORY)),
    ("seconds", |report| Some(report.seconds)),
    ("wait_seconds", |report| Some(report.wait_seconds)),
    ("images", |report| Some(report.images as f64)),
    ("images_per_second", |report| {
        report
            .throughput
            .map(|throughput| throughput.images_per_second)
    }),
    ("wait_share", |report| {
        report.throughput.map(|throughput| throughput.wait_share)
    }),
    ("resident_memory", |report| {
        report.resident_memory.map(|bytes| bytes as f64)
    }),
];

/// Writes a run's steps to show as comma-separated values, each row flushed as soon as it is known.
///
/// The columns are the same for every training rule, and empty where it does not measure them: `step`,
/// then the figures of [`StepReport`] and of its diagnostics that are one number for all of them. The
/// page `docs/metrics.md` lists them.
#[derive(Debug)]
pub struct StepTable(Table);

impl StepTable {
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

impl Observer for StepTable {
    fn on_step(&mut self, report: &StepReport) -> Result<()> {
        if !report.logged {
            return Ok(());
        }
        let names = ["step"].into_iter().chain(COLUMNS.map(|(name, _)| name));
        let header: Vec<String> = names.map(str::to_owned).collect();
        let mut row = vec![report.step.to_string()];
        row.extend(COLUMNS.map(|(_, reading)| cell(reading(report))));
        self.0.write(&header, [row])
    }

    fn written(&mut self) -> Result<Option<(String, u64)>> {
        self.0.written()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::super::reports::tests::report;
    use super::*;

    #[test]
    fn steps_to_show_are_rows_and_what_was_not_measured_is_empty() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("steps.csv");
        let of = |step, logged| StepReport {
            step,
            logged,
            gradient_norm: f64::NAN,
            ..report()
        };
        let mut table = StepTable::create(&path)?;
        for report in [of(1, true), of(2, false)] {
            table.on_step(&report)?;
        }
        let (_, bytes) = table.written()?.expect("a file");
        table.on_step(&of(3, true))?;
        StepTable::go_on(&path, bytes)?.on_step(&of(4, true))?;
        let mut reader = csv::Reader::from_path(&path).expect("a table");
        let rows: Vec<HashMap<String, String>> = reader
            .deserialize()
            .collect::<std::result::Result<_, _>>()
            .expect("rows of one length");
        let steps: Vec<&str> = rows.iter().map(|row| row["step"].as_str()).collect();
        assert_eq!(steps, ["1", "4"]);
        for (name, value) in [
            ("loss", "1.2345"),
            ("utilization", "0.32"),
            ("set_size", "1.8"),
            ("category_loss", ""),
            ("gradient_norm", ""),
            ("images", "105"),
            ("images_per_second", "350"),
            ("resident_memory", "1073741824"),
        ] {
            assert_eq!(rows[0][name], value, "{name}");
        }
        Ok(())
    }
}
