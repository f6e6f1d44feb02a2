//! Brightness, color and contrast: a mixture with a simpler picture.

use super::blend::{blend, blend_with};
use super::canvas::{Canvas, changed};
use crate::Face;
use crate::face::level_of;
use crate::wide::wide;

/// Mixes with black: 0 is black, 1 the face itself, below 1 darker.
pub fn brightness(face: &Face, factor: f64) -> Face {
    changed(face, |canvas| canvas.brightness(factor))
}

/// Mixes with the gray face: 0 is gray, 1 the face itself. A gray face stays as it is.
pub fn color(face: &Face, factor: f64) -> Face {
    changed(face, |canvas| canvas.color(factor))
}

/// Mixes with the mean brightness: 0 is flat gray, 1 the face itself.
pub fn contrast(face: &Face, factor: f64) -> Face {
    changed(face, |canvas| canvas.contrast(factor))
}

impl Canvas {
    pub(super) fn brightness(&mut self, factor: f64) {
        blend_with(0, &mut self.view.samples, factor);
    }

    pub(super) fn color(&mut self, factor: f64) {
        let area = self.view.area();
        self.spare.resize(self.view.samples.len(), 0);
        let gray = &mut self.spare[..area];
        let Some([red, green, blue]) = self.view.rgb() else {
            return;
        };
        wide(|| {
            let colors = red.iter().zip(green).zip(blue);
            for (gray, ((&r, &g), &b)) in gray.iter_mut().zip(colors) {
                *gray = level_of(r, g, b);
            }
        });
        for plane in self.view.samples.chunks_exact_mut(area) {
            blend(gray, plane, factor);
        }
    }

    pub(super) fn contrast(&mut self, factor: f64) {
        let mean = self.view.mean_level();
        blend_with(mean, &mut self.view.samples, factor);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;

    #[test]
    fn factor_one_changes_nothing() {
        for face in [noise(7, 5, 1), noise(7, 5, 3)] {
            for operation in [brightness, color, contrast] {
                assert_eq!(operation(&face, 1.), face);
            }
        }
    }

    #[test]
    fn factor_zero_is_the_simpler_picture() {
        let face = noise(7, 5, 3);
        assert!(brightness(&face, 0.).samples().iter().all(|&s| s == 0));
        let gray = color(&face, 0.);
        assert!(
            gray.samples()
                .chunks(3)
                .all(|p| p[0] == p[1] && p[1] == p[2])
        );
        let flat = contrast(&face, 0.);
        assert!(flat.samples().iter().all(|s| s == &flat.samples()[0]));
        assert_eq!(color(&noise(4, 4, 1), 0.3), noise(4, 4, 1));
    }

    #[test]
    fn levels_stay_in_range_beyond_the_face() {
        let face = Face::new(vec![0, 10, 250], 1, 3, 1).unwrap();
        assert_eq!(brightness(&face, 2.).samples(), [0, 20, 255]);
        // The mean is 87: 87 + 2 * (0 - 87) lies below black.
        assert_eq!(contrast(&face, 2.).samples()[0], 0);
    }
}
