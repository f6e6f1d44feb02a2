//! How good pseudo-labels are, where the true classes are known.

use candle_core::{DType, Device};
use leaf_ssl::Selection;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How good the pseudo-labels of some steps were.
///
/// What they are right about is counted over the faces whose true class is known, be it all or few.
/// This is the only use of those classes: no trainer sees them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PseudoLabelQuality {
    /// The mean weight of all unlabelled faces, of known class or not: the share that was trained on.
    pub utilization: f64,
    /// Of the labels that were trained on and whose face is of known class, the share of right ones, by
    /// weight; `None` without any.
    pub accuracy: Option<f64>,
    /// The same for each class; empty where no face's class was known.
    pub classes: Vec<ClassQuality>,
}

/// How good the pseudo-labels of one class were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassQuality {
    /// Of the labels that say this class, were trained on and whose face is of known class, the share of
    /// right ones; `None` without any.
    pub accuracy: Option<f64>,
    /// Of the faces that are known to be of this class, the share that was trained on; `None` without any.
    pub coverage: Option<f64>,
}

/// Counts the pseudo-labels of one step after the other.
#[derive(Clone, Debug)]
pub(crate) struct PseudoLabelTally {
    faces: f64,
    used: f64,
    /// Whether the true class of any face was known.
    known: bool,
    classes: Vec<ClassCounts>,
}

/// Sums of weights over the faces of known class.
#[derive(Clone, Copy, Debug, Default)]
struct ClassCounts {
    faces: f64,
    used: f64,
    named: f64,
    right: f64,
}

/// `part / whole`, if there is a whole.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.).then(|| part / whole)
}

impl PseudoLabelTally {
    pub(crate) fn new(num_classes: usize) -> Self {
        Self {
            faces: 0.,
            used: 0.,
            known: false,
            classes: vec![ClassCounts::default(); num_classes],
        }
    }

    /// Adds a step whose faces' true classes are known in part: an entry a face, or none at all.
    /// Returns the share of right ones among the labels of known class, by weight; `None` without any.
    pub(crate) fn add(
        &mut self,
        selection: &Selection,
        truth: &[Option<u32>],
    ) -> Result<Option<f64>> {
        let rows = selection.classes.elem_count();
        if !truth.is_empty() && truth.len() != rows {
            return Err(Error::Core(leaf_core::Error::Shape {
                what: "hidden labels",
                expected: format!("({rows},)"),
                found: vec![truth.len()],
            }));
        }
        let classes = selection.classes.to_device(&Device::Cpu)?;
        let classes = classes.to_dtype(DType::U32)?.to_vec1::<u32>()?;
        // Metal has no f64.
        let weights = selection.weights.to_device(&Device::Cpu)?;
        let weights = weights.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        self.faces += weights.len() as f64;
        self.used += weights.iter().sum::<f64>();
        let (mut right, mut used) = (0., 0.);
        for ((class, truth), weight) in classes.into_iter().zip(truth).zip(weights) {
            let Some(truth) = *truth else { continue };
            self.known = true;
            let hit = if class == truth { weight } else { 0. };
            self.count(class, |counts| {
                counts.named += weight;
                counts.right += hit;
            });
            self.count(truth, |counts| {
                counts.faces += 1.;
                counts.used += weight;
            });
            right += hit;
            used += weight;
        }
        Ok(share(right, used))
    }

    /// Everything that is counted, to be read by [`PseudoLabelTally::from_numbers`].
    pub(crate) fn to_numbers(&self) -> Vec<f64> {
        let mut numbers = vec![self.faces, self.used, f64::from(u8::from(self.known))];
        for counts in &self.classes {
            numbers.extend([counts.faces, counts.used, counts.named, counts.right]);
        }
        numbers
    }

    /// Counts on from there.
    pub(crate) fn from_numbers(num_classes: usize, numbers: &[f64]) -> Result<Self> {
        let mut tally = Self::new(num_classes);
        let expected = tally.to_numbers().len();
        if numbers.len() != expected {
            return Err(Error::Core(leaf_core::Error::Shape {
                what: "the saved counts of pseudo-labels",
                expected: format!("({expected},)"),
                found: vec![numbers.len()],
            }));
        }
        (tally.faces, tally.used, tally.known) = (numbers[0], numbers[1], numbers[2] != 0.);
        for (counts, numbers) in tally.classes.iter_mut().zip(numbers[3..].chunks_exact(4)) {
            *counts = ClassCounts {
                faces: numbers[0],
                used: numbers[1],
                named: numbers[2],
                right: numbers[3],
            };
        }
        Ok(tally)
    }

    fn count(&mut self, class: u32, change: impl FnOnce(&mut ClassCounts)) {
        if let Some(counts) = self.classes.get_mut(class as usize) {
            change(counts);
        }
    }

