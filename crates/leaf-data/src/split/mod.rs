//! Which training faces keep their label.

mod counts;
mod file;
mod numpy;
mod origin;
mod rule;

use std::collections::HashSet;

pub use numpy::NumpyShuffle;
pub use rule::{Shuffle, SplitConfig, UnlabeledSet};

use self::origin::Origin;
use crate::fnv::fnv1a64;
use crate::{DataSet, Error, Result};

/// A labeled subset of a training list, and the faces that are used without their label.
///
/// Both lists hold places in [`DataSet::training`].
///
/// ```
/// # #[cfg(feature = "drawn-faces")] {
/// use leaf_data::{LabelSplit, SplitConfig, drawn_faces};
///
/// let data = drawn_faces()?;
/// let config = SplitConfig { labels_per_class: 10, ..Default::default() };
/// let split = LabelSplit::new(&data, &config)?;
/// assert_eq!((split.labeled().len(), split.unlabeled().len()), (70, 2800));
/// # }
/// # Ok::<(), leaf_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSplit {
    labeled: Vec<usize>,
    unlabeled: Vec<usize>,
    names: Vec<String>,
    origin: Origin,
}

impl LabelSplit {
    /// Draws a split, or reads the list that the configuration names.
    ///
    /// # Errors
    /// [`Error::LabelsPerClass`] if a class gets no label, or more than it has faces,
    /// [`Error::TotalLabels`] for a total that the classes cannot share,
    /// [`Error::UnlabeledPerClass`] if a class has fewer faces left, [`Error::OutOfRange`] for an
    /// imbalance between -1 and 1; for a list [`Error::BesideList`] for a number that would mean nothing,
    /// and those of [`LabelSplit::read`].
    pub fn new(data: &DataSet, config: &SplitConfig) -> Result<Self> {
        if let Some(list) = &config.list {
            config.check_beside_list()?;
            return Self::read(list, data, config.unlabeled);
        }
        let (labeled, others) = rule::draw(data, config)?;
        Ok(Self::from_parts(data, labeled, others, config.unlabeled))
    }

    /// The split whose labeled faces have these names, in this order, for instance one that was
    /// written by [`LabelSplit::write`].
    ///
    /// # Errors
    /// [`Error::SplitName`] for a name that is not in the training list, that has no label or that
    /// occurs twice; [`Error::LabelsPerClass`] for a class without a labeled face.
    pub fn from_names(data: &DataSet, names: &[String], unlabeled: UnlabeledSet) -> Result<Self> {
        let places: std::collections::HashMap<&str, usize> = data
            .training()
            .iter()
            .enumerate()
            .map(|(i, entry)| (entry.name.as_str(), i))
            .collect();
        let mut labeled = Vec::with_capacity(names.len());
        let mut seen = HashSet::new();
        for name in names {
            let fail = |problem| Error::SplitName {
                name: name.clone(),
                problem,
            };
            let place = *places
                .get(name.as_str())
                .ok_or_else(|| fail("is not in the training list"))?;
            if data.training()[place].label.is_none() {
                return Err(fail("has no label in the data set"));
            }
            if !seen.insert(place) {
                return Err(fail("is listed twice, expected once"));
            }
            labeled.push(place);
        }
        every_class_has_a_label(data, &labeled)?;
        let others = (0..data.training().len())
            .filter(|place| !seen.contains(place))
            .collect();
        Ok(Self::from_parts(data, labeled, others, unlabeled))
    }

    fn from_parts(
        data: &DataSet,
        labeled: Vec<usize>,
        others: Vec<usize>,
        set: UnlabeledSet,
    ) -> Self {
        let names = labeled
            .iter()
            .map(|&place| data.training()[place].name.clone())
            .collect();
        let unlabeled = match set {
            UnlabeledSet::WithLabeled => labeled.iter().chain(&others).copied().collect(),
            UnlabeledSet::WithoutLabeled => others,
        };
        Self {
            labeled,
            unlabeled,
            names,
            origin: Origin::of(data),
        }
    }

    /// The faces that keep their label.
    pub fn labeled(&self) -> &[usize] {
        &self.labeled
    }

