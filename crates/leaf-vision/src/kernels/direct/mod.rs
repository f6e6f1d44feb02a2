//! Convolution as a matrix product whose left matrix is never made: each tap of the kernel reads the
//! pixels where they lie.
//!
//! The same product serves a convolution and its image gradient, which is the convolution of the
//! output's gradient by the transposed weight, one for each phase of the stride.

mod table;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::epilogue::Epilogue;
use super::shared::Shared;
use super::simd::Isa;
use super::tile::{CHAIN, product};
use table::{NO_PLACE, Order, Table};

/// One position of the kernel: where it reads, relative to an output pixel's source, and which
/// packed weights belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    pub(super) y: isize,
    pub(super) x: isize,
    pub(super) weights: usize,
}

/// The maps that are read: `height x width` pixels of `pitch` numbers, of which a tap reads `run`
/// from `offset` on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) data: &'a [f32],
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) pitch: usize,
    pub(super) offset: usize,
    pub(super) run: usize,
    /// Source pixels between neighboring outputs.
    pub(super) step: usize,
}

/// Where the outputs lie: distances between images, rows and columns, and the first number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) images: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) image_step: usize,
    pub(super) row_step: usize,
    pub(super) column_step: usize,
    pub(super) offset: usize,
    pub(super) channels: usize,
}

/// Weights packed by [`super::pack`]: `(blocks, taps, run, width)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a> {
    pub(super) data: &'a [f32],
    pub(super) taps: usize,
    pub(super) width: usize,
}

/// Bytes of source that a task goes through for one block of weights: they stay in the second cache.
const TASK_BYTES: usize = 512 * 1024;

/// Tasks that an operation is cut into at least, if it is large.
const TASKS: usize = 8;

/// A whole product.
pub(super) struct Product<'a> {
    pub(super) source: Source<'a>,
    pub(super) taps: &'a [Tap],
    pub(super) weights: Weights<'a>,
    pub(super) target: Target,
    pub(super) epilogue: Epilogue<'a>,
}

/// Pixels of an image up to which taps that see nothing are worth another order.
const SMALL_MAP: usize = 16;

/// Rows of a tile in [`Order::Position`].
const POSITION_ROWS: usize = 8;

impl Product<'_> {
    fn order(&self) -> Order {
        let target = &self.target;
        let small = target.rows * target.columns <= SMALL_MAP && self.taps.len() > 1;
        match small && target.images >= POSITION_ROWS {
            true => Order::Position {
                images: target.images.next_multiple_of(POSITION_ROWS),
            },
            false => Order::Memory,
        }
    }

    /// Writes all outputs.
    pub(super) fn run(&self, isa: Isa, out: &mut [f32]) {
        let target = &self.target;
        let order = self.order();
        let images = match order {
            Order::Memory => target.images,
            Order::Position { images } => images,
        };
        let pixels = images * target.rows * target.columns;
        let blocks = target.channels.div_ceil(self.weights.width);
        if pixels == 0 || blocks == 0 {
            return;
        }
        let most = (TASK_BYTES / 4 / self.source.run.max(1)).max(128);
        let chunks = pixels.div_ceil(most).max(TASKS.min(pixels.div_ceil(64)));
        // A multiple of every tile's height keeps all tiles but the last of a chunk full.
        let chunk = pixels.div_ceil(chunks).next_multiple_of(168);
        let chunks = pixels.div_ceil(chunk);
        let groups = TASKS.div_ceil(chunks).min(blocks);
        let group = blocks.div_ceil(groups);
        let out = Shared::new(out);
        (0..chunks * groups)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|task| {
                let (first, part) = (task / chunks * group, task % chunks);
                isa.run(Task {
                    product: self,
                    order,
                    pixels: part * chunk..pixels.min((part + 1) * chunk),
                    blocks: first..blocks.min(first + group),
                    out,
                });
            });
    }
}

/// Some pixels and some blocks of channels.
struct Task<'a> {
    product: &'a Product<'a>,
    order: Order,
    pixels: std::ops::Range<usize>,
    blocks: std::ops::Range<usize>,
    out: Shared<'a>,
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
            unsafe { product::<S, M, V>(simd, &rows[..count], &weights, run, out, accumulate) };
            (count, accumulate) = (0, true);
        }
    }
    if count > 0 || !accumulate {
        // Where no tap sees anything, an empty product clears the outputs.
        // SAFETY: as above.
        unsafe { product::<S, M, V>(simd, &rows[..count], &weights, run, out, accumulate) };
    }
}

/// Taps whose sums are added up in registers, at most.
const TAPS_AT_ONCE: usize = 16;
