//! Weights into their transformed form, and their gradient back.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::transform::{IN, POINTS, weight, weight_gradient};
use crate::kernels::pack::{Order, PART};
use crate::kernels::shared::Shared;
use crate::kernels::simd::{Isa, load, store};

/// Taps of the kernel.
const TAPS: usize = 9;

/// Numbers of transformed weights `(POINTS, blocks, run, width)`.
pub(crate) fn len(order: &Order, width: usize) -> usize {
    POINTS * order.blocks(width) * order.run * width
}

/// `G g G'` of each pair of channels, as `(POINTS, blocks, run, width)`. An image gradient reads the
/// taps in opposite order.
pub(crate) fn transform(
    isa: Isa,
    order: &Order,
    weights: &[f32],
    width: usize,
    flipped: bool,
    out: &mut [f32],
) {
    assert_eq!(out.len(), len(order, width));
    assert_eq!(order.taps, TAPS);
    let out = Shared::new(out);
    order.each_part(width, |part, block, k| {
        order.pack_part(isa, weights, width, block, k, part);
        isa.run(Part {
            order,
            width,
            flipped,
            part,
            block,
            k,
            out,
        });
    });
}

struct Part<'a> {
    order: &'a Order,
    width: usize,
    flipped: bool,
    /// `(TAPS, PART, width)`.
    part: &'a [f32],
    block: usize,
    k: usize,
    out: Shared<'a>,
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (width, run) = (self.width, self.order.run);
        let blocks = self.order.blocks(width);
        for k in 0..PART.min(run - self.k) {
            for lane in (0..width).step_by(S::F32_LANES) {
                let tap = |index: usize| {
                    let index = if self.flipped {
                        TAPS - 1 - index
                    } else {
                        index
                    };
                    let at = (index * PART + k) * width + lane;
                    let from = &self.part[at..at + S::F32_LANES];
                    // SAFETY: the slice has a register's numbers.
                    unsafe { load(simd, from.as_ptr()) }
                };
                let columns = [
                    weight(simd, [tap(0), tap(3), tap(6)]),
                    weight(simd, [tap(1), tap(4), tap(7)]),
                    weight(simd, [tap(2), tap(5), tap(8)]),
                ];
                let [left, middle, right] = columns;
                let columns = left.into_iter().zip(middle).zip(right);
                for (y, ((left, middle), right)) in columns.enumerate() {
                    let row = weight(simd, [left, middle, right]);
                    for (x, value) in row.into_iter().enumerate() {
                        let at = ((y * IN + x) * blocks + self.block) * run + self.k + k;
                        let to = self.out.at(at * width + lane, S::F32_LANES);
                        // SAFETY: `at` has checked the bounds; each task has its own channels.
                        unsafe { store(simd, to, value) };
                    }
                }
            }
        }
    }
}

/// `G' u G`: the gradient of transformed weights `(POINTS, blocks, run, width)` to that of packed ones
/// `(blocks, TAPS, run, width)`.
pub(crate) fn gradient(
    isa: Isa,
    transformed: &[f32],
    (blocks, run, width): (usize, usize, usize),
    packed: &mut [f32],
) {
    assert_eq!(transformed.len(), POINTS * blocks * run * width);
    packed
        .par_chunks_mut(TAPS * run * width)
        .enumerate()
        .for_each(|(block, packed)| {
            isa.run(Block {
                transformed: &transformed[block * run * width..],
                point_step: blocks * run * width,
                packed,
            });
        });
}

struct Block<'a> {
    transformed: &'a [f32],
    point_step: usize,
    /// `(TAPS, run, width)`.
    packed: &'a mut [f32],
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let tap_step = self.packed.len() / TAPS;
        for at in (0..tap_step).step_by(S::F32_LANES) {
            let point = |y: usize, x: usize| {
                let from = &self.transformed[(y * IN + x) * self.point_step + at..][..S::F32_LANES];
                // SAFETY: the slice has a register's numbers.
                unsafe { load(simd, from.as_ptr()) }
            };
            let mut columns = [[simd.splat_f32s(0.); 3]; IN];
            for (x, column) in columns.iter_mut().enumerate() {
                let mut points = [simd.splat_f32s(0.); IN];
                for (y, value) in points.iter_mut().enumerate() {
                    *value = point(y, x);
                }
                *column = weight_gradient(simd, points);
            }
            for y in 0..3 {
                let row = weight_gradient(simd, row_of(&columns, y));
                for (x, value) in row.into_iter().enumerate() {
                    let to = &mut self.packed[(y * 3 + x) * tap_step + at..][..S::F32_LANES];
                    // SAFETY: the slice has a register's numbers.
                    unsafe { store(simd, to.as_mut_ptr(), value) };
                }
            }
        }
    }
}

/// Row y of columns.
#[inline(always)]
fn row_of<T: Copy>(columns: &[[T; 3]; IN], y: usize) -> [T; IN] {
    let mut row = [columns[0][y]; IN];
    for (value, column) in row.iter_mut().zip(columns) {
        *value = column[y];
    }
    row
}