    /// The faces that are used without a label.
    pub fn unlabeled(&self) -> &[usize] {
        &self.unlabeled
    }

    /// The labeled faces' names, in the order of [`LabelSplit::labeled`].
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A fingerprint of which faces are labeled, whatever their order: 64-bit FNV-1a of the sorted
    /// names, in hexadecimal digits.
    pub fn hash(&self) -> String {
        let mut names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        names.sort_unstable();
        let bytes = names.iter().flat_map(|name| name.bytes().chain([b'\n']));
        format!("{:016x}", fnv1a64(bytes))
    }
}

fn every_class_has_a_label(data: &DataSet, labeled: &[usize]) -> Result<()> {
    for (class, available) in data.class_counts().into_iter().enumerate() {
        let has = |&place: &usize| data.training()[place].label == Some(class as u32);
        if !labeled.iter().any(has) {
            let class = data.classes()[class].clone();
            return Err(Error::LabelsPerClass {
                class,
                asked: 0,
                available,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod test_data {
    use crate::{DataSet, Entry, Face, SplitConfig};

    /// Few enough for the small classes of tests.
    pub(crate) fn four_labels() -> SplitConfig {
        SplitConfig {
            labels_per_class: 4,
            ..SplitConfig::default()
        }
    }

    /// Classes of these sizes, in turn, then faces without a label.
    pub(crate) fn sizes(sizes: &[usize], unlabeled: usize) -> DataSet {
        let face = Face::new(vec![0; 64], 8, 8, 1).unwrap();
        let mut training = Vec::new();
        for i in 0..*sizes.iter().max().unwrap() {
            for (class, _) in sizes.iter().enumerate().filter(|(_, size)| i < **size) {
                let name = format!("{class}-{i}");
                training.push(Entry::pixels(name, Some(class as u32), face.clone()));
            }
        }
        for i in 0..unlabeled {
            training.push(Entry::pixels(format!("u-{i}"), None, face.clone()));
        }
        let classes: Vec<String> = (0..sizes.len()).map(|class| format!("c{class}")).collect();
        DataSet::new("d", classes, training, vec![]).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::test_data::{four_labels, sizes};
    use super::*;

    #[test]
    fn names_lead_back_to_the_same_split() {
        let data = sizes(&[5, 9, 7], 3);
        let split = LabelSplit::new(&data, &four_labels()).unwrap();
        let again =
            LabelSplit::from_names(&data, split.names(), UnlabeledSet::WithLabeled).unwrap();
        assert_eq!(again.labeled(), split.labeled());
        assert_eq!(again.hash(), split.hash());
        let mut sorted = (again.unlabeled().to_vec(), split.unlabeled().to_vec());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        assert_eq!(sorted.0, sorted.1);
    }

    #[test]
    fn the_hash_ignores_the_order_and_sees_other_faces() {
        let data = sizes(&[5, 9], 0);
        let names = |list: &[&str]| -> Vec<String> { list.iter().map(|&n| n.to_owned()).collect() };
        let hash = |list: &[&str]| {
            let set = UnlabeledSet::WithLabeled;
            LabelSplit::from_names(&data, &names(list), set)
                .unwrap()
                .hash()
        };
        assert_eq!(hash(&["0-1", "1-1"]), hash(&["1-1", "0-1"]));
        assert_ne!(hash(&["0-1", "1-1"]), hash(&["0-1", "1-2"]));
    }

    #[test]
    fn wrong_names_are_named() {
        let data = sizes(&[5, 9], 1);
        let error = |list: &[&str]| {
            let names: Vec<String> = list.iter().map(|&n| n.to_owned()).collect();
            LabelSplit::from_names(&data, &names, UnlabeledSet::WithLabeled)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error(&["x"]),
            "labeled face \"x\" is not in the training list"
        );
        assert_eq!(
            error(&["u-0"]),
            "labeled face \"u-0\" has no label in the data set"
        );
        assert_eq!(
            error(&["0-1", "0-1"]),
            "labeled face \"0-1\" is listed twice, expected once"
        );
        assert!(error(&["0-1"]).contains("class \"c1\""));
    }
}
