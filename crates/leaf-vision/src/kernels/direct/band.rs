//! A few rows of one image as a product reads them: pixels at equal distances, zeros beyond the border.
//!
//! With few channels, finding out where each row of a tile reads takes as long as its products. At equal
//! distances there is nothing to find out. Where taps look beyond the maps, some rows are copied with the
//! border that they see; they stay in the first cache.

use std::ops::Range;

use super::{Reach, Source, Tap};

/// Bytes of a copy, at most if a single row of outputs allows it: half of a first cache.
const COPY_BYTES: usize = 16 * 1024;

/// Numbers of a pixel up to which a copy costs less than a list of places.
const FEW_NUMBERS: usize = 64;

/// Columns of outputs from which rows fill their tiles.
const FEW_COLUMNS: usize = 4;

/// Reads a source some rows of outputs at a time.
pub(in super::super) struct Band<'a> {
    source: Source<'a>,
    reach: Reach,
    rows: usize,
    columns: usize,
    /// None if no tap looks beyond the maps.
    copy: Option<Vec<f32>>,
}

/// Where the taps of some rows of outputs read.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct View<'a> {
    data: &'a [f32],
    /// The row and the column of the source that `data` begins with, relative to the first output's.
    first: (isize, isize),
    /// Numbers between rows and between pixels of the source.
    distances: (usize, usize),
    step: usize,
}

/// Whether products of `rows x columns` outputs an image read the source best by bands.
pub(in super::super) fn few_numbers(
    source: &Source<'_>,
    taps: &[Tap],
    rows: usize,
    columns: usize,
) -> bool {
    let in_place = Reach::of(taps).never_leaves(source, rows, columns);
    columns >= FEW_COLUMNS && source.run <= FEW_NUMBERS && (in_place || taps.len() > 1)
}

/// Rows of all images, cut at the images' ends and into at most `at_once` of them: the image, and
/// which of its rows.
pub(in super::super) fn pieces(
    rows: Range<usize>,
    image_rows: usize,
    at_once: usize,
) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut next = rows.start;
    std::iter::from_fn(move || {
        if next >= rows.end {
            return None;
        }
        let (image, first) = (next / image_rows, next % image_rows);
        let last = image_rows.min(first + at_once).min(first + rows.end - next);
        next += last - first;
        Some((image, first..last))
    })
}

impl<'a> Band<'a> {
    /// For outputs of `rows x columns` an image.
    pub(in super::super) fn new(
        source: Source<'a>,
        taps: &[Tap],
        rows: usize,
        columns: usize,
    ) -> Self {
        let reach = Reach::of(taps);
        let mut band = Self {
            source,
            reach,
            rows,
            columns,
            copy: None,
        };
        if !reach.never_leaves(&source, rows, columns) {
            band.copy = Some(vec![0.; band.copy_len(band.fitting_rows())]);
        }
        band
    }

    /// How many rows of outputs one view serves.
    pub(in super::super) fn rows_at_once(&self) -> usize {
        match self.copy {
            Some(_) => self.fitting_rows(),
            None => self.rows,
        }
    }

    fn fitting_rows(&self) -> usize {
        let all = COPY_BYTES / 4 / self.copied_row().max(1);
        let rows = all.saturating_sub(self.source_rows(1)) / self.source.step + 1;
        rows.clamp(1, self.rows.max(1))
    }

    /// Source rows that some rows of outputs see.
    fn source_rows(&self, rows: usize) -> usize {
        let reach = (self.reach.y.1 - self.reach.y.0) as usize;
        (rows - 1) * self.source.step + 1 + reach
    }

    /// Source pixels that a row of outputs sees.
    fn source_columns(&self) -> usize {
        let reach = (self.reach.x.1 - self.reach.x.0) as usize;
        (self.columns - 1) * self.source.step + 1 + reach
    }

    fn copied_row(&self) -> usize {
        self.source_columns() * self.source.run
    }

    fn copy_len(&self, rows: usize) -> usize {
        self.source_rows(rows) * self.copied_row()
    }

