//! Brightness.

use super::Face;

/// Brightness of a color as Pillow's mode `L` has it: ITU-R 601-2 in 16-bit fixed point,
/// `(19595 R + 38470 G + 7471 B + 32768) / 65536`.
///
/// ```
/// assert_eq!(leaf_data::face::gray_level(&[255, 0, 0]), 76);
/// ```
pub fn gray_level(&[r, g, b]: &[u8; 3]) -> u8 {
    level_of(r, g, b)
}

/// [`gray_level`] of a color whose channels come from different places.
#[inline(always)]
pub(crate) fn level_of(r: u8, g: u8, b: u8) -> u8 {
    let [r, g, b] = [r, g, b].map(u32::from);
    ((19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16) as u8
}

/// The face in one channel; a face in one channel stays as it is.
pub fn to_gray(face: &Face) -> Face {
    if face.channels == 1 {
        return face.clone();
    }
    let pixels = face.samples.as_chunks::<3>().0;
    let samples = pixels.iter().map(gray_level).collect();
    Face {
        samples,
        channels: 1,
        ..*face
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gray_stays_gray() {
        for level in 0..=255 {
            assert_eq!(gray_level(&[level; 3]), level);
        }
        let face = Face::new(vec![1, 2, 3, 4], 2, 2, 1).unwrap();
        assert_eq!(to_gray(&face), face);
    }

    #[test]
    fn colors_weigh_as_in_pillow() {
        let face = Face::new(vec![125, 123, 114, 0, 255, 0, 0, 0, 255], 1, 3, 3).unwrap();
        assert_eq!(to_gray(&face).samples(), [123, 150, 29]);
    }
}
