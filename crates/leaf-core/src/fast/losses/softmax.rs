//! Scores to probabilities, many rows at once.

use super::super::columns::{Column, LANES, lanes};
use super::super::real::Real;

/// What a row's powers were divided by, and their sum.
#[derive(Clone, Copy)]
pub(super) struct Sum<T> {
    pub(super) largest: Column<T>,
    pub(super) total: Column<T>,
}

/// Scores become `e^(s - largest)`.
#[inline(always)]
pub(super) fn powers<T: Real>(scores: &mut [Column<T>]) -> Sum<T> {
    let mut largest = [T::from_f64(f64::NEG_INFINITY); LANES];
    for score in scores.iter() {
        for lane in lanes() {
            largest[lane] = T::larger(largest[lane], score[lane]);
        }
    }
    let mut total = [T::zero(); LANES];
    for score in scores.iter_mut() {
        for lane in lanes() {
            score[lane] = T::exp(score[lane] - largest[lane]);
            total[lane] += score[lane];
        }
    }
    Sum { largest, total }
}

/// Scores become probabilities.
#[inline(always)]
pub(super) fn softmax<T: Real>(scores: &mut [Column<T>]) {
    let Sum { total, .. } = powers(scores);
    for power in scores.iter_mut() {
        for lane in lanes() {
            power[lane] /= total[lane];
        }
    }
}
