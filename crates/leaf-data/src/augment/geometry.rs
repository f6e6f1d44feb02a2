//! Rotation, shear and translation: nearest pixel, black outside, same size.

use super::canvas::{Canvas, changed};
use crate::Face;

/// Turns the face about its center, counter-clockwise, by an angle in degrees.
pub fn rotate(face: &Face, degrees: f64) -> Face {
    changed(face, |canvas| canvas.rotate(degrees))
}

/// Moves each row by `share` of its distance from the top: `x_in = x + share y`.
pub fn shear_x(face: &Face, share: f64) -> Face {
    changed(face, |canvas| canvas.shear_x(share))
}

/// Moves each column by `share` of its distance from the left: `y_in = y + share x`.
pub fn shear_y(face: &Face, share: f64) -> Face {
    changed(face, |canvas| canvas.shear_y(share))
}

/// Moves the face to the left by `share` of its width.
pub fn translate_x(face: &Face, share: f64) -> Face {
    changed(face, |canvas| canvas.translate_x(share))
}

/// Moves the face up by `share` of its height.
pub fn translate_y(face: &Face, share: f64) -> Face {
    changed(face, |canvas| canvas.translate_y(share))
}

impl Canvas {
    pub(super) fn rotate(&mut self, degrees: f64) {
        let radians = -degrees.rem_euclid(360.).to_radians();
        // 15 decimals, as Pillow rounds, make quarter turns exact.
        let rounded = |v: f64| (v * 1e15).round() / 1e15;
        let (cos, sin) = (rounded(radians.cos()), rounded(radians.sin()));
        let (x, y) = (self.view.width as f64 / 2., self.view.height as f64 / 2.);
        let (shift_x, shift_y) = (-cos * x - sin * y + x, sin * x - cos * y + y);
        self.affine([cos, sin, shift_x, -sin, cos, shift_y]);
    }

    pub(super) fn shear_x(&mut self, share: f64) {
        self.affine([1., share, 0., 0., 1., 0.]);
    }

    pub(super) fn shear_y(&mut self, share: f64) {
        self.affine([1., 0., 0., share, 1., 0.]);
    }

    pub(super) fn translate_x(&mut self, share: f64) {
        self.affine([1., 0., share * self.view.width as f64, 0., 1., 0.]);
    }

    pub(super) fn translate_y(&mut self, share: f64) {
        self.affine([1., 0., 0., 0., 1., share * self.view.height as f64]);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;

    #[test]
    fn zero_changes_nothing() {
        for face in [noise(9, 6, 1), noise(6, 9, 3)] {
            for operation in [rotate, shear_x, shear_y, translate_x, translate_y] {
                assert_eq!(operation(&face, 0.), face);
            }
            assert_eq!(rotate(&face, 360.), face);
        }
    }

    #[test]
    fn a_quarter_turn_goes_counter_clockwise() {
        let face = Face::new(vec![1, 2, 3, 4], 2, 2, 1).unwrap();
        assert_eq!(rotate(&face, 90.).samples(), [2, 4, 1, 3]);
        assert_eq!(rotate(&rotate(&face, 90.), -90.), face);
    }

    #[test]
    fn translation_moves_left_and_up_and_leaves_black() {
        let face = Face::new((1..=9).collect(), 3, 3, 1).unwrap();
        assert_eq!(
            translate_x(&face, 1. / 3.).samples(),
            [2, 3, 0, 5, 6, 0, 8, 9, 0]
        );
        assert_eq!(
            translate_y(&face, -1. / 3.).samples(),
            [0, 0, 0, 1, 2, 3, 4, 5, 6]
        );
        assert!(translate_x(&face, 2.).samples().iter().all(|&s| s == 0));
    }

    #[test]
    fn shear_keeps_the_first_line() {
        let face = noise(20, 20, 3);
        let sheared = shear_x(&face, 0.3);
        assert_eq!(sheared.samples()[..60], face.samples()[..60]);
        assert_ne!(sheared, face);
    }
}
