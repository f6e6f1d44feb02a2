//! Drawing a set of faces: who is drawn, and that no picture occurs twice.

use std::collections::HashSet;

use anyhow::{Result, bail};

use crate::draw::{Chosen, Painter};
use crate::people::People;

/// A set of faces to draw.
#[derive(Debug)]
pub struct Split {
    /// Its name.
    pub name: &'static str,
    /// What its identities' names begin with.
    pub identities: String,
    /// Whether its faces wear what training never sees.
    pub unseen: bool,
    /// Who may be drawn.
    pub people: People,
    /// How many faces each class has.
    pub counts: Vec<usize>,
}

/// A drawn face.
#[derive(Debug)]
pub struct Face {
    /// Place in the style's classes.
    pub label: usize,
    /// What it was drawn from.
    pub identity: String,
    /// What was chosen for the drawing.
    pub chosen: Chosen,
    /// Red, green and blue of every pixel, row by row.
    pub pixels: Vec<u8>,
}

/// Draws a split, the classes taking turns. `seen` holds the pixels of all faces so far: a face that
/// looks like an earlier one, or that is of other people, is left out and the next identity is drawn.
///
/// # Errors
/// Where a class has fewer different faces than asked for.
pub fn draw_split(
    painter: &Painter,
    split: &Split,
    seed: u64,
    seen: &mut HashSet<Vec<u8>>,
    progress: impl Fn(),
) -> Result<Vec<Face>> {
    let mut faces = Vec::with_capacity(split.counts.iter().sum());
    let mut next = vec![0; split.counts.len()];
    for round in 0..split.counts.iter().copied().max().unwrap_or(0) {
        for (label, count) in split.counts.iter().enumerate() {
            if round < *count {
                faces.push(draw_new(
                    painter,
                    split,
                    seed,
                    label,
                    &mut next[label],
                    seen,
                )?);
                progress();
            }
        }
    }
    Ok(faces)
}

/// The next face of a class that was not drawn before.
fn draw_new(
    painter: &Painter,
    split: &Split,
    seed: u64,
    label: usize,
    next: &mut usize,
    seen: &mut HashSet<Vec<u8>>,
) -> Result<Face> {
    let recipe = &painter.style.recipes[label];
    let limit = 100 * split.counts[label] + 500;
    while *next < limit {
        let identity = format!("{}-{}-{next}", split.identities, recipe.class);
        *next += 1;
        let drawing = painter.draw(recipe, &identity, split.unseen)?;
        if !split
            .people
            .include(&drawing.chosen.person(painter.style), seed)
        {
            continue;
        }
        let pixels = painter.pixels(&drawing)?;
        if seen.insert(pixels.clone()) {
            let chosen = drawing.chosen;
            return Ok(Face {
                label,
                identity,
                chosen,
                pixels,
            });
        }
    }
    bail!(
        "{} {}: {limit} identities gave fewer than {} different faces; ask for fewer",
        split.name,
        recipe.class,
        split.counts[label]
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::{AVATAAARS, OPEN_PEEPS, Style};

    fn split(name: &'static str, seed: u64, people: People, classes: usize) -> Split {
        Split {
            name,
            identities: format!("{seed}-{name}"),
            unseen: name == "unseen",
            people,
            counts: vec![12; classes],
        }
    }

    fn draw(style: &'static Style, split: &Split, seen: &mut HashSet<Vec<u8>>) -> Vec<Face> {
        draw_split(&Painter::new(style).unwrap(), split, 0, seen, || ()).unwrap()
    }

    #[test]
    fn the_same_seed_draws_the_same_faces_and_another_seed_others() {
        for style in [&AVATAAARS, &OPEN_PEEPS] {
            let faces = |seed| {
                let split = split("a", seed, People::All, style.recipes.len());
                let faces = draw(style, &split, &mut HashSet::new());
                faces
                    .into_iter()
                    .map(|face| face.pixels)
                    .collect::<Vec<_>>()
            };
            assert_eq!(faces(1), faces(1));
            assert_ne!(faces(1), faces(2));
        }
    }

    #[test]
    fn splits_share_no_picture_and_unseen_styles_share_no_part() {
        let mut seen = HashSet::new();
        let a = draw(&AVATAAARS, &split("a", 1, People::All, 7), &mut seen);
        let b = draw(&AVATAAARS, &split("unseen", 1, People::All, 7), &mut seen);
        assert_eq!(seen.len(), a.len() + b.len());
        for face in a.iter().chain(&b) {
            let unseen = face.identity.starts_with("1-unseen");
            for part in AVATAAARS.parts {
                let variant = face.chosen.option(&format!("{}Variant", part.name));
                let allowed = if unseen { part.unseen } else { part.seen };
                assert!(
                    variant.is_empty() || allowed.contains(&variant),
                    "{variant}"
                );
            }
        }
        assert!(
            a.iter()
                .all(|face| !face.chosen.option("topVariant").is_empty())
        );
    }

    #[test]
    fn no_one_of_the_test_set_is_in_training() {
        for style in [&AVATAAARS, &OPEN_PEEPS] {
            let classes = style.recipes.len();
            let mut seen = HashSet::new();
            let mut people = |name, people| -> HashSet<String> {
                let faces = draw(style, &split(name, 1, people, classes), &mut seen);
                faces.iter().map(|face| face.chosen.person(style)).collect()
            };
            let test = people("test", People::Test);
            let train = people("train", People::Training);
            assert!(test.len() > 10 && test.is_disjoint(&train));
        }
    }

    #[test]
    fn classes_have_as_many_faces_as_asked() {
        let mut split = split("a", 1, People::All, 7);
        split.counts = vec![1, 0, 2, 5, 0, 0, 3];
        let faces = draw(&AVATAAARS, &split, &mut HashSet::new());
        let labels: Vec<usize> = faces.iter().map(|face| face.label).collect();
        assert_eq!(labels, [0, 2, 3, 6, 2, 3, 6, 3, 6, 3, 3]);
    }

    #[test]
    fn a_class_with_too_few_different_faces_is_an_error() {
        let mut split = split("a", 1, People::All, 7);
        split.counts = vec![1, 0, 0, 0, 0, 0, 0];
        let mut seen = HashSet::new();
        let painter = Painter::new(&AVATAAARS).unwrap();
        for n in 0..600 {
            let identity = format!("1-a-surprise-{n}");
            let drawing = painter
                .draw(&AVATAAARS.recipes[0], &identity, false)
                .unwrap();
            seen.insert(painter.pixels(&drawing).unwrap());
        }
        let error = draw_split(&painter, &split, 0, &mut seen, || ()).unwrap_err();
        let expected =
            "a surprise: 600 identities gave fewer than 1 different faces; ask for fewer";
        assert_eq!(error.to_string(), expected);
    }
}
