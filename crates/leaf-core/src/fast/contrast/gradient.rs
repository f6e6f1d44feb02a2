//! Gradients of all rows from those of their losses.

use super::super::exp::exp;
use super::super::matrix::{Source, Target};
use super::super::parallel::for_each;
use super::super::product::weighted_rows;
use super::super::scratch::Scratch;
use super::partners::Partners;
use super::similarities::{Found, Plan, Rows, block_of};
use super::tile::{Part, Powers, Pulls};

/// A row's loss is `a lse - Σ_j b m_j s_j`, here with a and b times the loss's gradient.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    pub(super) a: f64,
    pub(super) b: f64,
}

/// The gradients of the rows `(N V, D)`.
pub(super) fn gradient(
    rows: &Rows<'_>,
    plan: &Plan,
    partners: &Partners,
    found: &Found,
    slopes: &[Slope],
) -> Vec<f32> {
    let back = Backward {
        rows,
        plan,
        partners,
        found,
        slopes,
        // With one shift, e^(s - lse) is e^(s - shift) times a row's own number.
        shifted: slopes
            .iter()
            .zip(&found.log_sums)
            .map(|(slope, log_sum)| match (plan.shift, slope.a == 0.) {
                (Some(shift), false) => (slope.a * (f64::from(shift) - log_sum).exp()) as f32,
                _ => 0.,
            })
            .collect(),
    };
    let mut out = vec![0.; rows.count * rows.dim];
    {
        let target = Target::rows(&mut out, rows.count, rows.dim);
        let operations = rows.count * rows.count * 2 * rows.dim;
        for_each(plan.blocks, operations, |own| {
            for other in 0..plan.blocks {
                let (i, j) = (plan.rows(own, rows.count), plan.rows(other, rows.count));
                let block = back.pulls(own, other);
                let block = match other < own {
                    true => Source::rows(&block, j.len(), i.len()).transposed(),
                    false => Source::rows(&block, i.len(), j.len()),
                };
                // SAFETY: each task has the rows of one block.
                let target = unsafe { target.part(i, 0..rows.dim) };
                weighted_rows(block, rows.source().part(j), target, true);
            }
        });
    }
    out
}

struct Backward<'a> {
    rows: &'a Rows<'a>,
    plan: &'a Plan,
    partners: &'a Partners,
    found: &'a Found,
    slopes: &'a [Slope],
    shifted: Vec<f32>,
}

impl Backward<'_> {
    /// The gradients of a block's similarities over the temperature, from both sides: of the block on or
    /// above the diagonal.
    fn pulls(&self, own: usize, other: usize) -> Scratch {
        let (upper, lower) = (own.min(other), own.max(other));
        let (i, j) = (
            self.plan.rows(upper, self.rows.count),
            self.plan.rows(lower, self.rows.count),
        );
        let mut block = match (&self.found.powers, self.plan.shift) {
            (Some(powers), _) => {
                let mut block = Scratch::take(i.len() * j.len());
                Pulls {
                    block: &mut block,
                    powers: Some(&powers[self.plan.index(upper, lower)]),
                    rows: &self.shifted[i.clone()],
                    columns: &self.shifted[j.clone()],
                }
                .run();
                block
            }
            (None, Some(shift)) => {
                let mut block = block_of(self.rows, i.clone(), j.clone());
                Powers {
                    block: &mut block,
                    scale: self.rows.scale(),
                    shift,
                    is_diagonal: upper == lower,
                    rows: &mut vec![Part::default(); i.len()],
                    columns: &mut vec![Part::default(); j.len()],
                }
                .run();
                Pulls {
                    block: &mut block,
                    powers: None,
                    rows: &self.shifted[i.clone()],
                    columns: &self.shifted[j.clone()],
                }
                .run();
                block
            }
            (None, None) => self.unshifted(i.clone(), j.clone()),
        };
        let faces = [self.rows.faces_of(&i), self.rows.faces_of(&j)];
        if self.partners.meet(&faces[0], &faces[1]) {
            self.draw(&mut block, i.start, j.start, j.len());
        }
        let scale = self.rows.scale();
        block.iter_mut().for_each(|pull| *pull *= scale);
        block
    }

    /// For similarities of any size: both sides' probabilities one by one.
    fn unshifted(&self, i: std::ops::Range<usize>, j: std::ops::Range<usize>) -> Scratch {
        let mut block = block_of(self.rows, i.clone(), j.clone());
        let (scale, log_sums) = (f64::from(self.rows.scale()), &self.found.log_sums);
        let prob = |similarity: f64, row: usize| match self.slopes[row].a {
            0. => 0.,
            a => a * f64::from(exp((similarity - log_sums[row]) as f32)),
        };
        for (row, pulls) in i.zip(block.chunks_exact_mut(j.len())) {
            for (column, pull) in j.clone().zip(pulls) {
                let similarity = f64::from(*pull) * scale;
                *pull = match row == column {
                    true => 0.,
                    false => (prob(similarity, row) + prob(similarity, column)) as f32,
                };
            }
        }
        block
    }

    /// Takes off what partners are drawn to each other by.
    fn draw(&self, block: &mut [f32], first_row: usize, first_column: usize, width: usize) {
        let (views, faces) = (self.rows.views, self.rows.faces());
        for (row, pulls) in block.chunks_exact_mut(width).enumerate() {
            let row = first_row + row;
            for (column, pull) in pulls.iter_mut().enumerate() {
                let column = first_column + column;
                if row == column {
                    continue;
                }
                let (own, other) = (row / views, column / views);
                let forth = f64::from(self.partners.weight(own, other, faces));
                let back = f64::from(self.partners.weight(other, own, faces));
                if forth != 0. || back != 0. {
                    *pull -= (self.slopes[row].b * forth + self.slopes[column].b * back) as f32;
                }
            }
        }
    }
}
