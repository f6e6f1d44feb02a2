//! Sums over pixels whose places are listed, which serves every shape.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::direct::{Source, Tap};
use super::super::tile::Listed;
use super::{BAND, OutputGradient, WeightGradient, channels_of};

/// Some pixels and one block of output channels.
pub(super) struct Task<'a> {
    pub(super) all: &'a WeightGradient<'a>,
    pub(super) pixels: Range<usize>,
    pub(super) block: usize,
    pub(super) out: &'a mut [f32],
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
                // SAFETY: `seen` lists pixels inside the maps, of which `run` numbers are readable; rows of
                // the panel have `width` numbers.
                unsafe { channels_of::<S, M, V>(simd, pairs, source.run, out) };
            }
            start = end;
        }
    }
}

/// Which pixels of the maps a tap sees from the outputs of a band, and their rows of the panel.
#[inline(always)]
fn seen(
    source: &Source,
    gradient: &OutputGradient,
    tap: &Tap,
    pixels: Range<usize>,
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
