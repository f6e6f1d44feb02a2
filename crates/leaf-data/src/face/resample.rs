//! Weighted means along one axis, in Pillow's fixed point.

use super::Face;

/// Bits behind the point of a weight.
const PRECISION: u32 = 22;

/// What one output place is made of: weights of the input places from `first` on.
#[derive(Debug)]
struct Taps {
    first: usize,
    weights: Vec<i64>,
}

/// The face with `width` columns.
pub(super) fn columns(face: &Face, width: usize) -> Face {
    if width == face.width {
        return face.clone();
    }
    let taps = all_taps(face.width, width);
    let channels = face.channels;
    let mut samples = Vec::with_capacity(face.height * width * channels);
    for row in face.samples.chunks_exact(face.width * channels) {
        for tap in &taps {
            samples.extend(
                (0..channels).map(|c| mean(tap, &row[tap.first * channels + c..], channels)),
            );
        }
    }
    Face {
        samples,
        width,
        ..*face
    }
}

/// The face with `height` rows.
pub(super) fn rows(face: &Face, height: usize) -> Face {
    if height == face.height {
        return face.clone();
    }
    let stride = face.width * face.channels;
    let mut samples = Vec::with_capacity(height * stride);
    for tap in all_taps(face.height, height) {
        let first = tap.first * stride;
        samples.extend((0..stride).map(|i| mean(&tap, &face.samples[first + i..], stride)));
    }
    Face {
        samples,
        height,
        ..*face
    }
}

/// The weighted mean of every `step`-th sample, rounded.
fn mean(tap: &Taps, samples: &[u8], step: usize) -> u8 {
    let products = tap.weights.iter().zip(samples.iter().step_by(step));
    let sum: i64 = products
        .map(|(weight, &sample)| weight * i64::from(sample))
        .sum();
    ((sum + (1 << (PRECISION - 1))) >> PRECISION).clamp(0, 255) as u8
}

fn all_taps(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    (0..to)
        .map(|place| taps(from, scale, (place as f64 + 0.5) * scale))
        .collect()
}

/// A triangle about `center`, as wide as the reduction and at least one pixel to each side.
fn taps(from: usize, scale: f64, center: f64) -> Taps {
    let reach = scale.max(1.);
    let first = (center - reach + 0.5).max(0.) as usize;
    let end = ((center + reach + 0.5) as usize).min(from);
    let triangle = |place: usize| (1. - ((place as f64 - center + 0.5) / reach).abs()).max(0.);
    let total: f64 = (first..end).map(triangle).sum();
    let fixed = |place| (triangle(place) / total * f64::from(1 << PRECISION) + 0.5) as i64;
    Taps {
        first,
        weights: (first..end).map(fixed).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            for tap in all_taps(from, to) {
                assert!(tap.first + tap.weights.len() <= from && !tap.weights.is_empty());
                let sum: i64 = tap.weights.iter().sum();
                assert!((sum - (1 << PRECISION)).unsigned_abs() as usize <= tap.weights.len());
            }
        }
    }

    #[test]
    fn halving_weighs_four_pixels() {
        let face = Face::new(vec![0, 80, 160, 240], 1, 4, 1).unwrap();
        // The outer places are cut: (3*0 + 3*80 + 1*160) / 7 and its mirror image.
        assert_eq!(columns(&face, 2).samples(), [57, 183]);
        let column = Face::new(vec![0, 80, 160, 240], 4, 1, 1).unwrap();
        assert_eq!(rows(&column, 2).samples(), [57, 183]);
    }
}