    /// Some rows of outputs of an image.
    pub(in super::super) fn view(&mut self, image: usize, rows: Range<usize>) -> View<'_> {
        let source = self.source;
        let (top, step) = (rows.start * source.step, source.step);
        if self.copy.is_some() {
            self.copy_rows(image, top as isize + self.reach.y.0, rows.len());
        }
        match &self.copy {
            Some(copy) => View {
                data: copy,
                first: (self.reach.y.0, self.reach.x.0),
                distances: (self.copied_row(), source.run),
                step,
            },
            None => {
                let first = (image * source.height + top) * source.width * source.pitch;
                View {
                    data: &source.data[first + source.offset..],
                    first: (0, 0),
                    distances: (source.width * source.pitch, source.pitch),
                    step,
                }
            }
        }
    }

    fn copy_rows(&mut self, image: usize, top: isize, rows: usize) {
        let (source, row_len) = (self.source, self.copied_row());
        let (rows, columns) = (self.source_rows(rows), self.source_columns());
        let left = self.reach.x.0;
        let before = (-left).clamp(0, columns as isize) as usize;
        let inside = (source.width as isize - left).clamp(before as isize, columns as isize);
        let inside = before..inside as usize;
        let Some(copy) = &mut self.copy else { return };
        for (r, to) in copy.chunks_exact_mut(row_len).take(rows).enumerate() {
            let y = top + r as isize;
            if (y as usize) >= source.height {
                to.fill(0.);
                continue;
            }
            let from = (image * source.height + y as usize) * source.width;
            let from = (from as isize + left + inside.start as isize) as usize;
            let pixels = &source.data[from * source.pitch + source.offset..];
            to[..inside.start * source.run].fill(0.);
            to[inside.end * source.run..].fill(0.);
            let to = &mut to[inside.start * source.run..inside.end * source.run];
            copy_pixels(pixels, source.pitch, source.run, to);
        }
    }
}

/// `run` numbers of each pixel, of which there are as many as `to` takes.
fn copy_pixels(from: &[f32], pitch: usize, run: usize, to: &mut [f32]) {
    if run == pitch {
        to.copy_from_slice(&from[..to.len()]);
        return;
    }
    for (to, from) in to.chunks_exact_mut(run).zip(from.chunks(pitch)) {
        to.copy_from_slice(&from[..run]);
    }
}

impl View<'_> {
    /// Numbers between the sources of neighboring outputs of a row.
    pub(in super::super) fn step(&self) -> usize {
        self.step * self.distances.1
    }

    /// Where a tap reads, counted from [`Self::output`].
    pub(in super::super) fn tap(&self, tap: &Tap) -> usize {
        let (y, x) = (tap.y - self.first.0, tap.x - self.first.1);
        y as usize * self.distances.0 + x as usize * self.distances.1
    }

    /// Numbers between the sources of outputs below each other.
    pub(in super::super) fn row_step(&self) -> usize {
        self.step * self.distances.0
    }

    /// Where the source of a row's first output lies, and a check that what the last output of as many
    /// `rows x columns` reads, `reach` numbers from there on, lies inside.
    pub(in super::super) fn output(
        &self,
        row: usize,
        rows: usize,
        columns: usize,
        reach: usize,
    ) -> *const f32 {
        let first = row * self.row_step();
        let last = first + (rows - 1) * self.row_step() + (columns - 1) * self.step();
        assert!(last + reach <= self.data.len(), "a kernel left its source");
        self.data[first..].as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(data: &[f32]) -> Source<'_> {
        Source {
            data,
            height: 3,
            width: 4,
            pitch: 2,
            offset: 1,
            run: 1,
            step: 1,
        }
    }

    fn taps() -> Vec<Tap> {
        let taps = (0..9).map(|tap| Tap {
            y: tap / 3 - 1,
            x: tap % 3 - 1,
            weights: tap as usize,
        });
        taps.collect()
    }

    #[test]
    fn a_band_sees_what_lies_inside_and_zeros() {
        let data: Vec<f32> = (0..2 * 3 * 4 * 2).map(|i| i as f32).collect();
        let (source, taps) = (source(&data), taps());
        let mut band = Band::new(source, &taps, 3, 4);
        for (image, rows) in pieces(0..6, 3, 2) {
            let view = band.view(image, rows.clone());
            for (index, row) in rows.enumerate() {
                for (column, tap) in
                    (0..4).flat_map(|column| taps.iter().map(move |tap| (column, tap)))
                {
                    let (y, x) = (row as isize + tap.y, column as isize + tap.x);
                    let inside = (0..3).contains(&y) && (0..4).contains(&x);
                    let at = ((image as isize * 3 + y) * 4 + x) * 2 + 1;
                    let expected = if inside { data[at as usize] } else { 0. };
                    let from = view.output(index, 1, 4, view.tap(tap) + 1);
                    let from = from.wrapping_add(column * view.step() + view.tap(tap));
                    // SAFETY: `output` has checked that the last column's lies inside.
                    assert_eq!(unsafe { *from }, expected, "{row} {column} {tap:?}");
                }
            }
        }
    }

    #[test]
    fn pieces_end_with_images() {
        let all: Vec<_> = pieces(2..9, 4, 3).collect();
        assert_eq!(all, [(0, 2..4), (1, 0..3), (1, 3..4), (2, 0..1)]);
        assert_eq!(pieces(3..3, 4, 3).count(), 0);
    }
}
