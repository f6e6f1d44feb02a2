//! The largest pixel of each window, channels last.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::simd::Isa;

/// Windows of `kernel x kernel` pixels over maps `(images, height, width, channels)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) out_height: usize,
    pub(crate) out_width: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
}

/// Channels that are compared together.
const CHANNELS: usize = 64;

/// The taps of a window along one side that lie inside the map: `(tap, place)`.
#[inline(always)]
fn taps(
    windows: &Windows,
    out: usize,
    size: usize,
) -> impl Iterator<Item = (usize, usize)> + Clone {
    let start = out * windows.stride;
    let padding = windows.padding;
    (0..windows.kernel).filter_map(move |tap| {
        let place = (start + tap).checked_sub(padding)?;
        (place < size).then_some((tap, place))
    })
}

/// The windows along one side that see a pixel: `(tap, window)`.
#[inline(always)]
fn seen_by(
    windows: &Windows,
    place: usize,
    count: usize,
) -> impl Iterator<Item = (usize, usize)> + Clone {
    let (padding, stride) = (windows.padding, windows.stride);
    (0..windows.kernel).filter_map(move |tap| {
        let start = (place + padding).checked_sub(tap)?;
        let window = start / stride;
        (start % stride == 0 && window < count).then_some((tap, window))
    })
}

impl Windows {
    fn row_len(&self) -> usize {
        self.width * self.channels
    }

    fn out_row_len(&self) -> usize {
        self.out_width * self.channels
    }

    /// Writes the largest values, and for each the tap that it came from: the first of equals.
    pub(crate) fn largest(&self, isa: Isa, xs: &[f32], ys: &mut [f32], winners: &mut [u16]) {
        ys.par_chunks_mut(self.out_row_len())
            .zip(winners.par_chunks_mut(self.out_row_len()))
            .enumerate()
            .for_each(|(row, (ys, winners))| {
                let image = row / self.out_height * self.height * self.row_len();
                isa.run(LargestRow {
                    windows: self,
                    xs: &xs[image..][..self.height * self.row_len()],
                    row: row % self.out_height,
                    ys,
                    winners,
                });
            });
    }

    /// Writes the input's gradient: each pixel gathers from the windows that it won.
    pub(crate) fn gradient(&self, isa: Isa, winners: &[u16], dys: &[f32], dxs: &mut [f32]) {
        let out_image = self.out_height * self.out_row_len();
        dxs.par_chunks_mut(self.row_len())
            .enumerate()
            .for_each(|(row, dxs)| {
                let image = row / self.height * out_image;
                isa.run(GradientRow {
                    windows: self,
                    winners: &winners[image..][..out_image],
                    dys: &dys[image..][..out_image],
                    row: row % self.height,
                    dxs,
                });
            });
    }
}

struct LargestRow<'a> {
    windows: &'a Windows,
    xs: &'a [f32],
    row: usize,
    ys: &'a mut [f32],
    winners: &'a mut [u16],
}

impl WithSimd for LargestRow<'_> {
    type Output = ();

    // The loops are over arrays of fixed length, which the compiler turns into registers.
    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (windows, channels) = (self.windows, self.windows.channels);
        let pixels = self.ys.chunks_exact_mut(channels);
        for (x, (ys, winners)) in pixels
            .zip(self.winners.chunks_exact_mut(channels))
            .enumerate()
        {
            let rows = taps(windows, self.row, windows.height);
            let columns = taps(windows, x, windows.width);
            for start in (0..channels).step_by(CHANNELS) {
                let count = CHANNELS.min(channels - start);
                let mut best = [f32::NEG_INFINITY; CHANNELS];
                let mut from = [u32::MAX; CHANNELS];
                for (tap_y, y) in rows.clone() {
                    for (tap_x, x) in columns.clone() {
                        let tap = (tap_y * windows.kernel + tap_x) as u32;
                        let at = (y * windows.width + x) * channels + start;
                        let xs = &self.xs[at..at + count];
                        match <&[f32; CHANNELS]>::try_from(xs) {
                            Ok(xs) => compare(xs, tap, &mut best, &mut from),
                            Err(_) => compare(xs, tap, &mut best[..count], &mut from[..count]),
                        }
                    }
                }
                ys[start..start + count].copy_from_slice(&best[..count]);
                for (winner, from) in winners[start..start + count].iter_mut().zip(from) {
                    *winner = from as u16;
                }
            }
        }
    }
}

/// Takes what is larger; what is no number wins, and an earlier value against an equal one.
#[inline(always)]
fn compare(xs: &[f32], tap: u32, best: &mut [f32], from: &mut [u32]) {
    for ((x, best), from) in xs.iter().zip(best).zip(from) {
        let wins = *x > *best || x.is_nan() || *from == u32::MAX;
        *best = if wins { *x } else { *best };
        *from = if wins { tap } else { *from };
    }
}

struct GradientRow<'a> {
    windows: &'a Windows,
    winners: &'a [u16],
    dys: &'a [f32],
    row: usize,
    dxs: &'a mut [f32],
}

impl WithSimd for GradientRow<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let (windows, channels) = (self.windows, self.windows.channels);
        let rows = seen_by(windows, self.row, windows.out_height);
        for (x, dxs) in self.dxs.chunks_exact_mut(channels).enumerate() {
            dxs.fill(0.);
            for (tap_y, y) in rows.clone() {
                for (tap_x, x) in seen_by(windows, x, windows.out_width) {
                    let tap = (tap_y * windows.kernel + tap_x) as u16;
                    let at = (y * windows.out_width + x) * channels;
                    let winners = &self.winners[at..at + channels];
                    let dys = &self.dys[at..at + channels];
                    for ((dx, dy), winner) in dxs.iter_mut().zip(dys).zip(winners) {
                        *dx += if *winner == tap { *dy } else { 0. };
                    }
                }
            }
        }
    }
}
