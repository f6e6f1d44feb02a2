//! What a drawing style is: what makes which expression, and what else its drawings vary in.

mod avataaars;
mod open_peeps;

use clap::ValueEnum;

pub use avataaars::AVATAAARS;
pub use open_peeps::OPEN_PEEPS;

/// The style that `--style` names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StyleName {
    /// Seven classes; by Pablo Stanley, "free for personal and commercial use".
    #[default]
    Avataaars,
    /// Six classes, no disgust; by Pablo Stanley, CC0 1.0.
    OpenPeeps,
}

impl StyleName {
    /// The style's tables.
    pub fn style(self) -> &'static Style {
        match self {
            Self::Avataaars => &AVATAAARS,
            Self::OpenPeeps => &OPEN_PEEPS,
        }
    }
}

/// A drawing style and how it is used here.
#[derive(Debug)]
pub struct Style {
    /// Its name on the command line.
    pub name: &'static str,
    /// DiceBear's definition of it, as JSON.
    pub definition: &'static str,
    /// The classes in RAF-DB's order.
    pub recipes: &'static [Recipe],
    /// Components that are drawn on a share of the faces, in percent.
    pub percents: &'static [(&'static str, u32)],
    /// Components of which only some variants are drawn.
    pub parts: &'static [Part],
    /// Everything but the expression that a drawing varies in.
    pub factors: &'static [Factor],
    /// Side of a drawing in its own units.
    pub canvas: u32,
    /// The part of a drawing that becomes the picture.
    pub crop: Crop,
}

/// An expression: its name and the drawings' variants that show it.
#[derive(Debug)]
pub struct Recipe {
    /// The class, as RAF-DB calls it.
    pub class: &'static str,
    /// For each component of the face, any of these variants.
    pub face: &'static [(&'static str, &'static [&'static str])],
}

/// A component of which only some variants are drawn.
#[derive(Debug)]
pub struct Part {
    /// The drawing's component.
    pub name: &'static str,
    /// What the faces wear.
    pub seen: &'static [&'static str],
    /// What only the embedded pack's test set of unseen styles wears.
    pub unseen: &'static [&'static str],
}

/// Something besides the expression in which faces differ.
#[derive(Debug)]
pub struct Factor {
    /// Its column in the list of factors.
    pub column: &'static str,
    /// DiceBear's option that holds it.
    pub option: &'static str,
    /// Whether it belongs to the person: people of the test set are not in training.
    pub person: bool,
}

/// A square of a drawing, in the drawing's units.
#[derive(Debug)]
pub struct Crop {
    /// Its left edge.
    pub left: f32,
    /// Its upper edge.
    pub top: f32,
    /// Its side.
    pub side: f32,
}

/// Share of the faces with glasses or the like, in percent.
pub const ACCESSORIES_PERCENT: u32 = 15;
/// Share of the faces with a beard or moustache, in percent.
pub const FACIAL_HAIR_PERCENT: u32 = 25;

/// What may lie behind the head.
pub const BACKGROUNDS: [&str; 8] = [
    "ffffff", "e6e6e6", "b6e3f4", "c0aede", "d1d4f9", "ffd5dc", "ffdfbf", "3c4f5c",
];

const fn person(column: &'static str, option: &'static str) -> Factor {
    Factor {
        column,
        option,
        person: true,
    }
}

const fn thing(column: &'static str, option: &'static str) -> Factor {
    Factor {
        column,
        option,
        person: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const STYLES: [&Style; 2] = [&AVATAAARS, &OPEN_PEEPS];

    fn has(definition: &Value, component: &str, variant: &str) -> bool {
        let found = &definition["components"][component]["variants"][variant];
        found.is_object()
    }

    #[test]
    fn every_variant_that_is_named_exists_in_its_style() {
        for style in STYLES {
            let definition: Value = serde_json::from_str(style.definition).unwrap();
            let faces = style.recipes.iter().flat_map(|recipe| recipe.face);
            let worn = style
                .parts
                .iter()
                .flat_map(|part| [(part.name, part.seen), (part.name, part.unseen)]);
            for (component, variants) in faces.copied().chain(worn) {
                for variant in variants {
                    let named = format!("{} {component} {variant}", style.name);
                    assert!(has(&definition, component, variant), "{named}");
                }
            }
            assert!(!has(&definition, style.recipes[0].face[0].0, "nothing"));
        }
    }

    #[test]
    fn every_factor_and_percentage_is_of_something_in_the_style() {
        for style in STYLES {
            let definition: Value = serde_json::from_str(style.definition).unwrap();
            for factor in style.factors {
                let known = match factor.option.strip_suffix("Variant") {
                    Some(component) => &definition["components"][component],
                    None => &definition["colors"][factor.option.strip_suffix("Color").unwrap()],
                };
                let known = known.is_object() || factor.option == "backgroundColor";
                assert!(known, "{} {}", style.name, factor.column);
            }
            for (component, percent) in style.percents {
                assert!(definition["components"][component].is_object() && *percent <= 100);
            }
        }
    }

    #[test]
    fn no_two_classes_share_a_whole_expression() {
        for style in STYLES {
            for (i, a) in style.recipes.iter().enumerate() {
                for b in &style.recipes[i + 1..] {
                    let apart = a
                        .face
                        .iter()
                        .zip(b.face)
                        .any(|((_, a), (_, b))| a.iter().all(|variant| !b.contains(variant)));
                    assert!(apart, "{}: {} and {}", style.name, a.class, b.class);
                }
            }
        }
    }

    #[test]
    fn the_classes_of_a_style_vary_the_same_components() {
        for style in STYLES {
            let components = |recipe: &Recipe| -> Vec<&str> {
                recipe
                    .face
                    .iter()
                    .map(|(component, _)| *component)
                    .collect()
            };
            let first = components(&style.recipes[0]);
            assert!(
                style
                    .recipes
                    .iter()
                    .all(|recipe| components(recipe) == first)
            );
            for recipe in style.recipes {
                assert!(recipe.face.iter().all(|(_, variants)| !variants.is_empty()));
            }
        }
    }
}
