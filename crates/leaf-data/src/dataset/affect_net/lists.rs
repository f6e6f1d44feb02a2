//! AffectNet's manual lists.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{AffectClasses, Lists};
use crate::Result;
use crate::dataset::Entry;
use crate::dataset::label_file::{bad_line, require, stays_inside};
use crate::dataset::table::{Row, each_row};

/// The number of the last kind that is no expression: none (8), uncertain (9), no face (10).
const LAST: u32 = 10;

/// The columns of a list without a header, as the validation list is handed on.
const COLUMNS: [&str; 9] = [
    "subDirectory_filePath",
    "face_x",
    "face_y",
    "face_width",
    "face_height",
    "facial_landmarks",
    "expression",
    "valence",
    "arousal",
];

const HEADER: &str = "a header that names subDirectory_filePath and expression";
const COUNT: &str = "as many columns as the header names (9 without a header)";
const PATH: &str = "an image's path inside Manually_Annotated_Images";
const EXPRESSION: &str = "an expression of 0 to 10";

/// Where the lists are, if anywhere.
pub(super) fn folder(folder: &Path) -> Option<PathBuf> {
    let below = folder.join("Manually_Annotated_file_lists");
    [folder.to_owned(), below]
        .into_iter()
        .find(|lists| lists.join("training.csv").is_file())
}

pub(super) fn read(folder: &Path, lists: &Path, classes: AffectClasses) -> Result<Lists> {
    let images = folder.join("Manually_Annotated_Images");
    require(&images, images.is_dir(), "the folder of AffectNet's images")?;
    let images: Arc<Path> = images.into();
    let list = |file: &str| {
        let file = lists.join(file);
        require(&file, file.is_file(), "AffectNet's validation list")?;
        entries(&file, &images, classes)
    };
    Ok((list("training.csv")?, list("validation.csv")?))
}

fn entries(file: &Path, images: &Arc<Path>, classes: AffectClasses) -> Result<Vec<Entry>> {
    let mut columns: Option<Columns> = None;
    let mut entries = Vec::new();
    each_row(file, |row| {
        let columns = match &columns {
            Some(columns) => columns,
            None => {
                let has_header = COLUMNS.iter().any(|column| row.place(column).is_some());
                let found = match has_header {
                    true => Columns::find(&row).ok_or_else(|| row.bad_row(HEADER))?,
                    false => Columns::KNOWN,
                };
                let found = columns.insert(found);
                if has_header {
                    return Ok(());
                }
                &*found
            }
        };
        entries.extend(columns.entry(&row, images, classes)?);
        Ok(())
    })?;
    match columns {
        Some(_) => Ok(entries),
        None => Err(bad_line(file, 1, "", HEADER)),
    }
}

/// Where a list has its columns.
struct Columns {
    count: usize,
    path: usize,
    expression: usize,
}

impl Columns {
    /// Without a header.
    const KNOWN: Self = Self {
        count: COLUMNS.len(),
        path: 0,
        expression: 6,
    };

    fn find(header: &Row) -> Option<Self> {
        Some(Self {
            count: header.len(),
            path: header.place(COLUMNS[Self::KNOWN.path])?,
            expression: header.place(COLUMNS[Self::KNOWN.expression])?,
        })
    }

