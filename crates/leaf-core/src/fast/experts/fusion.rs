//! Several experts' answers to a row become one, and its gradient goes back to each.

use pulp::{Simd, WithSimd};

use super::super::exp::exp;
use super::super::matrix::Target;
use super::super::parallel::for_each;
use super::super::simd::run;
use super::super::vector::{dot, sum};
use super::Assignment;
use crate::Combine;

/// Rows that a task covers.
const ROWS: usize = 16;

/// What is fused: answers `(positions, D)` and weights `(N, k)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fusion<'a> {
    pub(super) assignment: &'a Assignment,
    pub(super) dim: usize,
    pub(super) how: Combine,
    pub(super) answers: &'a [f32],
    pub(super) weights: &'a [f32],
}

/// The fused rows `(N, D)` and what came back to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Returned<'a> {
    pub(super) fused: &'a [f32],
    pub(super) dy: &'a [f32],
}

impl Fusion<'_> {
    fn rows(&self) -> usize {
        self.weights.len() / self.assignment.kept().max(1)
    }

    fn answer(&self, position: usize) -> &[f32] {
        &self.answers[position * self.dim..][..self.dim]
    }

    /// Each kept answer of a row, with its weight.
    fn kept(&self, row: usize) -> impl Iterator<Item = (&[f32], f32)> {
        let kept = self.assignment.kept();
        let weights = &self.weights[row * kept..][..kept];
        let positions = self.assignment.of_row(row).iter();
        positions
            .zip(weights)
            .map(|(position, weight)| (self.answer(*position), *weight))
    }

    fn operations(&self) -> usize {
        let each = match self.how {
            Combine::WeightedSum => 8,
            Combine::LogSpace => 100,
        };
        each * self.dim * self.weights.len()
    }

    /// The fused rows `(N, D)`.
    pub(super) fn forward(&self, out: &mut [f32]) {
        let rows = self.rows();
        let out = Target::rows(out, rows, self.dim);
        for_each(rows.div_ceil(ROWS), self.operations(), |task| {
            for row in task * ROWS..rows.min((task + 1) * ROWS) {
                // SAFETY: each row is made by one task, and its memory holds numbers.
                let mut out = unsafe { out.part(row..row + 1, 0..self.dim) };
                let out = unsafe { out.row(0) };
                let fusion = *self;
                run(Forward { fusion, row, out });
            }
        });
    }

    /// Gradients of the answers into `answers`, and of the weights into `weights`.
    pub(super) fn backward(
        &self,
        returned: Returned<'_>,
        answers: &mut [f32],
        weights: &mut [f32],
    ) {
        let (rows, kept) = (self.rows(), self.assignment.kept());
        let answers = Target::rows(answers, self.assignment.len(), self.dim);
        let weights = Target::rows(weights, rows, kept);
        for_each(rows.div_ceil(ROWS), 2 * self.operations(), |task| {
            for row in task * ROWS..rows.min((task + 1) * ROWS) {
                // SAFETY: each row is met by one task, and its memory holds numbers.
                let mut weights = unsafe { weights.part(row..row + 1, 0..kept) };
                let weights = unsafe { weights.row(0) };
                run(Backward {
                    fusion: *self,
                    returned,
                    row,
                    answers: &answers,
                    weights,
                });
            }
        });
    }
}

/// `ln w`, or for a weight that underflowed that of the smallest number; and `1/w`, or then 0.
fn finite_log(weight: f32) -> (f32, f32) {
    match weight > f32::MIN_POSITIVE {
        true => (weight.ln(), 1. / weight),
        false => (f32::MIN_POSITIVE.ln(), 0.),
    }
}

struct Forward<'a> {
    fusion: Fusion<'a>,
    row: usize,
    out: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { fusion, row, out } = self;
        match fusion.how {
            Combine::WeightedSum => {
                out.fill(0.);
                for (answer, weight) in fusion.kept(row) {
                    for (y, answer) in out.iter_mut().zip(answer) {
                        *y += weight * answer;
                    }
                }
            }
            Combine::LogSpace => log_space(fusion, row, out),
        }
    }
}

#[inline(always)]
fn log_space(fusion: Fusion<'_>, row: usize, out: &mut [f32]) {
    // The largest term of each entry, so that no power overflows.
    out.fill(f32::NEG_INFINITY);
    for (answer, weight) in fusion.kept(row) {
        let log = finite_log(weight).0;
        for (largest, answer) in out.iter_mut().zip(answer) {
            let term = answer + log;
            *largest = if term > *largest { term } else { *largest };
        }
    }
    if fusion.assignment.kept() == 1 {
        return;
    }
    let mut total = vec![0.; out.len()];
    for (answer, weight) in fusion.kept(row) {
        let log = finite_log(weight).0;
        for ((total, answer), largest) in total.iter_mut().zip(answer).zip(&*out) {
            *total += exp(answer + log - largest);
        }
    }
    for (y, total) in out.iter_mut().zip(&total) {
        *y += total.ln();
    }
}

struct Backward<'a> {
    fusion: Fusion<'a>,
    returned: Returned<'a>,
    row: usize,
    answers: &'a Target<'a>,
    weights: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self {
            fusion,
            returned,
            row,
            answers,
            weights,
        } = self;
        let dim = fusion.dim;
        let dy = &returned.dy[row * dim..][..dim];
        let fused = &returned.fused[row * dim..][..dim];
        let positions = fusion.assignment.of_row(row);
        let mut part = match fusion.how {
            Combine::WeightedSum => Vec::new(),
            Combine::LogSpace => vec![0.; dim],
        };
        for (j, (answer, weight)) in fusion.kept(row).enumerate() {
            let position = positions[j];
            // SAFETY: a position belongs to one row, and its memory holds numbers.
            let mut target = unsafe { answers.part(position..position + 1, 0..dim) };
            let target = unsafe { target.row(0) };
            if !positions[..j].contains(&position) {
                target.fill(0.);
            }
            match fusion.how {
                Combine::WeightedSum => {
                    weights[j] = dot(dy, answer);
                    for (target, dy) in target.iter_mut().zip(dy) {
                        *target += weight * dy;
                    }
                }
                Combine::LogSpace => {
                    let (log, slope) = finite_log(weight);
                    for (((part, dy), answer), fused) in
                        part.iter_mut().zip(dy).zip(answer).zip(fused)
                    {
                        *part = dy * exp(answer + log - fused);
                    }
                    weights[j] = slope * sum(&part);
                    for (target, part) in target.iter_mut().zip(&part) {
                        *target += part;
                    }
                }
            }
        }
    }
}
