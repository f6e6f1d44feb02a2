//! Mixtures of two pictures.

use crate::wide::wide;

/// `a + factor (b - a)`, cut to whole levels as Pillow's `blend`.
#[inline(always)]
fn mixed(a: u8, b: u8, factor: f32) -> u8 {
    let (a, b) = (f32::from(a), f32::from(b));
    (a + factor * (b - a)).clamp(0., 255.) as i32 as u8
}

/// Mixes each level with the one of the simpler picture at its place.
pub(super) fn blend(simpler: &[u8], samples: &mut [u8], factor: f64) {
    let factor = factor as f32;
    wide(|| {
        for (sample, &simple) in samples.iter_mut().zip(simpler) {
            *sample = mixed(simple, *sample, factor);
        }
    });
}

/// Mixes each level with one and the same.
pub(super) fn blend_with(level: u8, samples: &mut [u8], factor: f64) {
    let factor = factor as f32;
    wide(|| {
        for sample in samples {
            *sample = mixed(level, *sample, factor);
        }
    });
}
