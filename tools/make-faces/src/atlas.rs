//! Faces side by side in one PNG file, and the list that says who is where.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::draw::SIZE;
use crate::pack::Entry;
use crate::recipe::{PARTS, RECIPES};

/// Faces in a row of an atlas. Narrow atlases compress best: the faces above lie within reach of
/// the compressor's window.
pub const COLUMNS: usize = 4;

/// The atlas of these faces, row by row, as a PNG file's bytes; the last row's rest is white.
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

/// The list of a split's faces: line n (after the header) is tile n of the atlas.
pub fn list(entries: &[Entry]) -> String {
    let mut text = String::from("label,class,identity");
    for part in &PARTS {
        let _ = write!(text, ",{}", part.name);
    }
    text.push('\n');
    for entry in entries {
        let class = RECIPES[entry.label].class;
        let parts = entry.face.parts.join(",");
        let _ = writeln!(text, "{},{class},{},{parts}", entry.label, entry.identity);
    }
    text
}

/// Writes a file whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, bytes)
        .and_then(|()| fs::rename(&draft, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
