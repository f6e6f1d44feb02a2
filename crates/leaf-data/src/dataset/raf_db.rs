//! RAF-DB's basic set, as its owners ship it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::label_file::{bad_line, lines, require};
use super::{DataSet, Entry};
use crate::{Error, Result};

/// RAF-DB's classes; its files count them from 1.
pub const RAF_CLASSES: [&str; 7] = [
    "surprise",
    "fear",
    "disgust",
    "happiness",
    "sadness",
    "anger",
    "neutral",
];

/// Which of RAF-DB's pictures are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RafImages {
    /// Faces cropped and aligned by the data set's owners: `NAME_aligned.jpg`.
    #[default]
    Aligned,
    /// The photographs as they were found: `NAME.jpg`.
    Original,
}

const LINE: &str = "NAME LABEL with a name such as train_00001.jpg and a label of 1 to 7";

/// Reads RAF-DB from its folder.
///
/// Two layouts are known: the owners', `EmoLabel/list_patition_label.txt` (sic) with
/// `Image/aligned/` and `Image/original/`, and that of LEAF's authors, `label/train.txt` and
/// `label/test.txt` with `aligned/`. The name's beginning, `train` or `test`, says to which list a
/// face belongs. Whether the images exist is seen by [`DataSet::bad_files`]; images that no line names
/// are not looked for.
///
/// ```no_run
/// use leaf_data::{RafImages, raf_db};
///
/// let data = raf_db("data/RAF-DB/basic".as_ref(), RafImages::Aligned)?;
/// println!("{} faces to learn from", data.training().len());
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] for a missing folder or label file, [`Error::LabelLine`] for a bad line, and
/// those of [`DataSet::new`].
pub fn raf_db(folder: &Path, images: RafImages) -> Result<DataSet> {
    let layout = layout(folder, images)?;
    let root: Arc<Path> = folder.into();
    let mut lists = (Vec::new(), Vec::new());
    for file in &layout.label_files {
        for (line, text) in lines(file)? {
            let (name, label) = parse(&text).ok_or_else(|| bad_line(file, line, &text, LINE))?;
            let file = format!("{}/{}", layout.images, file_name(name, images));
            let list = if name.starts_with("train") {
                &mut lists.0
            } else {
                &mut lists.1
            };
            list.push(Entry::named_below(&root, name, Some(label), file));
        }
    }
    DataSet::new("rafdb", RAF_CLASSES, lists.0, lists.1)
}

#[derive(Debug)]
struct Layout {
    label_files: Vec<PathBuf>,
    /// The images' folder, from RAF-DB's on.
    images: String,
}

fn layout(folder: &Path, images: RafImages) -> Result<Layout> {
    require(folder, folder.is_dir(), "the folder of RAF-DB")?;
    let owners = folder.join("EmoLabel/list_patition_label.txt");
    let authors = ["label/train.txt", "label/test.txt"].map(|file| folder.join(file));
    let kind = match images {
        RafImages::Aligned => "aligned",
        RafImages::Original => "original",
    };
    let layout = if owners.is_file() {
        Layout {
            label_files: vec![owners],
            images: format!("Image/{kind}"),
        }
    } else if authors.iter().any(|file| file.is_file()) {
        for file in &authors {
            require(file, file.is_file(), "a label file beside the other one")?;
        }
        Layout {
            label_files: authors.to_vec(),
            images: kind.to_owned(),
        }
    } else {
        return Err(Error::Missing {
            path: owners,
            expected: "RAF-DB's label file (or label/train.txt and label/test.txt)",
        });
    };
    let images = folder.join(&layout.images);
    require(&images, images.is_dir(), "the folder of RAF-DB's images")?;
    Ok(layout)
}

/// Name and class (from 0) of a line.
fn parse(line: &str) -> Option<(&str, u32)> {
    let (name, label) = line.split_once(char::is_whitespace)?;
    let label: u32 = label.trim().parse().ok()?;
    // A name is one of the folder's files: it must not lead elsewhere.
    let plain = !name.contains(['/', '\\', '\u{fffd}']) && name.len() > ".jpg".len();
    let listed = name.starts_with("train") || name.starts_with("test");
    let known = (1..=RAF_CLASSES.len() as u32).contains(&label);
    (plain && listed && known).then(|| (name, label - 1))
}

