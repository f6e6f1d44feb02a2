//! Images as they should not be, or seldom are: each is read as documented or refused in words.

use std::io::Cursor;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, RgbImage, Rgba, RgbaImage};
use leaf_data::Color;
use leaf_data::face::{decode, decode_file};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn picture() -> DynamicImage {
    let pixel = |x: u32, y: u32| image::Rgb([x as u8 * 20, y as u8 * 40, 7]);
    RgbImage::from_fn(6, 4, pixel).into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Result<Vec<u8>, image::ImageError> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}

/// Why these bytes are refused.
fn refusal(bytes: &[u8]) -> String {
    match decode("face", bytes, Color::Rgb) {
        Ok(face) => panic!("{} x {} pixels were read", face.width(), face.height()),
        Err(error) => error.to_string(),
    }
}

/// A PNG's chunk with its check sum (CRC-32).
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let checked = [kind.as_slice(), data].concat();
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0xedb8_8320 * (sum & 1))
        })
    };
    let sum = !checked.iter().fold(u32::MAX, step);
    let length = data.len() as u32;
    [&length.to_be_bytes()[..], &checked, &sum.to_be_bytes()].concat()
}

/// Where a PNG's header ends: 8 bytes of signature and a chunk of 13 bytes.
const AFTER_HEADER: usize = 8 + 12 + 13;

fn png_of(width: u32, height: u32) -> Vec<u8> {
    let header = [
        &width.to_be_bytes()[..],
        &height.to_be_bytes(),
        &[8, 2, 0, 0, 0],
    ]
    .concat();
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [
        signature,
        chunk(b"IHDR", &header),
        chunk(b"IDAT", b""),
        chunk(b"IEND", b""),
    ]
    .concat()
}

#[test]
fn corrupt_and_truncated_bytes_are_refused() -> Outcome {
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        let whole = encoded(&picture(), format)?;
        for length in [3, whole.len() / 2] {
            assert!(refusal(&whole[..length]).starts_with("image \"face\" cannot be used: "));
        }
    }
    let mut png = encoded(&picture(), ImageFormat::Png)?;
    let middle = AFTER_HEADER + 12;
    png[middle] ^= 0x55;
    assert!(refusal(&png).starts_with("image \"face\" cannot be used: "));
    Ok(())
}

#[test]
fn a_jpeg_is_not_filled_up_with_gray() -> Outcome {
    let jpeg = encoded(&picture(), ImageFormat::Jpeg)?;
    for length in [40, jpeg.len() - 20, jpeg.len() - 2] {
        let expected = "image \"face\" cannot be used: the file is cut: its picture has no end";
        assert_eq!(refusal(&jpeg[..length]), expected);
    }
    let more = [&jpeg, &b"what some programs add"[..]].concat();
    assert_eq!(
        decode("face", &more, Color::Rgb)?,
        decode("face", &jpeg, Color::Rgb)?
    );
    Ok(())
}

#[test]
fn a_bomb_is_refused_before_memory_is_taken() -> Outcome {
    let expected = "60000 x 60000 pixels, expected sides of 1 to 16384";
    assert!(refusal(&png_of(60_000, 60_000)).ends_with(expected));
    let mut bmp = encoded(&picture(), ImageFormat::Bmp)?;
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    assert!(refusal(&bmp).ends_with(expected), "{}", refusal(&bmp));
    // The start of a frame holds its length (2 bytes), 8 bits a sample, height and width.
    let mut jpeg = encoded(&picture(), ImageFormat::Jpeg)?;
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]);
    let sides = frame.ok_or("a JPEG without a frame")? + 5;
    jpeg[sides..sides + 4].copy_from_slice(&[60_000_u16.to_be_bytes(); 2].concat());
    assert!(refusal(&jpeg).ends_with(expected), "{}", refusal(&jpeg));
    // Sides that may be, but not together: 16,384 x 16,384 x 3 bytes.
    let text = refusal(&png_of(16_384, 16_384));
    let expected = "16384 x 16384 pixels take 805306368 bytes, expected at most 268435456";
    assert!(text.ends_with(expected), "{text}");
    Ok(())
}

#[test]
fn what_is_empty_or_no_file_is_refused() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("a face.jpg");
    std::fs::write(&path, "")?;
    let error = |path: &std::path::Path| decode_file(path, Color::Gray).unwrap_err().to_string();
    assert!(error(&path).ends_with("a face.jpg\" cannot be used: the file is empty"));
    assert!(error(folder.path()).ends_with("cannot be used: it is no file"));
    assert!(error(&folder.path().join("none.png")).contains("none.png\" cannot be used: "));
    Ok(())
}

#[test]
fn the_ending_does_not_matter_but_the_bytes_do() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("face.jpg");
    std::fs::write(&path, encoded(&picture(), ImageFormat::Png)?)?;
    assert_eq!(decode_file(&path, Color::Rgb)?.pixel(2, 3), [60, 80, 7]);
    std::fs::write(&path, "no image at all")?;
    let text = decode_file(&path, Color::Rgb).unwrap_err().to_string();
    assert!(text.contains("face.jpg\" cannot be used: "), "{text}");
    // An animation of the one format that is not read.
    let text = refusal(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;");
    assert!(text.to_lowercase().contains("gif"), "{text}");
    Ok(())
}

