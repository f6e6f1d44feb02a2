//! How good pseudo-labels are, where the true classes are known.

use candle_core::{DType, Device};
use leaf_ssl::Selection;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How good the pseudo-labels of some steps were. Where the true classes are known this is their only
/// use: no trainer sees them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PseudoLabelQuality {
    /// The mean weight of all unlabelled faces: the share that was trained on.
    pub utilization: f64,
    /// The share of right ones among the labels that were trained on, by weight; `None` without any or
    /// where the true classes are unknown.
    pub accuracy: Option<f64>,
    /// The same for each class; empty where the true classes are unknown.
    pub classes: Vec<ClassQuality>,
}

/// How good the pseudo-labels of one class were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassQuality {
    /// Of the labels that say this class and were trained on, the share of right ones; `None` without any.
    pub accuracy: Option<f64>,
    /// Of the faces that are of this class, the share that was trained on; `None` without any.
    pub coverage: Option<f64>,
}

/// Counts the pseudo-labels of one step after the other.
#[derive(Clone, Debug)]
pub(crate) struct PseudoLabelTally {
    faces: f64,
    used: f64,
    /// Whether the true classes of all faces were known.
    known: bool,
    classes: Vec<ClassCounts>,
}

/// Sums of weights.
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
            known: true,
            classes: vec![ClassCounts::default(); num_classes],
        }
    }

    /// Adds a step. Returns the share of right ones in it, by weight.
    pub(crate) fn add(
        &mut self,
        selection: &Selection,
        truth: Option<&[u32]>,
    ) -> Result<Option<f64>> {
        let classes = selection.classes.to_device(&Device::Cpu)?;
        let classes = classes.to_dtype(DType::U32)?.to_vec1::<u32>()?;
        // Metal has no f64.
        let weights = selection.weights.to_device(&Device::Cpu)?;
        let weights = weights.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        self.faces += weights.len() as f64;
        self.used += weights.iter().sum::<f64>();
        let Some(truth) = truth else {
            self.known = false;
            return Ok(None);
        };
        if truth.len() != classes.len() {
            return Err(Error::Core(leaf_core::Error::Shape {
                what: "hidden labels",
                expected: format!("({},)", classes.len()),
                found: vec![truth.len()],
            }));
        }
        let (mut right, mut used) = (0., 0.);
        for ((class, truth), weight) in classes.into_iter().zip(truth).zip(weights) {
            let hit = if class == *truth { weight } else { 0. };
            self.count(class, |counts| {
                counts.named += weight;
                counts.right += hit;
            });
            self.count(*truth, |counts| {
                counts.faces += 1.;
                counts.used += weight;
            });
            right += hit;
            used += weight;
        }
        Ok(share(right, used))
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
        let accuracy = tally.add(&selection()?, Some(&[0, 1, 1, 2]))?;
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
    fn unknown_classes_leave_utilization() -> Result<()> {
        let mut tally = PseudoLabelTally::new(3);
        assert_eq!(tally.add(&selection()?, None)?, None);
        let quality = tally.quality().expect("a step was counted");
        assert_eq!(quality.utilization, 2.5 / 4.);
        assert!(quality.accuracy.is_none() && quality.classes.is_empty());
        assert!(tally.add(&selection()?, Some(&[0])).is_err());
        Ok(())
    }
}
