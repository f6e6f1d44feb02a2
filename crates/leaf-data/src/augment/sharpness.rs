//! Sharpness: a mixture with the smoothed picture.

use super::blend;
use crate::Face;

/// Mixes with the smoothed face: 0 is smooth, 1 the face itself, below 1 softer.
pub fn sharpness(face: &Face, factor: f64) -> Face {
    blend(smooth(face).into_iter(), face, factor)
}

/// Pillow's filter `SMOOTH`: the mean of a pixel (weight 5) and its eight neighbors, over 13; the
/// outermost pixels stay as they are.
fn smooth(face: &Face) -> Vec<u8> {
    let (height, width, channels) = (face.height(), face.width(), face.channels());
    let samples = face.samples();
    let mut out = samples.to_vec();
    let stride = width * channels;
    for y in 1..height.saturating_sub(1) {
        for i in y * stride + channels..(y + 1) * stride - channels {
            let three = |i: usize| {
                u32::from(samples[i - channels])
                    + u32::from(samples[i])
                    + u32::from(samples[i + channels])
            };
            let sum = three(i - stride) + three(i) + three(i + stride) + 4 * u32::from(samples[i]);
            out[i] = ((2 * sum + 13) / 26) as u8;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;

    #[test]
    fn a_single_point_spreads() {
        let mut samples = vec![0; 25];
        samples[12] = 130;
        let face = Face::new(samples, 5, 5, 1).unwrap();
        let soft = sharpness(&face, 0.);
        assert_eq!(
            (soft.pixel(2, 2), soft.pixel(1, 1), soft.pixel(0, 0)),
            (&[50][..], &[10][..], &[0][..])
        );
    }

    #[test]
    fn factor_one_and_small_faces_change_nothing() {
        for (height, width) in [(1, 1), (2, 2), (1, 9), (9, 1), (9, 2), (6, 7)] {
            for channels in [1, 3] {
                let face = noise(height, width, channels);
                assert_eq!(sharpness(&face, 1.), face);
                let soft = sharpness(&face, 0.);
                assert_eq!(soft.pixel(0, 0), face.pixel(0, 0));
            }
        }
    }
}