#[test]
fn the_first_picture_of_an_animation_is_read() -> Outcome {
    let still = encoded(&picture(), ImageFormat::Png)?;
    let (width, height) = (6_u32.to_be_bytes(), 4_u32.to_be_bytes());
    let frames = [2_u32.to_be_bytes(), 0_u32.to_be_bytes()].concat();
    let frame = [&[0; 4][..], &width, &height, &[0; 8], &[0, 1, 0, 10, 0, 0]].concat();
    let extra = [chunk(b"acTL", &frames), chunk(b"fcTL", &frame)].concat();
    let animated = [&still[..AFTER_HEADER], &extra, &still[AFTER_HEADER..]].concat();
    let face = decode("face", &animated, Color::Rgb)?;
    assert_eq!(face, decode("face", &still, Color::Rgb)?);
    Ok(())
}

/// A WebP's chunk; those of an odd length are filled up.
fn webp_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u32).to_le_bytes();
    let filled = &[0][..data.len() % 2];
    [kind, &length[..], data, filled].concat()
}

#[test]
fn the_first_picture_of_an_animated_webp_is_read() -> Outcome {
    let other = RgbImage::from_pixel(6, 4, image::Rgb([9, 9, 9]));
    let still = encoded(&picture(), ImageFormat::WebP)?;
    let (width, height) = ([5, 0, 0], [3, 0, 0]);
    // A place of 0, 0, the sides, a tenth of a second, "replaces what was there".
    let frame = |still: &[u8]| {
        let place_and_time = [&[0; 6][..], &width, &height, &[100, 0, 0], &[2]].concat();
        webp_chunk(b"ANMF", &[&place_and_time, &still[12..]].concat())
    };
    let animated = [
        b"WEBP".to_vec(),
        webp_chunk(b"VP8X", &[&[2, 0, 0, 0][..], &width, &height].concat()),
        webp_chunk(b"ANIM", &[0; 6]),
        frame(&still),
        frame(&encoded(&other.into(), ImageFormat::WebP)?),
    ];
    let face = decode("face", &webp_chunk(b"RIFF", &animated.concat()), Color::Rgb)?;
    assert_eq!(face, decode("face", &still, Color::Rgb)?);
    Ok(())
}

/// Pillow's JPEG of 16 x 8 pixels, the left half (255, 0, 0, 0), the right half (0, 128, 255, 64).
const CMYK: &[u8] = include_bytes!("cmyk.jpg");

#[test]
fn cmyk_becomes_the_colors_that_pillow_makes_of_it() -> Outcome {
    let face = decode("face", CMYK, Color::Rgb)?;
    for (x, expected) in [(2, [0, 255, 255]), (13, [191, 95, 0])] {
        let found = face.pixel(4, x);
        let near = |(a, b): (&u8, u8)| a.abs_diff(b) <= 2;
        assert!(
            found.iter().zip(expected).all(near),
            "{found:?} {expected:?}"
        );
    }
    Ok(())
}

#[test]
fn transparency_is_dropped() -> Outcome {
    let image = RgbaImage::from_pixel(2, 2, Rgba([10, 20, 30, 0]));
    let bytes = encoded(&image.into(), ImageFormat::Png)?;
    assert_eq!(
        decode("face", &bytes, Color::Rgb)?.pixel(0, 0),
        [10, 20, 30]
    );
    Ok(())
}

#[test]
fn sixteen_bits_are_rounded_to_eight() -> Outcome {
    let levels = [0_u16, 128, 129, 0x80ff, 0xffff];
    let image: ImageBuffer<Luma<u16>, Vec<u16>> =
        ImageBuffer::from_fn(5, 1, |x, _| Luma([levels[x as usize]]));
    let bytes = encoded(&image.into(), ImageFormat::Png)?;
    let expected = levels.map(|level| ((u32::from(level) + 128) / 257) as u8);
    assert_eq!(decode("face", &bytes, Color::Gray)?.samples(), expected);
    Ok(())
}

#[test]
fn a_palette_becomes_colors() -> Outcome {
    // A BMP of two pixels that are places in a palette of two colors (blue, green, red, unused).
    let palette = [[3_u8, 2, 1, 0], [6, 5, 4, 0]].concat();
    let offset = 14 + 40 + palette.len() as u32;
    let mut bytes = b"BM".to_vec();
    bytes.extend((offset + 4).to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend(offset.to_le_bytes());
    for number in [40_u32, 2, 1, 1 | (8 << 16), 0, 4, 0, 0, 2, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(palette);
    bytes.extend([1, 0, 0, 0]);
    assert_eq!(
        decode("face", &bytes, Color::Rgb)?.samples(),
        [4, 5, 6, 1, 2, 3]
    );
    Ok(())
}

#[test]
fn a_turned_picture_is_turned_upright() -> Outcome {
    let jpeg = encoded(&picture(), ImageFormat::Jpeg)?;
    // One entry: the tag of orientation, a short, once, "the camera was turned to the right".
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0];
    let exif = [&b"Exif\0\0MM\0*"[..], &[0, 0, 0, 8, 0, 1], &entry, &[0; 4]].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let turned = [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat();
    let (plain, face) = (
        decode("face", &jpeg, Color::Rgb)?,
        decode("face", &turned, Color::Rgb)?,
    );
    assert_eq!((face.height(), face.width()), (6, 4));
    // Turned clockwise by a quarter: the first row was the first column, from the bottom on.
    for x in 0..4 {
        assert_eq!(face.pixel(0, x), plain.pixel(3 - x, 0));
    }
    Ok(())
}
