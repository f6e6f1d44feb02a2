//! Weighted means along one axis, in Pillow's fixed point.

use super::Planes;
use crate::wide::wide;

/// Bits behind the point of a weight.
const PRECISION: u32 = 22;

/// Half a level, so that cutting rounds.
const HALF: i32 = 1 << (PRECISION - 1);

/// What each output place is made of: `count` weights of the input places from its first on.
#[derive(Debug)]
struct Taps {
    count: usize,
    firsts: Vec<usize>,
    weights: Vec<i32>,
}

/// The face with `width` columns.
pub(super) fn columns(planes: &Planes, width: usize) -> Planes {
    let taps = Taps::new(planes.width, width);
    let mut samples = vec![0; planes.channels * planes.height * width];
    let rows = planes.samples.chunks_exact(planes.width);
    for (row, out) in rows.zip(samples.chunks_exact_mut(width)) {
        // A fixed number of weights is computed without a loop.
        match taps.count {
            2 => across::<2>(&taps, row, out),
            3 => across::<3>(&taps, row, out),
            4 => across::<4>(&taps, row, out),
            5 => across::<5>(&taps, row, out),
            6 => across::<6>(&taps, row, out),
            _ => across_any(&taps, row, out),
        }
    }
    Planes {
        samples,
        width,
        ..*planes
    }
}

fn across<const N: usize>(taps: &Taps, row: &[u8], out: &mut [u8]) {
    let places = taps.firsts.iter().zip(taps.weights.as_chunks::<N>().0);
    for (out, (&first, weights)) in out.iter_mut().zip(places) {
        let mut sum = HALF;
        for (weight, &sample) in weights.iter().zip(&row[first..first + N]) {
            sum += weight * i32::from(sample);
        }
        *out = level(sum);
    }
}

fn across_any(taps: &Taps, row: &[u8], out: &mut [u8]) {
    let places = taps
        .firsts
        .iter()
        .zip(taps.weights.chunks_exact(taps.count));
    for (out, (&first, weights)) in out.iter_mut().zip(places) {
        let products = weights.iter().zip(&row[first..]);
        *out = level(HALF + products.map(|(w, &s)| w * i32::from(s)).sum::<i32>());
    }
}

/// The face with `height` rows.
pub(super) fn rows(planes: &Planes, height: usize) -> Planes {
    let (taps, width) = (Taps::new(planes.height, height), planes.width);
    let mut samples = vec![0; planes.channels * height * width];
    let mut sums = vec![0; width];
    let outs = samples.chunks_exact_mut(height * width);
    for (plane, out) in planes.samples.chunks_exact(planes.area()).zip(outs) {
        wide(|| down(&taps, plane, out, &mut sums));
    }
    Planes {
        samples,
        height,
        ..*planes
    }
}

#[inline(always)]
fn down(taps: &Taps, plane: &[u8], out: &mut [u8], sums: &mut [i32]) {
    let width = sums.len();
    let places = taps
        .firsts
        .iter()
        .zip(taps.weights.chunks_exact(taps.count));
    for (out, (&first, weights)) in out.chunks_exact_mut(width).zip(places) {
        sums.fill(HALF);
        let rows = plane[first * width..].chunks_exact(width);
        for (&weight, row) in weights.iter().zip(rows).filter(|(weight, _)| **weight != 0) {
            for (sum, &sample) in sums.iter_mut().zip(row) {
                *sum += weight * i32::from(sample);
            }
        }
        for (out, &sum) in out.iter_mut().zip(&*sums) {
            *out = level(sum);
        }
    }
}

/// Weights sum to 1 within their rounding, so 31 bits hold a sum of up to 255 levels.
#[inline(always)]
fn level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