fn file_name(name: &str, images: RafImages) -> String {
    match (images, name.rsplit_once('.')) {
        (RafImages::Aligned, Some((stem, ending))) if !stem.ends_with("_aligned") => {
            format!("{stem}_aligned.{ending}")
        }
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CheckLevel;
    use crate::test_files::png;
    use std::fs;

    fn text() -> String {
        let train = (1..=7).map(|label| format!("train_{label:05}.png {label}\n"));
        let test = (1..=7).map(|label| format!("test_{label:04}.png {label}\r\n"));
        train.chain(test).collect()
    }

    fn owners(text: &str, kind: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let labels = folder.path().join("EmoLabel");
        fs::create_dir_all(&labels).unwrap();
        fs::write(labels.join("list_patition_label.txt"), text).unwrap();
        fs::create_dir_all(folder.path().join("Image").join(kind)).unwrap();
        folder
    }

    #[test]
    fn the_owners_layout() {
        let folder = owners(&text(), "aligned");
        for label in 1..=7 {
            let path = folder
                .path()
                .join(format!("Image/aligned/train_{label:05}_aligned.png"));
            png(&path, label);
        }
        let data = raf_db(folder.path(), RafImages::Aligned).unwrap();
        assert_eq!((data.training().len(), data.test().len()), (7, 7));
        assert_eq!(data.class_counts(), [1; 7]);
        let bad = data.bad_files(CheckLevel::Headers, |_, _| ());
        assert_eq!(bad.len(), 7);
        assert!(bad.iter().all(|file| file.name.starts_with("test_")));
    }

    #[test]
    fn the_original_photographs() {
        let folder = owners(&text(), "original");
        png(&folder.path().join("Image/original/train_00003.png"), 3);
        let data = raf_db(folder.path(), RafImages::Original).unwrap();
        assert!(data.training()[2].face(crate::Color::Rgb).is_ok());
        let error = raf_db(folder.path(), RafImages::Aligned)
            .unwrap_err()
            .to_string();
        assert!(error.contains("aligned does not exist"), "{error}");
    }

    #[test]
    fn the_authors_layout() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("label")).unwrap();
        fs::create_dir_all(folder.path().join("aligned")).unwrap();
        let (train, test): (Vec<_>, Vec<_>) = {
            let text = text();
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines
                .into_iter()
                .partition(|line| line.starts_with("train"))
        };
        fs::write(folder.path().join("label/train.txt"), train.join("\n")).unwrap();
        let error = raf_db(folder.path(), RafImages::Aligned)
            .unwrap_err()
            .to_string();
        assert!(error.contains("test.txt"), "{error}");
        fs::write(folder.path().join("label/test.txt"), test.join("\n")).unwrap();
        let data = raf_db(folder.path(), RafImages::Aligned).unwrap();
        assert_eq!((data.training().len(), data.test().len()), (7, 7));
    }

    #[test]
    fn bad_lines_are_quoted_with_their_number() {
        for line in [
            "train_00008.png 8",
            "train_00008.png 0",
            "train_00008.png",
            "train_00008.png x",
            "valid_1.png 3",
            "train/../../x.png 3",
            "test_0009.png 3 4",
        ] {
            let folder = owners(&format!("{}{line}\n", text()), "aligned");
            let error = raf_db(folder.path(), RafImages::Aligned)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("line 15: {line:?}, expected NAME LABEL")),
                "{error}"
            );
        }
    }

    #[test]
    fn missing_things_and_twice_the_same_name() {
        let error = raf_db(Path::new("no/such"), RafImages::Aligned)
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "no/such does not exist, expected the folder of RAF-DB"
        );
        let folder = tempfile::tempdir().unwrap();
        let error = raf_db(folder.path(), RafImages::Aligned)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("list_patition_label.txt does not exist"),
            "{error}"
        );
        let folder = owners(&format!("{0}{0}", text()), "aligned");
        let error = raf_db(folder.path(), RafImages::Aligned)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("\"train_00001.png\" occurs twice"),
            "{error}"
        );
    }
}
