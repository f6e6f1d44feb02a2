//! Losses of rows `(N, C)`: each row's value and slopes are found in one pass, so that the way back is a
//! product.

use std::ops::Range;

use candle_core::Tensor;
use pulp::{Simd, WithSimd};

use super::super::columns::{Column, LANES, read, write};
use super::super::operation::{Returned, record1};
use super::super::parallel::for_each;
use super::super::real::Real;
use super::super::simd::run;
use super::super::slots::Slots;
use super::super::values::Values;
use crate::Result;

/// Floating-point operations that an entry's exponential and what goes with it are worth.
pub(super) const ENTRY: usize = 100;

/// A loss of rows.
pub(super) trait RowLoss<T>: Sync {
    /// The losses of a block's rows. The scores become the losses' gradients.
    fn of_block(&self, rows: Range<usize>, scores: &mut [Column<T>]) -> Column<T>;
}

/// The loss of each row `(N,)`.
pub(super) fn loss_of_rows<T: Real>(
    name: &'static str,
    logits: &Tensor,
    loss: &impl RowLoss<T>,
) -> Result<Tensor> {
    let (rows, classes) = logits.dims2()?;
    let logits = &logits.contiguous()?;
    let mut losses = vec![T::zero(); rows];
    let mut slopes = vec![T::zero(); if logits.track_op() { rows * classes } else { 0 }];
    {
        let values = Values::<T>::of(logits)?;
        let values = values.slice()?;
        let (losses, slopes) = (
            Slots::new(&mut losses, LANES),
            Slots::new(&mut slopes, LANES * classes),
        );
        for_each(rows.div_ceil(LANES), ENTRY * values.len(), |task| {
            let losses = losses.take(task);
            let rows = task * LANES..task * LANES + losses.len();
            run(Block {
                loss,
                classes,
                scores: &values[rows.start * classes..rows.end * classes],
                rows,
                losses,
                slopes: slopes.take(task),
            });
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

/// A block of rows, and what is to be filled; no slopes where nothing flows back.
struct Block<'a, T, L> {
    loss: &'a L,
    classes: usize,
    rows: Range<usize>,
    scores: &'a [T],
    losses: &'a mut [T],
    slopes: &'a mut [T],
}

impl<T: Real, L: RowLoss<T>> WithSimd for Block<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let mut scores = vec![[T::zero(); LANES]; self.classes];
        read(self.scores, &mut scores, |score| score);
        let losses = self.loss.of_block(self.rows, &mut scores);
        for (to, loss) in self.losses.iter_mut().zip(losses) {
            *to = loss;
        }
        write(&scores, self.slopes, |slope| slope);
    }
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
