//! Operations on each level alone.

use crate::Face;

/// The negative: `255 - level`.
pub fn invert(face: &Face) -> Face {
    face.like(face.samples().iter().map(|s| 255 - s).collect())
}

/// Keeps the highest `bits` bits of each level; 8 or more change nothing, 0 gives black.
pub fn posterize(face: &Face, bits: u32) -> Face {
    let mask = 0xff_u8.checked_shl(8 - bits.min(8)).unwrap_or(0);
    face.like(face.samples().iter().map(|s| s & mask).collect())
}

/// Inverts levels from `threshold` on; 256 changes nothing, 0 gives the negative.
pub fn solarize(face: &Face, threshold: f64) -> Face {
    let solar = |&s: &u8| if f64::from(s) < threshold { s } else { 255 - s };
    face.like(face.samples().iter().map(solar).collect())
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
