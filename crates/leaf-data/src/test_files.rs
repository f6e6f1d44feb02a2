//! Files that tests make for themselves.

use std::path::Path;

/// A small PNG of noise that the seed chooses; folders are made as needed.
pub(crate) fn png(path: &Path, seed: u8) {
    let level = |x: u32, y: u32| {
        seed.wrapping_mul(37)
            .wrapping_add((x * 11 + y * 29 + x * y) as u8)
    };
    let image = image::RgbImage::from_fn(20, 20, |x, y| {
        image::Rgb([level(x, y), level(y, x), level(x + 1, y + 2)])
    });
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

/// A row of FER2013's CSV whose gray levels count up from `level`.
pub(crate) fn fer2013_row(emotion: u32, level: u8, usage: &str) -> String {
    let levels: Vec<String> = (0..48 * 48)
        .map(|i| (u32::from(level) + i % 200).min(255).to_string())
        .collect();
    format!("{emotion},{},{usage}", levels.join(" "))
}
