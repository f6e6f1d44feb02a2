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

impl SetLoss {
    /// `powers` is memory for a row.
    fn of_row<T: Real>(
        self,
        scores: &[f64],
        positive: &[u8],
        powers: &mut [f64],
        slopes: Option<&mut [f64]>,
    ) -> f64 {
        // Positive scores count with their sign turned where each has to win by itself.
        let sign = if self == Self::Ranking { -1. } else { 1. };
        // Which class is positive cannot be foreseen: values are chosen, not ways through the code.
        let (mut largest_negative, mut largest_positive) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (score, is_positive) in scores.iter().zip(positive) {
            let (negative, positive) = match *is_positive != 0 {
                true => (f64::NEG_INFINITY, sign * score),
                false => (*score, f64::NEG_INFINITY),
            };
            largest_negative = largest_negative.max(negative);
            largest_positive = largest_positive.max(positive);
        }
        let (mut negative_sum, mut positive_sum) = (0., 0.);
        for ((power, score), is_positive) in powers.iter_mut().zip(scores).zip(positive) {
            let (factor, largest) = match *is_positive != 0 {
                true => (sign, largest_positive),
                false => (1., largest_negative),
            };
            *power = T::exp(factor * score - largest);
            let (negative, positive) = match *is_positive != 0 {
                true => (0., *power),
                false => (*power, 0.),
            };
            negative_sum += negative;
            positive_sum += positive;
        }
        // An empty set counts as one class far below all others, so that nothing below is 0 / 0.
        let known = |largest: f64, sum: f64| match sum == 0. {
            true => (EMPTY, 1.),
            false => (largest, sum),
        };
        let (negative, negative_sum) = known(largest_negative, negative_sum);
        let (positive_largest, positive_sum) = known(largest_positive, positive_sum);
        // The loss is `ln(1 + q e^m)`: one exponential of a number up to 0, one logarithm.
        let (q, m) = match self {
            Self::Ranking => (negative_sum * positive_sum, negative + positive_largest),
            Self::Mass => (negative_sum / positive_sum, negative - positive_largest),
        };
        let tail = T::exp(-m.abs());
        let (loss, pull) = match m >= 0. {
            true => (m + (q + tail).ln(), q / (q + tail)),
            false => ((q * tail).ln_1p(), q * tail / (1. + q * tail)),
        };
        if let Some(slopes) = slopes {
            let (of_negative, of_positive) = (pull / negative_sum, -pull / positive_sum);
            for ((slope, power), is_positive) in slopes.iter_mut().zip(powers).zip(positive) {
                *slope = *power
                    * match *is_positive != 0 {
                        true => of_positive,
                        false => of_negative,
                    };
            }
        }
        loss
    }
}
