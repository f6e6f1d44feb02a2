//! A face with its channels one after the other.

use super::Face;
use super::gray::level_of;
use crate::wide::wide;

/// Samples of 8 bits as `(channels, height, width)`.
///
/// Everything that is done to a view runs over neighbors of one channel here, and its numbers are
/// written in this order at last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Planes {
    pub(crate) samples: Vec<u8>,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Planes {
    /// The face's samples in the order of planes.
    pub(crate) fn of(face: &Face) -> Self {
        let mut samples = vec![0; face.samples.len()];
        if face.channels == 1 {
            samples.copy_from_slice(&face.samples);
        } else {
            let (red, others) = samples.split_at_mut(face.height * face.width);
            let (green, blue) = others.split_at_mut(face.height * face.width);
            let pixels = face.samples.as_chunks::<3>().0;
            wide(|| {
                let planes = red.iter_mut().zip(green).zip(blue);
                for (&[r, g, b], ((red, green), blue)) in pixels.iter().zip(planes) {
                    (*red, *green, *blue) = (r, g, b);
                }
            });
        }
        Self {
            samples,
            height: face.height,
            width: face.width,
            channels: face.channels,
        }
    }

    /// The same face, pixel by pixel.
    pub(crate) fn to_face(&self) -> Face {
        let samples = match self.rgb() {
            None => self.samples.clone(),
            Some([red, green, blue]) => {
                let colors = red.iter().zip(green).zip(blue);
                colors.flat_map(|((&r, &g), &b)| [r, g, b]).collect()
            }
        };
        Face {
            samples,
            height: self.height,
            width: self.width,
            channels: self.channels,
        }
    }

    /// Samples of one channel.
    pub(crate) fn area(&self) -> usize {
        self.height * self.width
    }

    /// Red, green and blue, if there are three channels.
    pub(crate) fn rgb(&self) -> Option<[&[u8]; 3]> {
        if self.channels != 3 {
            return None;
        }
        let (red, others) = self.samples.split_at(self.area());
        let (green, blue) = others.split_at(self.area());
        Some([red, green, blue])
    }

    /// Mean brightness, rounded.
    pub(crate) fn mean_level(&self) -> u8 {
        let sum: u64 = match self.rgb() {
            None => {
                let parts = self.samples.chunks(SUMMED);
                parts.map(|part| sum(part.iter().copied())).sum()
            }
            Some(colors) => {
                let [reds, greens, blues] = colors.map(|plane| plane.chunks(SUMMED));
                let parts = reds.zip(greens).zip(blues);
                let levels = parts.map(|((reds, greens), blues)| {
                    let colors = reds.iter().zip(greens).zip(blues);
                    sum(colors.map(|((&r, &g), &b)| level_of(r, g, b)))
                });
                levels.sum()
            }
        };
        (sum as f64 / self.area() as f64 + 0.5) as u8
    }

    /// The middle of the face, at most `size` on each side.
    pub(super) fn center(&self, size: usize) -> Self {
        let (height, width) = (self.height.min(size), self.width.min(size));
        let (top, left) = ((self.height - height) / 2, (self.width - width) / 2);
        self.window(top, left, height, width)
    }

    /// A part of the face that lies inside it.
    pub(crate) fn window(&self, top: usize, left: usize, height: usize, width: usize) -> Self {
        let planes = self.samples.chunks_exact(self.area());
        let rows = planes.flat_map(|plane| plane.chunks_exact(self.width).skip(top).take(height));
        Self {
            samples: rows
                .flat_map(|row| &row[left..left + width])
                .copied()
                .collect(),
            height,
            width,
            channels: self.channels,
        }
    }
}

/// So many levels are summed in 32 bits, which hold more.
const SUMMED: usize = 1 << 16;

fn sum(levels: impl Iterator<Item = u8>) -> u64 {
    u64::from(wide(|| levels.map(u32::from).sum::<u32>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::test_faces::noise;

    #[test]
    fn a_face_comes_back() {
        for channels in [1, 3] {
            let face = noise(7, 5, channels);
            let planes = Planes::of(&face);
            assert_eq!(planes.to_face(), face);
            let last = planes.samples[planes.samples.len() - 1];
            assert_eq!(last, face.pixel(6, 4)[channels - 1]);
        }
    }

    #[test]
    fn a_part_is_where_it_was() {
        let face = noise(7, 5, 3);
        let part = Planes::of(&face).window(2, 1, 3, 4).to_face();
        assert_eq!((part.height(), part.width()), (3, 4));
        assert_eq!(part.pixel(0, 0), face.pixel(2, 1));
        assert_eq!(part.pixel(2, 3), face.pixel(4, 4));
    }

    #[test]
    fn mean_brightness_is_rounded() {
        let gray = Face::new(vec![1, 2, 2, 1], 2, 2, 1).unwrap();
        assert_eq!(Planes::of(&gray).mean_level(), 2);
        let color = Face::new(vec![255, 0, 0, 0, 0, 255], 1, 2, 3).unwrap();
        // The levels are 76 and 29.
        assert_eq!(Planes::of(&color).mean_level(), 53);
    }
}
