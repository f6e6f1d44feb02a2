//! Batch normalization of maps `(pixels, channels)`, fused with what follows it.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::epilogue::rectified;
use super::simd::{Isa, fma, load_some, store_some};

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
        let copies = (1..=copies).rev().find(|copies| pixels % copies == 0);
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

/// Turns the gradient behind an activation into the one before it.
pub(crate) fn activation_gradient(isa: Isa, ys: &[f32], slope: f32, dys: &mut [f32]) {
    dys.par_chunks_mut(TASK)
        .zip(ys.par_chunks(TASK))
        .for_each(|(dys, ys)| isa.run(Passed { ys, dys, slope }));
}

struct Passed<'a> {
    ys: &'a [f32],
    dys: &'a mut [f32],
    slope: f32,
}

impl WithSimd for Passed<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let parts = self
            .dys
            .chunks_mut(S::F32_LANES)
            .zip(self.ys.chunks(S::F32_LANES));
        for (dys, ys) in parts {
            let dy = passed(simd, ys, dys, self.slope);
            store_some(simd, dys, dy);
        }
    }
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

/// `y = f(scale x + shift + residual)` with numbers for each channel.
pub(crate) fn apply(
    isa: Isa,
    xs: &[f32],
    residual: Option<&[f32]>,
    (scale, shift): (&[f32], &[f32]),
    slope: f32,
    ys: &mut [f32],
) {
    let rows = Rows::new(xs.len(), scale.len());
    let (scale, shift) = (rows.repeated(scale), rows.repeated(shift));
    ys.par_chunks_mut(rows.task)
        .zip(xs.par_chunks(rows.task))
        .enumerate()
        .for_each(|(i, (ys, xs))| {
            let residual = residual.map(|all| &all[i * rows.task..][..xs.len()]);
            isa.run(Affine {
                xs,
                residual,
                scale: &scale,
                shift: &shift,
                slope,
                ys,
            });
        });
}

struct Affine<'a> {
    xs: &'a [f32],
    residual: Option<&'a [f32]>,
    scale: &'a [f32],
    shift: &'a [f32],
    slope: f32,
    ys: &'a mut [f32],
}

impl WithSimd for Affine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let row = self.scale.len();
        let slope = simd.splat_f32s(self.slope);
        for (i, (ys, xs)) in self.ys.chunks_mut(row).zip(self.xs.chunks(row)).enumerate() {
            let residual = self.residual.map(|all| &all[i * row..][..row]);
            for at in (0..row).step_by(S::F32_LANES) {
                let span = at..row.min(at + S::F32_LANES);
                let part = |from: &[f32]| load_some(simd, &from[span.clone()]);
                let mut y = fma(simd, part(xs), part(self.scale), part(self.shift));
                if let Some(residual) = residual {
                    y = simd.add_f32s(y, part(residual));
                }
                if self.slope != 1. {
                    y = rectified(simd, y, slope);
                }
                store_some(simd, &mut ys[span], y);
            }
        }
    }
}

/// What a backward pass needs to know of the forward one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved<'a> {
    pub(crate) xs: &'a [f32],
    /// The output, whose sign says where the rectifier let through; not read if `slope` is 1.
    pub(crate) ys: &'a [f32],
    pub(crate) mean: &'a [f64],
    pub(crate) inv_std: &'a [f64],
    pub(crate) weight: &'a [f32],
    pub(crate) slope: f32,
    /// Whether mean and variance were those of `xs`.
    pub(crate) of_batch: bool,
}

/// The gradients of weight and bias.
#[derive(Debug)]
pub(crate) struct ChannelGradients {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

/// Turns the output's gradient `dys` into that of the residual (through the rectifier) if `dxs` is
/// given, which then gets the input's; otherwise into the input's.
pub(crate) fn gradient(
    isa: Isa,
    saved: &Saved<'_>,
    dys: &mut [f32],
    dxs: Option<&mut [f32]>,
) -> ChannelGradients {
    let channels = saved.weight.len();
    let rows = Rows::new(saved.xs.len(), channels);
    let mean: Vec<f32> = saved.mean.iter().map(|mean| *mean as f32).collect();
    let center = rows.repeated(&mean);
    let part = |all: &'_ [f32], i: usize, len: usize| -> std::ops::Range<usize> {
        let at = (i * rows.task).min(all.len());
        at..(at + len).min(all.len())
    };
    let parts: Vec<[Vec<f32>; 2]> = dys
        .par_chunks(rows.task)
        .enumerate()
        .map(|(i, dys)| {
            let mut sums = [vec![0.; rows.row()], vec![0.; rows.row()]];
            let [first, second] = &mut sums;
            isa.run(Sums {
                xs: &saved.xs[part(saved.xs, i, dys.len())],
                ys: &saved.ys[part(saved.ys, i, dys.len())],
                dys,
                center: &center,
                slope: saved.slope,
                first,
                second,
            });
            sums
        })
        .collect();
    let (sums, products) = folded(&rows, &parts);
    let coefficients = Coefficients::new(saved, &rows, (&sums, &products), &mean);
    let dxs_given = dxs.is_some();
    let mut none = Vec::new();
    let dxs = dxs.unwrap_or(&mut none);
    let empty = || -> &mut [f32] { &mut [] };
    let tasks = dys.len().div_ceil(rows.task);
    let mut dxs: Vec<&mut [f32]> = dxs.chunks_mut(rows.task).collect();
    dxs.resize_with(tasks, empty);
    dys.par_chunks_mut(rows.task)
        .zip(dxs)
        .enumerate()
        .for_each(|(i, (dys, dxs))| {
            isa.run(InputGradient {
                xs: &saved.xs[part(saved.xs, i, dys.len())],
                ys: &saved.ys[part(saved.ys, i, dys.len())],
                coefficients: &coefficients,
                slope: saved.slope,
                dys,
                dxs: dxs_given.then_some(dxs),
            });
        });
    let scaled = products.iter().zip(saved.inv_std);
    ChannelGradients {
        weight: scaled
            .map(|(product, inv)| (product * inv) as f32)
            .collect(),
        bias: sums.iter().map(|sum| *sum as f32).collect(),
    }
}

