//! The gradient of a convolution's weight: for each tap, the product of the pixels that it saw with
//! the output's gradient.

mod even;
mod listed;

use std::ops::Range;

use pulp::Simd;
use rayon::prelude::*;

use super::direct::{Source, Tap, few_numbers};
use super::shared::Shared;
use super::simd::Isa;
use super::tile::{Listed, outer_product};

/// The output's gradient: `rows x columns` pixels an image of `pitch` numbers, of which `channels`
/// from `offset` on belong to this product.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutputGradient<'a> {
    pub(super) data: &'a [f32],
    pub(super) images: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) pitch: usize,
    pub(super) offset: usize,
    pub(super) channels: usize,
}

/// The gradient of packed weights `(blocks, taps, run, width)`.
pub(super) struct WeightGradient<'a> {
    pub(super) source: Source<'a>,
    pub(super) taps: &'a [Tap],
    pub(super) gradient: OutputGradient<'a>,
    pub(super) width: usize,
}

/// Pixels of a band: sums of this length are added up in memory.
const BAND: usize = 256;

/// Parts into which pixels are cut, each with sums of its own, when there are few blocks. By shape
/// alone: the order of additions must not depend on the number of threads.
const TASKS: usize = 8;

impl WeightGradient<'_> {
    fn block_len(&self) -> usize {
        self.taps.len() * self.source.run * self.width
    }

    fn blocks(&self) -> usize {
        self.gradient.channels.div_ceil(self.width)
    }

    /// Writes the whole gradient.
    pub(super) fn run(&self, isa: Isa, packed: &mut [f32]) {
        let OutputGradient {
            images,
            rows,
            columns,
            ..
        } = self.gradient;
        let all_rows = images * rows;
        match few_numbers(&self.source, self.taps, rows, columns) {
            true => self.by_parts(packed, (all_rows, columns, 1), |rows, block, out| {
                isa.run(even::Task {
                    all: self,
                    rows,
                    block,
                    out,
                });
            }),
            false => self.by_parts(
                packed,
                (all_rows * columns, 1, BAND),
                |pixels, block, out| {
                    isa.run(listed::Task {
                        all: self,
                        pixels,
                        block,
                        out,
                    });
                },
            ),
        }
    }

    /// Runs a task for each part and block. There are `count` pieces of `pixels` each, and a part is a
    /// multiple of `multiple` pieces.
    fn by_parts(
        &self,
        packed: &mut [f32],
        (count, pixels, multiple): (usize, usize, usize),
        task: impl Fn(Range<usize>, usize, &mut [f32]) + Sync,
    ) {
        let blocks = self.blocks();
        let len = blocks * self.block_len();
        assert_eq!(packed.len(), len);
        let parts = TASKS
            .div_ceil(blocks.max(1))
            .min((count * pixels).div_ceil(2 * BAND))
            .max(1);
        let part = count.div_ceil(parts).next_multiple_of(multiple);
        let mut sums = vec![0f32; (parts - 1) * len];
        let (first, others) = (Shared::new(packed), Shared::new(&mut sums));
        (0..parts * blocks)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|index| {
                let (index, block) = (index / blocks, index % blocks);
                let at = block * self.block_len();
                // SAFETY: each task has a part and a block of its own.
                let out = unsafe {
                    match index {
                        0 => first.part(at, self.block_len()),
                        _ => others.part((index - 1) * len + at, self.block_len()),
                    }
                };
                let pieces = (index * part).min(count)..((index + 1) * part).min(count);
                out.fill(0.);
                task(pieces, block, out);
            });
        add_parts(packed, &sums);
    }
}

/// Adds parts of equal length to the first in their order.
pub(super) fn add_parts(first: &mut [f32], others: &[f32]) {
    let len = first.len();
    if len == 0 {
        return;
    }
    const CHUNK: usize = 16 * 1024;
    first
        .par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(i, first)| {
            for other in others.chunks_exact(len) {
                for (sum, value) in first.iter_mut().zip(&other[i * CHUNK..]) {
                    *sum += value;
                }
            }
        });
}

/// Adds the sums of all input channels of one tap, M at a time.
///
/// # Safety
/// `run` numbers must be readable from each x on, `V F32_LANES` from each dy on.
#[inline(always)]
unsafe fn channels_of<S: Simd, const M: usize, const V: usize>(
    simd: S,
    pairs: Listed<'_>,
    run: usize,
    out: &mut [f32],
) {
    let width = V * S::F32_LANES;
    let count = pairs.offsets.len();
    let mut k = 0;
    while k < run {
        let here = Listed {
            x: pairs.x.wrapping_add(k),
            ..pairs
        };
        let out = out[k * width..].as_mut_ptr();
        // SAFETY: the caller's, and `out` has `run` rows of `width`.
        unsafe {
            match run - k {
                left if left >= M => outer_product::<S, M, V>(simd, here, count, out, width),
                8.. => outer_product::<S, 8, V>(simd, here, count, out, width),
                4.. => outer_product::<S, 4, V>(simd, here, count, out, width),
                2.. => outer_product::<S, 2, V>(simd, here, count, out, width),
                _ => outer_product::<S, 1, V>(simd, here, count, out, width),
            }
        }
        k += match run - k {
            left if left >= M => M,
            8.. => 8,
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
    }
}
