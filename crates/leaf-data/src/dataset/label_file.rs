//! What the readers of label files share: lines with their numbers, and errors that quote them.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::{Error, Result};

/// How much of a long line an error quotes, in characters.
const QUOTED: usize = 80;

/// Longest line that is read, in bytes: a file without line ends is no label file.
const MAX_LINE: u64 = 1 << 20;

/// A line of a label file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: usize,
    /// Its first byte in the file, and how many bytes it takes with its end.
    pub(super) start: u64,
    pub(super) length: usize,
    /// Without the mark of UTF-8 and the blanks around; a byte that is no UTF-8 is U+FFFD.
    pub(super) text: &'a str,
}

/// Gives the lines that are not blank to `each`. Only one line is in memory at a time.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::LabelLine`] for a line above 1 MiB, and those of
/// `each`, which end it.
pub(super) fn each_line(file: &Path, mut each: impl FnMut(Line) -> Result<()>) -> Result<()> {
    let fail = |error| Error::io("read", file, error);
    let mut reader = BufReader::with_capacity(1 << 16, File::open(file).map_err(fail)?);
    let (mut start, mut bytes) = (0, Vec::new());
    for number in 1.. {
        bytes.clear();
        let mut limited = (&mut reader).take(MAX_LINE + 1);
        let length = limited.read_until(b'\n', &mut bytes).map_err(fail)?;
        let text = decoded(&bytes);
        let text = bare(&text);
        if length == 0 {
            break;
        }
        if length as u64 > MAX_LINE {
            return Err(bad_line(file, number, text, "a line of at most 1 MiB"));
        }
        if !text.is_empty() {
            each(Line {
                number,
                start,
                length,
                text,
            })?;
        }
        start += length as u64;
    }
    Ok(())
}

/// A line's text; a byte that is no UTF-8 then stands in the text of the bad line.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Without the mark of UTF-8 and the blanks around.
pub(super) fn bare(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// The lines that [`each_line`] gives, with their numbers from 1.
pub(crate) fn lines(file: &Path) -> Result<Vec<(usize, String)>> {
    let mut lines = Vec::new();
    each_line(file, |line| {
        lines.push((line.number, line.text.to_owned()));
        Ok(())
    })?;
    Ok(lines)
}

/// An error unless the file or folder exists.
pub(super) fn require(path: &Path, exists: bool, expected: &'static str) -> Result<()> {
    if exists {
        return Ok(());
    }
    Err(Error::Missing {
        path: path.to_owned(),
        expected,
    })
}

/// The error for a bad line, or for a bad value in it.
pub(super) fn bad_line(file: &Path, line: usize, text: &str, expected: &'static str) -> Error {
    let mut quoted: String = text.chars().take(QUOTED).collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    Error::LabelLine {
        file: file.to_owned(),
        line,
        text: quoted,
        expected,
    }
}

/// Whether a name from a label file stays inside its folder; folders below it may be named.
pub(super) fn stays_inside(name: &str) -> bool {
    let plain = !name.contains(['\\', ':', '\u{fffd}']);
    let part = |part: &str| !matches!(part, "" | "." | "..");
    plain && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_seen() {
        for name in ["a.jpg", "12/a.jpg", "a..b.jpg"] {
            assert!(stays_inside(name), "{name}");
        }
        for name in [
            "",
            "/a.jpg",
            "../a.jpg",
            "a/../b.jpg",
            "a//b.jpg",
            "C:a.jpg",
            "a\\b.jpg",
        ] {
            assert!(!stays_inside(name), "{name}");
        }
    }

    #[test]
    fn marks_line_ends_and_blank_lines_do_not_matter() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            lines(file.path())
        };
        let found = read(b"\xef\xbb\xbfa 1\r\n\r\n  \n b 2 \n\xff 3").unwrap();
        let expected = [(1, "a 1"), (4, "b 2"), (5, "\u{fffd} 3")];
        assert_eq!(
            found,
            expected.map(|(number, text)| (number, text.to_owned()))
        );
        assert!(read(b"").unwrap().is_empty() && read(b"\xef\xbb\xbf\r\n").unwrap().is_empty());
        let error = read(&vec![b'7'; 2 << 20]).unwrap_err().to_string();
        assert!(error.contains("line 1: \"777"), "{error}");
        assert!(error.ends_with("expected a line of at most 1 MiB") && error.len() < 300);
    }

    #[test]
    fn long_lines_are_cut() {
        let text = bad_line(Path::new("f"), 3, &"é".repeat(99), "less").to_string();
        assert_eq!(
            text,
            format!("f, line 3: \"{}…\", expected less", "é".repeat(80))
        );
    }
}
