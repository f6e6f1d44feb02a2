//! Positive and negative classes in one pass over the probabilities.

use candle_core::Tensor;

use super::super::parallel::for_each;
use super::super::ranking::largest_into;
use super::super::real::Real;
use super::super::slots::Slots;
use super::super::values::{Values, of_reals};
use super::rows::ENTRY;
use crate::category::SMALLEST_PROBABILITY;
use crate::{DecouplingConfig, LabelSets, Result, SetWeighting};

/// Rows of a task.
const ROWS: usize = 64;

/// The sets of probabilities `(N, C)`, C above the largest number of positive classes; `None` where they
/// lie on a device.
pub(crate) fn decouple(probs: &Tensor, config: &DecouplingConfig) -> Result<Option<LabelSets>> {
    of_reals!([probs], |T| sets::<T>(probs, config))
}

fn sets<T: Real>(probs: &Tensor, config: &DecouplingConfig) -> Result<LabelSets> {
    let (rows, classes) = probs.dims2()?;
    let contiguous = probs.contiguous()?;
    let values = Values::<T>::of(&contiguous)?;
    let values = values.slice()?;
    let mut positive = vec![0u8; rows * classes];
    let mut count = vec![T::zero(); rows];
    let mut weight = vec![T::zero(); rows];
    {
        let positive = Slots::new(&mut positive, ROWS * classes);
        let count = Slots::new(&mut count, ROWS);
        let weight = Slots::new(&mut weight, ROWS);
        for_each(rows.div_ceil(ROWS), ENTRY * values.len(), |task| {
            let mut rule = Rule::new(config, classes);
            let positive = positive.take(task).chunks_exact_mut(classes.max(1));
            let numbers = count.take(task).iter_mut().zip(weight.take(task));
            for (offset, (positive, (count, weight))) in positive.zip(numbers).enumerate() {
                let row = &values[(task * ROWS + offset) * classes..][..classes];
                let found = rule.row::<T>(row, positive);
                *count = T::from_f64(found.0 as f64);
                *weight = T::from_f64(found.1);
            }
        });
    }
    let device = probs.device();
    Ok(LabelSets {
        positive: Tensor::from_vec(positive, (rows, classes), device)?,
        count: Tensor::from_vec(count, rows, device)?,
        weight: Tensor::from_vec(weight, rows, device)?,
    })
}

/// The rule, with memory for one row.
struct Rule<'a> {
    config: &'a DecouplingConfig,
    probs: Vec<f64>,
    order: Vec<usize>,
}

impl<'a> Rule<'a> {
    fn new(config: &'a DecouplingConfig, classes: usize) -> Self {
        Self {
            config,
            probs: vec![0.; classes],
            order: Vec::with_capacity(config.max_positives + 2),
        }
    }

    /// Marks the positive classes; how many there are, and the row's weight.
    fn row<T: Real>(&mut self, row: &[T], positive: &mut [u8]) -> (usize, f64) {
        self.soften(row);
        let most = self.config.max_positives;
        largest_into(&self.probs, most + 1, &mut self.order);
        // Sums are compared with the threshold as the tensor's type has them: probabilities that sum to it
        // must reach it.
        let threshold = T::from_f64(self.config.threshold);
        let prob = |rank: usize| T::from_f64(self.probs[self.order[rank]]);
        let mut sum = prob(0);
        let mut count = 1;
        let mut until = sum + prob(1);
        for rank in 1..most {
            sum += prob(rank);
            if sum < threshold {
                count += 1;
            } else {
                break;
            }
        }
        for rank in 2..=count {
            until += prob(rank);
        }
        for class in &self.order[..count] {
            positive[*class] = 1;
        }
        let a = until.to_f64() / (count + 1) as f64;
        (count, self.weight(a, prob(count).to_f64()))
    }

    /// `softmax(ln p / T)`, rounded as the tensor's type has it.
    fn soften<T: Real>(&mut self, row: &[T]) {
        for (prob, from) in self.probs.iter_mut().zip(row) {
            *prob = from.to_f64();
        }
        let temperature = self.config.teacher_temperature;
        if temperature == 1. {
            return;
        }
        let mut largest = f64::NEG_INFINITY;
        for prob in &mut self.probs {
            *prob = prob.max(SMALLEST_PROBABILITY).ln() / temperature;
            largest = largest.max(*prob);
        }
        for prob in &mut self.probs {
            *prob = (*prob - largest).exp();
        }
        let total: f64 = self.probs.iter().sum();
        for prob in &mut self.probs {
            *prob = T::from_f64(*prob / total).to_f64();
        }
    }

    /// The weight for the mean `a` of the n + 1 largest and the (n + 1)-th, `b`.
    fn weight(&self, a: f64, b: f64) -> f64 {
        let gap = a - b;
        let weight = match self.config.weighting {
            SetWeighting::Linear => gap / a,
            SetWeighting::Convex => gap / (a + b),
            SetWeighting::Concave => (50. * gap).ln_1p() / (50. * a).ln_1p(),
            SetWeighting::None => 1.,
        };
        // Rounding can leave a flat prediction a little below 0.
        weight.clamp(0., 1.)
    }
}
