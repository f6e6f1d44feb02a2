//! Splits on disk: a JSON list of the labeled faces' names.

use std::io::Write;
use std::path::Path;

use super::{LabelSplit, UnlabeledSet};
use crate::{DataSet, Error, Result};

impl LabelSplit {
    /// Writes the labeled faces' names as a JSON list, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let fail = |error| Error::io("write", path, error);
        let mut text = serde_json::to_string_pretty(&self.names)
            .map_err(|error| fail(std::io::Error::other(error)))?;
        text.push('\n');
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

    /// The split whose labeled faces are listed in a file of [`LabelSplit::write`].
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::SplitFile`] if it is no JSON list of names,
    /// and those of [`LabelSplit::from_names`].
    pub fn read(path: &Path, data: &DataSet, unlabeled: UnlabeledSet) -> Result<Self> {
        let text = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
        let names: Vec<String> =
            serde_json::from_slice(&text).map_err(|error| Error::SplitFile {
                path: path.to_owned(),
                reason: error.to_string(),
            })?;
        Self::from_names(data, &names, unlabeled)
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_data::{four_labels, sizes};
    use super::*;

    #[test]
    fn a_written_split_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.json");
        let data = sizes(&[6, 8], 2);
        let split = LabelSplit::new(&data, &four_labels()).unwrap();
        split.write(&path).unwrap();
        let read = LabelSplit::read(&path, &data, UnlabeledSet::WithoutLabeled).unwrap();
        assert_eq!(
            (read.labeled(), read.unlabeled().len()),
            (split.labeled(), 8)
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn files_that_do_not_fit_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.json");
        let data = sizes(&[6, 8], 2);
        let error = || {
            LabelSplit::read(&path, &data, UnlabeledSet::WithLabeled)
                .unwrap_err()
                .to_string()
        };
        assert!(error().contains("cannot read"));
        std::fs::write(&path, "{\"a\": 1}").unwrap();
        assert!(error().contains("expected a JSON list of names"));
        let split = LabelSplit::new(&data, &four_labels()).unwrap();
        assert!(
            split
                .write(&folder.path().join("no/such/labels.json"))
                .is_err()
        );
    }
}
