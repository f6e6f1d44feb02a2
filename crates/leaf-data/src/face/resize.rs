//! Other sizes: bilinear with a filter as wide as the reduction, sample by sample what Pillow computes.

use super::{Face, Planes, resample};
use crate::{Error, Result};

/// The face at this size.
///
/// # Errors
/// [`Error::OutOfRange`] if a side is 0 or above [`super::MAX_SIDE`].
pub fn resize(face: &Face, height: usize, width: usize) -> Result<Face> {
    Ok(resize_planes(Planes::of(face), height, width)?.to_face())
}

/// [`resize`] of planes.
fn resize_planes(planes: Planes, height: usize, width: usize) -> Result<Planes> {
    side("height", height)?;
    side("width", width)?;
    Ok(scaled(planes, height, width))
}

/// Planes at this size, whose sides are at least 1.
pub(crate) fn scaled(mut planes: Planes, height: usize, width: usize) -> Planes {
    if planes.width != width {
        planes = resample::columns(&planes, width);
    }
    if planes.height != height {
        planes = resample::rows(&planes, height);
    }
    planes
}

/// The face with its shorter side at `size`, the longer one in proportion (rounded down).
///
/// # Errors
/// [`Error::OutOfRange`] if a side becomes 0 or above [`super::MAX_SIDE`].
pub fn resize_shorter_side(face: &Face, size: usize) -> Result<Face> {
    Ok(shorter_side(Planes::of(face), size)?.to_face())
}

fn shorter_side(planes: Planes, size: usize) -> Result<Planes> {
    side("size", size)?;
    let shorter = planes.height.min(planes.width);
    let scaled = |side: usize| {
        if side == shorter {
            size
        } else {
            side * size / shorter
        }
    };
    let (height, width) = (scaled(planes.height), scaled(planes.width));
    resize_planes(planes, height, width)
}

/// The middle of the face, at most `size` on each side.
pub fn center_crop(face: &Face, size: usize) -> Face {
    Planes::of(face).center(size).to_face()
}

/// The face as a square of this side: its shorter side is resized, what the longer one has more is
/// cut off on both ends.
///
/// # Errors
/// [`Error::OutOfRange`] if the side is 0 or above [`super::MAX_SIDE`].
pub fn fit_square(face: &Face, size: usize) -> Result<Face> {
    Ok(fit_planes(face, size)?.to_face())
}

/// [`fit_square`] in planes.
pub(crate) fn fit_planes(face: &Face, size: usize) -> Result<Planes> {
    let planes = shorter_side(Planes::of(face), size)?;
    Ok(match planes.height == planes.width {
        true => planes,
        false => planes.center(size),
    })
}

fn side(field: &'static str, value: usize) -> Result<()> {
    if (1..=super::MAX_SIDE as usize).contains(&value) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value: value as f64,
        expected: "1 to 16384 pixels",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(height: usize, width: usize, channels: usize) -> Face {
        let samples = (0..height * width * channels)
            .map(|i| (i * 7 % 256) as u8)
            .collect();
        Face::new(samples, height, width, channels).unwrap()
    }

    #[test]
    fn sides_come_out_as_asked() {
        for channels in [1, 3] {
            let face = resize(&ramp(20, 30, channels), 7, 9).unwrap();
            assert_eq!(
                (face.height(), face.width(), face.channels()),
                (7, 9, channels)
            );
        }
        let face = resize_shorter_side(&ramp(40, 48, 3), 31).unwrap();
        assert_eq!((face.height(), face.width()), (31, 37));
        let face = fit_square(&ramp(40, 48, 3), 16).unwrap();
        assert_eq!((face.height(), face.width()), (16, 16));
    }

    #[test]
    fn the_same_size_changes_nothing_and_a_flat_face_stays_flat() {
        let face = ramp(9, 9, 3);
        assert_eq!(resize(&face, 9, 9).unwrap(), face);
        let flat = Face::new(vec![77; 50 * 50], 50, 50, 1).unwrap();
        assert!(
            resize(&flat, 32, 32)
                .unwrap()
                .samples()
                .iter()
                .all(|&s| s == 77)
        );
    }

    #[test]
    fn impossible_sides_are_named() {
        let error = resize(&ramp(4, 4, 1), 0, 4).unwrap_err();
        assert_eq!(error.to_string(), "height = 0, expected 1 to 16384 pixels");
        assert!(resize_shorter_side(&ramp(1, 2000, 1), 100).is_err());
    }

    #[test]
    fn the_middle_is_kept() {
        let face = center_crop(&ramp(6, 5, 1), 3);
        assert_eq!(face.pixel(1, 1), ramp(6, 5, 1).pixel(2, 2));
        assert_eq!(center_crop(&face, 10), face);
    }
}
