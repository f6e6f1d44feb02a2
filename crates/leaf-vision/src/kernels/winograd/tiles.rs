//! Tiles of maps into their transformed form and back, a register of channels at a time.

use pulp::Simd;

use super::transform::{IN, OUT, input, output, output_gradient};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::shared::Shared;
use crate::kernels::simd::{load_some, store_some};

/// The maps of a convolution that keeps their size, cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) images: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

/// One tile: its image and first pixel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    image: usize,
    y: usize,
    x: usize,
}

impl Grid {
    fn columns(&self) -> usize {
        self.width.div_ceil(OUT)
    }

    fn rows(&self) -> usize {
        self.height.div_ceil(OUT)
    }

    pub(super) fn tiles(&self) -> usize {
        self.images * self.rows() * self.columns()
    }

    pub(super) fn tile(&self, index: usize) -> Tile {
        let (row, column) = (index / self.columns(), index % self.columns());
        Tile {
            image: row / self.rows(),
            y: row % self.rows() * OUT,
            x: column * OUT,
        }
    }

    /// The pixel's place among all, if it is inside.
    #[inline(always)]
    fn pixel(&self, tile: Tile, y: isize, x: isize) -> Option<usize> {
        let (y, x) = (tile.y as isize + y, tile.x as isize + x);
        let inside = (y as usize) < self.height && (x as usize) < self.width;
        if !inside {
            return None;
        }
        Some((tile.image * self.height + y as usize) * self.width + x as usize)
    }
}

/// Where a transformed tile goes: point p from `at + p step` on.
#[derive(Clone, Copy)]
pub(crate) struct Points<'a> {
    pub(super) out: Shared<'a>,
    pub(super) at: usize,
    pub(super) step: usize,
}

impl Points<'_> {
    #[inline(always)]
    fn put<S: Simd>(&self, simd: S, point: usize, channel: usize, count: usize, value: S::f32s) {
        // SAFETY: each task has tiles of its own.
        let to = unsafe { self.out.part(self.at + point * self.step + channel, count) };
        store_some(simd, to, value);
    }
}

/// Column x of rows.
// Not `map`: a closure that is not inlined costs more than what it moves.
#[inline(always)]
fn column_of<T: Copy, const N: usize>(rows: &[[T; IN]; N], x: usize) -> [T; N] {
    let mut column = [rows[0][x]; N];
    for (value, row) in column.iter_mut().zip(rows) {
        *value = row[x];
    }
    column
}

/// `B' d B` of one tile, of all channels.
#[inline(always)]
pub(super) fn input_tile<S: Simd>(
    simd: S,
    grid: &Grid,
    tile: Tile,
    (xs, channels): (&[f32], usize),
    out: Points<'_>,
) {
    let mut channel = 0;
    while channel < channels {
        let count = S::F32_LANES.min(channels - channel);
        let mut half = [[simd.splat_f32s(0.); IN]; IN];
        for (y, half) in half.iter_mut().enumerate() {
            let mut row = [simd.splat_f32s(0.); IN];
            for (x, row) in row.iter_mut().enumerate() {
                if let Some(pixel) = grid.pixel(tile, y as isize - 1, x as isize - 1) {
                    let at = pixel * channels + channel;
                    *row = load_some(simd, &xs[at..at + count]);
                }
            }
            *half = input(simd, row);
        }
        for x in 0..IN {
            let column = input(simd, column_of(&half, x));
            for (y, value) in column.into_iter().enumerate() {
                out.put(simd, y * IN + x, channel, count, value);
            }
        }
        channel += count;
    }
}

/// `A dy A'` of one tile, of all channels.
#[inline(always)]
pub(super) fn gradient_tile<S: Simd>(
    simd: S,
    grid: &Grid,
    tile: Tile,
    (dys, channels): (&[f32], usize),
    out: Points<'_>,
) {
    let mut channel = 0;
    while channel < channels {
        let count = S::F32_LANES.min(channels - channel);
        let mut half = [[simd.splat_f32s(0.); IN]; OUT];
        for (y, half) in half.iter_mut().enumerate() {
            let mut row = [simd.splat_f32s(0.); OUT];
            for (x, row) in row.iter_mut().enumerate() {
                if let Some(pixel) = grid.pixel(tile, y as isize, x as isize) {
                    let at = pixel * channels + channel;
                    *row = load_some(simd, &dys[at..at + count]);
                }
            }
            *half = output_gradient(simd, row);
        }
        for x in 0..IN {
            let column = output_gradient(simd, column_of(&half, x));
            for (y, value) in column.into_iter().enumerate() {
                out.put(simd, y * IN + x, channel, count, value);
            }
        }
        channel += count;
    }
}

/// Where output tiles go.
#[derive(Clone, Copy)]
pub(super) struct Outputs<'a> {
    pub(super) ys: Shared<'a>,
    pub(super) channels: usize,
    pub(super) epilogue: &'a Epilogue<'a>,
}

/// `A' m A` of one tile, of all channels; point p is at `products[p step..]`.
#[inline(always)]
pub(super) fn output_tile<S: Simd>(
    simd: S,
    grid: &Grid,
    tile: Tile,
    (products, step): (&[f32], usize),
    outputs: &Outputs<'_>,
) {
    let channels = outputs.channels;
    let mut channel = 0;
    while channel < channels {
        let count = S::F32_LANES.min(channels - channel);
        let mut half = [[simd.splat_f32s(0.); IN]; OUT];
        for x in 0..IN {
            let mut column = [simd.splat_f32s(0.); IN];
            for (y, value) in column.iter_mut().enumerate() {
                let at = (y * IN + x) * step + channel;
                *value = load_some(simd, &products[at..at + count]);
            }
            for (half, value) in half.iter_mut().zip(output(simd, column)) {
                half[x] = value;
            }
        }
        for (y, half) in half.into_iter().enumerate() {
            for (x, value) in output(simd, half).into_iter().enumerate() {
                if let Some(pixel) = grid.pixel(tile, y as isize, x as isize) {
                    let place = pixel * channels + channel;
                    // SAFETY: each task has its own tiles or channels.
                    let ys = unsafe { outputs.ys.part(place, count) };
                    store_some(simd, ys, value);
                    if !outputs.epilogue.is_empty() {
                        outputs.epilogue.apply(simd, ys, channel, place);
                    }
                }
            }
        }
        channel += count;
    }
}
