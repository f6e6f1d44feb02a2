//! The pack that `leaf-data` embeds: three atlases with their lists, and a manifest.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::draw::Painter;
use crate::factors::{Named, table};
use crate::manifest;
use crate::options::Amounts;
use crate::people::People;
use crate::picture;
use crate::progress::draw_sets;
use crate::split::{Face, Split};
use crate::style::AVATAAARS;

/// Faces in a row of an atlas. Narrow atlases compress best: the faces above lie within reach of
/// the compressor's window.
const COLUMNS: usize = 4;

/// Draws the pack and writes it to a folder.
pub fn make(folder: &Path, amounts: &Amounts, contact_sheet: Option<&Path>) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let splits = splits(amounts);
    let sets = draw_sets(&Painter::new(&AVATAAARS)?, &splits, amounts.seed)?;
    let mut files = Vec::new();
    for (split, faces) in splits.iter().zip(&sets) {
        let pixels: Vec<&[u8]> = faces.iter().map(|face| face.pixels.as_slice()).collect();
        files.push((
            format!("{}.png", split.name),
            picture::png(&pixels, COLUMNS)?,
        ));
        files.push((format!("{}.csv", split.name), list(faces).into_bytes()));
    }
    let manifest = manifest::of_pack(amounts, &splits, COLUMNS, &files)?;
    files.push(("manifest.json".into(), manifest.into_bytes()));
    for (name, bytes) in &files {
        picture::write(&folder.join(name), bytes)?;
        println!("{name}: {} bytes", bytes.len());
    }
    if let Some(path) = contact_sheet {
        let sheet = picture::contact_sheet(&sets, AVATAAARS.recipes.len())?;
        picture::write(path, &sheet)?;
    }
    Ok(())
}

/// Draws the pack again and writes what each of its faces varies in, under the pack's names.
pub fn make_factors(file: &Path, amounts: &Amounts) -> Result<()> {
    let splits = splits(amounts);
    let sets = draw_sets(&Painter::new(&AVATAAARS)?, &splits, amounts.seed)?;
    let mut faces = Vec::new();
    for (split, set) in splits.iter().zip(&sets) {
        faces.extend(set.iter().map(|face| Named {
            set: split.name,
            name: face.identity.clone(),
            face,
        }));
    }
    picture::write(file, table(&AVATAAARS, &faces).as_bytes())?;
    println!("{}: {} faces", file.display(), faces.len());
    Ok(())
}

fn splits(amounts: &Amounts) -> [Split; 3] {
    let split = |name, unseen, per_class| Split {
        name,
        identities: format!("{}-{name}", amounts.seed),
        unseen,
        people: People::All,
        counts: vec![per_class; AVATAAARS.recipes.len()],
    };
    [
        split("train", false, amounts.train),
        split("test", false, amounts.test),
        split("test-unseen-styles", true, amounts.test),
    ]
}

/// The list of a split's faces: line n (after the header) is tile n of the atlas.
fn list(faces: &[Face]) -> String {
    let mut text = String::from("label,class,identity");
    for part in AVATAAARS.parts {
        let _ = write!(text, ",{}", part.name);
    }
    text.push('\n');
    for face in faces {
        let class = AVATAAARS.recipes[face.label].class;
        let _ = write!(text, "{},{class},{}", face.label, face.identity);
        for part in AVATAAARS.parts {
            let variant = face.chosen.option(&format!("{}Variant", part.name));
            let _ = write!(text, ",{variant}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMBEDDED: [&str; 3] = [
        include_str!("../../../crates/leaf-data/assets/drawn-faces/train.csv"),
        include_str!("../../../crates/leaf-data/assets/drawn-faces/test.csv"),
        include_str!("../../../crates/leaf-data/assets/drawn-faces/test-unseen-styles.csv"),
    ];

    #[test]
    fn the_embedded_pack_begins_with_the_faces_that_are_drawn_now() {
        let amounts = Amounts {
            train: 3,
            test: 2,
            seed: 0,
        };
        let splits = splits(&amounts);
        let painter = Painter::new(&AVATAAARS).unwrap();
        let sets = draw_sets(&painter, &splits, amounts.seed).unwrap();
        for (faces, embedded) in sets.iter().zip(EMBEDDED) {
            assert!(embedded.starts_with(&list(faces)));
        }
    }
}