/// `dx = of_dy dy + of_x x + constant`, repeated for a row.
struct Coefficients {
    of_dy: Vec<f32>,
    of_x: Vec<f32>,
    constant: Vec<f32>,
}

impl Coefficients {
    /// With `n = (x - mean)/std` and m values a channel, the input's gradient is
    /// `weight/std (dy - sum(dy)/m - n sum(dy n)/m)`, and without the sums if the statistics were given.
    fn new(
        saved: &Saved<'_>,
        rows: &Rows,
        (sums, products): (&[f64], &[f64]),
        mean: &[f32],
    ) -> Self {
        let count = (saved.xs.len() / rows.channels) as f64;
        let (mut of_dy, mut of_x, mut constant) = (Vec::new(), Vec::new(), Vec::new());
        for channel in 0..rows.channels {
            let inv_std = saved.inv_std[channel];
            let dy = f64::from(saved.weight[channel]) * inv_std;
            let (mut x, mut rest) = (0., 0.);
            if saved.of_batch {
                x = -dy * inv_std * inv_std * products[channel] / count;
                rest = -dy * sums[channel] / count - x * f64::from(mean[channel]);
            }
            of_dy.push(dy as f32);
            of_x.push(x as f32);
            constant.push(rest as f32);
        }
        Self {
            of_dy: rows.repeated(&of_dy),
            of_x: rows.repeated(&of_x),
            constant: rows.repeated(&constant),
        }
    }
}

/// The gradient where the rectifier let through, `slope` of it elsewhere.
#[inline(always)]
fn passed<S: Simd>(simd: S, ys: &[f32], dys: &[f32], slope: f32) -> S::f32s {
    let dy = load_some(simd, dys);
    if slope == 1. {
        return dy;
    }
    let open = simd.greater_than_f32s(load_some(simd, ys), simd.splat_f32s(0.));
    simd.select_f32s(open, dy, simd.mul_f32s(dy, simd.splat_f32s(slope)))
}

/// The part of `ys` that belongs to a span; nothing if `ys` is not read.
#[inline(always)]
fn signs(ys: &[f32], slope: f32, span: std::ops::Range<usize>) -> &[f32] {
    if slope == 1. { &[] } else { &ys[span] }
}

/// `sum(g)` and `sum(g (x - center))` of each column, for the gradient g behind the rectifier.
struct Sums<'a> {
    xs: &'a [f32],
    ys: &'a [f32],
    dys: &'a [f32],
    center: &'a [f32],
    slope: f32,
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl WithSimd for Sums<'_> {
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
            for begin in (0..self.dys.len()).step_by(row) {
                for (i, (at, count)) in spans.into_iter().enumerate() {
                    let span = begin + at..begin + at + count;
                    let ys = signs(self.ys, self.slope, span.clone());
                    let g = passed(simd, ys, &self.dys[span.clone()], self.slope);
                    let x = simd.sub_f32s(load_some(simd, &self.xs[span]), centers[i]);
                    first[i] = simd.add_f32s(first[i], g);
                    second[i] = fma(simd, g, x, second[i]);
                }
            }
            for (i, (at, count)) in spans.into_iter().enumerate() {
                store_some(simd, &mut self.first[at..at + count], first[i]);
                store_some(simd, &mut self.second[at..at + count], second[i]);
            }
        }
    }
}

struct InputGradient<'a> {
    xs: &'a [f32],
    ys: &'a [f32],
    coefficients: &'a Coefficients,
    slope: f32,
    dys: &'a mut [f32],
    dxs: Option<&'a mut [f32]>,
}

impl WithSimd for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let Coefficients {
            of_dy,
            of_x,
            constant,
        } = self.coefficients;
        let row = of_dy.len();
        for begin in (0..self.dys.len()).step_by(row) {
            for at in (0..row).step_by(S::F32_LANES) {
                let column = at..row.min(at + S::F32_LANES);
                let span = begin + column.start..begin + column.end;
                let ys = signs(self.ys, self.slope, span.clone());
                let g = passed(simd, ys, &self.dys[span.clone()], self.slope);
                let part = |from: &[f32]| load_some(simd, &from[column.clone()]);
                let x = load_some(simd, &self.xs[span.clone()]);
                let rest = fma(simd, x, part(of_x), part(constant));
                let dx = fma(simd, g, part(of_dy), rest);
                match &mut self.dxs {
                    Some(dxs) => {
                        store_some(simd, &mut dxs[span.clone()], dx);
                        store_some(simd, &mut self.dys[span], g);
                    }
                    None => store_some(simd, &mut self.dys[span], dx),
                }
            }
        }
    }
}
