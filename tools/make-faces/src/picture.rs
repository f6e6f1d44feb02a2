//! Faces side by side in one PNG file, and files that are written whole or not at all.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::draw::SIZE;
use crate::split::Face;

/// Faces of each class in a row of a contact sheet.
const SHEET_COLUMNS: usize = 12;

/// These faces, row by row, as a PNG file's bytes; the last row's rest is white.
pub fn png(faces: &[&[u8]], columns: usize) -> Result<Vec<u8>> {
    let size = SIZE as usize;
    let rows = faces.len().div_ceil(columns);
    let stride = columns * size * 3;
    let mut pixels = vec![255; rows * size * stride];
    for (tile, face) in faces.iter().enumerate() {
        let corner = (tile / columns) * size * stride + (tile % columns) * size * 3;
        for (y, line) in face.chunks_exact(size * 3).enumerate() {
            let start = corner + y * stride;
            pixels[start..start + line.len()].copy_from_slice(line);
        }
    }
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, (columns * size) as u32, (rows * size) as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// The first faces of each class of each set, one row a class, as a PNG file's bytes.
pub fn contact_sheet(sets: &[Vec<Face>], classes: usize) -> Result<Vec<u8>> {
    let blank = vec![255; (SIZE * SIZE * 3) as usize];
    let mut tiles: Vec<&[u8]> = Vec::new();
    for faces in sets {
        for label in 0..classes {
            let row = faces.iter().filter(|face| face.label == label);
            tiles.extend(row.map(|face| face.pixels.as_slice()).take(SHEET_COLUMNS));
            tiles.resize(tiles.len().next_multiple_of(SHEET_COLUMNS), &blank);
        }
    }
    png(&tiles, SHEET_COLUMNS)
}

/// Writes a file whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, bytes)
        .and_then(|()| fs::rename(&draft, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
