//! Losses that hold scores to positive and negative classes.

use std::ops::Range;

use candle_core::{DType, Tensor};

use super::super::columns::{Column, LANES, choose, lanes, read};
use super::super::real::Real;
use super::super::values::{Values, of_reals};
use super::rows::{RowLoss, loss_of_rows};
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
    let sets = Sets {
        kind,
        classes,
        positive: sets.slice()?,
    };
    of_reals!([logits], |T| loss_of_rows::<T>("set loss", logits, &sets))
}

/// A loss, and which classes are positive `(N, C)`.
struct Sets<'a> {
    kind: SetLoss,
    classes: usize,
    positive: &'a [u8],
}

/// The same of the negative and of the positive classes.
#[derive(Clone, Copy)]
struct Both<T> {
    negative: Column<T>,
    positive: Column<T>,
}

impl<T: Real> Both<T> {
    #[inline(always)]
    fn of(value: f64) -> Self {
        let column = [T::from_f64(value); LANES];
        Self {
            negative: column,
            positive: column,
        }
    }
}

impl<T: Real> RowLoss<T> for Sets<'_> {
    #[inline(always)]
    fn of_block(&self, rows: Range<usize>, scores: &mut [Column<T>]) -> Column<T> {
        let sets = &self.positive[rows.start * self.classes..rows.end * self.classes];
        let mut positive = vec![[0; LANES]; self.classes];
        read(sets, &mut positive, |is_positive| is_positive);
        let positive = &positive;
        let largest = self.kind.turn(scores, positive);
        let sums = fill_powers(scores, positive, &largest);
        let (losses, pulls) = self.kind.values_and_pulls(&largest, &sums);
        for (power, positive) in scores.iter_mut().zip(positive) {
            for lane in lanes() {
                let is_positive = positive[lane] != 0;
                power[lane] *= choose(is_positive, pulls.positive[lane], pulls.negative[lane]);
            }
        }
        losses
    }
}

/// Which class is positive cannot be foreseen: values are chosen, not ways through the code.
impl SetLoss {
    /// Positive scores count with their sign turned where each has to win by itself; the largest ones.
    #[inline(always)]
    fn turn<T: Real>(self, scores: &mut [Column<T>], positive: &[Column<u8>]) -> Both<T> {
        let sign = T::from_f64(if self == Self::Ranking { -1. } else { 1. });
        let lowest = T::from_f64(f64::NEG_INFINITY);
        let mut largest = Both::of(f64::NEG_INFINITY);
        for (score, positive) in scores.iter_mut().zip(positive) {
            for lane in lanes() {
                let is_positive = positive[lane] != 0;
                score[lane] *= choose(is_positive, sign, T::one());
                let negative = choose(is_positive, lowest, score[lane]);
                let positive = choose(is_positive, score[lane], lowest);
                largest.negative[lane] = T::larger(largest.negative[lane], negative);
                largest.positive[lane] = T::larger(largest.positive[lane], positive);
            }
        }
        largest
    }

    /// The losses `ln(1 + q e^m)`, and what each side's powers are pulled by: one exponential of a number up to
    /// 0, one logarithm.
    #[inline(always)]
    fn values_and_pulls<T: Real>(self, largest: &Both<T>, sums: &Both<T>) -> (Column<T>, Both<T>) {
        let (zero, one) = (T::zero(), T::one());
        let (mut losses, mut pulls) = ([zero; LANES], Both::of(0.));
        for lane in lanes() {
            let negative = known(largest.negative[lane], sums.negative[lane]);
            let positive = known(largest.positive[lane], sums.positive[lane]);
            let (m, q) = match self {
                Self::Ranking => (negative.0 + positive.0, negative.1 * positive.1),
                Self::Mass => (negative.0 - positive.0, negative.1 / positive.1),
            };
            let is_above = m > zero;
            let tail = T::exp(choose(is_above, zero - m, m));
            // 1 + q e^m, or the same times e^-m.
            let above = choose(is_above, q, q * tail);
            let beside = choose(is_above, tail, one);
            let more = choose(is_above, q - one + tail, above);
            losses[lane] = choose(is_above, m, zero) + T::ln_1p(more);
            let pull = above / (above + beside);
            pulls.negative[lane] = pull / negative.1;
            pulls.positive[lane] = zero - pull / positive.1;
        }
        (losses, pulls)
    }
}

/// Turned scores become `e^(±s - largest)`; the sums.
#[inline(always)]
fn fill_powers<T: Real>(
    scores: &mut [Column<T>],
    positive: &[Column<u8>],
    largest: &Both<T>,
) -> Both<T> {
    let mut sums = Both::of(0.);
    for (score, positive) in scores.iter_mut().zip(positive) {
        for lane in lanes() {
            let is_positive = positive[lane] != 0;
            let largest = choose(is_positive, largest.positive[lane], largest.negative[lane]);
            let power = T::exp(score[lane] - largest);
            score[lane] = power;
            sums.negative[lane] += choose(is_positive, T::zero(), power);
            sums.positive[lane] += choose(is_positive, power, T::zero());
        }
    }
    sums
}

/// The largest score of a set and the sum of its powers. An empty set counts as one class far below all others,
/// so that nothing that follows is 0 / 0.
#[inline(always)]
fn known<T: Real>(largest: T, sum: T) -> (T, T) {
    let is_empty = sum == T::zero();
    (
        choose(is_empty, T::from_f64(EMPTY), largest),
        choose(is_empty, T::one(), sum),
    )
}
