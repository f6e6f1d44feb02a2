//! Operations on a channel's levels as a whole.

use super::canvas::{Canvas, changed};
use crate::Face;
use crate::wide::wide;

type Table = [u8; 256];

const IDENTITY: Table = {
    let mut table = [0; 256];
    let mut level = 0;
    while level < 256 {
        table[level] = level as u8;
        level += 1;
    }
    table
};

/// Stretches each channel so that its darkest level becomes 0 and its brightest 255 (254 where the
/// arithmetic, which is Pillow's, cuts off a rounding error).
pub fn autocontrast(face: &Face) -> Face {
    changed(face, Canvas::autocontrast)
}

/// Spreads each channel's levels so that they occur about equally often.
pub fn equalize(face: &Face) -> Face {
    changed(face, Canvas::equalize)
}

impl Canvas {
    pub(super) fn autocontrast(&mut self) {
        self.look_up(stretched);
    }

    pub(super) fn equalize(&mut self) {
        self.look_up(|plane| equalized(&counts(plane)));
    }

    /// Replaces each level by what its channel's table says.
    fn look_up(&mut self, table: impl Fn(&[u8]) -> Table) {
        let area = self.view.area();
        for plane in self.view.samples.chunks_exact_mut(area) {
            let table = table(plane);
            for sample in plane {
                *sample = table[usize::from(*sample)];
            }
        }
    }
}

/// How often each level occurs. Neighbors are often alike, and a count must be written before it can be
/// read again, so four counts take turns.
fn counts(plane: &[u8]) -> [usize; 256] {
    let mut parts = [[0u32; 256]; 4];
    let (fours, rest) = plane.as_chunks::<4>();
    for four in fours {
        for (part, &sample) in parts.iter_mut().zip(four) {
            part[usize::from(sample)] += 1;
        }
    }
    for &sample in rest {
        parts[0][usize::from(sample)] += 1;
    }
    std::array::from_fn(|level| parts.iter().map(|part| part[level] as usize).sum())
}

fn stretched(plane: &[u8]) -> Table {
    let (low, high) = wide(|| {
        let ends = |(low, high): (u8, u8), &sample: &u8| (low.min(sample), high.max(sample));
        plane.iter().fold((255, 0), ends)
    });
    if high <= low {
        return IDENTITY;
    }
    let scale = 255. / f64::from(high - low);
    let offset = -f64::from(low) * scale;
    IDENTITY.map(|level| (f64::from(level) * scale + offset) as u8)
}

fn equalized(counts: &[usize; 256]) -> Table {
    let used: Vec<usize> = counts.iter().copied().filter(|&count| count > 0).collect();
    let Some((_, others)) = used.split_last() else {
        return IDENTITY;
    };
    // One step of the new levels; Pillow leaves the brightest level's pixels out of the sum.
    let step = others.iter().sum::<usize>() / 255;
    if others.is_empty() || step == 0 {
        return IDENTITY;
    }
    let mut below = step / 2;
    let mut table = IDENTITY;
    for (entry, count) in table.iter_mut().zip(counts) {
        *entry = (below / step).min(255) as u8;
        below += count;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::test_faces::noise;
    use super::*;

    #[test]
    fn stretching_reaches_both_ends_and_leaves_flat_faces() {
        let face = Face::new(vec![50, 60, 70, 101], 2, 2, 1).unwrap();
        assert_eq!(autocontrast(&face).samples(), [0, 50, 100, 255]);
        let flat = Face::new(vec![9; 4], 2, 2, 1).unwrap();
        assert_eq!(autocontrast(&flat), flat);
        assert_eq!(equalize(&flat), flat);
    }

    #[test]
    fn equalizing_keeps_the_order_of_levels() {
        let face = noise(40, 40, 1);
        let even = equalize(&face);
        let mut pairs: Vec<_> = face.samples().iter().zip(even.samples()).collect();
        pairs.sort();
        assert!(pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1));
    }

    #[test]
    fn channels_do_not_mix() {
        let face = Face::new(vec![0, 7, 100, 255, 7, 151], 1, 2, 3).unwrap();
        assert_eq!(autocontrast(&face).samples(), [0, 7, 0, 255, 7, 255]);
    }
}
