//! A face's pixels in memory.

mod decode;
mod encode;
mod gray;
mod planes;
mod resample;
mod resize;

pub(crate) use decode::header;
pub use decode::{MAX_SIDE, decode, decode_file};
pub use encode::encode_png;
pub(crate) use gray::level_of;
pub use gray::{gray_level, to_gray};
pub(crate) use planes::Planes;
pub use resize::{center_crop, fit_square, resize, resize_shorter_side};
pub(crate) use resize::{fit_planes, scaled};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How many channels a face has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Color {
    /// One channel: brightness.
    #[default]
    Gray,
    /// Three channels: red, green, blue.
    Rgb,
}

impl Color {
    /// 1 or 3.
    pub fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// Samples of 8 bits, interleaved as `(height, width, channels)`.
///
/// ```
/// use leaf_data::Face;
///
/// let face = Face::new(vec![0, 10, 20, 30, 40, 50], 1, 2, 3)?;
/// assert_eq!(face.pixel(0, 1), [30, 40, 50]);
/// # Ok::<(), leaf_data::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Face {
    samples: Vec<u8>,
    height: usize,
    width: usize,
    channels: usize,
}

impl Face {
    /// A face of these samples.
    ///
    /// # Errors
    /// [`Error::FaceSize`] if there are not `height * width * channels` samples, if a side is 0 or if
    /// there are not 1 or 3 channels.
    pub fn new(samples: Vec<u8>, height: usize, width: usize, channels: usize) -> Result<Self> {
        let expected = height
            .checked_mul(width)
            .and_then(|n| n.checked_mul(channels));
        let fits = expected == Some(samples.len()) && !samples.is_empty();
        if !fits || !matches!(channels, 1 | 3) {
            let found = samples.len();
            return Err(Error::FaceSize {
                found,
                height,
                width,
                channels,
            });
        }
        Ok(Self {
            samples,
            height,
            width,
            channels,
        })
    }

    /// A face whose sample at `(y, x, channel)` is what the function says; sides and channels are
    /// those of an existing face, so they are not checked again.
    pub(crate) fn from_pixels<'a>(
        height: usize,
        width: usize,
        channels: usize,
        pixel: impl Fn(usize, usize) -> &'a [u8],
    ) -> Self {
        let mut samples = Vec::with_capacity(height * width * channels);
        for y in 0..height {
            for x in 0..width {
                samples.extend_from_slice(pixel(y, x));
            }
        }
        Self {
            samples,
            height,
            width,
            channels,
        }
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Samples a pixel: 1 or 3.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All samples, row by row, pixel by pixel.
    pub fn samples(&self) -> &[u8] {
        &self.samples
    }

    /// The samples of one pixel.
    ///
    /// # Panics
    /// If the pixel is outside.
    pub fn pixel(&self, y: usize, x: usize) -> &[u8] {
        let start = (y * self.width + x) * self.channels;
        &self.samples[start..start + self.channels]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_face_must_fit_its_sides() {
        assert!(Face::new(vec![0; 12], 2, 2, 3).is_ok());
        let error = Face::new(vec![0; 11], 2, 2, 3).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("11 samples for 2 x 2 pixels of 3 channels")
        );
        assert!(Face::new(vec![0; 8], 2, 2, 2).is_err());
        assert!(Face::new(vec![], 0, 2, 3).is_err());
        assert!(Face::new(vec![0; 3], usize::MAX, usize::MAX, 3).is_err());
    }
}
