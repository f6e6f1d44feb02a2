//! AffectNet, in the layouts that it is handed on in.

mod annotations;
mod folders;
mod lists;
mod npy;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::label_file::require;
use super::{DataSet, Entry};
use crate::{Error, Result};

/// AffectNet's classes in the order of its numbers, from 0; contempt, the last, is often left out.
pub const AFFECT_CLASSES: [&str; 8] = [
    "neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt",
];

/// How many of AffectNet's classes are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AffectClasses {
    /// All but contempt, whose faces are left out.
    Seven,
    /// All.
    #[default]
    Eight,
}

impl AffectClasses {
    /// The classes' names.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::Seven => &AFFECT_CLASSES[..7],
            Self::Eight => &AFFECT_CLASSES,
        }
    }

    /// The class of one of AffectNet's numbers; `None` if its faces are left out.
    fn label(self, number: u32) -> Option<u32> {
        ((number as usize) < self.names().len()).then_some(number)
    }
}

/// A training list and a test list.
type Lists = (Vec<Entry>, Vec<Entry>);

/// Reads AffectNet from its folder.
///
/// Three layouts are known; the first that is there is read, and its validation set is measured on:
///
/// - `train_set/` and `val_set/`, each with `images/N.jpg` and `annotations/N_exp.npy`.
/// - The manual lists, `training.csv` and `validation.csv`, in the folder or in its
///   `Manually_Annotated_file_lists/`, with the images in `Manually_Annotated_Images/`. Faces without
///   one of the eight expressions (8 to 10 in the lists) are left out. The box around the face is not
///   used.
/// - A folder for each class, called by its number or name, in `split/` (LEAF's authors; for seven
///   classes `split_7/` if it is there) or `train/`; to measure on, the same in `val/` or `test/`, or
///   the authors' `validation.npy` of names and numbers with the images in `align/`.
///
/// Whether listed images exist is seen by [`DataSet::bad_files`].
///
/// ```no_run
/// use leaf_data::{AffectClasses, affect_net};
///
/// let data = affect_net("data/AffectNet".as_ref(), AffectClasses::Seven)?;
/// assert_eq!(data.classes().len(), 7);
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Missing`] for a missing folder or file, [`Error::LabelLine`] for a bad line,
/// [`Error::LabelFile`] for a bad `.npy` file, [`Error::UnknownClass`] for a folder of another class,
/// [`Error::NoImages`] for an empty folder, and those of [`DataSet::new`].
pub fn affect_net(folder: &Path, classes: AffectClasses) -> Result<DataSet> {
    require(folder, folder.is_dir(), "the folder of AffectNet")?;
    let (training, test) = if folder.join("train_set").is_dir() {
        annotations::read(folder, classes)?
    } else if let Some(lists) = lists::folder(folder) {
        lists::read(folder, &lists, classes)?
    } else if let Some(training) = folders::training(folder, classes) {
        folders::read(folder, training, classes)?
    } else {
        return Err(Error::Missing {
            path: folder.join("train_set"),
            expected: "AffectNet's training set (or training.csv, or split/)",
        });
    };
    let name = match classes {
        AffectClasses::Seven => "affectnet7",
        AffectClasses::Eight => "affectnet8",
    };
    DataSet::new(name, classes.names().iter().copied(), training, test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contempt_is_the_eighth() {
        assert_eq!(AffectClasses::Seven.label(6), Some(6));
        assert_eq!(AffectClasses::Seven.label(7), None);
        assert_eq!(AffectClasses::Eight.label(7), Some(7));
        assert_eq!(AffectClasses::Eight.label(8), None);
        assert!(!AffectClasses::Seven.names().contains(&"contempt"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = Path::new("no/such");
        let text = affect_net(missing, AffectClasses::Eight)
            .unwrap_err()
            .to_string();
        assert_eq!(
            text,
            "no/such does not exist, expected the folder of AffectNet"
        );
        let folder = tempfile::tempdir().unwrap();
        let text = affect_net(folder.path(), AffectClasses::Seven)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("train_set does not exist, expected AffectNet's"),
            "{text}"
        );
    }
}
