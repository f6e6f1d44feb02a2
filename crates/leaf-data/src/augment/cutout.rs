//! A box of gray over a part of the face.

use leaf_core::Random;

use super::canvas::{Canvas, changed};
use crate::Face;
use crate::face::gray_level;

/// The color of the box: ImageNet's mean, roughly.
const FILL: [u8; 3] = [125, 123, 114];

/// Covers the pixels `left..=right`, `top..=bottom` with gray; what lies outside the face is ignored.
pub fn cutout(face: &Face, left: usize, top: usize, right: usize, bottom: usize) -> Face {
    changed(face, |canvas| canvas.cutout((left, right), (top, bottom)))
}

/// One box whose side is uniform in 0 to `largest` of the width, anywhere on the face.
///
/// As in the trainers of the field: the center is uniform between 1 and each side, a box over the
/// left or upper border is moved inside and one over the right or lower border is cut, and the last
/// row and column of the box are covered too. A side of 0 covers nothing.
pub fn random_cutout(face: &Face, largest: f64, random: &mut Random) -> Face {
    changed(face, |canvas| canvas.random_cutout(largest, random))
}

impl Canvas {
    /// Covers columns and rows from the first to the last of each.
    fn cutout(&mut self, columns: (usize, usize), rows: (usize, usize)) {
        let (width, area) = (self.view.width, self.view.area());
        let fill = match self.view.channels {
            3 => FILL,
            _ => [gray_level(&FILL); 3],
        };
        let (left, end) = (columns.0.min(width), columns.1.saturating_add(1).min(width));
        let count = rows.1.saturating_add(1).saturating_sub(rows.0);
        for (plane, level) in self.view.samples.chunks_exact_mut(area).zip(fill) {
            for row in plane.chunks_exact_mut(width).skip(rows.0).take(count) {
                row[left..end.max(left)].fill(level);
            }
        }
    }

    pub(super) fn random_cutout(&mut self, largest: f64, random: &mut Random) {
        let side = random.uniform() * largest * self.view.width as f64;
        let mut span = |length: usize| {
            let length = length as f64;
            let center = 1. + random.uniform() * (length - 1.);
            let start = (center - side / 2.).max(0.).floor();
            (start as usize, (start + side).min(length) as usize)
        };
        let (columns, rows) = (span(self.view.width), span(self.view.height));
        if side > 0. {
            self.cutout(columns, rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_box_includes_its_last_row_and_column() {
        let face = Face::new(vec![0; 16], 4, 4, 1).unwrap();
        let covered = cutout(&face, 1, 1, 2, 9);
        let expected = [0, 0, 0, 0, 0, 123, 123, 0, 0, 123, 123, 0, 0, 123, 123, 0];
        assert_eq!(covered.samples(), expected);
        let colors = cutout(&Face::new(vec![0; 12], 2, 2, 3).unwrap(), 1, 0, 1, 0);
        assert_eq!(colors.pixel(0, 1), FILL);
        assert_eq!(cutout(&face, 7, 7, 9, 9), face);
    }

    #[test]
    fn no_largest_side_covers_nothing() {
        let face = Face::new(vec![3; 16], 4, 4, 1).unwrap();
        assert_eq!(random_cutout(&face, 0., &mut Random::new(1)), face);
    }

    proptest! {
        #[test]
        fn the_box_stays_small(seed in 0u64..500, size in 8usize..40) {
            let face = Face::new(vec![0; size * size], size, size, 1).unwrap();
            let covered = random_cutout(&face, 0.5, &mut Random::new(seed));
            let count = covered.samples().iter().filter(|&&s| s != 0).count();
            let side = size / 2 + 1;
            prop_assert!(count >= 1 && count <= side * side, "{count}");
        }
    }
}
