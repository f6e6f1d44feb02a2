//! A face written out as numbers in a CSV, read only when it is needed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use crate::face::Face;
use crate::{Error, Result};

/// Height and width of FER2013's faces.
const SIDE: usize = 48;

/// Where FER2013's CSV holds the pixels of one face: 48 x 48 gray levels with blanks between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PixelText {
    pub(super) file: Arc<Path>,
    pub(super) line: usize,
    /// The first byte of the numbers in the file, and how many bytes they take.
    pub(super) start: u64,
    pub(super) length: usize,
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
        let text = self.text().map_err(|error| fail(error.to_string()))?;
        let levels = levels(&text).map_err(fail)?;
        Face::new(levels, SIDE, SIDE, 1)
    }

    fn text(&self) -> std::io::Result<Vec<u8>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.start))?;
        let mut text = vec![0; self.length];
        file.read_exact(&mut text)?;
        Ok(text)
    }
}

fn levels(text: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let mut levels = Vec::with_capacity(SIDE * SIDE);
    // Some copies of the file put the numbers in quotes.
    let between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'"';
    for value in text.split(between).filter(|value| !value.is_empty()) {
        let value = String::from_utf8_lossy(value);
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
