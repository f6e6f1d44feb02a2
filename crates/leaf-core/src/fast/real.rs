//! The number types of small modules: f32 by kernels, f64 by loops for those who check gradients.

use candle_core::WithDType;

use super::exp::exp;
use super::log::{ln, ln_1p};
use super::matrix::{Source, Target};
use super::parallel::for_each;
use super::product::{dots, weighted_rows};

/// f32 or f64.
pub(super) trait Real: WithDType {
    /// The lowest number.
    const LOWEST: Self;

    /// The larger one, or the one that is a number.
    fn larger(a: Self, b: Self) -> Self;

    /// The smaller one, or the one that is a number.
    fn smaller(a: Self, b: Self) -> Self;

    /// `e^x` for x up to 0; 0 far below.
    fn exp(x: Self) -> Self;

    /// `ln x`.
    fn ln(x: Self) -> Self;

    /// `ln(1 + x)`.
    fn ln_1p(x: Self) -> Self;

    /// `x w^T`: rows `(N, D)` and `(M, D)` to `(N, M)`.
    fn scores(xs: &[Self], ws: &[Self], dim: usize) -> Vec<Self>;

    /// `dy w`: rows `(N, M)` and `(M, D)` to `(N, D)`.
    fn to_inputs(dy: &[Self], ws: &[Self], dim: usize) -> Vec<Self>;

    /// `dy^T x`: rows `(N, M)` and `(N, D)` to `(M, D)`.
    fn to_weights(dy: &[Self], xs: &[Self], dim: usize) -> Vec<Self>;
}

/// Rows, or columns, that a task covers.
const ROWS: usize = 64;
const COLUMNS: usize = 128;

fn block(task: usize, size: usize, end: usize) -> std::ops::Range<usize> {
    task * size..end.min((task + 1) * size)
}

impl Real for f32 {
    const LOWEST: Self = f32::MIN;

    #[inline(always)]
    fn larger(a: f32, b: f32) -> f32 {
        a.max(b)
    }

    #[inline(always)]
    fn smaller(a: f32, b: f32) -> f32 {
        a.min(b)
    }

    #[inline(always)]
    fn exp(x: f32) -> f32 {
        exp(x)
    }

    #[inline(always)]
    fn ln(x: f32) -> f32 {
        ln(x)
    }

    #[inline(always)]
    fn ln_1p(x: f32) -> f32 {
        ln_1p(x)
    }

    fn scores(xs: &[f32], ws: &[f32], dim: usize) -> Vec<f32> {
        let (rows, width) = (xs.len() / dim, ws.len() / dim);
        let mut out = vec![0.; rows * width];
        let (xs, ws) = (Source::rows(xs, rows, dim), Source::rows(ws, width, dim));
        let target = Target::rows(&mut out, rows, width);
        for_each(rows.div_ceil(ROWS), 2 * rows * width * dim, |task| {
            let rows = block(task, ROWS, rows);
            // SAFETY: tasks have distinct rows.
            let target = unsafe { target.part(rows.clone(), 0..width) };
            dots(xs.part(rows), ws, target);
        });
        out
    }

    fn to_inputs(dy: &[f32], ws: &[f32], dim: usize) -> Vec<f32> {
        let width = ws.len() / dim;
        let rows = dy.len() / width;
        let mut out = vec![0.; rows * dim];
        let (dy, ws) = (Source::rows(dy, rows, width), Source::rows(ws, width, dim));
        let target = Target::rows(&mut out, rows, dim);
        for_each(rows.div_ceil(ROWS), 2 * rows * width * dim, |task| {
            let rows = block(task, ROWS, rows);
            // SAFETY: tasks have distinct rows.
            let target = unsafe { target.part(rows.clone(), 0..dim) };
            weighted_rows(dy.part(rows), ws, target, false);
        });
        out
    }

    fn to_weights(dy: &[f32], xs: &[f32], dim: usize) -> Vec<f32> {
        let rows = xs.len() / dim;
        let width = dy.len() / rows;
        let mut out = vec![0.; width * dim];
        let (dy, xs) = (Source::rows(dy, rows, width), Source::rows(xs, rows, dim));
        let target = Target::rows(&mut out, width, dim);
        for_each(dim.div_ceil(COLUMNS), 2 * rows * width * dim, |task| {
            let columns = block(task, COLUMNS, dim);
            // SAFETY: tasks have distinct columns.
            let target = unsafe { target.part(0..width, columns.clone()) };
            weighted_rows(dy.transposed(), xs.columns_part(columns), target, false);
        });
        out
    }
}

impl Real for f64 {
    const LOWEST: Self = f64::MIN;

    #[inline(always)]
    fn larger(a: f64, b: f64) -> f64 {
        a.max(b)
    }

    #[inline(always)]
    fn smaller(a: f64, b: f64) -> f64 {
        a.min(b)
    }

    fn exp(x: f64) -> f64 {
        x.exp()
    }

    fn ln(x: f64) -> f64 {
        x.ln()
    }

    fn ln_1p(x: f64) -> f64 {
        x.ln_1p()
    }

    fn scores(xs: &[f64], ws: &[f64], dim: usize) -> Vec<f64> {
        let dot = |x: &[f64], w: &[f64]| x.iter().zip(w).map(|(x, w)| x * w).sum::<f64>();
        let rows = xs.chunks_exact(dim);
        rows.flat_map(|x| ws.chunks_exact(dim).map(move |w| dot(x, w)))
            .collect()
    }

    fn to_inputs(dy: &[f64], ws: &[f64], dim: usize) -> Vec<f64> {
        let width = ws.len() / dim;
        let mut out = vec![0.; dy.len() / width * dim];
        for (dy, out) in dy.chunks_exact(width).zip(out.chunks_exact_mut(dim)) {
            for (dy, w) in dy.iter().zip(ws.chunks_exact(dim)) {
                out.iter_mut().zip(w).for_each(|(out, w)| *out += dy * w);
            }
        }
        out
    }

    fn to_weights(dy: &[f64], xs: &[f64], dim: usize) -> Vec<f64> {
        let width = dy.len() / (xs.len() / dim);
        let mut out = vec![0.; width * dim];
        for (dy, x) in dy.chunks_exact(width).zip(xs.chunks_exact(dim)) {
            for (dy, out) in dy.iter().zip(out.chunks_exact_mut(dim)) {
                out.iter_mut().zip(x).for_each(|(out, x)| *out += dy * x);
            }
        }
        out
    }
}
