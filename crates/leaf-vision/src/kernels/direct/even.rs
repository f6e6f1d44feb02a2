//! Products whose tiles are neighbors in a row, so that they read at equal distances.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::shared::Shared;
use super::super::tile::{CHAIN, Even, TAPS_AT_ONCE, product};
use super::{Band, Product, View, pieces};

/// Heights of tiles for 32 registers, for 16 with one vector of outputs, and with two.
const HEIGHTS: [&[usize]; 3] = [&[14, 12, 8, 4], &[12, 8, 4], &[6, 4]];

/// Some rows of outputs, counted over all images, and some blocks of channels.
pub(super) struct Task<'a> {
    pub(super) product: &'a Product<'a>,
    pub(super) rows: Range<usize>,
    pub(super) blocks: Range<usize>,
    pub(super) out: Shared<'a>,
}

/// The height that leaves the fewest rows of a tile without a use, and the larger of equal ones.
fn height(columns: usize, heights: &[usize]) -> usize {
    let fitting = heights.iter().copied().filter(|height| *height <= columns);
    let waste = |height: &usize| {
        (
            columns.div_ceil(*height) * (height + 1),
            usize::MAX - height,
        )
    };
    fitting.min_by_key(waste).unwrap_or(4)
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let vectors = self.product.weights.width / S::F32_LANES;
        let heights = match (S::REGISTER_COUNT >= 32, vectors) {
            (true, _) => HEIGHTS[0],
            (false, 1) => HEIGHTS[1],
            (false, _) => HEIGHTS[2],
        };
        match (height(self.product.target.columns, heights), vectors) {
            (14, 1) => self.tiles::<S, 14, 1>(simd),
            (12, 1) => self.tiles::<S, 12, 1>(simd),
            (8, 1) => self.tiles::<S, 8, 1>(simd),
            (_, 1) => self.tiles::<S, 4, 1>(simd),
            (14, _) => self.tiles::<S, 14, 2>(simd),
            (12, _) => self.tiles::<S, 12, 2>(simd),
            (8, _) => self.tiles::<S, 8, 2>(simd),
            (6, _) => self.tiles::<S, 6, 2>(simd),
            (_, _) => self.tiles::<S, 4, 2>(simd),
        }
    }
}

impl Task<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const M: usize, const V: usize>(self, simd: S) {
        let Product {
            source,
            taps,
            weights,
            target,
            ..
        } = self.product;
        let width = V * S::F32_LANES;
        debug_assert_eq!(width, weights.width);
        let mut band = Band::new(*source, taps, target.rows, target.columns);
        let mut scratch = vec![0f32; M * width];
        let mut offsets = Vec::with_capacity(taps.len());
        let block_len = weights.taps * source.run * width;
        for (image, rows) in pieces(self.rows.clone(), target.rows, band.rows_at_once()) {
            let view = band.view(image, rows.clone());
            offsets.clear();
            offsets.extend(taps.iter().map(|tap| view.tap(tap)));
            for block in self.blocks.clone() {
                let first = &weights.data[block * block_len..][..block_len];
                let tap_weights: Vec<*const f32> = taps
                    .iter()
                    .map(|tap| first[tap.weights * source.run * width..].as_ptr())
                    .collect();
                for (index, row) in rows.clone().enumerate() {
                    let row = Row {
                        task: &self,
                        view,
                        offsets: &offsets,
                        weights: &tap_weights,
                        channel: block * width,
                        index,
                        place: target.offset + image * target.image_step + row * target.row_step,
                    };
                    row.tiles::<S, M, V>(simd, &mut scratch);
                }
            }
        }
    }
}

/// A row of outputs, of one block of channels.
struct Row<'a> {
    task: &'a Task<'a>,
    view: View<'a>,
    offsets: &'a [usize],
    weights: &'a [*const f32],
    channel: usize,
    /// Of the view's rows.
    index: usize,
    /// Where the first output lies.
    place: usize,
}

impl Row<'_> {
    #[inline(always)]
    fn tiles<S: Simd, const M: usize, const V: usize>(&self, simd: S, scratch: &mut [f32]) {
        let Product { source, target, .. } = self.task.product;
        let width = V * S::F32_LANES;
        let channels = width.min(target.channels - self.channel);
        let reach = self
            .offsets
            .iter()
            .max()
            .map_or(0, |last| last + source.run);
        let from = self.view.output(self.index, 1, target.columns, reach);
        let partial = channels < width;
        let after = partial || !self.task.product.epilogue.is_empty();
        let step = target.column_step;
        let mut column = 0;
        while column < target.columns {
            // The last tile is moved back to be whole; what it shares with the one before it is
            // computed twice.
            let first = column.min(target.columns.saturating_sub(M));
            let place = self.place + first * step + self.channel;
            let out: [*mut f32; M] = match partial {
                true => std::array::from_fn(|m| scratch[m * width..][..width].as_mut_ptr()),
                false => {
                    let out = self.task.out.at(place, (M - 1) * step + width);
                    std::array::from_fn(|m| out.wrapping_add(m * step))
                }
            };
            let from = from.wrapping_add(first * self.view.step());
            self.products::<S, M, V>(simd, from, &out);
            if after {
                let tile = scratch.chunks_exact(width).take(M).enumerate();
                for (m, sums) in tile {
                    let sums = partial.then_some(&sums[..channels]);
                    self.finish(simd, place + m * step, channels, sums);
                }
            }
            column = first + M;
        }
    }

    /// One tile, in sums of bounded length.
    #[inline(always)]
    fn products<S: Simd, const M: usize, const V: usize>(
        &self,
        simd: S,
        from: *const f32,
        out: &[*mut f32; M],
    ) {
        let run = self.task.product.source.run;
        let at_once = (CHAIN / run.max(1)).clamp(1, TAPS_AT_ONCE);
        let step = self.view.step();
        let mut first = 0;
        loop {
            let last = self.weights.len().min(first + at_once);
            let rows = Even {
                from,
                offsets: &self.offsets[first..last],
                step,
            };
            let weights = &self.weights[first..last];
            // SAFETY: `View::output` has checked the row's last read; each weight pointer has a
            // block's `run width` numbers; outputs were checked when their pointers were made.
            unsafe { product::<S, M, V>(simd, rows, weights, run, out, first > 0) };
            first = last;
            if first == self.weights.len() {
                return;
            }
        }
    }

    /// What follows the product of a pixel, whose sums are in place already or else given.
    #[inline(always)]
    fn finish<S: Simd>(&self, simd: S, place: usize, channels: usize, sums: Option<&[f32]>) {
        let epilogue = &self.task.product.epilogue;
        // SAFETY: each task has its own pixels and channels.
        let to = unsafe { self.task.out.part(place, channels) };
        if let Some(sums) = sums {
            to.copy_from_slice(sums);
        }
        if !epilogue.is_empty() {
            epilogue.apply(simd, to, self.channel, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_fit_rows() {
        assert_eq!(height(56, HEIGHTS[0]), 14);
        assert_eq!(height(48, HEIGHTS[0]), 12);
        assert_eq!(height(16, HEIGHTS[1]), 8);
        assert_eq!(height(12, HEIGHTS[2]), 6);
        assert_eq!(height(5, HEIGHTS[1]), 4);
    }
}
