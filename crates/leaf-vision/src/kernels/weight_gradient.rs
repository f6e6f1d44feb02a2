//! The gradient of a convolution's weight: for each tap, the product of the pixels that it saw with
//! the output's gradient.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::direct::{Source, Tap};
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
        let blocks = self.blocks();
        let len = blocks * self.block_len();
        assert_eq!(packed.len(), len);
        let pixels = self.gradient.images * self.gradient.rows * self.gradient.columns;
        let parts = TASKS
            .div_ceil(blocks.max(1))
            .min(pixels.div_ceil(2 * BAND))
            .max(1);
        let part = pixels.div_ceil(parts).next_multiple_of(BAND);
        let mut sums = vec![0f32; (parts - 1) * len];
        let (first, others) = (Shared::new(packed), Shared::new(&mut sums));
        (0..parts * blocks)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| {
                let (index, block) = (task / blocks, task % blocks);
                let at = block * self.block_len();
                // SAFETY: each task has a part and a block of its own.
                let out = unsafe {
                    match index {
                        0 => first.part(at, self.block_len()),
                        _ => others.part((index - 1) * len + at, self.block_len()),
                    }
                };
                isa.run(Task {
                    all: self,
                    pixels: (index * part).min(pixels)..((index + 1) * part).min(pixels),
                    block,
                    out,
                });
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

/// Some pixels and one block of output channels.
struct Task<'a> {
    all: &'a WeightGradient<'a>,
    pixels: std::ops::Range<usize>,
    block: usize,
    out: &'a mut [f32],
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (S::REGISTER_COUNT >= 32, self.all.width / S::F32_LANES) {
            (true, 2) => self.bands::<S, 8, 2>(simd),
            (false, 2) => self.bands::<S, 4, 2>(simd),
            _ => self.bands::<S, 8, 1>(simd),
        }
    }
}

impl Task<'_> {
    #[inline(always)]
    fn bands<S: Simd, const M: usize, const V: usize>(self, simd: S) {
        let WeightGradient {
            source,
            taps,
            gradient,
            width,
        } = self.all;
        let channel = self.block * width;
        let channels = (*width).min(gradient.channels - channel);
        let mut panel = vec![0f32; BAND * width];
        let mut offsets = Vec::with_capacity(BAND);
        let mut start = self.pixels.start;
        self.out.fill(0.);
        while start < self.pixels.end {
            let end = self.pixels.end.min(start + BAND);
            let rows = panel.chunks_exact_mut(*width);
            for (pixel, row) in (start..end).zip(rows) {
                let at = pixel * gradient.pitch + gradient.offset + channel;
                row[..channels].copy_from_slice(&gradient.data[at..at + channels]);
            }
            for (tap, out) in taps
                .iter()
                .zip(self.out.chunks_exact_mut(source.run * width))
            {
                seen(source, gradient, tap, start..end, *width, &mut offsets);
                if offsets.is_empty() {
                    continue;
                }
                let pairs = Listed {
                    x: source.data.as_ptr(),
                    dy: panel.as_ptr(),
                    offsets: &offsets,
                };
                channels_of::<S, M, V>(simd, pairs, source.run, out);
            }
            start = end;
        }
    }
}

/// Adds the sums of all input channels of one tap, M at a time.
#[inline(always)]
fn channels_of<S: Simd, const M: usize, const V: usize>(
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
        // SAFETY: `seen` lists pixels inside the maps, of which `run` numbers are readable; rows of
        // the panel have `width` numbers; `out` has `run` rows of `width`.
        unsafe {
            match run - k {
                left if left >= M => outer_product::<S, M, V>(simd, here, count, out, width),
                4.. => outer_product::<S, 4, V>(simd, here, count, out, width),
                2.. => outer_product::<S, 2, V>(simd, here, count, out, width),
                _ => outer_product::<S, 1, V>(simd, here, count, out, width),
            }
        }
        k += match run - k {
            left if left >= M => M,
            4.. => 4,
            2.. => 2,
            _ => 1,
        };
    }
}

/// Which pixels of the maps a tap sees from the outputs of a band, and their rows of the panel.
#[inline(always)]
fn seen(
    source: &Source,
    gradient: &OutputGradient,
    tap: &Tap,
    pixels: std::ops::Range<usize>,
    width: usize,
    offsets: &mut Vec<(usize, usize)>,
) {
    offsets.clear();
    let start = pixels.start;
    let (mut column, row) = (start % gradient.columns, start / gradient.columns);
    let (mut row, mut image) = (row % gradient.rows, row / gradient.rows);
    let mut y = (row * source.step) as isize + tap.y;
    for index in 0..pixels.len() {
        let x = (column * source.step) as isize + tap.x;
        if (y as usize) < source.height && (x as usize) < source.width {
            let at = (image * source.height + y as usize) * source.width + x as usize;
            let at = at * source.pitch + source.offset;
            offsets.push((at, index * width));
        }
        column += 1;
        if column == gradient.columns {
            (column, row) = (0, row + 1);
            if row == gradient.rows {
                (row, image) = (0, image + 1);
            }
            y = (row * source.step) as isize + tap.y;
        }
    }
}
