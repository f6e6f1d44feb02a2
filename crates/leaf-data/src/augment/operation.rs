//! What strong views choose among.

use serde::{Deserialize, Serialize};

use super::canvas::{Canvas, changed};
use crate::{Error, Face, Result};

/// What changes a strong view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// [`super::autocontrast`].
    #[serde(rename = "autocontrast")]
    AutoContrast,
    /// [`super::brightness`], factor 0.05 to 0.95.
    Brightness,
    /// [`super::color`], factor 0.05 to 0.95.
    Color,
    /// [`super::contrast`], factor 0.05 to 0.95.
    Contrast,
    /// [`super::equalize`].
    Equalize,
    /// Nothing.
    Identity,
    /// [`super::posterize`], 4 to 7 bits.
    Posterize,
    /// [`super::rotate`], -30 to 30 degrees.
    Rotate,
    /// [`super::sharpness`], factor 0.05 to 0.95.
    Sharpness,
    /// [`super::shear_x`], -0.3 to 0.3.
    ShearX,
    /// [`super::shear_y`], -0.3 to 0.3.
    ShearY,
    /// [`super::solarize`], threshold 0 to 256.
    Solarize,
    /// [`super::translate_x`], -0.3 to 0.3 of the width.
    TranslateX,
    /// [`super::translate_y`], -0.3 to 0.3 of the height.
    TranslateY,
}

impl Operation {
    /// The list of the field: FixMatch's and its successors', with which faces are trained too.
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
        changed(face, |canvas| canvas.apply(self, value))
    }

    /// It with its own range.
    pub fn choice(self) -> Choice {
        let (low, high) = self.range();
        Choice {
            operation: self,
            low,
            high,
        }
    }
}

impl Canvas {
    pub(super) fn apply(&mut self, operation: Operation, value: f64) {
        match operation {
            Operation::AutoContrast => self.autocontrast(),
            Operation::Brightness => self.brightness(value),
            Operation::Color => self.color(value),
            Operation::Contrast => self.contrast(value),
            Operation::Equalize => self.equalize(),
            Operation::Identity => {}
            Operation::Posterize => self.posterize(value as u32),
            Operation::Rotate => self.rotate(value),
            Operation::Sharpness => self.sharpness(value),
            Operation::ShearX => self.shear_x(value),
            Operation::ShearY => self.shear_y(value),
            Operation::Solarize => self.solarize(value),
            Operation::TranslateX => self.translate_x(value),
            Operation::TranslateY => self.translate_y(value),
        }
    }
}

/// An operation of one's own list and the values that it may have.
///
/// ```
/// use leaf_data::augment::{AugmentConfig, Choice, Operation};
///
/// let turn = Choice { operation: Operation::Rotate, low: -10., high: 10. };
/// let own_operations = Some(vec![turn, Operation::Contrast.choice()]);
/// let config = AugmentConfig { own_operations, ..Default::default() };
/// assert!(leaf_data::Augmentation::new(config).is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is done.
    pub operation: Operation,
    /// Its lowest value.
    #[serde(default)]
    pub low: f64,
    /// Its highest value.
    #[serde(default)]
    pub high: f64,
}

/// Far beyond what leaves anything of a face.
const FARTHEST: f64 = 1000.;

impl Choice {
    pub(super) fn check(&self) -> Result<()> {
        for (field, value) in [
            ("own_operations.low", self.low),
            ("own_operations.high", self.high),
        ] {
            if !(-FARTHEST..=FARTHEST).contains(&value) {
                return Err(Error::OutOfRange {
                    field,
                    value,
                    expected: "-1000 to 1000",
                });
            }
        }
        if self.low > self.high {
            return Err(Error::OutOfRange {
                field: "own_operations.low",
                value: self.low,
                expected: "at most its own high",
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_operation_has_a_name_that_is_read_again() {
        for operation in Operation::ALL {
            let text = serde_json::to_string(&operation.choice()).unwrap();
            let read: Choice = serde_json::from_str(&text).unwrap();
            assert_eq!(read, operation.choice());
        }
        let read: Choice = serde_json::from_str(r#"{"operation": "autocontrast"}"#).unwrap();
        assert_eq!(read, Operation::AutoContrast.choice());
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
