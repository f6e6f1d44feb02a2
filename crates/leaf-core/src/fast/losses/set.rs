//! Losses that hold scores to positive and negative classes.

use candle_core::{DType, Tensor};

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
        loss_of_rows::<T>("set loss", logits, |row, scores, slopes| {
            kind.of_row(scores, &sets[row * classes..][..classes], slopes)
        })
    })
}

impl SetLoss {
    fn of_row(self, scores: &[f64], positive: &[u8], slopes: Option<&mut [f64]>) -> f64 {
        // Positive scores count with their sign turned where each has to win by itself.
        let sign = if self == Self::Ranking { -1. } else { 1. };
        let term = |score: f64, is_positive: u8| {
            if is_positive != 0 {
                sign * score
            } else {
                score
            }
        };
        let mut largest = [f64::NEG_INFINITY; 2];
        for (score, is_positive) in scores.iter().zip(positive) {
            let side = usize::from(*is_positive != 0);
            largest[side] = largest[side].max(term(*score, *is_positive));
        }
        let mut sums = [0.; 2];
        let mut own = [0.; 32];
        let mut more = Vec::new();
        let powers = match scores.len() <= own.len() {
            true => &mut own[..scores.len()],
            false => {
                more.resize(scores.len(), 0.);
                &mut more[..]
            }
        };
        for ((power, score), is_positive) in powers.iter_mut().zip(scores).zip(positive) {
            let side = usize::from(*is_positive != 0);
            *power = (term(*score, *is_positive) - largest[side]).exp();
            sums[side] += *power;
        }
        let log_sum = |side: usize| match sums[side] == 0. {
            true => EMPTY,
            false => largest[side] + sums[side].ln(),
        };
        let (negative, positive_sum) = (log_sum(0), log_sum(1));
        let lead = negative - sign * positive_sum;
        let tail = (-lead.abs()).exp();
        if let Some(slopes) = slopes {
            let pull = if lead >= 0. { 1. } else { tail } / (1. + tail);
            for ((slope, power), is_positive) in slopes.iter_mut().zip(powers).zip(positive) {
                let side = usize::from(*is_positive != 0);
                let share = pull * *power / sums[side];
                *slope = if side == 1 { -share } else { share };
            }
        }
        lead.max(0.) + tail.ln_1p()
    }
}
