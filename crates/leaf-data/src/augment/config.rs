//! How much views differ from their face.

use leaf_core::Random;
use serde::{Deserialize, Serialize};

use super::canvas::{Canvas, changed};
use super::crop::{Border, random_shift};
use super::operation::{Choice, Operation};
use super::resized_crop::ResizedCrop;
use crate::face::Planes;
use crate::{Error, Face, Result};

/// How much weak and strong views differ from their face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Largest shift of a view, as a share of its side (rounded down to pixels). A tight face crop leaves
    /// no room: shifts of an eighth push the mouth out of it.
    pub padding: f64,
    /// What comes in where a view is shifted.
    pub border: Border,
    /// How often a view is mirrored.
    pub flip: f64,
    /// How many random operations a strong view has.
    pub operations: usize,
    /// What those are drawn from; off is the list of the field ([`Operation::ALL`]).
    #[serde(with = "leaf_core::switch")]
    pub own_operations: Option<Vec<Choice>>,
    /// A random part of the face, at its size, instead of the shift of strong views.
    #[serde(with = "leaf_core::switch")]
    pub resized_crop: Option<ResizedCrop>,
    /// Largest side of a strong view's gray box, as a share of its width; 0 is no box.
    pub cutout: f64,
}

impl Default for AugmentConfig {
    /// Shifts of up to 1/32 (LEAF's authors pad 8 of 224 pixels), mirrored half of the time, 3
    /// operations, boxes of up to half the width.
    fn default() -> Self {
        Self {
            padding: 0.03125,
            border: Border::Reflect,
            flip: 0.5,
            operations: 3,
            own_operations: None,
            resized_crop: None,
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
    choices: Vec<Choice>,
}

/// More operations than this leave nothing of a face.
const MOST_OPERATIONS: usize = 100;

impl Augmentation {
    /// Checks the configuration.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if a share is outside 0 to 1, there are more than 100 operations, or the list
    /// of one's own or the random part make no sense.
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
        config
            .resized_crop
            .iter()
            .try_for_each(ResizedCrop::check)?;
        let choices = match &config.own_operations {
            Some(own) => own.clone(),
            None => Operation::ALL.map(Operation::choice).to_vec(),
        };
        choices.iter().try_for_each(Choice::check)?;
        if choices.is_empty() {
            return Err(Error::OutOfRange {
                field: "own_operations",
                value: 0.,
                expected: "at least 1 operation",
            });
        }
        Ok(Self { config, choices })
    }

    /// A weak view: a random shift, perhaps mirrored.
    pub fn weak(&self, face: &Face, random: &mut Random) -> Face {
        let planes = Planes::of(face);
        changed(face, |canvas| self.make_weak(&planes, canvas, random))
    }

    /// A strong view: a weak one (or a random part, perhaps mirrored), then random operations, then one
    /// gray box.
    pub fn strong(&self, face: &Face, random: &mut Random) -> Face {
        let planes = Planes::of(face);
        changed(face, |canvas| self.make_strong(&planes, canvas, random))
    }

    pub(crate) fn make_weak(&self, face: &Planes, canvas: &mut Canvas, random: &mut Random) {
        let shorter = face.height.min(face.width);
        let padding = (self.config.padding * shorter as f64) as usize;
        let (right, down) = random_shift(padding, random);
        canvas.shifted(face, right, down, self.config.border);
        self.flip(canvas, random);
    }

    pub(crate) fn make_strong(&self, face: &Planes, canvas: &mut Canvas, random: &mut Random) {
        match &self.config.resized_crop {
            None => self.make_weak(face, canvas, random),
            Some(crop) => {
                canvas.resized_crop(face, crop, random);
                self.flip(canvas, random);
            }
        }
        canvas.rand_augment(&self.choices, self.config.operations, random);
        canvas.random_cutout(self.config.cutout, random);
    }

    fn flip(&self, canvas: &mut Canvas, random: &mut Random) {
        if random.uniform() < self.config.flip {
            canvas.flip();
        }
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
            ..Default::default()
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
    fn only_the_own_list_is_drawn_from() {
        let own = |operation: Operation| AugmentConfig {
            padding: 0.,
            flip: 0.,
            cutout: 0.,
            own_operations: Some(vec![operation.choice()]),
            ..Default::default()
        };
        let face = noise(16, 16, 3);
        let strong = |config| {
            let augmentation = Augmentation::new(config).unwrap();
            augmentation.strong(&face, &mut Random::new(1))
        };
        assert_eq!(strong(own(Operation::Identity)), face);
        let even = super::super::equalize(&face);
        let even = super::super::equalize(&super::super::equalize(&even));
        assert_eq!(strong(own(Operation::Equalize)), even);
    }

    #[test]
    fn a_random_part_takes_the_place_of_the_shift() {
        let part = AugmentConfig {
            flip: 0.,
            operations: 0,
            cutout: 0.,
            resized_crop: Some(ResizedCrop::default()),
            ..Default::default()
        };
        let augmentation = Augmentation::new(part).unwrap();
        let face = noise(32, 32, 3);
        let strong = |seed| augmentation.strong(&face, &mut Random::new(seed));
        assert_eq!(strong(1), strong(1));
        assert_ne!(strong(1), strong(2));
        assert_eq!((strong(1).height(), strong(1).width()), (32, 32));
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
            (
                AugmentConfig {
                    own_operations: Some(vec![]),
                    ..Default::default()
                },
                "own_operations = 0, expected at least 1 operation",
            ),
            (
                AugmentConfig {
                    own_operations: Some(vec![Choice {
                        low: 2.,
                        ..Operation::Identity.choice()
                    }]),
                    ..Default::default()
                },
                "own_operations.low = 2, expected at most its own high",
            ),
        ] {
            assert_eq!(Augmentation::new(config).unwrap_err().to_string(), expected);
        }
    }
}
