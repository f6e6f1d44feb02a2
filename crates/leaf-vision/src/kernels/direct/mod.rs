//! Convolution as a matrix product whose left matrix is never made: each tap of the kernel reads the
//! pixels where they lie.
//!
//! The same product serves a convolution and its image gradient, which is the convolution of the
//! output's gradient by the transposed weight, one for each phase of the stride.

mod band;
mod even;
mod listed;
mod reach;
mod table;

use std::ops::Range;

use rayon::prelude::*;

use super::epilogue::Epilogue;
use super::shared::Shared;
use super::simd::Isa;
pub(super) use band::{Band, View, few_numbers, pieces};
use listed::POSITION_ROWS;
pub(super) use reach::Reach;
use table::Order;

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
        let blocks = target.channels.div_ceil(self.weights.width);
        if target.images * target.rows * target.columns == 0 || blocks == 0 {
            return;
        }
        let order = self.order();
        let by_rows = order == Order::Memory
            && few_numbers(&self.source, self.taps, target.rows, target.columns);
        let out = Shared::new(out);
        match by_rows {
            true => self.run_rows(isa, blocks, out),
            false => self.run_listed(isa, order, blocks, out),
        }
    }

    /// With tiles of neighbors in a row.
    fn run_rows(&self, isa: Isa, blocks: usize, out: Shared<'_>) {
        let rows = self.target.images * self.target.rows;
        let cut = self.cut(rows, self.target.columns, 1);
        cut.run(blocks, |rows, blocks| {
            isa.run(even::Task {
                product: self,
                rows,
                blocks,
                out,
            });
        });
    }

    /// With tiles that list where they read.
    fn run_listed(&self, isa: Isa, order: Order, blocks: usize, out: Shared<'_>) {
        let target = &self.target;
        let images = match order {
            Order::Memory => target.images,
            Order::Position { images } => images,
        };
        // A multiple of every tile's height keeps all tiles but the last of a chunk full.
        let cut = self.cut(images * target.rows * target.columns, 1, 168);
        cut.run(blocks, |pixels, blocks| {
            isa.run(listed::Task {
                product: self,
                order,
                pixels,
                blocks,
                out,
            });
        });
    }

    /// Cuts `count` pieces of `pixels` each into chunks of a multiple of `multiple` of them.
    fn cut(&self, count: usize, pixels: usize, multiple: usize) -> Cut {
        let most = (TASK_BYTES / 4 / self.source.run.max(1)).max(128);
        let all = count * pixels;
        let chunks = all.div_ceil(most).max(TASKS.min(all.div_ceil(64)));
        let chunk = count.div_ceil(chunks).next_multiple_of(multiple);
        Cut { count, chunk }
    }
}

/// How an operation is cut into tasks.
struct Cut {
    count: usize,
    chunk: usize,
}

impl Cut {
    /// Runs a task for each chunk and, if these are few, each of some groups of blocks.
    fn run(&self, blocks: usize, task: impl Fn(Range<usize>, Range<usize>) + Sync) {
        let chunks = self.count.div_ceil(self.chunk);
        let groups = TASKS.div_ceil(chunks).min(blocks);
        let group = blocks.div_ceil(groups);
        (0..chunks * groups)
            .into_par_iter()
            .with_max_len(1)
            .for_each(|index| {
                let (first, part) = (index / chunks * group, index % chunks);
                let pieces = part * self.chunk..self.count.min((part + 1) * self.chunk);
                task(pieces, first..blocks.min(first + group));
            });
    }
}
