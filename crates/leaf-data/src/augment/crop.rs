//! What weak views do: a small shift, and a mirror.

use leaf_core::Random;
use serde::{Deserialize, Serialize};

use super::canvas::{Canvas, changed};
use crate::Face;
use crate::face::Planes;

/// What comes in from outside when a face is shifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// The face reflected at its border, the border's own pixels not repeated.
    #[default]
    Reflect,
    /// Black: levels of 0, as LEAF's authors have it.
    Black,
}

/// The face moved by whole pixels, to the right and down; what comes in is what the border says.
pub fn shift(face: &Face, right: isize, down: isize, border: Border) -> Face {
    let planes = Planes::of(face);
    changed(face, |canvas| canvas.shifted(&planes, right, down, border))
}

/// A random crop, of the face's own size, of the face with `padding` more pixels on each side.
pub fn random_crop(face: &Face, padding: usize, border: Border, random: &mut Random) -> Face {
    let (right, down) = random_shift(padding, random);
    shift(face, right, down, border)
}

/// How far a random crop moves the face, to the right and down.
pub(super) fn random_shift(padding: usize, random: &mut Random) -> (isize, isize) {
    let mut step = || random.below(2 * padding + 1) as isize - padding as isize;
    (step(), step())
}

/// The face as in a mirror: left and right exchanged.
pub fn flip(face: &Face) -> Face {
    changed(face, Canvas::flip)
}

impl Canvas {
    /// Begins with a face moved by whole pixels.
    pub(super) fn shifted(&mut self, face: &Planes, right: isize, down: isize, border: Border) {
        self.begin(face);
        let (height, width) = (face.height, face.width);
        let columns = Columns::of(width, right, border);
        let planes = face.samples.chunks_exact(face.area());
        for (from, to) in planes.zip(self.view.samples.chunks_exact_mut(face.area())) {
            for (y, to) in to.chunks_exact_mut(width).enumerate() {
                match source(y as isize - down, height, border) {
                    Some(y) => columns.copy(&from[y * width..(y + 1) * width], to),
                    None => to.fill(0),
                }
            }
        }
    }

    pub(super) fn flip(&mut self) {
        for row in self.view.samples.chunks_exact_mut(self.view.width) {
            row.reverse();
        }
    }
}

/// A row's shift: neighbors that come from inside, and what comes in on each side.
pub(super) struct Columns {
    right: isize,
    border: Border,
    inside: std::ops::Range<usize>,
}

impl Columns {
    pub(super) fn of(width: usize, right: isize, border: Border) -> Self {
        let moved = right.unsigned_abs().min(width);
        let inside = match right >= 0 {
            true => moved..width,
            false => 0..width - moved,
        };
        Self {
            right,
            border,
            inside,
        }
    }

    pub(super) fn copy(&self, from: &[u8], to: &mut [u8]) {
        let start = self
            .inside
            .start
            .saturating_add_signed(-self.right)
            .min(from.len());
        let count = self.inside.len();
        to[self.inside.clone()].copy_from_slice(&from[start..start + count]);
        for x in (0..self.inside.start).chain(self.inside.end..to.len()) {
            let place = source(x as isize - self.right, from.len(), self.border);
            to[x] = place.map_or(0, |place| from[place]);
        }
    }
}

/// The place inside `0..length` that a place shows, if any.
fn source(at: isize, length: usize, border: Border) -> Option<usize> {
    match border {
        Border::Reflect => Some(reflect(at, length)),
        Border::Black => usize::try_from(at).ok().filter(|place| *place < length),
    }
}

/// The place inside `0..length` that a place outside reflects to, however far out it is.
fn reflect(at: isize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let last = length - 1;
    let folded = at.rem_euclid(2 * last as isize) as usize;
    if folded > last {
        2 * last - folded
    } else {
        folded
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn borders_reflect_without_repeating() {
        let face = Face::new(vec![1, 2, 3, 4], 1, 4, 1).unwrap();
        let shift = |right, down| shift(&face, right, down, Border::Reflect);
        assert_eq!(shift(2, 0).samples(), [3, 2, 1, 2]);
        assert_eq!(shift(-2, 5).samples(), [3, 4, 3, 2]);
        assert_eq!(shift(9, 0).samples(), [4, 3, 2, 1]);
        assert_eq!(shift(0, 0), face);
    }

    #[test]
    fn black_borders_are_black() {
        let face = Face::new(vec![1, 2, 3, 4], 2, 2, 1).unwrap();
        let shift = |right, down| shift(&face, right, down, Border::Black);
        assert_eq!(shift(1, 0).samples(), [0, 1, 0, 3]);
        assert_eq!(shift(-1, 1).samples(), [0, 0, 2, 0]);
        assert_eq!(shift(0, -5).samples(), [0; 4]);
        assert_eq!(shift(-7, 0).samples(), [0; 4]);
    }

    #[test]
    fn mirroring_twice_gives_the_face_back() {
        let face = noise(5, 4, 3);
        assert_eq!(flip(&face).pixel(2, 0), face.pixel(2, 3));
        assert_eq!(flip(&flip(&face)), face);
    }

    #[test]
    fn every_shift_within_the_padding_occurs() {
        let face = noise(8, 8, 1);
        let mut random = Random::new(2);
        let mut found: Vec<_> = (0..500)
            .map(|_| random_crop(&face, 1, Border::Reflect, &mut random))
            .collect();
        found.sort_by(|a, b| a.samples().cmp(b.samples()));
        found.dedup();
        assert_eq!(found.len(), 9);
    }

    proptest! {
        #[test]
        fn every_pixel_is_the_one_that_its_place_shows(
            right in -12isize..12, down in -12isize..12, width in 1usize..9, height in 1usize..9,
            black in any::<bool>(),
        ) {
            let face = noise(height, width, 3);
            let border = if black { Border::Black } else { Border::Reflect };
            let shifted = shift(&face, right, down, border);
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let from = source(y as isize - down, height, border)
                    .zip(source(x as isize - right, width, border));
                let wanted = from.map_or(&[0, 0, 0][..], |(y, x)| face.pixel(y, x));
                prop_assert_eq!(shifted.pixel(y, x), wanted);
            }
        }

        #[test]
        fn reflection_stays_inside(at in -1000isize..1000, length in 1usize..40) {
            prop_assert!(reflect(at, length) < length);
        }
    }
}