    /// What was found; `None` before the first step.
    pub(crate) fn quality(&self) -> Option<PseudoLabelQuality> {
        let utilization = share(self.used, self.faces)?;
        let unknown = PseudoLabelQuality {
            utilization,
            ..PseudoLabelQuality::default()
        };
        if !self.known {
            return Some(unknown);
        }
        let sum = |of: fn(&ClassCounts) -> f64| self.classes.iter().map(of).sum();
        let classes = self.classes.iter().map(|counts| ClassQuality {
            accuracy: share(counts.right, counts.named),
            coverage: share(counts.used, counts.faces),
        });
        Some(PseudoLabelQuality {
            accuracy: share(sum(|counts| counts.right), sum(|counts| counts.named)),
            classes: classes.collect(),
            ..unknown
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Tensor;

    use super::*;

    fn selection() -> Result<Selection> {
        let device = &Device::Cpu;
        Ok(Selection {
            classes: Tensor::new(&[0u32, 0, 1, 2], device)?,
            weights: Tensor::new(&[1f32, 1., 0.5, 0.], device)?,
        })
    }

    #[test]
    fn accuracy_is_of_labels_and_coverage_of_faces() -> Result<()> {
        let mut tally = PseudoLabelTally::new(3);
        assert_eq!(tally.quality(), None);
        let accuracy = tally.add(&selection()?, &[0, 1, 1, 2].map(Some))?;
        assert_eq!(accuracy, Some(1.5 / 2.5));
        let quality = tally.quality().expect("a step was counted");
        assert_eq!(quality.utilization, 2.5 / 4.);
        assert_eq!(quality.accuracy, accuracy);
        let class = |accuracy, coverage| ClassQuality { accuracy, coverage };
        assert_eq!(
            quality.classes,
            [
                class(Some(0.5), Some(1.)),
                class(Some(1.), Some(0.75)),
                class(None, Some(0.)),
            ]
        );
        Ok(())
    }

    #[test]
    fn counts_go_on_where_they_were_saved() -> Result<()> {
        let mut tally = PseudoLabelTally::new(3);
        tally.add(&selection()?, &[0, 1, 1, 2].map(Some))?;
        let mut again = PseudoLabelTally::from_numbers(3, &tally.to_numbers())?;
        assert_eq!(again.quality(), tally.quality());
        for tally in [&mut tally, &mut again] {
            tally.add(&selection()?, &[])?;
        }
        assert_eq!(again.quality(), tally.quality());
        assert!(PseudoLabelTally::from_numbers(4, &tally.to_numbers()).is_err());
        Ok(())
    }

    #[test]
    fn unknown_classes_leave_utilization() -> Result<()> {
        let mut tally = PseudoLabelTally::new(3);
        for nothing in [&[][..], &[None; 4]] {
            assert_eq!(tally.add(&selection()?, nothing)?, None);
            let quality = tally.quality().expect("a step was counted");
            assert_eq!(quality.utilization, 2.5 / 4.);
            assert!(quality.accuracy.is_none() && quality.classes.is_empty());
        }
        Ok(())
    }

    #[test]
    fn faces_of_unknown_class_count_for_utilization_alone() -> Result<()> {
        let mut tally = PseudoLabelTally::new(3);
        // A wrong label of full weight and a right one of half; the other two might be anything.
        let truth = [None, Some(1), Some(1), None];
        assert_eq!(tally.add(&selection()?, &truth)?, Some(0.5 / 1.5));
        let known = tally.quality().expect("a step was counted");
        let class = |accuracy, coverage| ClassQuality { accuracy, coverage };
        assert_eq!(known.utilization, 2.5 / 4.);
        assert_eq!(known.accuracy, Some(0.5 / 1.5));
        assert_eq!(
            known.classes,
            [
                class(Some(0.), None),
                class(Some(1.), Some(0.75)),
                class(None, None),
            ]
        );
        assert_eq!(tally.add(&selection()?, &[])?, None);
        assert_eq!(tally.quality(), Some(known), "a step without truth");
        Ok(())
    }

    #[test]
    fn known_faces_that_were_not_trained_on_have_no_accuracy() -> Result<()> {
        let mut tally = PseudoLabelTally::new(3);
        let truth = [None, None, None, Some(2)];
        assert_eq!(tally.add(&selection()?, &truth)?, None);
        let quality = tally.quality().expect("a step was counted");
        assert_eq!(quality.accuracy, None);
        assert_eq!(quality.classes[2].coverage, Some(0.));
        Ok(())
    }

    #[test]
    fn another_number_of_classes_than_of_faces_is_refused_uncounted() -> Result<()> {
        let mut tally = PseudoLabelTally::new(3);
        let error = tally.add(&selection()?, &[Some(0)]).unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "hidden labels has shape [1], expected (4,)");
        assert_eq!(tally.quality(), None);
        Ok(())
    }
}
