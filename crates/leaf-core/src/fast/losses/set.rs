//! Losses that hold scores to positive and negative classes.

use candle_core::{DType, Tensor};

use super::super::real::Real;
use super::super::values::{Values, of_reals};
use super::rows::{LANES, loss_of_rows};
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
    let sets = filled(sets.slice()?, classes);
    let width = classes.next_multiple_of(LANES);
    of_reals!([logits], |T| {
        loss_of_rows::<T>("set loss", logits, |row, scores, powers, slopes| {
            kind.of_row::<T>(scores, &sets[row * width..][..width], powers, slopes)
        })
    })
}

/// Rows filled up as those of scores are, with classes that are not positive.
fn filled(sets: &[u8], classes: usize) -> Vec<u8> {
    let width = classes.next_multiple_of(LANES);
    let mut filled = vec![0; sets.len() / classes.max(1) * width];
    let rows = filled.chunks_exact_mut(width.max(1));
    for (to, from) in rows.zip(sets.chunks_exact(classes.max(1))) {
        to[..classes].copy_from_slice(from);
    }
    filled
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
        let (scores, _) = scores.as_chunks::<LANES>();
        let (positive, _) = positive.as_chunks::<LANES>();
        let (powers, _) = powers.as_chunks_mut::<LANES>();
        // Which class is positive cannot be foreseen: values are chosen, not ways through the code.
        let (mut negatives, mut positives) =
            ([f64::NEG_INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        for (scores, positive) in scores.iter().zip(positive) {
            for lane in 0..LANES {
                let (negative, positive) = match positive[lane] != 0 {
                    true => (f64::NEG_INFINITY, sign * scores[lane]),
                    false => (scores[lane], f64::NEG_INFINITY),
                };
                negatives[lane] = negatives[lane].max(negative);
                positives[lane] = positives[lane].max(positive);
            }
        }
        let largest = |values: [f64; LANES]| values.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let (largest_negative, largest_positive) = (largest(negatives), largest(positives));
        let (mut negatives, mut positives) = ([0.; LANES], [0.; LANES]);
        for ((powers, scores), positive) in powers.iter_mut().zip(scores).zip(positive) {
            for lane in 0..LANES {
                let (factor, largest) = match positive[lane] != 0 {
                    true => (sign, largest_positive),
                    false => (1., largest_negative),
                };
                powers[lane] = T::exp(factor * scores[lane] - largest);
                let (negative, positive) = match positive[lane] != 0 {
                    true => (0., powers[lane]),
                    false => (powers[lane], 0.),
                };
                negatives[lane] += negative;
                positives[lane] += positive;
            }
        }
        let (negative_sum, positive_sum): (f64, f64) =
            (negatives.iter().sum(), positives.iter().sum());
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
            let (slopes, _) = slopes.as_chunks_mut::<LANES>();
            for ((slopes, powers), positive) in slopes.iter_mut().zip(powers).zip(positive) {
                for lane in 0..LANES {
                    let pull = match positive[lane] != 0 {
                        true => of_positive,
                        false => of_negative,
                    };
                    slopes[lane] = powers[lane] * pull;
                }
            }
        }
        loss
    }
}
