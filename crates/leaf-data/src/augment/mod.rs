//! Other pictures of the same face: weak and strong views.
//!
//! A weak view is a shifted and perhaps mirrored face. A strong view is a weak one that
//! [`rand_augment`] changes further. Every operation does to 8-bit samples what Pillow does, for one
//! channel and for three.

mod affine;
mod blend;
mod canvas;
mod color;
mod config;
mod crop;
mod cutout;
mod geometry;
mod histogram;
mod operation;
#[cfg(test)]
mod plain;
mod rand_augment;
mod resized_crop;
mod sharpness;
mod threshold;

pub(crate) use canvas::Canvas;
pub use color::{brightness, color, contrast};
pub use config::{AugmentConfig, Augmentation};
pub use crop::{Border, flip, random_crop, shift};
pub use cutout::{cutout, random_cutout};
pub use geometry::{rotate, shear_x, shear_y, translate_x, translate_y};
pub use histogram::{autocontrast, equalize};
pub use operation::{Choice, Operation};
pub use rand_augment::rand_augment;
pub use resized_crop::ResizedCrop;
pub use sharpness::sharpness;
pub use threshold::{invert, posterize, solarize};

#[cfg(test)]
pub(crate) mod test_faces {
    use crate::Face;
    use leaf_core::Random;
    use rand::RngCore;

    /// A face of noise.
    pub(crate) fn noise(height: usize, width: usize, channels: usize) -> Face {
        let mut samples = vec![0; height * width * channels];
        Random::new(1).fill_bytes(&mut samples);
        Face::new(samples, height, width, channels).unwrap()
    }
}
