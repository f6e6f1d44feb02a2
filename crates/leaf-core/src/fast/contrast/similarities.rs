//! Similarities of all rows, block by block of the upper half.

use std::ops::Range;

use super::super::matrix::{Source, Target};
use super::super::parallel::map;
use super::super::product::dots;
use super::super::scratch::Scratch;
use super::partners::Partners;
use super::tile::{Part, Powers, Shifted, log_sum};

/// Blocks' powers are kept for the way back up to this many numbers (16 MB); more are computed again.
const KEPT: usize = 4 << 20;

/// Similarities within `±` this have powers that f32 can hold for any shift among them.
const MODERATE: f64 = 40.;

/// The rows `(N V, D)`, view v of face i at `i V + v`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) count: usize,
    pub(super) dim: usize,
    pub(super) views: usize,
    pub(super) temperature: f64,
}

/// How rows are cut into blocks, and what similarities are shifted by before their powers are taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) size: usize,
    pub(super) blocks: usize,
    /// None where similarities are too large for one shift.
    pub(super) shift: Option<f32>,
}

impl Rows<'_> {
    pub(super) fn source(&self) -> Source<'_> {
        Source::rows(self.values, self.count, self.dim)
    }

    pub(super) fn scale(&self) -> f32 {
        (1. / self.temperature) as f32
    }

    pub(super) fn faces(&self) -> usize {
        self.count / self.views
    }

    /// The faces of some rows.
    pub(super) fn faces_of(&self, rows: &Range<usize>) -> Range<usize> {
        rows.start / self.views..rows.end.div_ceil(self.views)
    }

    pub(super) fn plan(&self) -> Plan {
        let size = match self.count {
            0..=256 => 32,
            257..=1024 => 64,
            _ => 128,
        };
        let squares = self.values.chunks_exact(self.dim.max(1));
        let squares = squares.map(|row| f64::from(super::super::vector::dot(row, row)));
        let bound = squares.fold(0., f64::max) / self.temperature;
        Plan {
            size,
            blocks: self.count.div_ceil(size),
            // Two rows must give exactly 0, which a shift by another similarity would round.
            shift: (bound <= MODERATE && self.count > 2).then_some(bound as f32),
        }
    }
}

impl Plan {
    pub(super) fn rows(&self, block: usize, count: usize) -> Range<usize> {
        block * self.size..count.min((block + 1) * self.size)
    }

    /// The blocks on and above the diagonal, row by row.
    pub(super) fn pairs(&self) -> Vec<(usize, usize)> {
        let blocks = self.blocks;
        (0..blocks)
            .flat_map(|i| (i..blocks).map(move |j| (i, j)))
            .collect()
    }

    /// Where [`Plan::pairs`] has a block.
    pub(super) fn index(&self, i: usize, j: usize) -> usize {
        let (i, j) = (i.min(j), i.max(j));
        i * self.blocks - i * (i + 1) / 2 + j
    }
}

/// What the way forward finds.
#[derive(Debug)]
pub(super) struct Found {
    /// `ln Σ_{a != i} e^{s_ia}` of each row.
    pub(super) log_sums: Vec<f64>,
    /// `Σ_j m_ij s_ij` of each row.
    pub(super) drawn: Vec<f64>,
    /// The blocks' powers, if they are few enough.
    pub(super) powers: Option<Vec<Scratch>>,
}

/// One block's sums for its rows and for its columns.
struct Block {
    rows: Vec<Part>,
    columns: Vec<Part>,
    drawn: Option<[Vec<f64>; 2]>,
    powers: Option<Scratch>,
}

/// The similarities of a block's rows `(rows, columns)`.
pub(super) fn block_of(rows: &Rows<'_>, i: Range<usize>, j: Range<usize>) -> Scratch {
    let (height, width) = (i.len(), j.len());
    let mut block = Scratch::take(height * width);
    let target = Target::rows(&mut block, height, width);
    dots(rows.source().part(i), rows.source().part(j), target);
    block
}

