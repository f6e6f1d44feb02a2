//! Batch normalization of maps `(pixels, channels)`, fused with what follows it.

mod apply;
mod gradient;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::simd::{Isa, fma, load_some, store_some};
pub(crate) use apply::apply;
pub(crate) use gradient::{Saved, Signs, activation_gradient, gradient};

/// Numbers that one task goes through: sums of this many are kept in f32, longer ones in f64.
const TASK: usize = 16 * 1024;

/// Maps with few channels are read as maps with several pixels side by side, so that registers are
/// full: `channels copies` numbers a row.
#[derive(Clone, Copy, Debug)]
struct Rows {
    channels: usize,
    copies: usize,
    /// Numbers of a task.
    task: usize,
}

impl Rows {
    fn new(len: usize, channels: usize) -> Self {
        let pixels = len / channels;
        let copies = 64usize.div_ceil(channels);
        let copies = (1..=copies)
            .rev()
            .find(|copies| pixels.is_multiple_of(*copies));
        let copies = copies.unwrap_or(1);
        let row = channels * copies;
        Self {
            channels,
            copies,
            task: row * (TASK / row).max(8),
        }
    }

    fn row(&self) -> usize {
        self.channels * self.copies
    }

    fn repeated(&self, values: &[f32]) -> Vec<f32> {
        values.repeat(self.copies)
    }

    /// Adds up a row of sums for each channel.
    fn fold(&self, sums: &[f32], into: &mut [f64]) {
        for sums in sums.chunks_exact(self.channels) {
            for (into, sum) in into.iter_mut().zip(sums) {
                *into += f64::from(*sum);
            }
        }
    }
}

/// Mean and biased variance of each channel, in f64.
pub(crate) fn statistics(isa: Isa, xs: &[f32], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = Rows::new(xs.len(), channels);
    // Sums around the first pixel lose no digits to a mean that is far from 0.
    let center = rows.repeated(&xs[..channels]);
    let parts: Vec<[Vec<f32>; 2]> = xs
        .par_chunks(rows.task)
        .map(|xs| moments(isa, xs, &center))
        .collect();
    let (first, second) = folded(&rows, &parts);
    let count = (xs.len() / channels) as f64;
    let mean = first.iter().map(|sum| sum / count);
    let var = second.iter().zip(mean.clone());
    let var = var.map(|(sum, mean)| (sum / count - mean * mean).max(0.));
    let shifted = mean.zip(&xs[..channels]);
    let shifted = shifted.map(|(mean, center)| mean + f64::from(*center));
    (shifted.collect(), var.collect())
}

/// The sum of each channel.
pub(crate) fn channel_sums(isa: Isa, xs: &[f32], channels: usize) -> Vec<f32> {
    let rows = Rows::new(xs.len(), channels);
    let center = vec![0.; rows.row()];
    let parts = xs.par_chunks(rows.task).map(|xs| moments(isa, xs, &center));
    let (sums, _) = folded(&rows, &parts.collect::<Vec<_>>());
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The sums of one task.
fn moments(isa: Isa, xs: &[f32], center: &[f32]) -> [Vec<f32>; 2] {
    let mut sums = [vec![0.; center.len()], vec![0.; center.len()]];
    let [first, second] = &mut sums;
    isa.run(Moments {
        xs,
        center,
        first,
        second,
    });
    sums
}

/// The parts' sums in their order, whichever thread made them.
fn folded(rows: &Rows, parts: &[[Vec<f32>; 2]]) -> (Vec<f64>, Vec<f64>) {
    let mut sums = (vec![0.; rows.channels], vec![0.; rows.channels]);
    for [first, second] in parts {
        rows.fold(first, &mut sums.0);
        rows.fold(second, &mut sums.1);
    }
    sums
}

/// Columns that are summed together: as many registers as lanes allow.
const COLUMNS: usize = 4;

/// `sum(x - center)` and `sum((x - center)^2)` of each column.
struct Moments<'a> {
    xs: &'a [f32],
    center: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl WithSimd for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let row = self.center.len();
        for start in (0..row).step_by(COLUMNS * S::F32_LANES) {
            let spans = spans::<S>(start, row);
            let mut centers = [simd.splat_f32s(0.); COLUMNS];
            for (center, (at, count)) in centers.iter_mut().zip(spans) {
                *center = load_some(simd, &self.center[at..at + count]);
            }
            let mut first = [simd.splat_f32s(0.); COLUMNS];
            let mut second = first;
            for xs in self.xs.chunks_exact(row) {
                for (i, (at, count)) in spans.into_iter().enumerate() {
                    let x = load_some(simd, &xs[at..at + count]);
                    let x = simd.sub_f32s(x, centers[i]);
                    first[i] = simd.add_f32s(first[i], x);
                    second[i] = fma(simd, x, x, second[i]);
                }
            }
            for (i, (at, count)) in spans.into_iter().enumerate() {
                store_some(simd, &mut self.first[at..at + count], first[i]);
                store_some(simd, &mut self.second[at..at + count], second[i]);
            }
        }
    }
}

/// The registers from a column on, and how much of each is used.
#[inline(always)]
fn spans<S: Simd>(start: usize, row: usize) -> [(usize, usize); COLUMNS] {
    let mut spans = [(0, 0); COLUMNS];
    for (i, span) in spans.iter_mut().enumerate() {
        let at = (start + i * S::F32_LANES).min(row);
        *span = (at, S::F32_LANES.min(row - at));
    }
    spans
}
