//! Faces with their classes, as readers find them.

mod affect_net;
mod check;
mod cifar10;
mod class_folders;
#[cfg(feature = "drawn-faces")]
mod drawn;
mod entry;
mod fer2013;
mod fer_plus;
mod hold_out;
mod image_files;
mod label_file;
mod mnist;
mod pixel_text;
mod raf_db;
mod table;

use std::collections::HashSet;

pub use affect_net::{AFFECT_CLASSES, AffectClasses, affect_net};
pub use check::{BadFile, CheckLevel};
pub use cifar10::{CIFAR10_CLASSES, cifar10};
pub use class_folders::{ENDINGS, class_folders};
#[cfg(feature = "drawn-faces")]
pub use drawn::{drawn_faces, drawn_faces_unseen_styles};
pub use entry::{Entry, Source};
pub use fer_plus::{FER_PLUS_CLASSES, FerPlusMode, fer_plus};
pub use fer2013::{FER_CLASSES, fer2013};
pub use image_files::image_files;
pub(crate) use label_file::lines;
pub use mnist::{FASHION_MNIST_CLASSES, MNIST_CLASSES, fashion_mnist, mnist};
pub use pixel_text::PixelText;
pub use raf_db::{RAF_CLASSES, RafImages, raf_db};

use crate::{Error, Result};

/// A data set: its classes, a training list and a test list.
///
/// ```
/// use leaf_data::{DataSet, Entry, Face};
///
/// let face = Face::new(vec![0; 64], 8, 8, 1)?;
/// let training = vec![
///     Entry::pixels("a", Some(0), face.clone()),
///     Entry::pixels("b", Some(1), face.clone()),
///     Entry::pixels("c", None, face),
/// ];
/// let data = DataSet::new("mine", ["happy", "sad"], training, vec![])?;
/// assert_eq!(data.class_counts(), [1, 1]);
/// # Ok::<(), leaf_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DataSet {
    name: String,
    classes: Vec<String>,
    training: Vec<Entry>,
    test: Vec<Entry>,
}

impl DataSet {
    /// A data set of these faces; training faces without a label can only be unlabeled.
    ///
    /// # Errors
    /// [`Error::TooFewClasses`] below 2 classes, [`Error::Duplicate`] for two classes or faces of the
    /// same name, [`Error::Label`] for a class out of range, and [`Error::EmptyClass`] for a class
    /// without training faces, unless there are no training faces at all.
    pub fn new(
        name: impl Into<String>,
        classes: impl IntoIterator<Item = impl Into<String>>,
        training: Vec<Entry>,
        test: Vec<Entry>,
    ) -> Result<Self> {
        let classes = classes.into_iter().map(Into::into).collect();
        let data = Self {
            name: name.into(),
            classes,
            training,
            test,
        };
        data.check_classes()?;
        data.check_faces()?;
        data.check_counts()?;
        Ok(data)
    }

    /// What the data set is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The classes' names; a label is a place in this list.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The faces to learn from, labeled or not.
    pub fn training(&self) -> &[Entry] {
        &self.training
    }

    /// The faces to measure on.
    pub fn test(&self) -> &[Entry] {
        &self.test
    }

    /// How many labeled training faces each class has.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for label in self.training.iter().filter_map(|entry| entry.label) {
            counts[label as usize] += 1;
        }
        counts
    }

    /// Leaves out the faces of these names.
    fn without(mut self, names: &HashSet<&str>) -> Result<Self> {
        self.training
            .retain(|entry| !names.contains(entry.name.as_str()));
        self.test
            .retain(|entry| !names.contains(entry.name.as_str()));
        self.check_counts()?;
        Ok(self)
    }

    fn check_classes(&self) -> Result<()> {
        if self.classes.len() < 2 {
            let (name, found) = (self.name.clone(), self.classes.len());
            return Err(Error::TooFewClasses { name, found });
        }
        unique("class", self.classes.iter().map(String::as_str))
    }

    fn check_faces(&self) -> Result<()> {
        let all = || self.training.iter().chain(&self.test);
        let num_classes = self.classes.len();
        for entry in all() {
            if let Some(label) = entry.label.filter(|label| *label as usize >= num_classes) {
                let name = entry.name.clone();
                return Err(Error::Label {
                    name,
                    label,
                    num_classes,
                });
            }
        }
        unique("face", all().map(|entry| entry.name.as_str()))
    }

    fn check_counts(&self) -> Result<()> {
        if self.training.is_empty() && !self.test.is_empty() {
            return Ok(());
        }
        match self.class_counts().iter().position(|&count| count == 0) {
            None => Ok(()),
            Some(class) => Err(Error::EmptyClass {
                name: self.name.clone(),
                class: self.classes[class].clone(),
            }),
        }
    }
}

fn unique<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Error::Duplicate {
                what,
                name: name.to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Face;

    fn entry(name: &str, label: Option<u32>) -> Entry {
        Entry::pixels(name, label, Face::new(vec![0; 64], 8, 8, 1).unwrap())
    }

    fn error(classes: &[&str], training: Vec<Entry>, test: Vec<Entry>) -> String {
        DataSet::new("d", classes.to_vec(), training, test)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn each_rule_names_what_is_wrong() {
        let two = || vec![entry("a", Some(0)), entry("b", Some(1))];
        assert_eq!(
            error(&["x"], two(), vec![]),
            "data set \"d\" has 1 classes, expected at least 2"
        );
        assert_eq!(
            error(&["x", "x"], two(), vec![]),
            "class \"x\" occurs twice in the data set, expected once"
        );
        assert_eq!(
            error(&["x", "y"], two(), vec![entry("a", Some(0))]),
            "face \"a\" occurs twice in the data set, expected once"
        );
        assert_eq!(
            error(&["x", "y"], vec![entry("a", Some(2))], vec![]),
            "face \"a\" has class 2, expected less than 2"
        );
        assert_eq!(
            error(&["x", "y", "z"], two(), vec![]),
            "class \"z\" of data set \"d\" has 0 training faces, expected at least 1"
        );
        assert!(error(&["x", "y"], vec![], vec![]).contains("0 training faces"));
    }

    #[test]
    fn unlabeled_faces_and_mere_test_sets_are_fine() {
        let training = vec![entry("a", Some(0)), entry("b", Some(1)), entry("c", None)];
        let data = DataSet::new("d", ["x", "y"], training, vec![]).unwrap();
        assert_eq!(data.class_counts(), [1, 1]);
        assert!(DataSet::new("d", ["x", "y"], vec![], vec![entry("a", Some(0))]).is_ok());
    }
}
