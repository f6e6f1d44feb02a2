//! How many faces of each class a split takes.

use super::SplitConfig;
use crate::{DataSet, Error, Result};

/// Faces to take of each class.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) labeled: Vec<usize>,
    /// Of the faces that keep no label; `None` for all of them.
    pub(super) unlabeled: Option<Vec<usize>>,
}

impl Counts {
    pub(super) fn new(data: &DataSet, config: &SplitConfig) -> Result<Self> {
        let available = data.class_counts();
        let most = labels_per_class(config, available.len())?;
        let labeled = long_tail(
            "labeled_imbalance",
            most,
            config.labeled_imbalance,
            available.len(),
        )?;
        for (class, (&asked, &available)) in labeled.iter().zip(&available).enumerate() {
            if asked == 0 || asked > available {
                let class = data.classes()[class].clone();
                return Err(Error::LabelsPerClass {
                    class,
                    asked,
                    available,
                });
            }
        }
        let left: Vec<usize> = available
            .iter()
            .zip(&labeled)
            .map(|(all, taken)| all - taken)
            .collect();
        Ok(Self {
            unlabeled: unlabeled(data, config, &left)?,
            labeled,
        })
    }
}

/// The labels of a class: as asked, or an equal share of the total.
fn labels_per_class(config: &SplitConfig, num_classes: usize) -> Result<usize> {
    match config.total_labels {
        None => Ok(config.labels_per_class),
        Some(total) if total > 0 && total % num_classes == 0 => Ok(total / num_classes),
        Some(total) => Err(Error::TotalLabels { total, num_classes }),
    }
}

fn unlabeled(data: &DataSet, config: &SplitConfig, left: &[usize]) -> Result<Option<Vec<usize>>> {
    let gamma = config.unlabeled_imbalance;
    if config.unlabeled_per_class.is_none() && gamma == 1. {
        return Ok(None);
    }
    let field = "unlabeled_imbalance";
    let most = match config.unlabeled_per_class {
        Some(most) => most,
        None => largest(field, gamma, left)?,
    };
    let counts = long_tail(field, most, gamma, left.len())?;
    for (class, (&asked, &available)) in counts.iter().zip(left).enumerate() {
        if asked > available {
            let class = data.classes()[class].clone();
            return Err(Error::UnlabeledPerClass {
                class,
                asked,
                available,
            });
        }
    }
    Ok(Some(counts))
}

