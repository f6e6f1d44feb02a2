//! Operations on each level alone.

use super::canvas::{Canvas, changed};
use crate::Face;
use crate::wide::wide;

/// The negative: `255 - level`.
pub fn invert(face: &Face) -> Face {
    changed(face, |canvas| canvas.each(|level| 255 - level))
}

/// Keeps the highest `bits` bits of each level; 8 or more change nothing, 0 gives black.
pub fn posterize(face: &Face, bits: u32) -> Face {
    changed(face, |canvas| canvas.posterize(bits))
}

/// Inverts levels from `threshold` on; 256 changes nothing, 0 gives the negative.
pub fn solarize(face: &Face, threshold: f64) -> Face {
    changed(face, |canvas| canvas.solarize(threshold))
}

impl Canvas {
    pub(super) fn posterize(&mut self, bits: u32) {
        let mask = 0xff_u8.checked_shl(8 - bits.min(8)).unwrap_or(0);
        self.each(|level| level & mask);
    }

    pub(super) fn solarize(&mut self, threshold: f64) {
        // A whole level lies below the threshold if it lies below the next whole number.
        let first = threshold.ceil() as u16;
        self.each(|level| match u16::from(level) < first {
            true => level,
            false => 255 - level,
        });
    }

    fn each(&mut self, change: impl Fn(u8) -> u8) {
        let samples = &mut self.view.samples;
        wide(|| {
            for sample in samples {
                *sample = change(*sample);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;

    #[test]
    fn both_ends_of_each_range() {
        let face = noise(5, 6, 3);
        assert_eq!(posterize(&face, 8), face);
        assert!(posterize(&face, 0).samples().iter().all(|&s| s == 0));
        assert_eq!(solarize(&face, 256.), face);
        assert_eq!(solarize(&face, 0.), invert(&face));
        assert_eq!(invert(&invert(&face)), face);
    }

    #[test]
    fn only_high_bits_stay() {
        let face = Face::new(vec![0b1011_0111, 0b0000_1111], 1, 2, 1).unwrap();
        assert_eq!(posterize(&face, 4).samples(), [0b1011_0000, 0]);
    }
}
