//! A face written out as numbers in a CSV, read only when it is needed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use super::label_file::{bare, decoded};
use super::table::Fields;
use crate::face::Face;
use crate::{Error, Result};

/// Height and width of FER2013's faces.
const SIDE: usize = 48;

/// Where FER2013's CSV holds the pixels of one face: 48 x 48 gray levels with blanks between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelText {
    pub(super) file: Arc<Path>,
    pub(super) line: usize,
    /// The line's first byte in the file, and how many bytes it takes.
    pub(super) start: u64,
    pub(super) length: u32,
    pub(super) column: u32,
}

impl PixelText {
    /// The CSV.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The line in it, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Reads the gray face.
    ///
    /// # Errors
    /// [`Error::Image`] naming file and line if the file cannot be read, a level is not one of 0 to
    /// 255, or there are not 48 x 48 of them.
    pub fn face(&self) -> Result<Face> {
        let fail = |reason: String| {
            let name = self.file.display().to_string();
            Error::image(name, format!("line {}: {reason}", self.line))
        };
        let line = self.bytes().map_err(|error| fail(error.to_string()))?;
        let mut fields = Fields::new();
        fields.split(bare(&decoded(&line)));
        let levels = levels(&fields.get(self.column as usize)).map_err(fail)?;
        Face::new(levels, SIDE, SIDE, 1)
    }

    fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.start))?;
        let mut bytes = vec![0; self.length as usize];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

fn levels(text: &str) -> std::result::Result<Vec<u8>, String> {
    let mut levels = Vec::with_capacity(SIDE * SIDE);
    for value in text.split_whitespace() {
        let level = value.parse().map_err(|_| {
            let place = levels.len() + 1;
            format!("pixel {place} is {value:?}, expected a level of 0 to 255")
        })?;
        levels.push(level);
    }
    if levels.len() != SIDE * SIDE {
        let found = levels.len();
        return Err(format!(
            "{found} pixels, expected {} ({SIDE} x {SIDE})",
            SIDE * SIDE
        ));
    }
    Ok(levels)
}
