//! Rows under a header.

use std::io::Write;
use std::path::Path;

use crate::observe::sink::Sink;
use crate::{Error, Result};

/// Comma-separated values: a header, then rows.
#[derive(Debug)]
pub(super) struct Table {
    sink: Sink,
    headed: bool,
}

impl Table {
    pub(super) fn new(writer: impl Write + 'static) -> Self {
        Self {
            sink: Sink::any(writer),
            headed: false,
        }
    }

    pub(super) fn create(path: &Path) -> Result<Self> {
        Ok(Self {
            sink: Sink::create(path)?,
            headed: false,
        })
    }

    /// Keeps the first `bytes` of a file.
    pub(super) fn go_on(path: &Path, bytes: u64) -> Result<Self> {
        Ok(Self {
            sink: Sink::go_on(path, bytes)?,
            headed: bytes > 0,
        })
    }

    /// Writes rows, under the header if there is none yet, in one piece.
    pub(super) fn write(
        &mut self,
        header: &[String],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<()> {
        let header = (!self.headed).then(|| header.to_vec());
        let text = text(header.into_iter().chain(rows)).map_err(|source| Error::Output {
            what: "table",
            source,
        })?;
        self.headed = true;
        self.sink.append("table", &text)
    }

    pub(super) fn written(&self) -> Result<Option<(String, u64)>> {
        self.sink.written()
    }
}

fn text(rows: impl Iterator<Item = Vec<String>>) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().map_err(|error| error.into_error())
}

/// What was not measured, is infinite or not a number is an empty cell.
pub(super) fn cell(value: Option<f64>) -> String {
    let value = value.filter(|value| value.is_finite());
    value.map_or_else(String::new, |value| value.to_string())
}
