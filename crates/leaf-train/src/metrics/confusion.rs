//! Which class was taken for which.

use crate::{Error, Result};

/// How often each class (row) was predicted as each class (column), and the rates that follow, as
/// scikit-learn defines them with `zero_division=0`.
///
/// ```
/// use leaf_train::Confusion;
///
/// # fn main() -> leaf_train::Result<()> {
/// let mut confusion = Confusion::new(3)?;
/// for (label, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
///     confusion.record(label, prediction)?;
/// }
/// assert_eq!(confusion.accuracy(), 0.75);
/// // Class 2 has no face, so it does not count.
/// assert!((confusion.balanced_accuracy() - (2. / 3. + 1.) / 2.).abs() < 1e-12);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    num_classes: usize,
    counts: Vec<u64>,
}

impl Confusion {
    /// No predictions yet.
    ///
    /// # Errors
    /// With fewer than 2 classes.
    pub fn new(num_classes: usize) -> Result<Self> {
        if num_classes < 2 {
            return Err(leaf_core::Error::NumClasses { num_classes }.into());
        }
        Ok(Self {
            num_classes,
            counts: vec![0; num_classes * num_classes],
        })
    }

    /// Counts one prediction.
    ///
    /// # Errors
    /// If either is not a class.
    pub fn record(&mut self, label: usize, prediction: usize) -> Result<()> {
        for class in [label, prediction] {
            if class >= self.num_classes {
                return Err(Error::OutOfRange {
                    field: "class",
                    value: class as f64,
                    expected: "less than the number of classes",
                });
            }
        }
        self.counts[label * self.num_classes + prediction] += 1;
        Ok(())
    }

    /// How many classes there are.
    pub fn num_classes(&self) -> usize {
        self.num_classes
    }

    /// How many predictions were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How often each class was predicted, a row for each true class.
    pub fn rows(&self) -> Vec<Vec<u64>> {
        let rows = self.counts.chunks(self.num_classes);
        rows.map(<[u64]>::to_vec).collect()
    }

    /// The share of right predictions; 0 without any.
    pub fn accuracy(&self) -> f64 {
        let hits = (0..self.num_classes).map(|class| self.hits(class)).sum();
        ratio(hits, self.total())
    }

    /// Each class's share of right predictions among its faces; `None` for a class without faces.
    pub fn recalls(&self) -> Vec<Option<f64>> {
        (0..self.num_classes)
            .map(|class| {
                let faces = self.faces(class);
                (faces > 0).then(|| ratio(self.hits(class), faces))
            })
            .collect()
    }

    /// The mean recall of the classes that have faces.
    pub fn balanced_accuracy(&self) -> f64 {
        mean(self.recalls().into_iter().flatten())
    }

    /// The mean recall of the classes that occur among labels or predictions.
    pub fn macro_recall(&self) -> f64 {
        mean(self.occurring().map(|class| self.recall(class)))
    }

    /// The mean precision of the classes that occur among labels or predictions.
    pub fn macro_precision(&self) -> f64 {
        mean(self.occurring().map(|class| self.precision(class)))
    }

    /// The mean F1 (harmonic mean of precision and recall) of the classes that occur among labels or
    /// predictions.
    pub fn macro_f1(&self) -> f64 {
        mean(self.occurring().map(|class| {
            let both = self.faces(class) + self.predictions(class);
            ratio(2 * self.hits(class), both)
        }))
    }

    fn occurring(&self) -> impl Iterator<Item = usize> {
        (0..self.num_classes).filter(|&class| self.faces(class) + self.predictions(class) > 0)
    }

    fn recall(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.faces(class))
    }

    fn precision(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.predictions(class))
    }

    fn hits(&self, class: usize) -> u64 {
        self.counts[class * self.num_classes + class]
    }

    fn faces(&self, class: usize) -> u64 {
        let row = class * self.num_classes;
        self.counts[row..row + self.num_classes].iter().sum()
    }

    fn predictions(&self, class: usize) -> u64 {
        let column = self.counts.iter().skip(class).step_by(self.num_classes);
        column.sum()
    }
}

/// 0 for nothing out of nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.;
    }
    part as f64 / whole as f64
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0., 0u64), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 0. } else { sum / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels 0 0 0 1, predictions 0 0 2 1: class 2 is predicted without occurring, class 3 is absent.
    fn example() -> Result<Confusion> {
        let mut confusion = Confusion::new(4)?;
        for (label, prediction) in [(0, 0), (0, 0), (0, 2), (1, 1)] {
            confusion.record(label, prediction)?;
        }
        Ok(confusion)
    }

    #[test]
    fn absent_classes_count_as_in_scikit_learn() -> Result<()> {
        let confusion = example()?;
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a}, expected {b}");
        near(confusion.accuracy(), 0.75);
        near(confusion.balanced_accuracy(), (2. / 3. + 1.) / 2.);
        near(confusion.macro_recall(), (2. / 3. + 1. + 0.) / 3.);
        near(confusion.macro_precision(), (1. + 1. + 0.) / 3.);
        near(confusion.macro_f1(), (0.8 + 1. + 0.) / 3.);
        assert_eq!(confusion.recalls()[1..], [Some(1.), None, None]);
        assert_eq!(confusion.rows()[0], [2, 0, 1, 0]);
        Ok(())
    }

    #[test]
    fn nothing_counted_is_zero_not_nan() -> Result<()> {
        let confusion = Confusion::new(2)?;
        assert_eq!(confusion.accuracy(), 0.);
        assert_eq!(confusion.balanced_accuracy(), 0.);
        assert_eq!(confusion.macro_f1(), 0.);
        Ok(())
    }

    #[test]
    fn what_is_no_class_is_refused() -> Result<()> {
        assert!(example()?.record(4, 0).is_err());
        assert!(example()?.record(0, 4).is_err());
        assert!(Confusion::new(1).is_err());
        Ok(())
    }
}
