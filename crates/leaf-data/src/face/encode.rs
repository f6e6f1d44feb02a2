//! From pixels to a file's bytes.

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use super::Face;
use crate::{Error, Result};

/// The face as a PNG, without loss.
///
/// # Errors
/// [`Error::Image`] if a side is too long for the format.
pub fn encode_png(face: &Face) -> Result<Vec<u8>> {
    let failed = |reason: String| Error::image("of a face in memory", reason);
    let side = |side: usize| u32::try_from(side).map_err(|error| failed(error.to_string()));
    let color = match face.channels() {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(
            face.samples(),
            side(face.width())?,
            side(face.height())?,
            color,
        )
        .map_err(|error| failed(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Color;
    use crate::face::decode;

    #[test]
    fn what_is_encoded_decodes_to_the_same_pixels() {
        for (channels, color) in [(1, Color::Gray), (3, Color::Rgb)] {
            let samples = (0..5 * 4 * channels).map(|i| (i * 3) as u8).collect();
            let face = Face::new(samples, 5, 4, channels).unwrap();
            let bytes = encode_png(&face).unwrap();
            assert_eq!(decode("f", &bytes, color).unwrap(), face);
        }
    }
}
