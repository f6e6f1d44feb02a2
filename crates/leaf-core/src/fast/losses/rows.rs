//! Losses of rows `(N, C)`: each row's value and slopes are found in one pass, so that the way back is a
//! product.

use candle_core::Tensor;

use super::super::operation::{Returned, record1};
use super::super::parallel::for_each;
use super::super::real::Real;
use super::super::slots::Slots;
use super::super::values::Values;
use crate::Result;

/// Rows of a task.
const ROWS: usize = 64;

/// Floating-point operations that an entry's exponential and what goes with it are worth.
pub(super) const ENTRY: usize = 400;

/// `f(row's number, scores, memory for a row, slopes)` gives a row's loss, and writes the loss's gradient over
/// the scores. It must not read the slopes, and is not asked for them where nothing flows back.
pub(super) fn loss_of_rows<T: Real>(
    name: &'static str,
    logits: &Tensor,
    f: impl Fn(usize, &[f64], &mut [f64], Option<&mut [f64]>) -> f64 + Sync,
) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    let logits = &logits.contiguous()?;
    let mut losses = vec![T::zero(); rows];
    let mut slopes = vec![T::zero(); if logits.track_op() { rows * classes } else { 0 }];
    {
        let values = Values::<T>::of(logits)?;
        let values = values.slice()?;
        let (losses, slopes) = (
            Slots::new(&mut losses, ROWS),
            Slots::new(&mut slopes, ROWS * classes),
        );
        for_each(rows.div_ceil(ROWS), ENTRY * values.len(), |task| {
            let (losses, slopes) = (losses.take(task), slopes.take(task));
            let mut scores = vec![0.; classes];
            let mut memory = vec![0.; classes];
            let mut slope = vec![0.; classes];
            for (offset, loss) in losses.iter_mut().enumerate() {
                let row = task * ROWS + offset;
                let from = &values[row * classes..][..classes];
                for (score, from) in scores.iter_mut().zip(from) {
                    *score = from.to_f64();
                }
                if slopes.is_empty() {
                    *loss = T::from_f64(f(row, &scores, &mut memory, None));
                    continue;
                }
                *loss = T::from_f64(f(row, &scores, &mut memory, Some(&mut slope)));
                for (to, slope) in slopes[offset * classes..].iter_mut().zip(&slope) {
                    *to = T::from_f64(*slope);
                }
            }
        });
    }
    let back = move |returned: Returned<'_, 1>| {
        let gradient = Values::<T>::of(returned.gradient)?;
        let scaled = scale_rows(&slopes, gradient.slice()?);
        let [logits] = returned.arguments;
        Ok([Some(Tensor::from_vec(
            scaled,
            logits.shape(),
            logits.device(),
        )?)])
    };
    Ok(record1(name, [logits], (losses, rows), back)?)
}

/// Each row times its number.
pub(super) fn scale_rows<T: Real>(slopes: &[T], by: &[T]) -> Vec<T> {
    let classes = slopes.len() / by.len().max(1);
    let mut scaled = Vec::with_capacity(slopes.len());
    for (slopes, by) in slopes.chunks_exact(classes.max(1)).zip(by) {
        scaled.extend(slopes.iter().map(|slope| *slope * *by));
    }
    scaled
}
