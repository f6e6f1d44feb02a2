//! Products whose tiles list where each of their rows reads.
//!
//! What every product can use: any order of pixels, and taps that look beyond the border read zeros.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::super::shared::Shared;
use super::super::tile::{CHAIN, TAPS_AT_ONCE, product};
use super::Product;
use super::table::{NO_PLACE, Order, Table};

/// Rows of a tile in [`Order::Position`].
pub(super) const POSITION_ROWS: usize = 8;

/// Some pixels and some blocks of channels.
pub(super) struct Task<'a> {
    pub(super) product: &'a Product<'a>,
    pub(super) order: Order,
    pub(super) pixels: Range<usize>,
    pub(super) blocks: Range<usize>,
    pub(super) out: Shared<'a>,
}

impl WithSimd for Task<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let vectors = self.product.weights.width / S::F32_LANES;
        let by_position = self.order != Order::Memory;
        match (S::REGISTER_COUNT >= 32, vectors) {
            (true, 2) if by_position => self.tiles::<S, POSITION_ROWS, 2>(simd),
            (true, _) if by_position => self.tiles::<S, POSITION_ROWS, 1>(simd),
            (false, 2) if by_position => self.tiles::<S, 4, 2>(simd),
            (false, _) if by_position => self.tiles::<S, POSITION_ROWS, 1>(simd),
            (true, 2) => self.tiles::<S, 14, 2>(simd),
            (true, _) => self.tiles::<S, 14, 1>(simd),
            (false, 2) => self.tiles::<S, 6, 2>(simd),
            (false, _) => self.tiles::<S, 12, 1>(simd),
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
            epilogue,
        } = self.product;
        let width = V * S::F32_LANES;
        debug_assert_eq!(width, weights.width);
        let zeros = vec![0f32; source.run];
        let table = Table::<M>::new(self.product, self.order, self.pixels.clone(), &zeros);
        let mut scratch = vec![0f32; M * width];
        let taps_at_once = (CHAIN / source.run.max(1)).max(1);
        let block_len = weights.taps * source.run * width;
        for block in self.blocks.clone() {
            let channel = block * width;
            let channels = width.min(target.channels - channel);
            let first = &weights.data[block * block_len..][..block_len];
            let tap_weights: Vec<*const f32> = taps
                .iter()
                .map(|tap| first[tap.weights * source.run * width..].as_ptr())
                .collect();
            for (tile, places) in table.places.chunks(M).enumerate() {
                let whole = places.len() == M && channels == width && !places.contains(&NO_PLACE);
                let mut out = [std::ptr::null_mut(); M];
                for (m, out) in out.iter_mut().enumerate() {
                    *out = match places.get(m) {
                        Some(place) if whole => self.out.at(place + channel, width),
                        _ => scratch[m * width..][..width].as_mut_ptr(),
                    };
                }
                let rows = table.rows_of(tile);
                tile_of::<S, M, V>(simd, rows.zip(&tap_weights), taps_at_once, source.run, &out);
                let places = places.iter().filter(|place| **place != NO_PLACE);
                if !whole {
                    let values = table.places[tile * M..].iter().zip(scratch.chunks(width));
                    for (place, values) in values.take(M) {
                        if *place == NO_PLACE {
                            continue;
                        }
                        // SAFETY: each task has its own pixels and channels.
                        let to = unsafe { self.out.part(place + channel, channels) };
                        to.copy_from_slice(&values[..channels]);
                    }
                }
                if !epilogue.is_empty() {
                    for place in places {
                        // SAFETY: as above.
                        let to = unsafe { self.out.part(place + channel, channels) };
                        epilogue.apply(simd, to, channel, place + channel);
                    }
                }
            }
        }
    }
}

/// One tile, in sums of bounded length.
#[inline(always)]
fn tile_of<'a, S: Simd, const M: usize, const V: usize>(
    simd: S,
    taps: impl Iterator<Item = (Option<&'a [*const f32]>, &'a *const f32)>,
    at_once: usize,
    run: usize,
    out: &[*mut f32; M],
) {
    let mut rows = [[std::ptr::null::<f32>(); M]; TAPS_AT_ONCE];
    let mut weights = [std::ptr::null::<f32>(); TAPS_AT_ONCE];
    let (mut count, mut accumulate) = (0, false);
    let at_once = at_once.min(TAPS_AT_ONCE);
    for (seen, tap_weights) in taps {
        let Some(seen) = seen else { continue };
        rows[count].copy_from_slice(seen);
        weights[count] = *tap_weights;
        count += 1;
        if count == at_once {
            // SAFETY: `table` let each row lie inside the maps or be the zeros; each weight pointer
            // has a block's `run width` numbers; outputs were checked when their pointers were made.
            unsafe {
                product::<S, M, V>(
                    simd,
                    &rows[..count],
                    &weights[..count],
                    run,
                    out,
                    accumulate,
                )
            };
            (count, accumulate) = (0, true);
        }
    }
    if count > 0 || !accumulate {
        // Where no tap sees anything, an empty product clears the outputs.
        // SAFETY: as above.
        unsafe {
            product::<S, M, V>(
                simd,
                &rows[..count],
                &weights[..count],
                run,
                out,
                accumulate,
            )
        };
    }
}