    /// The face of a row, if its class is used.
    fn entry(
        &self,
        row: &Row,
        images: &Arc<Path>,
        classes: AffectClasses,
    ) -> Result<Option<Entry>> {
        if row.len() != self.count {
            return Err(row.bad_row(COUNT));
        }
        let (path, value) = (row.field(self.path), row.field(self.expression));
        if !stays_inside(&path) {
            return Err(row.bad(&path, PATH));
        }
        let number = value.parse().ok().filter(|&number: &u32| number <= LAST);
        let number = number.ok_or_else(|| row.bad(&value, EXPRESSION))?;
        let label = classes.label(number);
        Ok(label.map(|label| Entry::below(images, path.into_owned(), Some(label))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_files::png;
    use crate::{CheckLevel, affect_net};
    use std::fs;

    const HEAD: &str = "subDirectory_filePath,face_x,face_y,face_width,face_height,\
                        facial_landmarks,expression,valence,arousal";

    fn line(name: &str, expression: &str) -> String {
        format!("{name},134,134,899,899,1.5;2;3,{expression},-0.1,0.2")
    }

    /// A face of each number in each list.
    fn lists() -> (Vec<String>, Vec<String>) {
        let list = |part: u32| {
            let lines = (0..=LAST).map(|i| line(&format!("{part}/{i}.png"), &i.to_string()));
            std::iter::once(HEAD.to_owned()).chain(lines).collect()
        };
        (list(1), list(2))
    }

    fn written(training: &str, validation: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..8 {
            for part in [1, 2] {
                let image = format!("Manually_Annotated_Images/{part}/{i}.png");
                png(&folder.path().join(image), i);
            }
        }
        fs::write(folder.path().join("training.csv"), training).unwrap();
        fs::write(folder.path().join("validation.csv"), validation).unwrap();
        folder
    }

    fn error(folder: &tempfile::TempDir) -> String {
        let data = affect_net(folder.path(), AffectClasses::Eight);
        data.unwrap_err().to_string()
    }

    #[test]
    fn the_lists_in_every_dress() {
        let (training, validation) = lists();
        for (training, validation) in [
            (training.join("\n"), validation[1..].join("\n")),
            (
                format!("\u{feff}{}\r\n", training.join("\r\n")),
                format!("\u{feff}{}\r\n", validation[1..].join("\r\n")),
            ),
            (
                training.join("\n\n"),
                format!("\n{}\n\n", validation.join("\n")),
            ),
        ] {
            let folder = written(&training, &validation);
            let data = affect_net(folder.path(), AffectClasses::Eight).unwrap();
            assert_eq!(
                (data.name(), data.class_counts()),
                ("affectnet8", vec![1; 8])
            );
            assert_eq!(data.test()[5].name, "2/5.png");
            assert_eq!(data.test()[5].label, Some(5));
            assert!(data.bad_files(CheckLevel::Full, |_, _| ()).is_empty());
            let data = affect_net(folder.path(), AffectClasses::Seven).unwrap();
            assert_eq!((data.class_counts(), data.test().len()), (vec![1; 7], 7));
        }
    }

    #[test]
    fn lists_in_their_own_folder() {
        let (training, validation) = lists();
        let folder = written(&training.join("\n"), &validation.join("\n"));
        let own = folder.path().join("Manually_Annotated_file_lists");
        fs::create_dir(&own).unwrap();
        for file in ["training.csv", "validation.csv"] {
            fs::rename(folder.path().join(file), own.join(file)).unwrap();
        }
        let data = affect_net(folder.path(), AffectClasses::Eight).unwrap();
        assert_eq!(data.training().len(), 8);
        fs::remove_file(own.join("validation.csv")).unwrap();
        assert!(error(&folder).contains("validation.csv does not exist"));
        fs::remove_dir_all(folder.path().join("Manually_Annotated_Images")).unwrap();
        assert!(error(&folder).contains("Manually_Annotated_Images does not exist"));
    }

    #[test]
    fn bad_lines_are_named_with_their_value() {
        let cut = line("3/3.png", "3").replace(",0.2", "");
        for (line, value, expected) in [
            (line("3/3.png", "11"), "11", EXPRESSION),
            (line("3/3.png", "-1"), "-1", EXPRESSION),
            (line("3/3.png", ""), "", EXPRESSION),
            (line("3/3.png", "happy"), "happy", EXPRESSION),
            (line("../3.png", "3"), "../3.png", PATH),
            (line("", "3"), "", PATH),
            (cut.clone(), cut.as_str(), COUNT),
        ] {
            let (mut training, validation) = lists();
            training.insert(5, line);
            let text = error(&written(&training.join("\n"), &validation.join("\n")));
            let expected = format!("training.csv, line 6: {value:?}, expected {expected}");
            assert!(text.ends_with(&expected), "{text}");
        }
    }

    #[test]
    fn a_bad_header_and_an_empty_list() {
        let (mut training, validation) = lists();
        training[0] = training[0].replace("expression", "label");
        let text = error(&written(&training.join("\n"), &validation.join("\n")));
        assert!(
            text.contains("training.csv, line 1: \"subDirectory_filePath,"),
            "{text}"
        );
        assert!(text.ends_with(HEADER), "{text}");
        let text = error(&written("", &validation.join("\n")));
        assert!(
            text.contains("training.csv, line 1: \"\", expected"),
            "{text}"
        );
    }
}