/// Log-sums and attractions of all rows; powers are kept if the way back is asked for.
pub(super) fn search(rows: &Rows<'_>, plan: &Plan, partners: &Partners, is_tracked: bool) -> Found {
    let pairs = plan.pairs();
    let numbers = pairs.len() * plan.size * plan.size;
    let keeps = is_tracked && plan.shift.is_some() && numbers <= KEPT;
    let operations = numbers * (2 * rows.dim + 40);
    let blocks = map(pairs.len(), operations, |index| {
        let (i, j) = pairs[index];
        let (i, j) = (plan.rows(i, rows.count), plan.rows(j, rows.count));
        one_block(rows, plan, partners, (i, j), keeps)
    });
    let mut drawn = vec![0.; rows.count];
    for (block, (i, j)) in blocks.iter().zip(&pairs) {
        if let Some([of_rows, of_columns]) = &block.drawn {
            add(&mut drawn[plan.rows(*i, rows.count)], of_rows);
            if i != j {
                add(&mut drawn[plan.rows(*j, rows.count)], of_columns);
            }
        }
    }
    let mut log_sums = Vec::with_capacity(rows.count);
    for own in 0..plan.blocks {
        for row in 0..plan.rows(own, rows.count).len() {
            let part = |other: usize| {
                let block = &blocks[plan.index(own, other)];
                match other < own {
                    true => block.columns[row],
                    false => block.rows[row],
                }
            };
            log_sums.push(log_sum((0..plan.blocks).map(part)));
        }
    }
    Found {
        log_sums,
        drawn,
        powers: blocks.into_iter().map(|block| block.powers).collect(),
    }
}

fn one_block(
    rows: &Rows<'_>,
    plan: &Plan,
    partners: &Partners,
    (i, j): (Range<usize>, Range<usize>),
    keeps: bool,
) -> Block {
    let mut block = block_of(rows, i.clone(), j.clone());
    let drawn = drawn(rows, partners, &block, &i, &j);
    let mut of_rows = vec![Part::default(); i.len()];
    let mut of_columns = vec![Part::default(); j.len()];
    let is_diagonal = i == j;
    match plan.shift {
        Some(shift) => Powers {
            block: &mut block,
            scale: rows.scale(),
            shift,
            is_diagonal,
            rows: &mut of_rows,
            columns: &mut of_columns,
        }
        .run(),
        None => Shifted {
            block: &mut block,
            scale: rows.scale(),
            is_diagonal,
            rows: &mut of_rows,
            columns: &mut of_columns,
        }
        .run(),
    }
    Block {
        rows: of_rows,
        columns: of_columns,
        drawn,
        powers: keeps.then_some(block),
    }
}

/// `Σ m s` of a block's rows and of its columns, from products that are not divided by the temperature yet.
fn drawn(
    rows: &Rows<'_>,
    partners: &Partners,
    block: &[f32],
    i: &Range<usize>,
    j: &Range<usize>,
) -> Option<[Vec<f64>; 2]> {
    if !partners.meet(&rows.faces_of(i), &rows.faces_of(j)) {
        return None;
    }
    let (faces, scale) = (rows.faces(), 1. / rows.temperature);
    let mut of_rows = vec![0.; i.len()];
    let mut of_columns = vec![0.; j.len()];
    for (products, (row, of_row)) in block.chunks_exact(j.len()).zip(i.clone().zip(&mut of_rows)) {
        let own = row / rows.views;
        let columns = j.clone().zip(&mut of_columns);
        for (product, (column, of_column)) in products.iter().zip(columns) {
            let other = column / rows.views;
            let forth = partners.weight(own, other, faces);
            let back = partners.weight(other, own, faces);
            if row != column && (forth != 0. || back != 0.) {
                let similarity = f64::from(*product) * scale;
                *of_row += f64::from(forth) * similarity;
                *of_column += f64::from(back) * similarity;
            }
        }
    }
    Some([of_rows, of_columns])
}

fn add(sums: &mut [f64], others: &[f64]) {
    sums.iter_mut()
        .zip(others)
        .for_each(|(sum, other)| *sum += other);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_have_their_index() {
        let plan = Plan {
            size: 4,
            blocks: 5,
            shift: None,
        };
        for (index, (i, j)) in plan.pairs().into_iter().enumerate() {
            assert_eq!((plan.index(i, j), plan.index(j, i)), (index, index));
        }
        assert_eq!(plan.rows(4, 18), 16..18);
    }
}
