//! The gradient of a normalization and of what follows it.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::{COLUMNS, Rows, TASK, folded, spans};
use crate::kernels::simd::{Isa, fma, load_some, store_some};

/// What a backward pass needs to know of the forward one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Saved<'a> {
    pub(crate) xs: &'a [f32],
    /// Where the rectifier let through; not read if `slope` is 1.
    pub(crate) signs: Signs<'a>,
    pub(crate) mean: &'a [f64],
    pub(crate) inv_std: &'a [f64],
    pub(crate) weight: &'a [f32],
    pub(crate) slope: f32,
    /// Whether mean and variance were those of `xs`.
    pub(crate) of_batch: bool,
}

/// What tells where a rectifier let through.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Signs<'a> {
    /// Its outputs.
    Outputs(&'a [f32]),
    /// The normalization `scale x + shift`, computed again: then nobody needs to keep the outputs.
    Affine(&'a [f32], &'a [f32]),
}

/// [`Signs`] for rows of several pixels side by side.
enum RowSigns<'a> {
    Outputs(&'a [f32]),
    Affine(Vec<f32>, Vec<f32>),
}

impl<'a> RowSigns<'a> {
    fn new(signs: Signs<'a>, rows: &Rows) -> Self {
        match signs {
            Signs::Outputs(ys) => Self::Outputs(ys),
            Signs::Affine(scale, shift) => Self::Affine(rows.repeated(scale), rows.repeated(shift)),
        }
    }

    /// Those of a task.
    fn part(&self, start: usize, len: usize) -> Signs<'_> {
        match self {
            Self::Outputs(ys) => {
                let start = start.min(ys.len());
                Signs::Outputs(&ys[start..(start + len).min(ys.len())])
            }
            Self::Affine(scale, shift) => Signs::Affine(scale, shift),
        }
    }
}

impl Signs<'_> {
    /// Numbers above 0 where the rectifier let through, for a column of a row that begins there.
    #[inline(always)]
    fn load<S: Simd>(&self, simd: S, x: S::f32s, begin: usize, column: Range<usize>) -> S::f32s {
        match self {
            Self::Outputs(ys) => load_some(simd, &ys[begin + column.start..begin + column.end]),
            Self::Affine(scale, shift) => {
                let (scale, shift) = (&scale[column.clone()], &shift[column]);
                fma(simd, x, load_some(simd, scale), load_some(simd, shift))
            }
        }
    }
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
    let signs = RowSigns::new(saved.signs, &rows);
    let parts: Vec<[Vec<f32>; 2]> = dys
        .par_chunks(rows.task)
        .enumerate()
        .map(|(i, dys)| {
            let mut sums = [vec![0.; rows.row()], vec![0.; rows.row()]];
            let [first, second] = &mut sums;
            isa.run(Sums {
                xs: &saved.xs[i * rows.task..][..dys.len()],
                signs: signs.part(i * rows.task, dys.len()),
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
                xs: &saved.xs[i * rows.task..][..dys.len()],
                signs: signs.part(i * rows.task, dys.len()),
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

/// The gradient where the sign is above 0, `slope` of it elsewhere.
#[inline(always)]
fn passed<S: Simd>(simd: S, sign: S::f32s, dy: S::f32s, slope: f32) -> S::f32s {
    let open = simd.greater_than_f32s(sign, simd.splat_f32s(0.));
    simd.select_f32s(open, dy, simd.mul_f32s(dy, simd.splat_f32s(slope)))
}

/// `sum(g)` and `sum(g (x - center))` of each column, for the gradient g behind the rectifier.
struct Sums<'a> {
    xs: &'a [f32],
    signs: Signs<'a>,
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
                    let mut g = load_some(simd, &self.dys[span.clone()]);
                    let x = load_some(simd, &self.xs[span]);
                    if self.slope != 1. {
                        let sign = self.signs.load(simd, x, begin, at..at + count);
                        g = passed(simd, sign, g, self.slope);
                    }
                    let x = simd.sub_f32s(x, centers[i]);
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
    signs: Signs<'a>,
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
                let mut g = load_some(simd, &self.dys[span.clone()]);
                let x = load_some(simd, &self.xs[span.clone()]);
                if self.slope != 1. {
                    let sign = self.signs.load(simd, x, begin, column.clone());
                    g = passed(simd, sign, g, self.slope);
                }
                let part = |from: &[f32]| load_some(simd, &from[column.clone()]);
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
            let (sign, dy) = (load_some(simd, ys), load_some(simd, dys));
            let dy = passed(simd, sign, dy, self.slope);
            store_some(simd, dys, dy);
        }
    }
}
