//! Label files that are tables: CSV, a row a line.

use std::borrow::Cow;
use std::path::Path;

use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};

use super::label_file::{Line, bad_line, each_line};
use crate::{Error, Result};

/// Gives the rows that are not blank to `each`. Only one is in memory at a time; a value in quotes may
/// hold commas, but no line end.
///
/// # Errors
/// Those of [`each_line`].
pub(super) fn each_row(file: &Path, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
    let mut fields = Fields::new();
    each_line(file, |line| {
        fields.split(line.text);
        let fields = &fields;
        each(Row { file, line, fields })
    })
}

/// A line with its fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    file: &'a Path,
    pub(super) line: Line<'a>,
    fields: &'a Fields,
}

impl<'a> Row<'a> {
    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.fields.ends.len()
    }

    /// A field; an empty one beyond the last.
    pub(super) fn field(&self, place: usize) -> Cow<'a, str> {
        self.fields.get(place)
    }

    /// Where the header puts a column, in small or capital letters.
    pub(super) fn place(&self, column: &str) -> Option<usize> {
        (0..self.len()).find(|&place| self.field(place).eq_ignore_ascii_case(column))
    }

    /// The error for a bad value.
    pub(super) fn bad(&self, value: &str, expected: &'static str) -> Error {
        bad_line(self.file, self.line.number, value, expected)
    }

    /// The error for a bad row.
    pub(super) fn bad_row(&self, expected: &'static str) -> Error {
        self.bad(self.line.text, expected)
    }
}

/// The fields of one line at a time, in memory that the next line uses again.
#[derive(Debug)]
pub(super) struct Fields {
    parser: csv_core::Reader,
    text: Vec<u8>,
    /// Where each field ends in the text.
    ends: Vec<usize>,
}

impl Fields {
    pub(super) fn new() -> Self {
        // Where a line ends is known already: no other byte may end a row in the middle of it.
        let line_end = Terminator::Any(b'\n');
        Self {
            parser: ReaderBuilder::new().terminator(line_end).build(),
            text: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Takes a line without its end.
    pub(super) fn split(&mut self, line: &str) {
        // Fields take no more than the line, and there is at most one more than commas; the parser
        // stops at what is full, so that there is room for one more of each.
        self.text.resize(line.len() + 1, 0);
        self.ends.resize(line.len() + 2, 0);
        self.parser.reset();
        let (_, _, written, ended) =
            self.parser
                .read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        // An empty input tells that there is no more, which ends the last field.
        let (text, ends) = (&mut self.text[written..], &mut self.ends[ended..]);
        let (result, _, _, last) = self.parser.read_record(&[], text, ends);
        debug_assert!(matches!(result, ReadRecordResult::Record));
        self.ends.truncate(ended + last);
    }

    /// A field without the blanks and quotes around it; an empty one beyond the last.
    pub(super) fn get(&self, place: usize) -> Cow<'_, str> {
        let start = match place {
            0 => 0,
            _ => self.ends.get(place - 1).copied().unwrap_or_default(),
        };
        let end = self.ends.get(place).copied().unwrap_or(start);
        // Quotes count only where a field begins; some files have a blank before them.
        let around = |c: char| c.is_whitespace() || c == '"';
        match String::from_utf8_lossy(&self.text[start..end]) {
            Cow::Borrowed(text) => text.trim_matches(around).into(),
            Cow::Owned(text) => text.trim_matches(around).to_owned().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_blanks_and_empty_fields() {
        let mut fields = Fields::new();
        for (line, expected) in [
            ("a,b,c", &["a", "b", "c"][..]),
            ("a, \"(1, 2)\"", &["a", "(1", "2)"]),
            ("a,\"(1, 2)\",b", &["a", "(1, 2)", "b"]),
            ("a,\"say \"\"x\"\" now\"", &["a", "say \"x\" now"]),
            ("x", &["x"]),
            (",,", &["", "", ""]),
            ("a, \"b\" ,", &["a", "b", ""]),
            ("a,\"open, b", &["a", "open, b"]),
            ("a\rb,c", &["a\rb", "c"]),
            ("\u{fffd},é", &["\u{fffd}", "é"]),
        ] {
            fields.split(line);
            let found: Vec<_> = (0..fields.ends.len())
                .map(|place| fields.get(place))
                .collect();
            assert_eq!(found, expected, "{line}");
            assert_eq!(fields.get(expected.len() + 3), "");
        }
    }

    #[test]
    fn rows_know_their_place() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}Name,Label\r\n\r\n  \na,1\nb\r\n").unwrap();
        let mut found = Vec::new();
        each_row(file.path(), |row| {
            let line = row.line;
            found.push((line.number, line.start, line.length, row.len()));
            if line.number == 1 {
                assert_eq!((row.place("label"), row.place("x")), (Some(1), None));
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(found, [(1, 0, 15, 2), (4, 20, 4, 2), (5, 24, 3, 1)]);
    }
}
