//! Sharpness: a mixture with the smoothed picture.

use pulp::NullaryFnOnce;

use super::blend::blend;
use super::canvas::{Canvas, changed};
use crate::Face;
use crate::wide::wide;

/// Mixes with the smoothed face: 0 is smooth, 1 the face itself, below 1 softer.
pub fn sharpness(face: &Face, factor: f64) -> Face {
    changed(face, |canvas| canvas.sharpness(factor))
}

impl Canvas {
    pub(super) fn sharpness(&mut self, factor: f64) {
        let Canvas { view, spare, .. } = self;
        let (width, area) = (view.width, view.area());
        spare.resize(area.max(spare.len()), 0);
        let mut sums = vec![0; width];
        for plane in view.samples.chunks_exact_mut(area) {
            let soft = &mut spare[..area];
            soft.copy_from_slice(plane);
            if width >= 3 {
                let sums = &mut sums;
                wide(Smooth { plane, soft, sums });
            }
            blend(soft, plane, factor);
        }
    }
}

/// Pillow's filter `SMOOTH`: the mean of a pixel (weight 5) and its eight neighbors, over 13; the
/// outermost pixels of `soft` stay as they are. `sums` is as long as a row.
struct Smooth<'a> {
    plane: &'a [u8],
    soft: &'a mut [u8],
    sums: &'a mut [u16],
}

impl NullaryFnOnce for Smooth<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.sums.len();
        let above = self.plane.chunks_exact(width);
        let (here, below) = (above.clone().skip(1), above.clone().skip(2));
        let outs = self.soft.chunks_exact_mut(width).skip(1);
        for (((above, here), below), out) in above.zip(here).zip(below).zip(outs) {
            smooth_row([above, here, below], &mut out[1..width - 1], self.sums);
        }
    }
}

#[inline(always)]
fn smooth_row([above, here, below]: [&[u8]; 3], out: &mut [u8], sums: &mut [u16]) {
    let columns = above.iter().zip(here).zip(below);
    for (sum, ((&above, &here), &below)) in sums.iter_mut().zip(columns) {
        *sum = u16::from(above) + u16::from(here) + u16::from(below);
    }
    let threes = sums.iter().zip(&sums[1..]).zip(&sums[2..]);
    for ((out, &center), ((left, middle), right)) in out.iter_mut().zip(&here[1..]).zip(threes) {
        // At most 13 * 255, so 16 bits hold twice that.
        let sum = left + middle + right + 4 * u16::from(center);
        *out = ((2 * sum + 13) / 26) as u8;
    }
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
