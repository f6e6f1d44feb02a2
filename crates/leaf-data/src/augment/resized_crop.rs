//! A random part of the face at the face's size.

use leaf_core::Random;
use serde::{Deserialize, Serialize};

use super::canvas::Canvas;
use crate::face::{Planes, scaled};
use crate::{Error, Result};

/// Which part of the face a strong view shows, instead of a shift.
///
/// Source: C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015, section 6, as PyTorch's
/// `RandomResizedCrop` draws it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResizedCrop {
    /// Smallest share of the face's area; the largest is all of it.
    pub smallest: f64,
    /// Largest ratio of width to height; the smallest is its inverse.
    pub ratio: f64,
}

impl Default for ResizedCrop {
    /// Parts of at least half the face, up to a third wider than high or higher than wide. ImageNet's
    /// trainers begin at 0.08, which may show a cheek alone.
    fn default() -> Self {
        Self {
            smallest: 0.5,
            ratio: 4. / 3.,
        }
    }
}

/// How often a part that does not fit is drawn anew.
const ATTEMPTS: usize = 10;

/// Top, left, height and width.
type Part = [usize; 4];

impl ResizedCrop {
    pub(super) fn check(&self) -> Result<()> {
        if !(self.smallest > 0. && self.smallest <= 1.) {
            return Err(Error::OutOfRange {
                field: "resized_crop.smallest",
                value: self.smallest,
                expected: "above 0, at most 1",
            });
        }
        if !(1. ..=100.).contains(&self.ratio) {
            return Err(Error::OutOfRange {
                field: "resized_crop.ratio",
                value: self.ratio,
                expected: "1 to 100",
            });
        }
        Ok(())
    }

    fn part(&self, height: usize, width: usize, random: &mut Random) -> Part {
        for _ in 0..ATTEMPTS {
            let share = self.smallest + (1. - self.smallest) * random.uniform();
            let area = share * (height * width) as f64;
            let ratio = self.ratio.powf(2. * random.uniform() - 1.);
            let high = (area / ratio).sqrt().round() as usize;
            let wide = (area * ratio).sqrt().round() as usize;
            if (1..=height).contains(&high) && (1..=width).contains(&wide) {
                let top = random.below(height - high + 1);
                return [top, random.below(width - wide + 1), high, wide];
            }
        }
        [0, 0, height, width]
    }
}

impl Canvas {
    /// Begins with a random part of the face, at the face's size.
    pub(super) fn resized_crop(&mut self, face: &Planes, crop: &ResizedCrop, random: &mut Random) {
        let [top, left, height, width] = crop.part(face.height, face.width, random);
        let part = face.window(top, left, height, width);
        self.load(&scaled(part, face.height, face.width));
    }
}

#[cfg(test)]
mod tests {
    use super::super::canvas::changed;
    use super::super::test_faces::noise;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_of_the_face_is_the_face() {
        let face = noise(9, 9, 3);
        let crop = ResizedCrop {
            smallest: 1.,
            ratio: 1.,
        };
        let planes = Planes::of(&face);
        let random = &mut Random::new(1);
        assert_eq!(
            changed(&face, |canvas| canvas.resized_crop(&planes, &crop, random)),
            face
        );
    }

    #[test]
    fn settings_out_of_bounds_are_named() {
        let crop = |smallest, ratio| ResizedCrop { smallest, ratio }.check();
        assert!(crop(0.08, 4. / 3.).is_ok());
        let error = crop(0., 1.).unwrap_err().to_string();
        assert_eq!(
            error,
            "resized_crop.smallest = 0, expected above 0, at most 1"
        );
        let error = crop(0.5, 0.5).unwrap_err().to_string();
        assert_eq!(error, "resized_crop.ratio = 0.5, expected 1 to 100");
    }

    proptest! {
        #[test]
        fn parts_lie_inside_and_are_large_enough(
            seed in 0u64..500, height in 8usize..60, width in 8usize..60,
        ) {
            let crop = ResizedCrop::default();
            let [top, left, high, wide] = crop.part(height, width, &mut Random::new(seed));
            prop_assert!(top + high <= height && left + wide <= width);
            // Sides are rounded, each by half a pixel at most.
            let rounded = (high + 1) * (wide + 1);
            prop_assert!(rounded as f64 >= crop.smallest * (height * width) as f64);
        }
    }
}
