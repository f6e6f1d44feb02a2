//! FER2013: one CSV with the pixels written out.

use std::path::Path;
use std::sync::Arc;

use super::label_file::{bad_line, require};
use super::table::{Row, each_row};
use super::{DataSet, Entry, PixelText, Source};
use crate::Result;

/// FER2013's classes in the order of its numbers, from 0.
pub const FER_CLASSES: [&str; 7] = [
    "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
];

const HEADER: &str = "a header that names the columns emotion, pixels and Usage";
const EMOTION: &str = "an emotion of 0 to 6";
const USAGE: &str = "Training, PublicTest or PrivateTest";
const COLUMNS: &str = "as many columns as the header names";

/// Reads FER2013 from its CSV, or from the folder that holds it as `fer2013.csv`.
///
/// The header says where `emotion`, `pixels` and `Usage` stand. `Training` and `PublicTest` are
/// learned from ([`DataSet::hold_out`] makes a validation set), `PrivateTest` is measured on. Pixels
/// stay in the file until a face is used; [`DataSet::bad_files`] reads them all. A face's name is
/// FERPlus's: `fer0000000.png` is the first row.
///
/// ```no_run
/// let data = leaf_data::fer2013("data/fer2013.csv".as_ref())?;
/// println!("{} faces to learn from", data.training().len());
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`crate::Error::Missing`] without the file, [`crate::Error::LabelLine`] for a bad header or row, and those of
/// [`DataSet::new`].
pub fn fer2013(file: &Path) -> Result<DataSet> {
    let inside = file.join("fer2013.csv");
    let file = if file.is_dir() { &inside } else { file };
    let mut lists = (Vec::new(), Vec::new());
    for (place, face) in faces(file)?.into_iter().enumerate() {
        let name = format!("fer{place:07}.png");
        let entry = Entry::new(name, Some(face.emotion), Source::Text(face.pixels));
        face.usage.list(&mut lists).push(entry);
    }
    DataSet::new("fer2013", FER_CLASSES, lists.0, lists.1)
}

/// What a face is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    Training,
    PublicTest,
    PrivateTest,
}

impl Usage {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "Training" => Some(Self::Training),
            "PublicTest" => Some(Self::PublicTest),
            "PrivateTest" => Some(Self::PrivateTest),
            _ => None,
        }
    }

    /// The training list or the test list.
    pub(super) fn list(self, lists: &mut (Vec<Entry>, Vec<Entry>)) -> &mut Vec<Entry> {
        match self {
            Self::Training | Self::PublicTest => &mut lists.0,
            Self::PrivateTest => &mut lists.1,
        }
    }
}

/// One face of the CSV.
#[derive(Debug)]
pub(super) struct Face {
    pub(super) usage: Usage,
    emotion: u32,
    pub(super) pixels: PixelText,
}

/// The CSV's faces, whose pixels stay in the file.
pub(super) fn faces(file: &Path) -> Result<Vec<Face>> {
    require(file, file.is_file(), "FER2013's CSV")?;
    let shared: Arc<Path> = file.into();
    let (mut faces, mut columns) = (Vec::new(), None);
    each_row(file, |row| {
        match &columns {
            None => columns = Some(Columns::find(&row)?),
            Some(columns) => faces.push(columns.face(&row, &shared)?),
        }
        Ok(())
    })?;
    match columns {
        Some(_) => Ok(faces),
        None => Err(bad_line(file, 1, "", HEADER)),
    }
}

/// Where the header puts the columns.
struct Columns {
    count: usize,
    emotion: usize,
    pixels: usize,
    usage: usize,
}

impl Columns {
    fn find(header: &Row) -> Result<Self> {
        let place = |name| header.place(name).ok_or_else(|| header.bad_row(HEADER));
        Ok(Self {
            count: header.len(),
            emotion: place("emotion")?,
            pixels: place("pixels")?,
            usage: place("usage")?,
        })
    }

