//! Splits on disk.

use std::fmt::Debug;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{LabelSplit, Origin, UnlabeledSet};
use crate::dataset::lines;
use crate::fnv::fnv1a64;
use crate::{DataSet, Error, Result};

const FORMAT: &str = "leaf-split-1";
const WRITTEN: &str = "a split as LabelSplit::write writes it";
const NAMES: &str = "the labeled faces' names: a JSON list, one name a line, or a split's file";

/// A split's file: the labeled faces by name, to be read by people and other programs; the others by
/// their place in the training list, since they may be many.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: String,
    data: Origin,
    labeled: Vec<String>,
    unlabeled: Vec<usize>,
    /// 64-bit FNV-1a of the rest as compact JSON.
    hash: String,
}

impl Written {
    fn of(split: &LabelSplit) -> serde_json::Result<Self> {
        let mut written = Self {
            format: FORMAT.to_owned(),
            data: split.origin.clone(),
            labeled: split.names.clone(),
            unlabeled: split.unlabeled.clone(),
            hash: String::new(),
        };
        written.hash = written.content_hash()?;
        Ok(written)
    }

    fn content_hash(&self) -> serde_json::Result<String> {
        let content = (&self.format, &self.data, &self.labeled, &self.unlabeled);
        Ok(format!("{:016x}", fnv1a64(serde_json::to_vec(&content)?)))
    }

    /// The file as JSON with a line for each part, so that many places do not take as many lines.
    fn text(&self) -> serde_json::Result<String> {
        let labeled = serde_json::to_string_pretty(&self.labeled)?.replace('\n', "\n  ");
        Ok(format!(
            "{{\n  \"format\": {},\n  \"data\": {},\n  \"labeled\": {labeled},\n  \"unlabeled\": {},\n  \"hash\": {}\n}}\n",
            serde_json::to_string(&self.format)?,
            serde_json::to_string(&self.data)?,
            serde_json::to_string(&self.unlabeled)?,
            serde_json::to_string(&self.hash)?,
        ))
    }
}

impl LabelSplit {
    /// Writes the split with a hash, whole or not at all: which faces are labeled by name, which are
    /// used without a label, and what training list it was drawn from.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let fail = |error| Error::io("write", path, error);
        let text = Written::of(self)
            .and_then(|written| written.text())
            .map_err(|error| fail(std::io::Error::other(error)))?;
        let mut draft = path.as_os_str().to_owned();
        draft.push(".draft");
        let draft = Path::new(&draft);
        let written = std::fs::File::create(draft).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(draft, path)
        });
        written.map_err(|error| {
            // What is left of the draft says nothing new if it cannot be removed either.
            let _ = std::fs::remove_file(draft);
            fail(error)
        })
    }

    /// The split whose labeled faces are listed in a file: one name a line, a JSON list of names, or
    /// a file of [`LabelSplit::write`], of which only the labeled faces' names are used then.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::SplitFile`] if it is none of these, names no
    /// face or was changed after it was written, and those of [`LabelSplit::from_names`].
    pub fn read(path: &Path, data: &DataSet, unlabeled: UnlabeledSet) -> Result<Self> {
        let names = names(path)?;
        if names.is_empty() {
            return Err(split_file(path, "it names no face".into(), NAMES));
        }
        Self::from_names(data, &names, unlabeled)
    }

    /// The very split that [`LabelSplit::write`] wrote, in the same order, for the same training list.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::SplitFile`] if it is no such file or was
    /// changed, [`Error::SplitDiffers`] for another training list, naming what differs.
    pub fn read_exact(path: &Path, data: &DataSet) -> Result<Self> {
        let written = written(path)?;
        let origin = Origin::of(data);
        same_origin(path, &written.data, &origin)?;
        let count = data.training().len();
        if let Some(&place) = written.unlabeled.iter().find(|place| **place >= count) {
            return Err(Error::SplitPlace { place, count });
        }
        let set = UnlabeledSet::WithoutLabeled;
        let split = Self::from_names(data, &written.labeled, set)?;
        Ok(Self {
            unlabeled: written.unlabeled,
            ..split
        })
    }

    /// Checks that a file holds this very split, as a run does that goes on from where it stopped.
    ///
    /// # Errors
    /// Those of [`LabelSplit::read_exact`], and [`Error::SplitDiffers`] for other faces, naming the first.
    pub fn check_written(&self, path: &Path) -> Result<()> {
        let written = written(path)?;
        same_origin(path, &written.data, &self.origin)?;
        let what = "the labeled faces";
        same_list(path, what, &written.labeled, &self.names)?;
        let what = "the training faces used without a label";
        same_list(path, what, &written.unlabeled, &self.unlabeled)
    }
}

