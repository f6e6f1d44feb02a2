//! From 8-bit samples to the numbers that a network sees.

use serde::{Deserialize, Serialize};

use crate::face::{Color, Planes};
use crate::wide::wide;
use crate::{Error, Result};

/// Per channel, `(level / 255 - mean) / std`.
///
/// ```
/// use leaf_data::{Color, Normalization};
///
/// let normalization = Normalization::half(Color::Gray);
/// assert_eq!((normalization.mean, normalization.std), (vec![0.5], vec![0.5]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalization {
    /// One mean a channel.
    pub mean: Vec<f64>,
    /// One standard deviation a channel.
    pub std: Vec<f64>,
}

impl Normalization {
    /// Mean and standard deviation 0.5 in every channel, which gives numbers from -1 to 1.
    pub fn half(color: Color) -> Self {
        Self {
            mean: vec![0.5; color.channels()],
            std: vec![0.5; color.channels()],
        }
    }

    /// ImageNet's, for encoders trained on it; three channels.
    pub fn imagenet() -> Self {
        Self {
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
        }
    }

    /// Checks that there is one finite mean and one positive deviation for each channel.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] otherwise.
    pub fn check(&self, color: Color) -> Result<()> {
        let expected = match color {
            Color::Gray => "1 number, as many as gray has channels",
            Color::Rgb => "3 numbers, as many as RGB has channels",
        };
        for (field, numbers) in [
            ("normalization.mean", &self.mean),
            ("normalization.std", &self.std),
        ] {
            if numbers.len() != color.channels() {
                let value = numbers.len() as f64;
                return Err(Error::OutOfRange {
                    field,
                    value,
                    expected,
                });
            }
        }
        if let Some(&value) = self.mean.iter().find(|v| !v.is_finite()) {
            let field = "normalization.mean";
            return Err(Error::OutOfRange {
                field,
                value,
                expected: "a finite number",
            });
        }
        if let Some(&value) = self.std.iter().find(|v| !v.is_finite() || **v <= 0.) {
            let field = "normalization.std";
            return Err(Error::OutOfRange {
                field,
                value,
                expected: "above 0",
            });
        }
        Ok(())
    }

    /// How levels become numbers, for each channel.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let channels = self.mean.iter().zip(&self.std);
        let line = |(mean, std): (&f64, &f64)| Line {
            slope: 1. / (255. * std),
            offset: -mean / std,
        };
        channels.map(line).collect()
    }
}

/// A straight line, in 64 bits so that rounding to 32 is the only one that shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    slope: f64,
    offset: f64,
}

impl Line {
    #[inline(always)]
    fn at(self, level: u8) -> f32 {
        (f64::from(level) * self.slope + self.offset) as f32
    }
}

/// Appends the face as `(channels, height, width)`.
pub(crate) fn append_planes(face: &Planes, lines: &[Line], out: &mut Vec<f32>) {
    for (plane, line) in face.samples.chunks_exact(face.area()).zip(lines) {
        wide(|| out.extend(plane.iter().map(|&level| line.at(level))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Face;

    #[test]
    fn planes_come_one_after_the_other() {
        let face = Face::new(vec![0, 255, 51, 255, 0, 102], 1, 2, 3).unwrap();
        let mut out = Vec::new();
        append_planes(
            &Planes::of(&face),
            &Normalization::half(Color::Rgb).lines(),
            &mut out,
        );
        let expected = [-1., 1., 1., -1., -0.6, -0.2];
        assert!(
            out.iter()
                .zip(expected)
                .all(|(a, b)| (a - b as f32).abs() < 1e-6),
            "{out:?}"
        );
    }

    #[test]
    fn numbers_are_the_quotients() {
        let cifar = Normalization {
            mean: vec![0.4914, 0.4822, 0.4465],
            std: vec![0.2471, 0.2435, 0.2616],
        };
        for normalization in [
            Normalization::half(Color::Rgb),
            Normalization::imagenet(),
            cifar,
        ] {
            let channels = normalization.mean.iter().zip(&normalization.std);
            for ((mean, std), line) in channels.zip(normalization.lines()) {
                for level in 0..=255 {
                    let exact = (f64::from(level) / 255. - mean) / std;
                    assert_eq!(line.at(level), exact as f32, "{level}, {mean}, {std}");
                }
            }
        }
    }

    #[test]
    fn numbers_must_fit_the_channels() {
        assert!(Normalization::imagenet().check(Color::Rgb).is_ok());
        let error = Normalization::imagenet().check(Color::Gray).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("normalization.mean = 3, expected 1 number")
        );
        let zero = Normalization {
            mean: vec![0.5],
            std: vec![0.],
        };
        assert_eq!(
            zero.check(Color::Gray).unwrap_err().to_string(),
            "normalization.std = 0, expected above 0"
        );
    }
}
