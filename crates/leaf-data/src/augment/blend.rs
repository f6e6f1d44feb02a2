//! Mixtures of two pictures.

use crate::wide::wide;

/// The smallest number whose 23 bits of fraction count whole ones: the lowest bits of what is added to it
/// are the sum as an integer.
const WHOLE: f32 = 8_388_608.;

/// `a + factor (b - a)`, cut to whole levels as Pillow's `blend`.
#[inline(always)]
fn mixed(a: u8, b: u8, factor: f32) -> u8 {
    let (a, b) = (f32::from(a), f32::from(b));
    let mixed = a + factor * (b - a);
    // A comparison, a floor and a sum are vector instructions; a cast to an integer, which must know what
    // to do with any number, is not.
    let light = if mixed > 0. { mixed } else { 0. };
    let level = if light < 255. { light } else { 255. };
    (level.floor() + WHOLE).to_bits() as u8
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_is_the_casts() {
        for factor in [
            -0.5f32,
            0.,
            0.05,
            0.3,
            1. / 3.,
            0.5,
            0.95,
            1.,
            1.9,
            f32::NAN,
        ] {
            for (a, b) in (0..=255).flat_map(|a| (0..=255).map(move |b| (a, b))) {
                let exact = f32::from(a) + factor * (f32::from(b) - f32::from(a));
                assert_eq!(mixed(a, b, factor), exact as u8, "{a}, {b}, {factor}");
            }
        }
    }
}