fn differs(path: &Path, what: impl Into<String>, written: String, found: String) -> Error {
    Error::SplitDiffers {
        path: path.to_owned(),
        what: what.into(),
        written,
        found,
    }
}

fn same_list<T: PartialEq + Debug>(path: &Path, what: &str, old: &[T], new: &[T]) -> Result<()> {
    if old.len() != new.len() {
        let (old, new) = (old.len().to_string(), new.len().to_string());
        return Err(differs(path, format!("the number of {what}"), old, new));
    }
    match old.iter().zip(new).position(|(old, new)| old != new) {
        None => Ok(()),
        Some(place) => {
            let what = format!("number {place} (from 0) of {what}");
            let [old, new] = [old, new].map(|list| format!("{:?}", list[place]));
            Err(differs(path, what, old, new))
        }
    }
}

fn same_origin(path: &Path, written: &Origin, here: &Origin) -> Result<()> {
    match Origin::difference(written, here) {
        None => Ok(()),
        Some((what, written, found)) => Err(differs(path, what, written, found)),
    }
}

fn split_file(path: &Path, reason: String, expected: &'static str) -> Error {
    Error::SplitFile {
        path: path.to_owned(),
        reason,
        expected,
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| Error::io("read", path, error))
}

fn written(path: &Path) -> Result<Written> {
    let fail = |reason: String| split_file(path, reason, WRITTEN);
    let written: Written =
        serde_json::from_slice(&read(path)?).map_err(|error| fail(error.to_string()))?;
    if written.format != FORMAT {
        return Err(fail(format!("its format is {:?}", written.format)));
    }
    let hash = written
        .content_hash()
        .map_err(|error| fail(error.to_string()))?;
    match hash == written.hash {
        true => Ok(written),
        false => Err(fail(format!(
            "its hash is {}, its content's is {hash}",
            written.hash
        ))),
    }
}

