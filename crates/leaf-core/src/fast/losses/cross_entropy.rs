//! Cross-entropy, whose slopes are the probabilities less the target's.

use std::ops::Range;

use candle_core::{DType, Tensor};

use super::super::columns::{Column, LANES, lanes};
use super::super::operation::{Returned, record2};
use super::super::real::Real;
use super::super::values::{Values, of_reals};
use super::rows::{RowLoss, loss_of_rows, scale_rows};
use super::softmax::{Sum, powers};
use crate::Result;

/// The loss of each row `(N,)` for classes `(N,)`; `None` where tensors lie on a device, or if a class is
/// out of range, for which candle has an error.
pub(crate) fn cross_entropy(logits: &Tensor, classes: &Tensor) -> Result<Option<Tensor>> {
    if !classes.device().is_cpu() {
        return Ok(None);
    }
    let classes: Vec<i64> = match classes.dtype() {
        DType::U32 => classes
            .to_vec1::<u32>()?
            .into_iter()
            .map(i64::from)
            .collect(),
        DType::I64 => classes.to_vec1::<i64>()?,
        DType::U8 => classes
            .to_vec1::<u8>()?
            .into_iter()
            .map(i64::from)
            .collect(),
        _ => return Ok(None),
    };
    let bound = logits.dim(1)? as i64;
    if classes.iter().any(|class| !(0..bound).contains(class)) {
        return Ok(None);
    }
    of_reals!([logits], |T| loss_of_rows::<T>(
        "cross-entropy",
        logits,
        &Labels(&classes)
    ))
}

/// Each row's class.
struct Labels<'a>(&'a [i64]);

impl<T: Real> RowLoss<T> for Labels<'_> {
    #[inline(always)]
    fn of_block(&self, rows: Range<usize>, scores: &mut [Column<T>]) -> Column<T> {
        let labels = &self.0[rows];
        let mut losses = [T::zero(); LANES];
        for (lane, label) in labels.iter().enumerate() {
            losses[lane] = scores[*label as usize][lane];
        }
        let Sum { largest, total } = powers(scores);
        for lane in lanes() {
            losses[lane] = largest[lane] - losses[lane] + T::ln(total[lane]);
        }
        for power in scores.iter_mut() {
            for lane in lanes() {
                power[lane] /= total[lane];
            }
        }
        for (lane, label) in labels.iter().enumerate() {
            scores[*label as usize][lane] -= T::one();
        }
        losses
    }
}

/// `ln Σ e^s`, the powers `e^(s - largest)` and their sum.
fn log_sum_exp<T: Real>(scores: &[f64], powers: &mut [f64]) -> (f64, f64) {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for (power, score) in powers.iter_mut().zip(scores) {
        *power = T::exp(T::from_f64(score - largest)).to_f64();
    }
    let total: f64 = powers.iter().sum();
    (largest + total.ln(), total)
}

/// The loss of each row `(N,)` for targets `(N, C)`; `None` where tensors lie on a device.
pub(crate) fn soft_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Option<Tensor>> {
    of_reals!([logits, targets], |T| soft::<T>(logits, targets))
}

fn soft<T: Real>(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    let (logits, targets) = (&logits.contiguous()?, &targets.contiguous()?);
    let mut losses = Vec::with_capacity(rows);
    let [mut of_logits, mut of_targets] = [logits, targets].map(|tensor| {
        let count = if tensor.track_op() { rows * classes } else { 0 };
        Vec::<T>::with_capacity(count)
    });
    {
        let (scores, weights) = (Values::<T>::of(logits)?, Values::<T>::of(targets)?);
        let (scores, weights) = (scores.slice()?, weights.slice()?);
        let (mut row, mut powers) = (vec![0.; classes], vec![0.; classes]);
        for index in 0..rows {
            let weights = &weights[index * classes..][..classes];
            let scores = &scores[index * classes..][..classes];
            row.iter_mut()
                .zip(scores)
                .for_each(|(to, score)| *to = score.to_f64());
            let (log_sum, sum) = log_sum_exp::<T>(&row, &mut powers);
            let total: f64 = weights.iter().map(|weight| weight.to_f64()).sum();
            let terms = weights.iter().zip(&row);
            let loss: f64 = terms
                .map(|(weight, score)| weight.to_f64() * (log_sum - score))
                .sum();
            losses.push(T::from_f64(loss));
            if targets.track_op() {
                of_targets.extend(row.iter().map(|score| T::from_f64(log_sum - score)));
            }
            if logits.track_op() {
                let pairs = powers.iter().zip(weights);
                of_logits.extend(
                    pairs.map(|(power, weight)| T::from_f64(total * power / sum - weight.to_f64())),
                );
            }
        }
    }
    let back = move |returned: Returned<'_, 2>| {
        let gradient = Values::<T>::of(returned.gradient)?;
        let gradient = gradient.slice()?;
        let of = |tensor: &Tensor, slopes: &[T]| {
            let scaled = scale_rows(slopes, gradient);
            tensor
                .track_op()
                .then(|| Tensor::from_vec(scaled, tensor.shape(), tensor.device()))
                .transpose()
        };
        let [logits, targets] = returned.arguments;
        Ok([of(logits, &of_logits)?, of(targets, &of_targets)?])
    };
    Ok(record2(
        "soft cross-entropy",
        [logits, targets],
        (losses, rows),
        back,
    )?)
}
