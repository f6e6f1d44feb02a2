//! The three splits of the pack: who is drawn, and that no picture occurs twice.

use std::collections::HashSet;

use anyhow::{Result, bail};

use crate::draw::{Face, Painter};
use crate::recipe::RECIPES;

/// A part of the pack.
#[derive(Debug)]
pub struct Split {
    /// Its name, which is also its files' stem.
    pub name: &'static str,
    /// Whether its faces wear what training never sees.
    pub unseen: bool,
    /// How many faces a class has.
    pub per_class: usize,
}

/// A face of the pack.
#[derive(Debug)]
pub struct Entry {
    /// Place in [`RECIPES`].
    pub label: usize,
    /// What the face was drawn from.
    pub identity: String,
    /// The drawing.
    pub face: Face,
}

/// Draws a split, class by class in turn. `seen` holds the pixels of all faces so far: a face that
/// looks like an earlier one is left out and the next identity is drawn.
pub fn draw_split(
    painter: &Painter,
    split: &Split,
    seed: u64,
    seen: &mut HashSet<Vec<u8>>,
    progress: impl Fn(),
) -> Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(split.per_class * RECIPES.len());
    let mut next = [0usize; RECIPES.len()];
    for _ in 0..split.per_class {
        for (label, recipe) in RECIPES.iter().enumerate() {
            let limit = 20 * split.per_class + 100;
            let (identity, face) = loop {
                if next[label] == limit {
                    bail!(
                        "{} {}: {limit} identities gave fewer than {} different faces",
                        split.name,
                        recipe.class,
                        split.per_class
                    );
                }
                let identity = format!("{seed}-{}-{}-{}", split.name, recipe.class, next[label]);
                next[label] += 1;
                let face = painter.draw(recipe, &identity, split.unseen)?;
                if seen.insert(face.pixels.clone()) {
                    break (identity, face);
                }
            };
            entries.push(Entry {
                label,
                identity,
                face,
            });
            progress();
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::PARTS;

    fn draw(unseen: bool, seed: u64, seen: &mut HashSet<Vec<u8>>) -> Vec<Entry> {
        let split = Split {
            name: if unseen { "b" } else { "a" },
            unseen,
            per_class: 12,
        };
        draw_split(&Painter::new().unwrap(), &split, seed, seen, || ()).unwrap()
    }

    #[test]
    fn the_same_seed_draws_the_same_faces_and_another_seed_others() {
        let (a, again) = (
            draw(false, 1, &mut HashSet::new()),
            draw(false, 1, &mut HashSet::new()),
        );
        let other = draw(false, 2, &mut HashSet::new());
        assert!(
            a.iter()
                .zip(&again)
                .all(|(x, y)| x.face.pixels == y.face.pixels)
        );
        assert!(
            a.iter()
                .zip(&other)
                .any(|(x, y)| x.face.pixels != y.face.pixels)
        );
    }

    #[test]
    fn splits_share_no_picture_and_unseen_styles_share_no_part() {
        let mut seen = HashSet::new();
        let (a, b) = (draw(false, 1, &mut seen), draw(true, 1, &mut seen));
        assert_eq!(seen.len(), a.len() + b.len());
        for entry in a.iter().chain(&b) {
            let unseen = entry.identity.starts_with("1-b");
            for (part, variant) in PARTS.iter().zip(&entry.face.parts) {
                let allowed = if unseen { part.unseen } else { part.seen };
                assert!(
                    variant.is_empty() || allowed.contains(&variant.as_str()),
                    "{variant}"
                );
            }
        }
        assert!(a.iter().all(|entry| !entry.face.parts[0].is_empty()));
    }
}
