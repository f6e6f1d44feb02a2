//! Other pictures of the same face: weak and strong views.
//!
//! A weak view is a shifted and perhaps mirrored face. A strong view is a weak one that
//! [`rand_augment`] changes further. Every operation does to 8-bit samples what Pillow does, for one
//! channel and for three.

mod affine;
mod color;
mod config;
mod crop;
mod cutout;
mod geometry;
mod histogram;
mod rand_augment;
mod sharpness;
mod threshold;

pub use color::{brightness, color, contrast};
pub use config::{AugmentConfig, Augmentation};
pub use crop::{flip, random_crop, shift};
pub use cutout::{cutout, random_cutout};
pub use geometry::{rotate, shear_x, shear_y, translate_x, translate_y};
pub use histogram::{autocontrast, equalize};
pub use rand_augment::{Operation, rand_augment};
pub use sharpness::sharpness;
pub use threshold::{invert, posterize, solarize};

use crate::Face;

/// Mixes two faces of one size: `a + factor (b - a)`, cut to whole levels as Pillow's `blend`.
fn blend(a: impl Iterator<Item = u8>, b: &Face, factor: f64) -> Face {
    let factor = factor as f32;
    let mixed = a.zip(b.samples()).map(|(a, &b)| {
        let (a, b) = (f32::from(a), f32::from(b));
        // The cast to u8 cuts toward zero and holds levels within 0..=255.
        (a + factor * (b - a)) as u8
    });
    b.like(mixed.collect())
}

/// Replaces each level by what the table of its channel says.
fn look_up(face: &Face, tables: &[[u8; 256]]) -> Face {
    let channels = face.channels();
    let samples = face.samples().iter().enumerate();
    let replaced = samples.map(|(i, &s)| tables[(i % channels) % tables.len()][usize::from(s)]);
    face.like(replaced.collect())
}

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
