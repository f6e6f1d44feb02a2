//! How far the taps of a kernel reach.

use super::{Source, Tap};

/// How far the taps reach around a pixel.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Reach {
    /// From the first to the last row, relative to an output pixel's source.
    pub(super) y: (isize, isize),
    /// From the first to the last column.
    pub(super) x: (isize, isize),
}

impl Reach {
    pub(in super::super) fn of(taps: &[Tap]) -> Self {
        let span = |values: &dyn Fn(&Tap) -> isize| {
            let values = taps.iter().map(values);
            (values.clone().min().unwrap_or(0), values.max().unwrap_or(0))
        };
        Self {
            y: span(&|tap| tap.y),
            x: span(&|tap| tap.x),
        }
    }

    #[inline(always)]
    pub(super) fn inside(&self, y: usize, height: usize, x: usize, width: usize) -> bool {
        let (y, x) = (y as isize, x as isize);
        y + self.y.0 >= 0
            && y + self.y.1 < height as isize
            && x + self.x.0 >= 0
            && x + self.x.1 < width as isize
    }

    /// Whether no tap of `rows x columns` outputs leaves the maps.
    pub(super) fn never_leaves(&self, source: &Source<'_>, rows: usize, columns: usize) -> bool {
        let last = |count: usize| count.saturating_sub(1) * source.step;
        self.inside(0, source.height, 0, source.width)
            && self.inside(last(rows), source.height, last(columns), source.width)
    }
}
