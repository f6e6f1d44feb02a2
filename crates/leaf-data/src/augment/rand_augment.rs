//! Some random operations in a row.

use leaf_core::Random;

use super::{
    autocontrast, brightness, color, contrast, equalize, posterize, rotate, sharpness, shear_x,
    shear_y, solarize, translate_x, translate_y,
};
use crate::Face;

/// What [`rand_augment`] chooses among, as FixMatch's trainers have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`autocontrast`].
    AutoContrast,
    /// [`brightness`], factor 0.05 to 0.95.
    Brightness,
    /// [`color`], factor 0.05 to 0.95.
    Color,
    /// [`contrast`], factor 0.05 to 0.95.
    Contrast,
    /// [`equalize`].
    Equalize,
    /// Nothing.
    Identity,
    /// [`posterize`], 4 to 7 bits.
    Posterize,
    /// [`rotate`], -30 to 30 degrees.
    Rotate,
    /// [`sharpness`], factor 0.05 to 0.95.
    Sharpness,
    /// [`shear_x`], -0.3 to 0.3.
    ShearX,
    /// [`shear_y`], -0.3 to 0.3.
    ShearY,
    /// [`solarize`], threshold 0 to 256.
    Solarize,
    /// [`translate_x`], -0.3 to 0.3 of the width.
    TranslateX,
    /// [`translate_y`], -0.3 to 0.3 of the height.
    TranslateY,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::AutoContrast,
        Self::Brightness,
        Self::Color,
        Self::Contrast,
        Self::Equalize,
        Self::Identity,
        Self::Posterize,
        Self::Rotate,
        Self::Sharpness,
        Self::ShearX,
        Self::ShearY,
        Self::Solarize,
        Self::TranslateX,
        Self::TranslateY,
    ];

    /// Lowest and highest value; both 0 for operations without one.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::AutoContrast | Self::Equalize | Self::Identity => (0., 0.),
            Self::Brightness | Self::Color | Self::Contrast | Self::Sharpness => (0.05, 0.95),
            Self::Posterize => (4., 8.),
            Self::Rotate => (-30., 30.),
            Self::ShearX | Self::ShearY | Self::TranslateX | Self::TranslateY => (-0.3, 0.3),
            Self::Solarize => (0., 256.),
        }
    }

    /// Does it with this value; [`Self::Posterize`] cuts it to a whole number of bits.
    pub fn apply(self, face: &Face, value: f64) -> Face {
        match self {
            Self::AutoContrast => autocontrast(face),
            Self::Brightness => brightness(face, value),
            Self::Color => color(face, value),
            Self::Contrast => contrast(face, value),
            Self::Equalize => equalize(face),
            Self::Identity => face.clone(),
            Self::Posterize => posterize(face, value as u32),
            Self::Rotate => rotate(face, value),
            Self::Sharpness => sharpness(face, value),
            Self::ShearX => shear_x(face, value),
            Self::ShearY => shear_y(face, value),
            Self::Solarize => solarize(face, value),
            Self::TranslateX => translate_x(face, value),
            Self::TranslateY => translate_y(face, value),
        }
    }
}

/// Does `count` operations, each drawn anew from [`Operation::ALL`], each with a value uniform in its
/// range (RandAugment without a common magnitude).
///
/// Source: K. Sohn et al., "FixMatch", NeurIPS 2020, appendix D.
pub fn rand_augment(face: &Face, count: usize, random: &mut Random) -> Face {
    let mut out = face.clone();
    for _ in 0..count {
        let operation = Operation::ALL[random.below(Operation::ALL.len())];
        let (low, high) = operation.range();
        out = operation.apply(&out, low + (high - low) * random.uniform());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_stream_gives_the_same_face() {
        let face = noise(16, 16, 3);
        let view = |seed| rand_augment(&face, 3, &mut Random::new(seed));
        assert_eq!(view(1), view(1));
        assert!((2..9).any(|seed| view(seed) != view(1)));
        assert_eq!(rand_augment(&face, 0, &mut Random::new(1)), face);
    }

    proptest! {
        #[test]
        fn every_operation_keeps_the_sides(
            which in 0usize..14, share in 0f64..1., height in 1usize..20, width in 1usize..20,
            three in any::<bool>(),
        ) {
            let face = noise(height, width, if three { 3 } else { 1 });
            let operation = Operation::ALL[which];
            let (low, high) = operation.range();
            let out = operation.apply(&face, low + share * (high - low));
            prop_assert_eq!(
                (out.height(), out.width(), out.channels(), out.samples().len()),
                (height, width, face.channels(), face.samples().len())
            );
        }
    }
}
