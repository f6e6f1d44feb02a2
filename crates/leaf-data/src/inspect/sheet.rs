//! What a network will see, as a picture.

use image::{ExtendedColorType, ImageEncoder};
use leaf_core::Random;

use crate::face::fit_square;
use crate::{Augmentation, Error, Face, Result};

/// What a row of a sheet shows, from the left.
pub const SHEET_COLUMNS: [&str; 6] = ["original", "weak", "weak", "strong", "strong", "strong"];

/// Pixels of white between views.
const GAP: usize = 4;

/// Below this, views are enlarged by whole numbers, so that single pixels can be seen.
const SMALLEST: usize = 96;

/// A row of [`SHEET_COLUMNS`] for each face, at the size in pixels that a network will see them in. Small views
/// are enlarged without smoothing.
///
/// # Errors
/// [`Error::OutOfRange`] for a size of 0 or beyond what is read, or if there is no face.
pub fn contact_sheet(
    faces: &[Face],
    size: usize,
    augmentation: &Augmentation,
    random: &Random,
) -> Result<Face> {
    let mut rows = Vec::with_capacity(faces.len());
    for (row, face) in faces.iter().enumerate() {
        let face = fit_square(face, size)?;
        let mut stream = random.split_index(row as u64);
        let view = |column: &&str| match *column {
            "weak" => augmentation.weak(&face, &mut stream),
            "strong" => augmentation.strong(&face, &mut stream),
            _ => face.clone(),
        };
        rows.push(SHEET_COLUMNS.iter().map(view).collect());
    }
    laid_out(&rows, size)
}

fn laid_out(rows: &[Vec<Face>], size: usize) -> Result<Face> {
    if rows.is_empty() {
        return Err(Error::OutOfRange {
            field: "faces of a contact sheet",
            value: 0.,
            expected: "at least 1",
        });
    }
    let scale = SMALLEST.div_ceil(size);
    let cell = size * scale + GAP;
    let (height, width) = (rows.len() * cell + GAP, SHEET_COLUMNS.len() * cell + GAP);
    let inside = |at: usize| {
        let (cell_number, offset) = (at / cell, at % cell);
        (offset >= GAP).then(|| (cell_number, (offset - GAP) / scale))
    };
    let mut samples = Vec::with_capacity(height * width * 3);
    for y in 0..height {
        for x in 0..width {
            let view = inside(y).zip(inside(x)).map(|((row, y), (column, x))| {
                let view = &rows[row][column];
                let pixel = view.pixel(y, x);
                [pixel[0], pixel[pixel.len() / 2], pixel[pixel.len() - 1]]
            });
            samples.extend(view.unwrap_or([255; 3]));
        }
    }
    Face::new(samples, height, width, 3)
}

/// The picture as the bytes of a PNG file.
///
/// # Errors
/// [`Error::Image`] with `name` if it cannot be encoded.
pub fn png(name: &str, face: &Face) -> Result<Vec<u8>> {
    let color = match face.channels() {
        1 => ExtendedColorType::L8,
        _ => ExtendedColorType::Rgb8,
    };
    let too_large = |_| Error::image(name, "a side beyond 2^32 pixels");
    let width = u32::try_from(face.width()).map_err(too_large)?;
    let height = u32::try_from(face.height()).map_err(too_large)?;
    let mut bytes = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut bytes);
    let encoded = encoder.write_image(face.samples(), width, height, color);
    encoded.map_err(|error| Error::image(name, error))?;
    Ok(bytes)
}
