//! Weighted means along one axis, in Pillow's fixed point.

use pulp::NullaryFnOnce;

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

/// So many neighbors are computed at once.
const LANES: usize = 16;

/// The face with `width` columns.
pub(super) fn columns(planes: &Planes, width: usize) -> Planes {
    let (from, taps) = (planes.width, &Taps::new(planes.width, width));
    let mut samples = vec![0; planes.channels * planes.height * width];
    let mut columns = vec![[0; LANES]; from];
    let mut means = vec![[0; LANES]; width];
    let rows = planes.samples.chunks(LANES * from);
    for (rows, outs) in rows.zip(samples.chunks_mut(LANES * width)) {
        wide(Across {
            taps,
            rows,
            outs,
            columns: &mut columns,
            means: &mut means,
        });
    }
    Planes {
        samples,
        width,
        ..*planes
    }
}

/// Some rows at once, each column's samples beside each other for as long as they are summed.
struct Across<'a> {
    taps: &'a Taps,
    rows: &'a [u8],
    outs: &'a mut [u8],
    columns: &'a mut [[u8; LANES]],
    means: &'a mut [[u8; LANES]],
}

impl NullaryFnOnce for Across<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let rows = self.rows.chunks_exact(self.columns.len());
        for (lane, row) in rows.enumerate() {
            for (column, &sample) in self.columns.iter_mut().zip(row) {
                column[lane] = sample;
            }
        }
        for (means, (first, weights)) in self.means.iter_mut().zip(self.taps.places()) {
            *means = mean(weights, self.columns[first..].iter().copied());
        }
        let outs = self.outs.chunks_exact_mut(self.means.len());
        for (lane, out) in outs.enumerate() {
            for (sample, means) in out.iter_mut().zip(&*self.means) {
                *sample = means[lane];
            }
        }
    }
}

/// The face with `height` rows.
pub(super) fn rows(planes: &Planes, height: usize) -> Planes {
    let (taps, width) = (&Taps::new(planes.height, height), planes.width);
    let mut samples = vec![0; planes.channels * height * width];
    let outs = samples.chunks_exact_mut(height * width);
    for (plane, outs) in planes.samples.chunks_exact(planes.area()).zip(outs) {
        wide(Down {
            taps,
            width,
            plane,
            outs,
        });
    }
    Planes {
        samples,
        height,
        ..*planes
    }
}

/// The rows of one channel.
struct Down<'a> {
    taps: &'a Taps,
    width: usize,
    plane: &'a [u8],
    outs: &'a mut [u8],
}

impl NullaryFnOnce for Down<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let outs = self.outs.chunks_exact_mut(self.width);
        for (out, (first, weights)) in outs.zip(self.taps.places()) {
            let rows = self.plane.chunks_exact(self.width).skip(first);
            let (blocks, rest) = out.as_chunks_mut::<LANES>();
            for (block, out) in blocks.iter_mut().enumerate() {
                *out = mean(weights, rows.clone().map(|row| row.as_chunks().0[block]));
            }
            if rest.is_empty() {
                continue;
            }
            let padded = |row: &[u8]| {
                let mut lanes = [0; LANES];
                lanes[..rest.len()].copy_from_slice(&row[self.width - rest.len()..]);
                lanes
            };
            let last = mean(weights, rows.map(padded));
            rest.copy_from_slice(&last[..rest.len()]);
        }
    }
}

/// Weighted means of neighbors.
#[inline(always)]
fn mean(weights: &[i32], samples: impl Iterator<Item = [u8; LANES]>) -> [u8; LANES] {
    let mut sums = [HALF; LANES];
    for (weight, samples) in weights.iter().zip(samples) {
        for (sum, sample) in sums.iter_mut().zip(samples) {
            *sum += weight * i32::from(sample);
        }
    }
    sums.map(level)
}

/// Weights sum to 1 within their rounding, so 31 bits hold a sum of up to 255 levels.
#[inline(always)]
fn level(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

impl Taps {
    /// For each output place, the first input place that counts and the weights from there on.
    #[inline(always)]
    fn places(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let weights = self.weights.chunks_exact(self.count);
        self.firsts.iter().copied().zip(weights)
    }

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
