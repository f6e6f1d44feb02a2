//! Positive and negative classes in one pass over the weak predictions.

use candle_core::Tensor;
use pulp::{Simd, WithSimd};

use super::super::columns::{Column, LANES, choose, lanes, read, write};
use super::super::parallel::for_each;
use super::super::real::Real;
use super::super::simd::run;
use super::super::slots::Slots;
use super::super::values::{Values, of_reals};
use super::rows::ENTRY;
use super::softmax::softmax;
use crate::category::SMALLEST_PROBABILITY;
use crate::{DecouplingConfig, LabelSets, Result, SetWeighting};

/// What a weak prediction's numbers are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Prediction {
    Logits,
    Probabilities,
}

/// The sets of predictions `(N, C)`, C above the largest number of positive classes; `None` where they lie on
/// a device.
pub(crate) fn decouple(
    weak: &Tensor,
    given: Prediction,
    config: &DecouplingConfig,
) -> Result<Option<LabelSets>> {
    of_reals!([weak], |T| sets::<T>(weak, Rule { given, config }))
}

fn sets<T: Real>(weak: &Tensor, rule: Rule<'_>) -> Result<LabelSets> {
    let (rows, classes) = weak.dims2()?;
    let contiguous = weak.contiguous()?;
    let values = Values::<T>::of(&contiguous)?;
    let values = values.slice()?;
    let mut positive = vec![0u8; rows * classes];
    let mut count = vec![T::zero(); rows];
    let mut weight = vec![T::zero(); rows];
    {
        let positive = Slots::new(&mut positive, LANES * classes);
        let count = Slots::new(&mut count, LANES);
        let weight = Slots::new(&mut weight, LANES);
        for_each(rows.div_ceil(LANES), ENTRY * values.len(), |task| {
            let positive = positive.take(task);
            let first = task * LANES * classes;
            run(Block {
                rule,
                classes,
                values: &values[first..first + positive.len()],
                positive,
                count: count.take(task),
                weight: weight.take(task),
            });
        });
    }
    let device = weak.device();
    Ok(LabelSets {
        positive: Tensor::from_vec(positive, (rows, classes), device)?,
        count: Tensor::from_vec(count, rows, device)?,
        weight: Tensor::from_vec(weight, rows, device)?,
    })
}

/// A block of rows, and what is to be filled.
struct Block<'a, T> {
    rule: Rule<'a>,
    classes: usize,
    values: &'a [T],
    positive: &'a mut [u8],
    count: &'a mut [T],
    weight: &'a mut [T],
}

impl<T: Real> WithSimd for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut columns = vec![[T::zero(); LANES]; self.classes];
        read(self.values, &mut columns, |value| value);
        let found = self.rule.of_block(&mut columns);
        let taken = T::from_f64(TAKEN);
        write(&columns, self.positive, |key| u8::from(key == taken));
        let numbers = found.count.into_iter().zip(found.weight);
        let targets = self.count.iter_mut().zip(self.weight);
        for ((to_count, to_weight), (count, weight)) in targets.zip(numbers) {
            (*to_count, *to_weight) = (count, weight);
        }
    }
}

/// What a class's probability becomes when the class is positive, below every other.
const TAKEN: f64 = f64::NEG_INFINITY;

/// How sets are found.
#[derive(Clone, Copy)]
struct Rule<'a> {
    given: Prediction,
    config: &'a DecouplingConfig,
}

/// Of each row: how many classes are positive, and its weight.
struct Found<T> {
    count: Column<T>,
    weight: Column<T>,
}

/// The positive classes of each row and the one after them.
struct Cumulated<T> {
    /// How many are positive.
    count: Column<T>,
    /// All of them.
    sum: Column<T>,
    /// The last.
    after: Column<T>,
}

