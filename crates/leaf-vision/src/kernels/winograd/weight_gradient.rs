//! The weight's gradient: tiles of maps and of the output's gradient, multiplied point by point.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::tiles::{Grid, Points, gradient_tile, input_tile};
use super::transform::POINTS;
use super::{PART, Shape, TOGETHER, weights};
use crate::kernels::scratch::Scratch;
use crate::kernels::shared::Shared;
use crate::kernels::simd::Isa;
use crate::kernels::tile::{EvenPairs, outer_product};

/// The gradient of packed weights `(blocks, 9, inputs, block)`.
pub(crate) fn weight_gradient(
    isa: Isa,
    shape: &Shape,
    xs: &[f32],
    dys: &[f32],
    block: usize,
    packed: &mut [f32],
) {
    let grid = shape.grid();
    let tiles = grid.tiles();
    let blocks = shape.outputs.div_ceil(block);
    let (inputs, padded) = (shape.inputs, blocks * block);
    let together = TOGETHER.min(tiles);
    let mut left = Scratch::take(POINTS * together * inputs);
    let mut right = Scratch::take(POINTS * together * padded);
    if padded > shape.outputs {
        right.fill(0.);
    }
    let mut sums = Scratch::zeros(POINTS * padded * inputs);
    for first in (0..tiles).step_by(together) {
        let count = together.min(tiles - first);
        let (left_points, right_points) = (Shared::new(&mut left), Shared::new(&mut right));
        (0..count.div_ceil(PART)).into_par_iter().for_each(|part| {
            isa.run(PairTiles {
                shape,
                grid,
                xs,
                dys,
                tiles: first + part * PART..first + count.min((part + 1) * PART),
                at: part * PART,
                left: (left_points, inputs, count * inputs),
                right: (right_points, padded, count * padded),
            });
        });
        let (left, right) = (
            &left[..POINTS * count * inputs],
            &right[..POINTS * count * padded],
        );
        sums.par_chunks_mut(block * inputs)
            .enumerate()
            .with_max_len(4)
            .for_each(|(index, sums)| {
                let (point, part) = (index / blocks, index % blocks);
                isa.run(PointGradient {
                    left: &left[point * count * inputs..][..count * inputs],
                    right: &right[point * count * padded + part * block..]
                        [..(count - 1) * padded + block],
                    right_step: padded,
                    count,
                    block,
                    sums,
                });
            });
    }
    weights::gradient(isa, &sums, (blocks, inputs, block), packed);
}

/// Tiles of the maps and of the output's gradient.
struct PairTiles<'a> {
    shape: &'a Shape,
    grid: Grid,
    xs: &'a [f32],
    dys: &'a [f32],
    tiles: std::ops::Range<usize>,
    at: usize,
    /// Where to, the length of a row, and the distance of points.
    left: (Shared<'a>, usize, usize),
    right: (Shared<'a>, usize, usize),
}

impl WithSimd for PairTiles<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let points = |(out, row, step): (_, usize, _), index: usize| Points {
            out,
            at: (self.at + index) * row,
            step,
        };
        for (index, tile) in self.tiles.clone().enumerate() {
            let tile = self.grid.tile(tile);
            let xs = (self.xs, self.shape.inputs);
            input_tile(simd, &self.grid, tile, xs, points(self.left, index));
            let dys = (self.dys, self.shape.outputs);
            gradient_tile(simd, &self.grid, tile, dys, points(self.right, index));
        }
    }
}

/// Adds the products of one point and block, over some tiles, to sums `(inputs, block)`.
struct PointGradient<'a> {
    left: &'a [f32],
    right: &'a [f32],
    right_step: usize,
    count: usize,
    block: usize,
    sums: &'a mut [f32],
}

impl WithSimd for PointGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::REGISTER_COUNT >= 32, self.block / S::F32_LANES) {
            (true, 2) => self.channels::<S, 8, 2>(simd),
            (false, 2) => self.channels::<S, 4, 2>(simd),
            _ => self.channels::<S, 8, 1>(simd),
        }
    }
}

impl PointGradient<'_> {
    #[inline(always)]
    fn channels<S: Simd, const M: usize, const V: usize>(self, simd: S) {
        let inputs = self.left.len() / self.count;
        let mut channel = 0;
        while channel < inputs {
            let pairs = EvenPairs {
                x: self.left[channel..].as_ptr(),
                x_step: inputs,
                dy: self.right.as_ptr(),
                dy_step: self.right_step,
            };
            let sums = self.sums[channel * self.block..].as_mut_ptr();
            // SAFETY: `left` has `count` rows of `inputs` numbers, `right` as many of a block, and
            // `sums` `inputs` rows of a block.
            unsafe {
                if inputs - channel >= M {
                    outer_product::<S, M, V>(simd, pairs, self.count, sums, self.block);
                    channel += M;
                } else {
                    outer_product::<S, 1, V>(simd, pairs, self.count, sums, self.block);
                    channel += 1;
                }
            }
        }
    }
}
