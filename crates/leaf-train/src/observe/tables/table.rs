//! Rows under a header.

use std::io::Write;
use std::path::Path;

use crate::observe::file::{create, reopened};
use crate::{Error, Result};

/// Comma-separated values: a header, then rows that begin with a step, which never falls.
pub(super) struct Table {
    writer: csv::Writer<Box<dyn Write>>,
    headed: bool,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("headed", &self.headed)
            .finish_non_exhaustive()
    }
}

impl Table {
    pub(super) fn new(writer: impl Write + 'static) -> Self {
        Self {
            writer: csv::Writer::from_writer(Box::new(writer)),
            headed: false,
        }
    }

    pub(super) fn create(path: &Path) -> Result<Self> {
        Ok(Self::new(create(path)?))
    }

    /// Keeps the rows of up to that many steps.
    pub(super) fn continue_after(path: &Path, step: usize) -> Result<Self> {
        let (file, kept) = reopened(path, |bytes| rows_up_to(bytes, step))?;
        Ok(Self {
            headed: kept > 0,
            ..Self::new(file)
        })
    }

    /// Writes rows, under the header if there is none yet, and flushes them.
    pub(super) fn write(
        &mut self,
        header: &[String],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<()> {
        self.try_write(header, rows)
            .map_err(|source| Error::Output {
                what: "table",
                source,
            })
    }

    fn try_write(
        &mut self,
        header: &[String],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> std::io::Result<()> {
        if !self.headed {
            self.writer.write_record(header)?;
            self.headed = true;
        }
        for row in rows {
            self.writer.write_record(row)?;
        }
        self.writer.flush()
    }
}

/// What was not measured, is infinite or not a number is an empty cell.
pub(super) fn cell(value: Option<f64>) -> String {
    let value = value.filter(|value| value.is_finite());
    value.map_or_else(String::new, |value| value.to_string())
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
