//! Images channels first, as candle and PyTorch have them, and maps channels last.

use rayon::prelude::*;

/// Pixels that are moved together, so that both sides stay in the first cache.
const PIXELS: usize = 64;

/// `(images, channels, pixels)` to `(images, pixels, channels)`.
pub(crate) fn channels_last(xs: &[f32], channels: usize, pixels: usize, ys: &mut [f32]) {
    transpose(xs, (channels, pixels), ys);
}

/// `(images, pixels, channels)` to `(images, channels, pixels)`.
pub(crate) fn channels_first(xs: &[f32], channels: usize, pixels: usize, ys: &mut [f32]) {
    transpose(xs, (pixels, channels), ys);
}

/// Each matrix `(rows, columns)` of many into `(columns, rows)`.
fn transpose(xs: &[f32], (rows, columns): (usize, usize), ys: &mut [f32]) {
    if rows * columns == 0 {
        return;
    }
    ys.par_chunks_mut(rows * columns)
        .zip(xs.par_chunks(rows * columns))
        .for_each(|(ys, xs)| {
            for first in (0..columns).step_by(PIXELS) {
                let last = columns.min(first + PIXELS);
                for start in (0..rows).step_by(PIXELS) {
                    let end = rows.min(start + PIXELS);
                    for column in first..last {
                        let ys = &mut ys[column * rows + start..column * rows + end];
                        for (y, row) in ys.iter_mut().zip(start..end) {
                            *y = xs[row * columns + column];
                        }
                    }
                }
            }
        });
}

/// Images `(images, channels, height, width)` to `(images, height + 2p, width + 2p, channels)` with a
/// border of p zeros.
pub(crate) fn channels_last_padded(
    xs: &[f32],
    (channels, height, width): (usize, usize, usize),
    padding: usize,
    ys: &mut [f32],
) {
    let (tall, wide) = (height + 2 * padding, width + 2 * padding);
    if tall * wide * channels == 0 {
        return;
    }
    ys.par_chunks_mut(tall * wide * channels)
        .zip(xs.par_chunks(channels * height * width))
        .for_each(|(ys, xs)| {
            ys.fill(0.);
            for (channel, plane) in xs.chunks_exact(height * width).enumerate() {
                for (y, row) in plane.chunks_exact(width).enumerate() {
                    let at = ((y + padding) * wide + padding) * channels + channel;
                    for (to, from) in ys[at..].iter_mut().step_by(channels).zip(row) {
                        *to = *from;
                    }
                }
            }
        });
}

/// The mean of each channel: `(images, pixels, channels)` to `(images, channels)`.
pub(crate) fn mean_pixel(xs: &[f32], channels: usize, pixels: usize, means: &mut [f32]) {
    means
        .par_chunks_mut(channels)
        .zip(xs.par_chunks(pixels * channels))
        .for_each(|(means, xs)| {
            means.fill(0.);
            for pixel in xs.chunks_exact(channels) {
                for (mean, x) in means.iter_mut().zip(pixel) {
                    *mean += x;
                }
            }
            for mean in means {
                *mean /= pixels as f32;
            }
        });
}

/// The gradient of [`mean_pixel`].
pub(crate) fn mean_pixel_gradient(dys: &[f32], channels: usize, pixels: usize, dxs: &mut [f32]) {
    let share = 1. / pixels as f32;
    dxs.par_chunks_mut(pixels * channels)
        .zip(dys.par_chunks(channels))
        .for_each(|(dxs, dys)| {
            for pixel in dxs.chunks_exact_mut(channels) {
                for (dx, dy) in pixel.iter_mut().zip(dys) {
                    *dx = dy * share;
                }
            }
        });
}

/// `a += b`.
pub(crate) fn add(a: &mut [f32], b: &[f32]) {
    const TASK: usize = 32 * 1024;
    a.par_chunks_mut(TASK)
        .zip(b.par_chunks(TASK))
        .for_each(|(a, b)| {
            for (a, b) in a.iter_mut().zip(b) {
                *a += b;
            }
        });
}
