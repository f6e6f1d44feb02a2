//! A block of similarities: what its rows and its columns need of it.

use pulp::{Simd, WithSimd};

use super::super::exp::exp;
use super::super::simd::run;

/// Sums of `e^(s - shift)` over part of a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part {
    pub(super) shift: f32,
    pub(super) sum: f32,
}

/// A block `(rows, columns)` of similarities, which become `e^(s - shift)`, and the sums of both sides.
pub(super) struct Powers<'a> {
    pub(super) block: &'a mut [f32],
    pub(super) scale: f32,
    pub(super) shift: f32,
    /// Whether the block is on the diagonal, where rows meet themselves.
    pub(super) is_diagonal: bool,
    pub(super) rows: &'a mut [Part],
    pub(super) columns: &'a mut [Part],
}

impl Powers<'_> {
    pub(super) fn run(self) {
        run(self);
    }
}

impl WithSimd for Powers<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.columns.len();
        let mut sums = vec![0f32; width];
        for (i, (row, part)) in self
            .block
            .chunks_exact_mut(width)
            .zip(self.rows)
            .enumerate()
        {
            for power in row.iter_mut() {
                *power = exp(*power * self.scale - self.shift);
            }
            if self.is_diagonal {
                row[i] = 0.;
            }
            for (sum, power) in sums.iter_mut().zip(row.iter()) {
                *sum += power;
            }
            *part = Part {
                shift: self.shift,
                sum: super::super::vector::sum(row),
            };
        }
        for (part, sum) in self.columns.iter_mut().zip(sums) {
            *part = Part {
                shift: self.shift,
                sum,
            };
        }
    }
}

/// As [`Powers`] for similarities of any size: each row and column is shifted by its own largest one. The
/// block becomes similarities over the temperature, with `-inf` where a row meets itself.
pub(super) struct Shifted<'a> {
    pub(super) block: &'a mut [f32],
    pub(super) scale: f32,
    pub(super) is_diagonal: bool,
    pub(super) rows: &'a mut [Part],
    pub(super) columns: &'a mut [Part],
}

impl Shifted<'_> {
    pub(super) fn run(self) {
        let width = self.columns.len();
        for (i, row) in self.block.chunks_exact_mut(width).enumerate() {
            row.iter_mut()
                .for_each(|similarity| *similarity *= self.scale);
            if self.is_diagonal {
                row[i] = f32::NEG_INFINITY;
            }
        }
        let empty = Part {
            shift: f32::NEG_INFINITY,
            sum: 0.,
        };
        self.columns.fill(empty);
        for (row, part) in self.block.chunks_exact(width).zip(&mut *self.rows) {
            let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            part.shift = largest;
            part.sum = row.iter().map(|s| power(*s, largest)).sum();
            for (column, similarity) in self.columns.iter_mut().zip(row) {
                column.shift = column.shift.max(*similarity);
            }
        }
        for row in self.block.chunks_exact(width) {
            for (column, similarity) in self.columns.iter_mut().zip(row) {
                column.sum += power(*similarity, column.shift);
            }
        }
    }
}

/// `e^(s - shift)`, 0 for a similarity that does not count.
fn power(similarity: f32, shift: f32) -> f32 {
    match similarity == f32::NEG_INFINITY {
        true => 0.,
        false => exp(similarity - shift),
    }
}

/// The logarithm of the sum of all parts.
pub(super) fn log_sum(parts: impl Iterator<Item = Part> + Clone) -> f64 {
    let shifts = parts.clone().map(|part| f64::from(part.shift));
    let largest = shifts.fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = parts
        .filter(|part| part.sum > 0.)
        .map(|part| f64::from(part.sum) * (f64::from(part.shift) - largest).exp())
        .sum();
    largest + total.ln()
}

/// Gradients of a block's similarities from both sides, `e^(s - shift) (u_i + u_j)`. The powers are those
/// in the block unless others are given.
pub(super) struct Pulls<'a> {
    pub(super) block: &'a mut [f32],
    pub(super) powers: Option<&'a [f32]>,
    pub(super) rows: &'a [f32],
    pub(super) columns: &'a [f32],
}

impl Pulls<'_> {
    pub(super) fn run(self) {
        run(self);
    }
}

impl WithSimd for Pulls<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.columns.len();
        if let Some(powers) = self.powers {
            self.block.copy_from_slice(powers);
        }
        for (row, own) in self.block.chunks_exact_mut(width).zip(self.rows) {
            for (pull, other) in row.iter_mut().zip(self.columns) {
                *pull *= own + other;
            }
        }
    }
}
