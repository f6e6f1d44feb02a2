//! From a file's bytes to pixels.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{Color, Face, gray_level};
use crate::{Error, Result};

/// Longest side of an image that is read, in pixels: a header that claims more is refused before
/// memory is taken.
pub const MAX_SIDE: u32 = 16_384;

/// Most memory that one image may take while it is decoded, and most bytes that its file may have.
const MAX_BYTES: u64 = 256 << 20;

/// The bound that keeps a small, malicious file from filling the memory. Sides are looked at by
/// [`check_sides`], whose error says how large they are.
fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    limits
}

/// Decodes BMP, JPEG, PNG or WebP bytes; what they are is seen from their beginning, whatever the
/// file's ending says.
///
/// A picture that its camera turned (EXIF) is turned upright, the first picture of an animation is
/// taken, transparency is dropped, 16-bit samples are rounded to 8 bits, and palettes, CMYK and
/// brightness alone become red, green and blue.
///
/// # Errors
/// [`Error::Image`] with `name` if the bytes are no image of these formats, are damaged or cut, or the
/// image has a side above [`MAX_SIDE`] or takes above 256 MiB. A JPEG of which some bytes were changed
/// may still decode, to other pixels: the format has no check sums.
pub fn decode(name: &str, bytes: &[u8], color: Color) -> Result<Face> {
    let image = upright(bytes).map_err(|error| Error::image(name, error))?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let rgb = image.into_rgb8().into_raw();
    let samples = match color {
        Color::Rgb => rgb,
        Color::Gray => rgb.as_chunks::<3>().0.iter().map(gray_level).collect(),
    };
    Face::new(samples, height, width, color.channels())
}

/// [`decode`] of a file.
///
/// # Errors
/// [`Error::Image`] naming the file if it cannot be read or decoded.
pub fn decode_file(path: &Path, color: Color) -> Result<Face> {
    let name = path.display().to_string();
    check_file(path).map_err(|reason| Error::image(&name, reason))?;
    let bytes = std::fs::read(path).map_err(|error| Error::image(&name, error))?;
    decode(&name, &bytes, color)
}

/// Height and width as the file's header says.
pub(crate) fn header(path: &Path) -> Result<(u32, u32)> {
    let name = path.display().to_string();
    let fail = |error: &dyn std::fmt::Display| Error::image(&name, error);
    check_file(path).map_err(|reason| fail(&reason))?;
    let mut reader = ImageReader::open(path).map_err(|e| fail(&e))?;
    reader.limits(limits());
    let reader = reader.with_guessed_format().map_err(|e| fail(&e))?;
    let (width, height) = reader.into_dimensions().map_err(|e| fail(&e))?;
    check_sides(width, height).map_err(|reason| fail(&reason))?;
    Ok((height, width))
}

/// Whether this is a file with anything in it, and not too much.
fn check_file(path: &Path) -> std::result::Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    match metadata.len() {
        // Reading from a pipe might never end.
        _ if !metadata.is_file() => Err("it is no file".into()),
        0 => Err("the file is empty".into()),
        length if length > MAX_BYTES => {
            Err(format!("{length} bytes, expected at most {MAX_BYTES}"))
        }
        _ => Ok(()),
    }
}

fn check_sides(width: u32, height: u32) -> std::result::Result<(), String> {
    if (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) {
        return Ok(());
    }
    Err(format!(
        "{width} x {height} pixels, expected sides of 1 to {MAX_SIDE}"
    ))
}

fn upright(bytes: &[u8]) -> std::result::Result<DynamicImage, String> {
    let text = |error: image::ImageError| error.to_string();
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| error.to_string())?;
    if reader.format() == Some(ImageFormat::Jpeg) && !jpeg_ends(bytes) {
        return Err("the file is cut: its picture has no end".into());
    }
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(text)?;
    let (width, height) = decoder.dimensions();
    check_sides(width, height)?;
    let total = decoder.total_bytes();
    if total > MAX_BYTES {
        return Err(format!(
            "{width} x {height} pixels take {total} bytes, expected at most {MAX_BYTES}"
        ));
    }
    let orientation = decoder.orientation().map_err(text)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(text)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether the last picture of a JPEG file ends; the decoder would fill up what is missing with gray.
/// In a scan's data no marker but those of restarts can be, so that its end is what follows its start.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let last = |marker| bytes.windows(2).rposition(|pair| pair == [0xff, marker]);
    let (scan, end) = (last(0xda), last(0xd9));
    end.is_some() && end > scan
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::RgbImage;

    fn encoded(format: ImageFormat) -> Vec<u8> {
        let image = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8 * 40, y as u8 * 90, 7]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn lossless_formats_give_their_pixels_back() {
        for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
            let face = decode("x", &encoded(format), Color::Rgb).unwrap();
            assert_eq!((face.height(), face.width()), (3, 5));
            assert_eq!(face.pixel(2, 4), [160, 180, 7]);
        }
        let face = decode("x", &encoded(ImageFormat::Jpeg), Color::Gray).unwrap();
        assert_eq!((face.height(), face.width(), face.channels()), (3, 5, 1));
    }

    #[test]
    fn damaged_bytes_are_named() {
        let png = encoded(ImageFormat::Png);
        for bytes in [&png[..png.len() / 2], b"no image", b""] {
            let error = decode("face.png", bytes, Color::Gray).unwrap_err();
            assert!(error.to_string().contains("\"face.png\""), "{error}");
        }
    }

    #[test]
    fn a_header_that_claims_too_much_is_refused() {
        let mut bmp = encoded(ImageFormat::Bmp);
        bmp[18..22].copy_from_slice(&100_000u32.to_le_bytes());
        bmp[22..26].copy_from_slice(&100_000u32.to_le_bytes());
        assert!(decode("bomb.bmp", &bmp, Color::Rgb).is_err());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.bmp");
        std::fs::write(&path, bmp).unwrap();
        let error = header(&path).unwrap_err().to_string();
        assert!(error.contains("bomb.bmp"), "{error}");
    }
}