impl Rule<'_> {
    /// Marks the positive classes as taken.
    #[inline(always)]
    fn of_block<T: Real>(self, columns: &mut [Column<T>]) -> Found<T> {
        if self.given == Prediction::Logits {
            softmax(columns);
        }
        let strange = bound(columns);
        self.soften(columns);
        let Cumulated { count, sum, after } = self.take_positives(columns);
        let mut mean = [T::zero(); LANES];
        for lane in lanes() {
            mean[lane] = sum[lane] / (count[lane] + T::one()) + strange[lane];
        }
        let weight = self.weights(&mean, &after);
        Found { count, weight }
    }

    /// `softmax(ln p / T)`.
    #[inline(always)]
    fn soften<T: Real>(self, probs: &mut [Column<T>]) {
        if self.config.teacher_temperature == 1. {
            return;
        }
        let smallest = T::from_f64(SMALLEST_PROBABILITY);
        let temperature = T::from_f64(self.config.teacher_temperature);
        for prob in probs.iter_mut() {
            for lane in lanes() {
                prob[lane] = T::ln(T::larger(prob[lane], smallest)) / temperature;
            }
        }
        softmax(probs);
    }

    /// Class after class from the largest on. A row that is closed, since its sum has reached the threshold,
    /// finds the same class again, which changes nothing.
    #[inline(always)]
    fn take_positives<T: Real>(self, columns: &mut [Column<T>]) -> Cumulated<T> {
        let (zero, one) = (T::zero(), T::one());
        let infinite = T::from_f64(f64::INFINITY);
        let threshold = T::from_f64(self.config.threshold);
        let most = self.config.max_positives;
        let first = largest(columns);
        let mut found = Cumulated {
            count: [one; LANES],
            sum: first,
            after: first,
        };
        let mut open = [one; LANES];
        take(columns, &first, &open);
        for rank in 1..=most {
            let first = largest(columns);
            for lane in lanes() {
                let is_open = open[lane] != zero;
                // Sums are those of the tensor's type: probabilities that sum to the threshold must reach it.
                let sum = found.sum[lane] + choose(is_open, first[lane], zero);
                found.sum[lane] = sum;
                // They come in descending order.
                let after = choose(is_open, first[lane], infinite);
                found.after[lane] = T::smaller(found.after[lane], after);
                open[lane] = choose(is_open & (sum < threshold), one, zero);
            }
            if rank < most {
                for lane in lanes() {
                    found.count[lane] += open[lane];
                }
                take(columns, &first, &open);
            }
        }
        found
    }

    /// The weights for the mean `a` of the n + 1 largest and the (n + 1)-th, `b`.
    #[inline(always)]
    fn weights<T: Real>(self, a: &Column<T>, b: &Column<T>) -> Column<T> {
        let (zero, one, fifty) = (T::zero(), T::one(), T::from_f64(50.));
        let mut raw = [one; LANES];
        match self.config.weighting {
            SetWeighting::Linear => {
                for lane in lanes() {
                    raw[lane] = (a[lane] - b[lane]) / a[lane];
                }
            }
            SetWeighting::Convex => {
                for lane in lanes() {
                    raw[lane] = (a[lane] - b[lane]) / (a[lane] + b[lane]);
                }
            }
            SetWeighting::Concave => {
                for lane in lanes() {
                    raw[lane] = T::ln_1p(fifty * (a[lane] - b[lane])) / T::ln_1p(fifty * a[lane]);
                }
            }
            SetWeighting::None => return raw,
        }
        let mut weights = [one; LANES];
        for lane in lanes() {
            // Rounding can leave a flat prediction a little below 0.
            let above = choose(raw[lane] < zero, zero, raw[lane]);
            weights[lane] = choose(above > one, one, above);
        }
        weights
    }
}

/// Makes every number finite, and so one that is above [`TAKEN`]; what is not a number counts as the smallest. Gives 0 for a
/// row of numbers, and for others what is not one, so that they can be told by their weight.
#[inline(always)]
fn bound<T: Real>(columns: &mut [Column<T>]) -> Column<T> {
    let mut strange = [T::zero(); LANES];
    for column in columns.iter_mut() {
        for lane in lanes() {
            strange[lane] += column[lane] * T::zero();
            let above = T::larger(column[lane], T::LOWEST);
            column[lane] = T::smaller(above, T::zero() - T::LOWEST);
        }
    }
    strange
}

/// The largest number of each row.
#[inline(always)]
fn largest<T: Real>(columns: &[Column<T>]) -> Column<T> {
    let mut largest = [T::from_f64(TAKEN); LANES];
    for column in columns {
        for lane in lanes() {
            largest[lane] = T::larger(largest[lane], column[lane]);
        }
    }
    largest
}

/// Takes each open row's class of that number, of several the lowest.
#[inline(always)]
fn take<T: Real>(columns: &mut [Column<T>], number: &Column<T>, open: &Column<T>) {
    let (zero, infinite) = (T::zero(), T::from_f64(f64::INFINITY));
    let mut left = *open;
    for column in columns.iter_mut() {
        for lane in lanes() {
            let is_taken = (column[lane] == number[lane]) & (left[lane] != zero);
            left[lane] -= choose(is_taken, T::one(), zero);
            column[lane] -= choose(is_taken, infinite, zero);
        }
    }
}
