//! How much views differ from their face.

use leaf_core::Random;
use serde::{Deserialize, Serialize};

use super::{flip, rand_augment, random_crop, random_cutout};
use crate::{Error, Face, Result};

/// How much weak and strong views differ from their face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Largest shift of a view, as a share of its side (rounded down to pixels). A tight face crop leaves
    /// no room: shifts of an eighth push the mouth out of it.
    pub padding: f64,
    /// How often a view is mirrored.
    pub flip: f64,
    /// How many random operations a strong view has.
    pub operations: usize,
    /// Largest side of a strong view's gray box, as a share of its width; 0 is no box.
    pub cutout: f64,
}

impl Default for AugmentConfig {
    /// Shifts of up to 1/32 (LEAF's authors pad 8 of 224 pixels), mirrored half of the time, 3
    /// operations, boxes of up to half the width.
    fn default() -> Self {
        Self {
            padding: 0.03125,
            flip: 0.5,
            operations: 3,
            cutout: 0.5,
        }
    }
}

/// Makes weak and strong views.
///
/// ```
/// use leaf_core::Random;
/// use leaf_data::{AugmentConfig, Augmentation, Face};
///
/// let augmentation = Augmentation::new(AugmentConfig::default())?;
/// let face = Face::new(vec![128; 32 * 32], 32, 32, 1)?;
/// let view = augmentation.strong(&face, &mut Random::new(3).split("strong"));
/// assert_eq!(view.samples().len(), 32 * 32);
/// # Ok::<(), leaf_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Augmentation {
    config: AugmentConfig,
}

/// More operations than this leave nothing of a face.
const MOST_OPERATIONS: usize = 100;

impl Augmentation {
    /// Checks the configuration.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if a share is outside 0 to 1 or there are more than 100 operations.
    pub fn new(config: AugmentConfig) -> Result<Self> {
        share("padding", config.padding)?;
        share("flip", config.flip)?;
        share("cutout", config.cutout)?;
        if config.operations > MOST_OPERATIONS {
            let value = config.operations as f64;
            return Err(Error::OutOfRange {
                field: "operations",
                value,
                expected: "0 to 100",
            });
        }
        Ok(Self { config })
    }

    /// A weak view: a random shift with reflected borders, perhaps mirrored.
    pub fn weak(&self, face: &Face, random: &mut Random) -> Face {
        let shorter = face.height().min(face.width());
        let padding = (self.config.padding * shorter as f64) as usize;
        let shifted = random_crop(face, padding, random);
        if random.uniform() < self.config.flip {
            flip(&shifted)
        } else {
            shifted
        }
    }

    /// A strong view: a weak view, then random operations, then one gray box.
    pub fn strong(&self, face: &Face, random: &mut Random) -> Face {
        let weak = self.weak(face, random);
        let changed = rand_augment(&weak, self.config.operations, random);
        random_cutout(&changed, self.config.cutout, random)
    }
}

fn share(field: &'static str, value: f64) -> Result<()> {
    if (0. ..=1.).contains(&value) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value,
        expected: "0 to 1",
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;

    #[test]
    fn switched_off_views_are_the_face() {
        let config = AugmentConfig {
            padding: 0.,
            flip: 0.,
            operations: 0,
            cutout: 0.,
        };
        let augmentation = Augmentation::new(config).unwrap();
        let face = noise(16, 16, 3);
        assert_eq!(augmentation.weak(&face, &mut Random::new(1)), face);
        assert_eq!(augmentation.strong(&face, &mut Random::new(1)), face);
    }

    #[test]
    fn views_differ_by_stream_and_strong_differs_from_weak() {
        let augmentation = Augmentation::new(AugmentConfig::default()).unwrap();
        let face = noise(32, 32, 1);
        let weak = |seed| augmentation.weak(&face, &mut Random::new(seed));
        assert_eq!(weak(1), weak(1));
        assert_ne!(weak(1), weak(2));
        assert_ne!(weak(1), augmentation.strong(&face, &mut Random::new(1)));
    }

    #[test]
    fn values_out_of_bounds_are_named() {
        for (config, expected) in [
            (
                AugmentConfig {
                    padding: -0.1,
                    ..Default::default()
                },
                "padding = -0.1, expected 0 to 1",
            ),
            (
                AugmentConfig {
                    flip: f64::NAN,
                    ..Default::default()
                },
                "flip = NaN, expected 0 to 1",
            ),
            (
                AugmentConfig {
                    operations: 101,
                    ..Default::default()
                },
                "operations = 101, expected 0 to 100",
            ),
        ] {
            assert_eq!(Augmentation::new(config).unwrap_err().to_string(), expected);
        }
    }
}
