//! The drawn faces that come with the crate.
//!
//! They are drawings, not photographs: a figure measured on them says nothing of photographs. Who
//! drew them and under which license is said in `assets/drawn-faces/LICENSES.md`.

use image::ImageFormat;

use super::{DataSet, Entry, RAF_CLASSES};
use crate::{Error, Face, Result};

/// Pixels on each side of a drawn face.
const SIZE: usize = 64;

/// The embedded drawn faces: 400 training and 100 test faces of each of RAF-DB's seven classes, 64
/// pixels wide, in color. Training and test faces have different identities.
///
/// ```
/// let data = leaf_data::drawn_faces()?;
/// assert_eq!(data.class_counts(), [400; 7]);
/// assert_eq!(data.test().len(), 700);
/// # Ok::<(), leaf_data::Error>(())
/// ```
///
/// # Errors
/// [`Error::Image`] if the embedded files are damaged.
pub fn drawn_faces() -> Result<DataSet> {
    DataSet::new("drawn", RAF_CLASSES, pack!("train")?, pack!("test")?)
}

/// A second test set, of 100 faces a class whose hair, accessories, clothes and beards occur in none
/// of [`drawn_faces`]; it has no training faces.
///
/// # Errors
/// [`Error::Image`] if the embedded files are damaged.
pub fn drawn_faces_unseen_styles() -> Result<DataSet> {
    DataSet::new(
        "drawn-unseen-styles",
        RAF_CLASSES,
        vec![],
        pack!("test-unseen-styles")?,
    )
}

/// The faces of one atlas and its list.
macro_rules! pack {
    ($name:literal) => {
        entries(
            $name,
            include_bytes!(concat!("../../assets/drawn-faces/", $name, ".png")),
            include_str!(concat!("../../assets/drawn-faces/", $name, ".csv")),
        )
    };
}
use pack;

fn entries(name: &str, atlas: &[u8], list: &str) -> Result<Vec<Entry>> {
    // The atlas is ours and taller than what is read from strangers, so no limits apply.
    let atlas = image::load_from_memory_with_format(atlas, ImageFormat::Png)
        .map_err(|error| Error::image(name, error))?
        .into_rgb8();
    let columns = atlas.width() as usize / SIZE;
    let rows = atlas.height() as usize / SIZE;
    let tiles = atlas.as_raw().chunks_exact(SIZE * 3);
    let strips: Vec<&[u8]> = tiles.collect();
    let mut entries = Vec::with_capacity(columns * rows);
    for (tile, line) in list.lines().skip(1).enumerate() {
        let (label, identity) = parse(line)
            .filter(|_| tile < columns * rows)
            .ok_or_else(|| {
                Error::image(name, format!("its list does not fit the atlas at {line:?}"))
            })?;
        let (row, column) = (tile / columns, tile % columns);
        let strip = |y| strips[(row * SIZE + y) * columns + column];
        let samples = (0..SIZE).flat_map(strip).copied().collect();
        let face = Face::new(samples, SIZE, SIZE, 3)?;
        entries.push(Entry::pixels(identity, Some(label), face));
    }
    Ok(entries)
}

/// Label and identity of a line `label,class,identity,...`.
fn parse(line: &str) -> Option<(u32, &str)> {
    let mut fields = line.split(',');
    let label = fields.next()?.parse().ok()?;
    let class = fields.next()?;
    (RAF_CLASSES.get(label as usize) == Some(&class)).then_some(())?;
    Some((label, fields.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Color;
    use std::collections::HashSet;

    #[test]
    fn no_picture_occurs_twice() {
        let (first, second) = (drawn_faces().unwrap(), drawn_faces_unseen_styles().unwrap());
        let all = first
            .training()
            .iter()
            .chain(first.test())
            .chain(second.test());
        let mut pictures = HashSet::new();
        let mut count = 0;
        for entry in all {
            pictures.insert(entry.face(Color::Rgb).unwrap());
            count += 1;
        }
        assert_eq!((count, pictures.len()), (4200, 4200));
    }

    #[test]
    fn every_set_has_every_class_equally_often() {
        let (first, second) = (drawn_faces().unwrap(), drawn_faces_unseen_styles().unwrap());
        for entries in [first.test(), second.test()] {
            for label in 0..7 {
                let count = entries
                    .iter()
                    .filter(|entry| entry.label == Some(label))
                    .count();
                assert_eq!(count, 100);
            }
        }
        assert!(second.training().is_empty());
    }

    #[test]
    fn unseen_styles_are_unseen() {
        let parts = |list: &str, column: usize| -> HashSet<String> {
            let fields = list
                .lines()
                .skip(1)
                .filter_map(|line| line.split(',').nth(column));
            fields
                .filter(|field| !field.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let train = include_str!("../../assets/drawn-faces/train.csv");
        let test = include_str!("../../assets/drawn-faces/test.csv");
        let unseen = include_str!("../../assets/drawn-faces/test-unseen-styles.csv");
        for (column, counts) in [(3, (24, 10)), (4, (4, 3)), (5, (6, 3)), (6, (3, 2))] {
            let (known, new) = (parts(train, column), parts(unseen, column));
            assert_eq!((known.len(), new.len()), counts);
            assert!(known.is_disjoint(&new));
            assert!(parts(test, column).is_disjoint(&new));
        }
    }

    #[test]
    fn the_files_are_those_of_the_manifest() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/drawn-faces");
        let text = std::fs::read(folder.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let files = manifest["files"].as_array().unwrap();
        assert_eq!(files.len(), 6);
        for file in files {
            let bytes = std::fs::read(folder.join(file["name"].as_str().unwrap())).unwrap();
            assert_eq!(
                file["fnv1a64"],
                format!("{:016x}", crate::fnv::fnv1a64(bytes))
            );
        }
    }

    #[test]
    fn a_list_that_does_not_fit_is_an_error() {
        let atlas = include_bytes!("../../assets/drawn-faces/test.png");
        assert!(entries("x", atlas, "header\n0,fear,a\n").is_err());
        let long = format!("header\n{}", "0,surprise,a\n".repeat(701));
        assert!(entries("x", atlas, &long).is_err());
        assert!(entries("x", b"no png", "").is_err());
    }
}
