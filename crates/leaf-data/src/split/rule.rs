//! How labeled faces are drawn.

use std::path::PathBuf;

use leaf_core::Random;
use serde::{Deserialize, Serialize};

use super::NumpyShuffle;
use super::counts::Counts;
use crate::{DataSet, Error, Result};

/// In which random order a class's faces are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shuffle {
    /// This library's own generator.
    Seeded {
        /// Chooses the order.
        seed: u64,
    },
    /// NumPy's legacy generator, started again for each class and then for each list: with seed 5,
    /// the very faces that LEAF's authors label in RAF-DB.
    NumpyPerClass {
        /// NumPy's seed.
        seed: u32,
    },
    /// NumPy's legacy generator, one stream over all classes and lists: what LEAF's authors do for
    /// FERPlus and AffectNet.
    NumpyOneStream {
        /// NumPy's seed.
        seed: u32,
    },
}

impl Default for Shuffle {
    fn default() -> Self {
        Self::Seeded { seed: 0 }
    }
}

/// Whether labeled faces are used without their label too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnlabeledSet {
    /// All training faces are used without a label, as in FixMatch's trainers.
    #[default]
    WithLabeled,
    /// Only the other faces are used without a label, as LEAF's authors do.
    WithoutLabeled,
}

/// How many faces keep their label, and which.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitConfig {
    /// Labeled faces of each class; of the most frequent one if they are imbalanced.
    pub labels_per_class: usize,
    /// Labeled faces in all instead, the same number of each class: a multiple of the number of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_labels: Option<usize>,
    /// How many times more labels the first class has than the last one, 1 for as many. In between the
    /// numbers fall exponentially, `floor(n * g^(-c / (C - 1)))` for class `c` of `C`; a negative number
    /// turns the order round.
    #[serde(skip_serializing_if = "is_balanced")]
    pub labeled_imbalance: f64,
    /// Faces of each class without a label, of the most frequent one if they are imbalanced; `None` for
    /// all, or as many as the imbalance lets. Labeled faces come on top of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlabeled_per_class: Option<usize>,
    /// The same for the faces without a label. If it is not 1, or their number is given, faces whose
    /// class nobody knows are left out.
    #[serde(skip_serializing_if = "is_balanced")]
    pub unlabeled_imbalance: f64,
    /// A list of the labeled faces' names, instead of drawing them: one name a line, or JSON as
    /// [`super::LabelSplit::write`] writes it. Then only `unlabeled` counts of the rest; a total or an
    /// imbalance is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<PathBuf>,
    /// In which random order a class's faces are taken.
    pub shuffle: Shuffle,
    /// Whether labeled faces are used without their label too.
    pub unlabeled: UnlabeledSet,
}

impl Default for SplitConfig {
    /// 10 labels a class, own generator, all faces unlabeled.
    fn default() -> Self {
        Self {
            labels_per_class: 10,
            total_labels: None,
            labeled_imbalance: 1.,
            unlabeled_per_class: None,
            unlabeled_imbalance: 1.,
            list: None,
            shuffle: Shuffle::default(),
            unlabeled: UnlabeledSet::default(),
        }
    }
}

fn is_balanced(imbalance: &f64) -> bool {
    *imbalance == 1.
}

impl SplitConfig {
    /// Beside a list nothing that would decide how many faces are taken may be set.
    pub(super) fn check_beside_list(&self) -> Result<()> {
        let none = "none";
        let number = |number: Option<usize>| number.map(|number| number as f64);
        let gamma = |gamma: f64| (gamma != 1.).then_some(gamma);
        for (field, value, expected) in [
            ("total_labels", number(self.total_labels), none),
            ("labeled_imbalance", gamma(self.labeled_imbalance), "1"),
            (
                "unlabeled_per_class",
                number(self.unlabeled_per_class),
                none,
            ),
            ("unlabeled_imbalance", gamma(self.unlabeled_imbalance), "1"),
        ] {
            if let Some(value) = value {
                return Err(Error::BesideList {
                    field,
                    value,
                    expected,
                });
            }
        }
        Ok(())
    }
}

/// The labeled faces and the others, as places in the training list.
pub(super) fn draw(data: &DataSet, config: &SplitConfig) -> Result<(Vec<usize>, Vec<usize>)> {
    let counts = Counts::new(data, config)?;
    let mut order = Order::new(config.shuffle);
    let (mut labeled, mut others) = (Vec::new(), Vec::new());
    for (class, &count) in counts.labeled.iter().enumerate() {
        let mut places = of_class(data, Some(class as u32));
        order.shuffle(&mut places, class as u64);
        let mut rest = places.split_off(count);
        if let Some(counts) = &counts.unlabeled {
            rest.truncate(counts[class]);
        }
        others.extend(rest);
        labeled.extend(places);
    }
    // The authors mix the classes; the own order needs no mixing, since batches are drawn at random.
    order.mix(&mut labeled);
    order.mix(&mut others);
    if counts.unlabeled.is_none() {
        others.extend(of_class(data, None));
    }
    Ok((labeled, others))
}

fn of_class(data: &DataSet, class: Option<u32>) -> Vec<usize> {
    let places = data.training().iter().enumerate();
    places
        .filter(|(_, entry)| entry.label == class)
        .map(|(place, _)| place)
        .collect()
}

#[derive(Debug)]
enum Order {
    Seeded(Random),
    NumpyPerClass(u32),
    NumpyOneStream(Box<NumpyShuffle>),
}

impl Order {
    fn new(shuffle: Shuffle) -> Self {
        match shuffle {
            Shuffle::Seeded { seed } => Self::Seeded(Random::new(seed).split("labels")),
            Shuffle::NumpyPerClass { seed } => Self::NumpyPerClass(seed),
            Shuffle::NumpyOneStream { seed } => {
                Self::NumpyOneStream(Box::new(NumpyShuffle::new(seed)))
            }
        }
    }