impl Taps {
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        let center = |place: usize| (place as f64 + 0.5) * scale;
        let reach = scale.max(1.);
        let spans = (0..to).map(|place| span(from, reach, center(place)));
        let count = spans.map(|(first, end)| end - first).max().unwrap_or(1);
        let mut taps = Self {
            count,
            firsts: Vec::with_capacity(to),
            weights: vec![0; to * count],
        };
        for (place, weights) in taps.weights.chunks_exact_mut(count).enumerate() {
            let (first, end) = span(from, reach, center(place));
            // Places with fewer weights get zeros, before them where the input ends.
            let start = first.min(from - count);
            triangle(
                reach,
                center(place),
                first..end,
                &mut weights[first - start..],
            );
            taps.firsts.push(start);
        }
        taps
    }
}

/// The input places that count: as wide as the reduction and at least one pixel to each side.
fn span(from: usize, reach: f64, center: f64) -> (usize, usize) {
    let first = (center - reach + 0.5).max(0.) as usize;
    (first, ((center + reach + 0.5) as usize).min(from))
}

/// Weights of a triangle about `center`.
fn triangle(reach: f64, center: f64, span: std::ops::Range<usize>, weights: &mut [i32]) {
    let at = |place: usize| (1. - ((place as f64 - center + 0.5) / reach).abs()).max(0.);
    let total: f64 = span.clone().map(at).sum();
    for (weight, place) in weights.iter_mut().zip(span) {
        *weight = (at(place) / total * f64::from(1 << PRECISION) + 0.5) as i32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Face;
    use crate::augment::test_faces::noise;
    use proptest::prelude::*;

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        for (from, to) in [
            (48, 24),
            (48, 96),
            (7, 3),
            (3, 7),
            (1, 5),
            (5, 1),
            (100, 32),
        ] {
            let taps = Taps::new(from, to);
            assert_eq!(
                (taps.firsts.len(), taps.weights.len()),
                (to, to * taps.count)
            );
            for (first, weights) in taps.firsts.iter().zip(taps.weights.chunks(taps.count)) {
                assert!(first + weights.len() <= from);
                let sum: i32 = weights.iter().sum();
                assert!((sum - (1 << PRECISION)).unsigned_abs() as usize <= weights.len());
            }
        }
    }

    #[test]
    fn halving_weighs_four_pixels() {
        let face = |height, width| {
            Planes::of(&Face::new(vec![0, 80, 160, 240], height, width, 1).unwrap())
        };
        // The outer places are cut: (3*0 + 3*80 + 1*160) / 7 and its mirror image.
        assert_eq!(columns(&face(1, 4), 2).samples, [57, 183]);
        assert_eq!(rows(&face(4, 1), 2).samples, [57, 183]);
    }

    /// One sample at a time, in wide numbers.
    fn plainly(samples: &[u8], to: usize) -> Vec<u8> {
        let (from, scale) = (samples.len(), samples.len() as f64 / to as f64);
        let place = |place: usize| {
            let (center, reach) = ((place as f64 + 0.5) * scale, scale.max(1.));
            let first = (center - reach + 0.5).max(0.) as usize;
            let end = ((center + reach + 0.5) as usize).min(from);
            let triangle = |i: usize| (1. - ((i as f64 - center + 0.5) / reach).abs()).max(0.);
            let total: f64 = (first..end).map(triangle).sum();
            let weight = |i| (triangle(i) / total * f64::from(1 << PRECISION) + 0.5) as i64;
            let products = (first..end).map(|i| weight(i) * i64::from(samples[i]));
            let sum: i64 = products.sum();
            ((sum + i64::from(HALF)) >> PRECISION).clamp(0, 255) as u8
        };
        (0..to).map(place).collect()
    }

    proptest! {
        #[test]
        fn both_axes_are_what_one_sample_at_a_time_gives(from in 1usize..70, to in 1usize..70) {
            let line = noise(1, from, 1);
            let wanted = plainly(line.samples(), to);
            let planes = Planes::of(&line);
            prop_assert_eq!(&columns(&planes, to).samples, &wanted);
            let standing = Planes { height: from, width: 1, ..planes };
            prop_assert_eq!(&rows(&standing, to).samples, &wanted);
        }
    }
}