    fn face(&self, row: &Row, file: &Arc<Path>) -> Result<Face> {
        if row.len() != self.count {
            return Err(row.bad_row(COLUMNS));
        }
        let (emotion, usage) = (row.field(self.emotion), row.field(self.usage));
        let number = emotion.parse().ok();
        let known = number.filter(|&number: &u32| (number as usize) < FER_CLASSES.len());
        Ok(Face {
            usage: Usage::parse(&usage).ok_or_else(|| row.bad(&usage, USAGE))?,
            emotion: known.ok_or_else(|| row.bad(&emotion, EMOTION))?,
            pixels: PixelText {
                file: file.clone(),
                line: row.line.number,
                start: row.line.start,
                // A line has at most 1 MiB, and no more columns than bytes.
                length: row.line.length as u32,
                column: self.pixels as u32,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::fer2013_row as row;
    use crate::{CheckLevel, Color};
    use std::fs;

    const HEAD: &str = "emotion,pixels,Usage";

    /// A row of each emotion to learn from, one for validation, one to measure on.
    fn good() -> Vec<String> {
        let training = (0..7).map(|emotion| row(emotion, emotion as u8, "Training"));
        let more = [row(3, 50, "PublicTest"), row(4, 60, "PrivateTest")];
        std::iter::once(HEAD.to_owned())
            .chain(training)
            .chain(more)
            .collect()
    }

    fn written(text: impl AsRef<[u8]>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("fer2013.csv"), text).unwrap();
        folder
    }

    fn error(lines: &[String]) -> String {
        let folder = written(lines.join("\n"));
        fer2013(folder.path()).unwrap_err().to_string()
    }

    /// What each variant of the same file must give.
    fn holds_the_good_faces(text: impl AsRef<[u8]>) {
        let folder = written(text);
        let data = fer2013(&folder.path().join("fer2013.csv")).unwrap();
        assert_eq!(data.class_counts(), [1, 1, 1, 2, 1, 1, 1]);
        assert_eq!(data.test()[0].name, "fer0000008.png");
        assert_eq!(data.test()[0].label, Some(4));
        for (entry, level) in data.training().iter().zip([0, 1, 2, 3, 4, 5, 6, 50]) {
            let face = entry.face(Color::Gray).unwrap();
            assert_eq!((face.height(), face.width()), (48, 48));
            // Levels count up from the row's own, so one that is out of place would be seen.
            let expected = (0..48 * 48).map(|i| (level + i % 200) as u8);
            assert!(
                face.samples().iter().copied().eq(expected),
                "{}",
                entry.name
            );
        }
        let rgb = data.test()[0].face(Color::Rgb).unwrap();
        assert_eq!(rgb.samples()[..6], [60, 60, 60, 61, 61, 61]);
        assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
    }

    #[test]
    fn the_file_in_every_dress() {
        let lines = good();
        holds_the_good_faces(lines.join("\n"));
        holds_the_good_faces(format!("\u{feff}{}\r\n", lines.join("\r\n")));
        holds_the_good_faces(format!("\n{}\n\n  \r\n", lines.join("\n\n")));
        let quoted = lines
            .iter()
            .map(|line| match line.split(',').collect::<Vec<_>>()[..] {
                [emotion, pixels, usage] => format!("\"{emotion}\", \"{pixels}\", {usage}\n"),
                _ => unreachable!(),
            });
        holds_the_good_faces(quoted.collect::<String>());
        let turned = lines
            .iter()
            .map(|line| match line.split(',').collect::<Vec<_>>()[..] {
                [emotion, pixels, usage] => format!("{emotion}, {usage}, {pixels}\r\n"),
                _ => unreachable!(),
            });
        holds_the_good_faces(turned.collect::<String>());
    }

    #[test]
    fn bad_rows_are_named_with_their_value() {
        for (line, value, expected) in [
            (row(7, 0, "Training"), "\"7\"", EMOTION),
            (
                row(1, 0, "Training").replacen('1', "-1", 1),
                "\"-1\"",
                EMOTION,
            ),
            (row(1, 0, "Training").replacen('1', "", 1), "\"\"", EMOTION),
            (row(1, 0, "Test"), "\"Test\"", USAGE),
            ("3,Training".into(), "\"3,Training\"", COLUMNS),
            (row(1, 0, "Training,"), "\"1,0 1 2", COLUMNS),
        ] {
            let mut lines = good();
            lines.insert(4, line);
            let text = error(&lines);
            let line = format!("fer2013.csv, line 5: {value}");
            assert!(text.contains(&line) && text.contains(expected), "{text}");
            assert!(text.len() < 300, "{text}");
        }
    }

    #[test]
    fn a_bad_header_or_none() {
        let mut lines = good();
        lines[0] = "emotion,pixels".into();
        let text = error(&lines);
        assert!(
            text.contains("line 1: \"emotion,pixels\", expected a header"),
            "{text}"
        );
        assert!(error(&good()[1..]).contains("line 1: \"0,0 1 2 3"));
        assert!(error(&[]).contains("line 1: \"\", expected a header"));
        assert!(error(&[HEAD.to_owned()]).contains("0 training faces"));
    }

    #[test]
    fn bad_pixels_are_found_by_the_check() {
        let mut lines = good();
        lines[1] = lines[1].replacen(" 7 ", " ", 1);
        lines[2] = lines[2].replacen(" 7 ", " 256 ", 1);
        lines[8] = lines[8].replacen(" 70 ", " x ", 1);
        lines[9].insert_str(2, "5 ");
        let folder = written(lines.join("\n"));
        let data = fer2013(folder.path()).unwrap();
        let reasons = |level| -> Vec<String> {
            let bad = data.bad_files(level, |_, _| ());
            assert!(bad.iter().all(|file| file.path.ends_with("fer2013.csv")));
            bad.into_iter().map(|file| file.reason).collect()
        };
        let expected = [
            "line 2: 2303 pixels, expected 2304 (48 x 48)",
            "line 3: pixel 7 is \"256\", expected a level of 0 to 255",
            "line 9: pixel 21 is \"x\", expected a level of 0 to 255",
            "line 10: 2305 pixels, expected 2304 (48 x 48)",
        ];
        assert_eq!(reasons(CheckLevel::Headers), expected);
        assert_eq!(reasons(CheckLevel::Full), expected);
        assert!(reasons(CheckLevel::None).is_empty());
        let text = data.training()[0]
            .face(Color::Gray)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("fer2013.csv\" cannot be used: line 2: 2303"),
            "{text}"
        );
    }

    #[test]
    fn a_file_that_is_missing_or_goes_away() {
        let folder = written(good().join("\n"));
        let data = fer2013(folder.path()).unwrap();
        fs::remove_file(folder.path().join("fer2013.csv")).unwrap();
        let text = data.training()[0]
            .face(Color::Gray)
            .unwrap_err()
            .to_string();
        assert!(text.contains("fer2013.csv"), "{text}");
        let text = fer2013(folder.path()).unwrap_err().to_string();
        assert!(
            text.ends_with("fer2013.csv does not exist, expected FER2013's CSV"),
            "{text}"
        );
    }
}