    fn shuffle(&mut self, places: &mut [usize], class: u64) {
        match self {
            // Each class has its own stream, so that one class's size does not move another's draw.
            Self::Seeded(random) => random.split_index(class).shuffle(places),
            Self::NumpyPerClass(seed) => NumpyShuffle::new(*seed).shuffle(places),
            Self::NumpyOneStream(stream) => stream.shuffle(places),
        }
    }

    fn mix(&mut self, places: &mut [usize]) {
        match self {
            Self::Seeded(_) => {}
            Self::NumpyPerClass(seed) => NumpyShuffle::new(*seed).shuffle(places),
            Self::NumpyOneStream(stream) => stream.shuffle(places),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LabelSplit;
    use super::super::test_data::sizes;
    use super::*;
    use proptest::prelude::*;

    fn config(labels_per_class: usize, shuffle: Shuffle, unlabeled: UnlabeledSet) -> SplitConfig {
        SplitConfig {
            labels_per_class,
            shuffle,
            unlabeled,
            ..Default::default()
        }
    }

    #[test]
    fn numbers_out_of_bounds_name_the_class() {
        let data = sizes(&[5, 9, 4], 0);
        let error = |labels| {
            let config = SplitConfig {
                labels_per_class: labels,
                ..Default::default()
            };
            LabelSplit::new(&data, &config).unwrap_err().to_string()
        };
        assert_eq!(
            error(5),
            "labels per class = 5, expected 1 to 4, the training faces of class \"c2\""
        );
        assert_eq!(
            error(0),
            "labels per class = 0, expected 1 to 5, the training faces of class \"c0\""
        );
    }

    #[test]
    fn a_list_decides_alone() {
        let data = sizes(&[5, 9, 4], 0);
        let error = |change: fn(&mut SplitConfig)| {
            let mut config = SplitConfig {
                list: Some("no/such".into()),
                ..Default::default()
            };
            change(&mut config);
            LabelSplit::new(&data, &config).unwrap_err().to_string()
        };
        assert_eq!(
            error(|c| c.unlabeled_imbalance = 3.),
            "unlabeled_imbalance = 3 beside a list of labeled faces, expected 1"
        );
        assert_eq!(
            error(|c| c.total_labels = Some(6)),
            "total_labels = 6 beside a list of labeled faces, expected none"
        );
        assert!(error(|c| c.labeled_imbalance = -2.).contains("labeled_imbalance = -2 beside"));
        assert!(error(|c| c.unlabeled_per_class = Some(0)).contains("per_class = 0 beside"));
        assert!(error(|_| ()).contains("cannot read no/such"));
    }

    #[test]
    fn the_authors_order_by_hand() {
        // One class of 10 is shuffled to 9 5 2 4 7 1 0 8 6 3 by seed 5; both classes are alike.
        let data = sizes(&[10, 10], 0);
        let shuffle = Shuffle::NumpyPerClass { seed: 5 };
        let split =
            LabelSplit::new(&data, &config(2, shuffle, UnlabeledSet::WithoutLabeled)).unwrap();
        let mut names: Vec<_> = split.names().to_vec();
        names.sort();
        assert_eq!(names, ["0-5", "0-9", "1-5", "1-9"]);
        assert_eq!(split.unlabeled().len(), 16);
        let one = Shuffle::NumpyOneStream { seed: 5 };
        let other = LabelSplit::new(&data, &config(2, one, UnlabeledSet::WithoutLabeled)).unwrap();
        assert!(
            ["0-9", "0-5"]
                .iter()
                .all(|&name| other.names().contains(&name.to_owned()))
        );
        assert_ne!(other.hash(), split.hash());
    }

    proptest! {
        #[test]
        fn every_class_gets_its_labels_and_nothing_is_lost(
            counts in proptest::collection::vec(3usize..12, 2..5),
            labels in 1usize..=3, unlabeled in 0usize..4, seed in 0u64..100, which in 0usize..3,
            with in any::<bool>(),
        ) {
            let data = sizes(&counts, unlabeled);
            let shuffle = match which {
                0 => Shuffle::Seeded { seed },
                1 => Shuffle::NumpyPerClass { seed: seed as u32 },
                _ => Shuffle::NumpyOneStream { seed: seed as u32 },
            };
            let set = if with { UnlabeledSet::WithLabeled } else { UnlabeledSet::WithoutLabeled };
            let split = LabelSplit::new(&data, &config(labels, shuffle, set)).unwrap();
            for class in 0..counts.len() as u32 {
                let of = |place: &&usize| data.training()[**place].label == Some(class);
                prop_assert_eq!(split.labeled().iter().filter(of).count(), labels);
            }
            let mut all: Vec<usize> = split.unlabeled().to_vec();
            if !with {
                prop_assert!(split.labeled().iter().all(|place| !all.contains(place)));
                all.extend(split.labeled());
            }
            all.sort_unstable();
            prop_assert_eq!(all, (0..data.training().len()).collect::<Vec<_>>());
        }

        #[test]
        fn another_seed_labels_other_faces(seed in 0u64..50) {
            let data = sizes(&[30, 30, 30], 0);
            let hash = |seed| {
                let config = config(5, Shuffle::Seeded { seed }, UnlabeledSet::WithLabeled);
                LabelSplit::new(&data, &config).unwrap().hash()
            };
            prop_assert_eq!(hash(seed), hash(seed));
            prop_assert_ne!(hash(seed), hash(seed + 1));
        }
    }
}
