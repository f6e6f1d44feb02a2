//! Images of other depths and turned by their camera.

use std::error::Error;
use std::io::Cursor;

use image::{ExtendedColorType, ImageEncoder, ImageFormat, codecs::jpeg::JpegEncoder};
use leaf_data::face::decode;
use leaf_data::{Color, Face};

fn png(samples: &[u16], width: u32, color: ExtendedColorType) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.to_ne_bytes())
        .collect();
    let mut out = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut out);
    encoder.write_image(&bytes, width, 1, color)?;
    Ok(out)
}

#[test]
fn samples_of_16_bits_become_the_nearest_of_8() -> Result<(), Box<dyn Error>> {
    let levels = [0, 128, 129, 257 * 77, 257 * 77 + 100, 65535];
    let file = png(&levels, 6, ExtendedColorType::L16)?;
    let gray = decode("gray.png", &file, Color::Gray)?;
    assert_eq!(gray.samples(), [0, 0, 1, 77, 77, 255]);
    let file = png(&levels, 2, ExtendedColorType::Rgb16)?;
    let color = decode("color.png", &file, Color::Rgb)?;
    assert_eq!(color.samples(), gray.samples());
    Ok(())
}

/// A JPEG whose left half is dark, with the EXIF orientation in front of its pixels.
fn turned(orientation: u8) -> Result<Vec<u8>, Box<dyn Error>> {
    let image =
        image::GrayImage::from_fn(32, 16, |x, _| image::Luma([if x < 16 { 20 } else { 220 }]));
    let mut jpeg = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, 95))?;
    let tiff = [
        b"MM\0*\0\0\0\x08\0\x01".as_slice(),
        &[1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0],
    ];
    let exif = [b"Exif\0\0".as_slice(), &tiff.concat()].concat();
    let length = u16::try_from(exif.len() + 2)?.to_be_bytes();
    let (start, rest) = jpeg.split_at(2);
    Ok([start, &[0xff, 0xe1], &length, &exif, rest].concat())
}

/// Whether the middles of a face's top, right, bottom and left borders are dark.
fn dark(face: &Face) -> [bool; 4] {
    let (bottom, right) = (face.height() - 1, face.width() - 1);
    let (y, x) = (bottom / 4, right / 4);
    [(0, x), (y, right), (bottom, x), (y, 0)].map(|(y, x)| face.pixel(y, x)[0] < 120)
}

#[test]
fn faces_stand_upright_whatever_the_camera_did() -> Result<(), Box<dyn Error>> {
    for (orientation, sides, wanted) in [
        (1, (16, 32), [true, false, true, true]),
        // Turned upside down.
        (3, (16, 32), [false, true, false, false]),
        // Turned by a quarter clockwise: what was left is above.
        (6, (32, 16), [true, true, false, true]),
        (8, (32, 16), [false, false, true, false]),
    ] {
        let face = decode("turned.jpg", &turned(orientation)?, Color::Gray)?;
        assert_eq!(
            (face.height(), face.width()),
            sides,
            "orientation {orientation}"
        );
        assert_eq!(dark(&face), wanted, "orientation {orientation}");
    }
    Ok(())
}

#[test]
fn color_of_a_gray_file_is_gray() -> Result<(), Box<dyn Error>> {
    let image = image::GrayImage::from_fn(3, 2, |x, y| image::Luma([(x * 50 + y * 7) as u8]));
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, ImageFormat::Png)?;
    let face = decode("gray.png", file.get_ref(), Color::Rgb)?;
    assert_eq!(face.pixel(1, 2), [107; 3]);
    Ok(())
}
