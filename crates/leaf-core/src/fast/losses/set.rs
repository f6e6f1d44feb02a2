//! Losses that hold scores to positive and negative classes.

use candle_core::{DType, Tensor};

use super::super::real::Real;
use super::super::values::{Values, of_reals};
use super::rows::loss_of_rows;
use crate::Result;

/// What is asked of the positive classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum SetLoss {
    /// That each scores above every negative class: `ln(1 + Σ_P e^-s Σ_N e^s)`.
    Ranking,
    /// That they have all the probability: `ln(1 + Σ_N e^s / Σ_P e^s)`.
    Mass,
}

/// The logarithm of an empty sum, as candle's twin has it.
const EMPTY: f64 = -1e30;

/// The loss of each row `(N,)`, for sets `(N, C)` of bytes; `None` where tensors lie on a device.
pub(crate) fn set_loss(
    logits: &Tensor,
    positive: &Tensor,
    kind: SetLoss,
) -> Result<Option<Tensor>> {
    if positive.dtype() != DType::U8 || !positive.device().is_cpu() {
        return Ok(None);
    }
    let classes = logits.dim(1)?;
    let positive = positive.contiguous()?;
    let sets = Values::<u8>::of(&positive)?;
    let sets = sets.slice()?;
    of_reals!([logits], |T| {
        loss_of_rows::<T>("set loss", logits, |row, scores, powers, slopes| {
            kind.of_row::<T>(scores, &sets[row * classes..][..classes], powers, slopes)
        })
    })
}

/// A row's scores, which of its classes are positive, and memory for their powers.
struct Row<'a> {
    scores: &'a [f64],
    positive: &'a [u8],
    powers: &'a mut [f64],
}

/// The same of the negative and of the positive classes.
#[derive(Clone, Copy)]
struct Both {
    negative: f64,
    positive: f64,
}

impl SetLoss {
    /// `powers` is memory for a row.
    fn of_row<T: Real>(
        self,
        scores: &[f64],
        positive: &[u8],
        powers: &mut [f64],
        slopes: Option<&mut [f64]>,
    ) -> f64 {
        let mut row = Row {
            scores,
            positive,
            powers,
        };
        let largest = row.largest(self.sign());
        let (largest, sums) = known(largest, row.fill_powers::<T>(self.sign(), largest));
        let (loss, pull) = self.value_and_pull::<T>(largest, sums);
        if let Some(slopes) = slopes {
            let pulls = Both {
                negative: pull / sums.negative,
                positive: -pull / sums.positive,
            };
            row.write_slopes(pulls, slopes);
        }
        loss
    }

    /// Positive scores count with their sign turned where each has to win by itself.
    fn sign(self) -> f64 {
        if self == Self::Ranking { -1. } else { 1. }
    }

    /// The loss `ln(1 + q e^m)` and its slope over m: one exponential of a number up to 0, one logarithm.
    fn value_and_pull<T: Real>(self, largest: Both, sums: Both) -> (f64, f64) {
        let (q, m) = match self {
            Self::Ranking => (
                sums.negative * sums.positive,
                largest.negative + largest.positive,
            ),
            Self::Mass => (
                sums.negative / sums.positive,
                largest.negative - largest.positive,
            ),
        };
        let tail = T::exp(-m.abs());
        match m >= 0. {
            true => (m + (q + tail).ln(), q / (q + tail)),
            false => ((q * tail).ln_1p(), q * tail / (1. + q * tail)),
        }
    }
}

/// An empty set counts as one class far below all others, so that nothing that follows is 0 / 0.
fn known(largest: Both, sums: Both) -> (Both, Both) {
    let one = |largest: f64, sum: f64| match sum == 0. {
        true => (EMPTY, 1.),
        false => (largest, sum),
    };
    let (negative, negative_sum) = one(largest.negative, sums.negative);
    let (positive, positive_sum) = one(largest.positive, sums.positive);
    let sums = Both {
        negative: negative_sum,
        positive: positive_sum,
    };
    (Both { negative, positive }, sums)
}

/// Which class is positive cannot be foreseen: values are chosen, not ways through the code.
impl Row<'_> {
    fn largest(&self, sign: f64) -> Both {
        let mut largest = Both {
            negative: f64::NEG_INFINITY,
            positive: f64::NEG_INFINITY,
        };
        for (score, is_positive) in self.scores.iter().zip(self.positive) {
            let (negative, positive) = match *is_positive != 0 {
                true => (f64::NEG_INFINITY, sign * score),
                false => (*score, f64::NEG_INFINITY),
            };
            largest.negative = largest.negative.max(negative);
            largest.positive = largest.positive.max(positive);
        }
        largest
    }

    /// `e^(±s - largest)` of each class; the sums.
    fn fill_powers<T: Real>(&mut self, sign: f64, largest: Both) -> Both {
        let mut sums = Both {
            negative: 0.,
            positive: 0.,
        };
        let classes = self.scores.iter().zip(self.positive);
        for (power, (score, is_positive)) in self.powers.iter_mut().zip(classes) {
            let (factor, largest) = match *is_positive != 0 {
                true => (sign, largest.positive),
                false => (1., largest.negative),
            };
            *power = T::exp(factor * score - largest);
            let (negative, positive) = match *is_positive != 0 {
                true => (0., *power),
                false => (*power, 0.),
            };
            sums.negative += negative;
            sums.positive += positive;
        }
        sums
    }

    /// Each power times what its set is pulled by.
    fn write_slopes(&self, pulls: Both, slopes: &mut [f64]) {
        let classes = self.powers.iter().zip(self.positive);
        for (slope, (power, is_positive)) in slopes.iter_mut().zip(classes) {
            *slope = power
                * match *is_positive != 0 {
                    true => pulls.positive,
                    false => pulls.negative,
                };
        }
    }
}
