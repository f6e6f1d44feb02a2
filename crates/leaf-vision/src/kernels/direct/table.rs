//! Where the tiles of a direct product read and write.

use std::ops::Range;

use super::reach::Reach;
use super::{Product, Target};

/// In which order pixels are gathered into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As they lie in memory.
    Memory,
    /// The same pixel of all images together: most taps of a small map see its border, and a tile of
    /// equal pixels leaves out those that see nothing. Images are counted up to a whole tile.
    Position {
        /// Images with those that fill the last tile.
        images: usize,
    },
}

/// The place of a row that only fills a tile.
pub(super) const NO_PLACE: usize = usize::MAX;

/// Where tiles of M rows read and write.
pub(super) struct Table<const M: usize> {
    /// For each tile and tap, M rows.
    rows: Vec<*const f32>,
    /// For each tile and tap, whether any row lies inside the maps.
    seen: Vec<bool>,
    /// For each row where its output begins.
    pub(super) places: Vec<usize>,
}

impl<const M: usize> Table<M> {
    /// Of some pixels; rows that see nothing read `zeros`.
    #[inline(always)]
    pub(super) fn new(
        product: &Product<'_>,
        order: Order,
        pixels: Range<usize>,
        zeros: &[f32],
    ) -> Self {
        let Product {
            source,
            taps,
            target,
            ..
        } = product;
        let (start, pixels, count) = (pixels.start, pixels.len(), taps.len());
        let tiles = pixels.div_ceil(M);
        let mut table = Self {
            rows: vec![zeros.as_ptr(); tiles * M * count],
            seen: vec![false; tiles * count],
            places: Vec::with_capacity(pixels),
        };
        let pitch = source.pitch as isize;
        let offsets: Vec<isize> = taps
            .iter()
            .map(|tap| (tap.y * source.width as isize + tap.x) * pitch)
            .collect();
        let reach = Reach::of(taps);
        let mut at = Pixel::new(target, order, start);
        for pixel in 0..pixels {
            if at.image >= target.images {
                table.places.push(NO_PLACE);
                at.next(target, order);
                continue;
            }
            let (y, x) = (at.row * source.step, at.column * source.step);
            let base = ((at.image * source.height + y) * source.width + x) * source.pitch;
            let base = source.data.as_ptr().wrapping_add(base + source.offset);
            let first = pixel / M * M * count + pixel % M;
            let inside = reach.inside(y, source.height, x, source.width);
            for (t, (tap, offset)) in taps.iter().zip(&offsets).enumerate() {
                let (y, x) = (y as isize + tap.y, x as isize + tap.x);
                if inside || ((y as usize) < source.height && (x as usize) < source.width) {
                    table.rows[first + t * M] = base.wrapping_offset(*offset);
                    table.seen[pixel / M * count + t] = true;
                }
            }
            table.places.push(at.place(target));
            at.next(target, order);
        }
        table
    }

    /// The rows of each tap of a tile, nothing for a tap that sees nothing.
    #[inline(always)]
    pub(super) fn rows_of(&self, tile: usize) -> impl Iterator<Item = Option<&[*const f32]>> {
        let tiles = self.places.len().div_ceil(M);
        let count = self.seen.len() / tiles.max(1);
        let rows = self.rows[tile * M * count..][..M * count].chunks_exact(M);
        let seen = &self.seen[tile * count..][..count];
        rows.zip(seen).map(|(rows, seen)| seen.then_some(rows))
    }
}

/// An output pixel.
struct Pixel {
    image: usize,
    row: usize,
    column: usize,
}

impl Pixel {
    fn new(target: &Target, order: Order, index: usize) -> Self {
        if let Order::Position { images } = order {
            let position = index / images;
            return Self {
                image: index % images,
                row: position / target.columns,
                column: position % target.columns,
            };
        }
        let (row, column) = (index / target.columns, index % target.columns);
        Self {
            image: row / target.rows,
            row: row % target.rows,
            column,
        }
    }

    #[inline(always)]
    fn place(&self, target: &Target) -> usize {
        target.offset
            + self.image * target.image_step
            + self.row * target.row_step
            + self.column * target.column_step
    }

    #[inline(always)]
    fn next(&mut self, target: &Target, order: Order) {
        if let Order::Position { images } = order {
            self.image += 1;
            if self.image < images {
                return;
            }
            self.image = 0;
        }
        self.column += 1;
        if self.column == target.columns {
            (self.column, self.row) = (0, self.row + 1);
            if self.row == target.rows {
                self.row = 0;
                if order == Order::Memory {
                    self.image += 1;
                }
            }
        }
    }
}