/// The largest number for the most frequent class that leaves no class short.
fn largest(field: &'static str, gamma: f64, left: &[usize]) -> Result<usize> {
    let fits = |most: usize| -> Result<bool> {
        let counts = long_tail(field, most, gamma, left.len())?;
        Ok(counts.iter().zip(left).all(|(asked, left)| asked <= left))
    };
    let (mut low, mut high) = (0, left.iter().copied().max().unwrap_or(0));
    // The counts grow with the number, so that it can be halved in on.
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        match fits(middle)? {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    Ok(low)
}

/// `floor(most * |gamma|^(-c / (C - 1)))` faces of class `c`: exponentially fewer from the first class to
/// the last, which has `floor(most / |gamma|)`; from the last to the first if `gamma` is negative.
fn long_tail(
    field: &'static str,
    most: usize,
    gamma: f64,
    num_classes: usize,
) -> Result<Vec<usize>> {
    if !gamma.is_finite() || gamma.abs() < 1. {
        return Err(Error::OutOfRange {
            field,
            value: gamma,
            expected: "a number of at least 1, or of at most -1 for the reverse order",
        });
    }
    let last = num_classes.saturating_sub(1);
    let step = (1. / gamma.abs()).powf(1. / last.max(1) as f64);
    let count = |class: usize| match class {
        class if class == last => (most as f64 / gamma.abs()) as usize,
        class => (most as f64 * step.powf(class as f64)) as usize,
    };
    let mut counts: Vec<usize> = (0..num_classes).map(count).collect();
    if gamma < 0. {
        counts.reverse();
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::super::test_data::sizes;
    use super::super::{LabelSplit, UnlabeledSet};
    use super::*;

    fn tail(most: usize, gamma: f64, num_classes: usize) -> Vec<usize> {
        long_tail("g", most, gamma, num_classes).unwrap()
    }

    /// Numbers of USB's `make_imbalance_data` (NumPy).
    #[test]
    fn long_tails_are_those_of_the_field() {
        assert_eq!(
            tail(1500, 100., 10),
            [1500, 899, 539, 323, 193, 116, 69, 41, 25, 15]
        );
        assert_eq!(
            tail(1500, -100., 10),
            [15, 25, 41, 69, 116, 193, 323, 539, 899, 1500]
        );
        assert_eq!(tail(60, 10., 7), [60, 40, 27, 18, 12, 8, 6]);
        assert_eq!(tail(10, 1., 3), [10, 10, 10]);
    }

    #[test]
    fn a_total_is_shared_equally() {
        let data = sizes(&[9, 9, 9], 0);
        let counts = |total| {
            let config = SplitConfig {
                total_labels: Some(total),
                ..Default::default()
            };
            Counts::new(&data, &config).map(|counts| counts.labeled)
        };
        assert_eq!(counts(6).unwrap(), [2, 2, 2]);
        assert_eq!(
            counts(7).unwrap_err().to_string(),
            "labels in all = 7, expected a multiple of 3, the number of classes, above 0"
        );
        assert!(counts(0).is_err());
    }

    #[test]
    fn both_subsets_may_be_imbalanced() {
        let data = sizes(&[40, 30, 30], 2);
        let config = SplitConfig {
            labels_per_class: 9,
            labeled_imbalance: 9.,
            unlabeled_per_class: Some(16),
            unlabeled_imbalance: -4.,
            unlabeled: UnlabeledSet::WithoutLabeled,
            ..Default::default()
        };
        let split = LabelSplit::new(&data, &config).unwrap();
        let count = |places: &[usize]| -> Vec<usize> {
            let of = |class| {
                places
                    .iter()
                    .filter(|&&p| data.training()[p].label == class)
                    .count()
            };
            [Some(0), Some(1), Some(2), None].map(of).to_vec()
        };
        assert_eq!(count(split.labeled()), [9, 3, 1, 0]);
        // Faces of no known class cannot be counted to any, so that none of them is used.
        assert_eq!(count(split.unlabeled()), [4, 8, 16, 0]);
        let with = SplitConfig {
            unlabeled: UnlabeledSet::WithLabeled,
            ..config
        };
        let split = LabelSplit::new(&data, &with).unwrap();
        assert_eq!(count(split.unlabeled()), [13, 11, 17, 0]);
    }

    #[test]
    fn without_a_number_as_many_as_there_are() {
        let data = sizes(&[40, 30, 6], 0);
        let config = SplitConfig {
            labels_per_class: 2,
            unlabeled_imbalance: 4.,
            ..Default::default()
        };
        let counts = Counts::new(&data, &config).unwrap().unlabeled.unwrap();
        // 4 of the last class are left, so 4 * 4 + 3 at most of the first.
        assert_eq!(counts, [19, 9, 4]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let data = sizes(&[40, 30, 6], 0);
        let error = |change: &dyn Fn(&mut SplitConfig)| {
            let mut config = SplitConfig::default();
            change(&mut config);
            LabelSplit::new(&data, &config).unwrap_err().to_string()
        };
        assert_eq!(
            error(&|c| c.labeled_imbalance = 0.5),
            "labeled_imbalance = 0.5, expected a number of at least 1, or of at most -1 for the reverse order"
        );
        assert!(
            error(&|c| {
                c.labeled_imbalance = 2.;
                c.unlabeled_imbalance = f64::NAN;
            })
            .contains("unlabeled_imbalance = NaN")
        );
        assert_eq!(
            error(&|c| c.labeled_imbalance = 11.),
            "labels per class = 0, expected 1 to 6, the training faces of class \"c2\""
        );
        assert_eq!(
            error(&|c| {
                c.labels_per_class = 2;
                c.unlabeled_per_class = Some(5);
            }),
            "unlabeled faces per class = 5, expected 0 to 4, the faces of class \"c2\" without a label"
        );
    }
}