/// The names in any of the forms of a list.
fn names(path: &Path) -> Result<Vec<String>> {
    let bytes = read(path)?;
    match bytes.trim_ascii_start().first() {
        Some(b'{') => Ok(written(path)?.labeled),
        Some(b'[') => serde_json::from_slice(&bytes)
            .map_err(|error| split_file(path, error.to_string(), NAMES)),
        _ => Ok(lines(path)?.into_iter().map(|(_, name)| name).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_data::{four_labels, sizes};
    use super::super::{Shuffle, SplitConfig};
    use super::*;

    fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("split.json");
        (folder, path)
    }

    #[test]
    fn a_written_split_is_read_back_in_its_order() {
        let (folder, path) = folder();
        let data = sizes(&[6, 8], 2);
        for unlabeled in [UnlabeledSet::WithLabeled, UnlabeledSet::WithoutLabeled] {
            for shuffle in [Shuffle::default(), Shuffle::NumpyOneStream { seed: 5 }] {
                let config = SplitConfig {
                    unlabeled,
                    shuffle,
                    ..four_labels()
                };
                let split = LabelSplit::new(&data, &config).unwrap();
                split.write(&path).unwrap();
                assert_eq!(LabelSplit::read_exact(&path, &data).unwrap(), split);
                split.check_written(&path).unwrap();
            }
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().count() < 20, "{text}");
    }

    #[test]
    fn lists_come_in_three_forms() {
        let (_folder, path) = folder();
        let data = sizes(&[6, 8], 2);
        let split = LabelSplit::new(&data, &four_labels()).unwrap();
        let lines = format!("\u{feff}{}\r\n\r\n", split.names().join("\r\n"));
        let json = serde_json::to_string(split.names()).unwrap();
        split.write(&path).unwrap();
        let own = std::fs::read_to_string(&path).unwrap();
        for text in [lines, json, own] {
            std::fs::write(&path, text).unwrap();
            let read = LabelSplit::read(&path, &data, UnlabeledSet::WithoutLabeled).unwrap();
            assert_eq!(
                (read.labeled(), read.unlabeled().len()),
                (split.labeled(), 8)
            );
            let config = SplitConfig {
                list: Some(path.clone()),
                ..Default::default()
            };
            let drawn = LabelSplit::new(&data, &config).unwrap();
            assert_eq!(
                (drawn.labeled(), drawn.unlabeled().len()),
                (split.labeled(), 16)
            );
        }
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let (folder, path) = folder();
        let data = sizes(&[6, 8], 2);
        let error = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let read = LabelSplit::read(&path, &data, UnlabeledSet::WithLabeled);
            read.unwrap_err().to_string()
        };
        assert!(error("{\"a\": 1}").ends_with("expected a split as LabelSplit::write writes it"));
        assert!(error("[1]").contains("expected the labeled faces' names"));
        assert!(error(" \r\n").contains("it names no face"));
        assert!(error("[]").contains("it names no face"));
        assert_eq!(
            error("0-1\n9-9\n"),
            "labeled face \"9-9\" is not in the training list"
        );
        let split = LabelSplit::new(&data, &four_labels()).unwrap();
        split.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let other = text.replacen(&split.names()[0], "0-x", 1);
        assert!(error(&other).contains("its hash is"), "{other}");
        let newer = text.replace("leaf-split-1", "leaf-split-2");
        assert!(error(&newer).contains("its format is \"leaf-split-2\""));
        let none = LabelSplit::read(Path::new("no/such"), &data, UnlabeledSet::WithLabeled);
        assert!(
            none.unwrap_err()
                .to_string()
                .contains("cannot read no/such")
        );
        assert!(
            split
                .write(&folder.path().join("no/such/split.json"))
                .is_err()
        );
    }

    #[test]
    fn a_split_of_other_faces_is_refused_with_what_differs() {
        let (_folder, path) = folder();
        let data = sizes(&[6, 8], 2);
        let split = |data: &DataSet, config: &SplitConfig| LabelSplit::new(data, config).unwrap();
        split(&data, &four_labels()).write(&path).unwrap();
        let error = |data: &DataSet, config: &SplitConfig| {
            let error = split(data, config).check_written(&path).unwrap_err();
            error
                .to_string()
                .replace(&path.display().to_string(), "FILE")
        };
        let (larger, other) = (sizes(&[6, 9], 2), sizes(&[7, 7], 2));
        assert_eq!(
            error(&larger, &four_labels()),
            "FILE: the number of training faces is 16 of d, here it is 17 of d, expected the same"
        );
        assert!(error(&other, &four_labels()).contains("the hash of the training faces' names"));
        assert!(LabelSplit::read_exact(&path, &other).is_err());
        let classes = sizes(&[6, 8, 5], 0);
        assert!(
            error(&classes, &four_labels()).contains("the list of classes is c0, c1, here it is")
        );
        let fewer = SplitConfig {
            labels_per_class: 3,
            ..four_labels()
        };
        assert!(
            error(&data, &fewer).contains("the number of the labeled faces is 8, here it is 6")
        );
        let seed = SplitConfig {
            shuffle: Shuffle::Seeded { seed: 1 },
            ..four_labels()
        };
        let text = error(&data, &seed);
        let first = split(&data, &four_labels()).names()[0].clone();
        let expected =
            format!("FILE: number 0 (from 0) of the labeled faces is {first:?}, here it");
        assert!(text.starts_with(&expected), "{text}");
        let without = SplitConfig {
            unlabeled: UnlabeledSet::WithoutLabeled,
            ..four_labels()
        };
        let text = error(&data, &without);
        assert!(
            text.contains("used without a label is 16, here it is 8"),
            "{text}"
        );
    }
}
