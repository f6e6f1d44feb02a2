//! What weak views do: a small shift with reflected borders, and a mirror.

use leaf_core::Random;

use crate::Face;

/// The face moved by whole pixels, to the right and down; what comes in is the face reflected at its
/// border, the border's own pixels not repeated.
pub fn shift(face: &Face, right: isize, down: isize) -> Face {
    let columns: Vec<usize> = (0..face.width())
        .map(|x| reflect(x as isize - right, face.width()))
        .collect();
    let rows: Vec<usize> = (0..face.height())
        .map(|y| reflect(y as isize - down, face.height()))
        .collect();
    Face::from_pixels(face.height(), face.width(), face.channels(), |y, x| {
        face.pixel(rows[y], columns[x])
    })
}

/// A random crop, of the face's own size, of the face with `padding` reflected pixels on each side.
pub fn random_crop(face: &Face, padding: usize, random: &mut Random) -> Face {
    let mut step = || random.below(2 * padding + 1) as isize - padding as isize;
    let (right, down) = (step(), step());
    shift(face, right, down)
}

/// The face as in a mirror: left and right exchanged.
pub fn flip(face: &Face) -> Face {
    let last = face.width() - 1;
    Face::from_pixels(face.height(), face.width(), face.channels(), |y, x| {
        face.pixel(y, last - x)
    })
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
        assert_eq!(shift(&face, 2, 0).samples(), [3, 2, 1, 2]);
        assert_eq!(shift(&face, -2, 5).samples(), [3, 4, 3, 2]);
        assert_eq!(shift(&face, 0, 0), face);
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
            .map(|_| random_crop(&face, 1, &mut random))
            .collect();
        found.sort_by(|a, b| a.samples().cmp(b.samples()));
        found.dedup();
        assert_eq!(found.len(), 9);
    }

    proptest! {
        #[test]
        fn reflection_stays_inside(at in -1000isize..1000, length in 1usize..40) {
            prop_assert!(reflect(at, length) < length);
        }
    }
}
