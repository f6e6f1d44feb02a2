//! Which faces of `open-peeps` show which expression.

use super::{
    ACCESSORIES_PERCENT, Crop, FACIAL_HAIR_PERCENT, Factor, Part, Recipe, Style, person, thing,
};

/// The style `open-peeps`: black lines, whole faces that are drawn in one.
pub const OPEN_PEEPS: Style = Style {
    name: "open-peeps",
    definition: dicebear_styles::OPEN_PEEPS,
    recipes: &RECIPES,
    percents: &[
        ("accessories", ACCESSORIES_PERCENT),
        ("facialHair", FACIAL_HAIR_PERCENT),
        // A mask hides the mouth.
        ("mask", 0),
    ],
    parts: &PARTS,
    factors: &FACTORS,
    canvas: 704,
    crop: Crop {
        left: 305.,
        top: 242.,
        side: 320.,
    },
};

const FACTORS: [Factor; 7] = [
    person("skin", "skinColor"),
    person("hair", "headVariant"),
    // Hair is black where it is not of this color.
    person("hair_color", "headContrastColor"),
    thing("accessories", "accessoriesVariant"),
    person("facial_hair", "facialHairVariant"),
    thing("clothes_color", "clothingColor"),
    thing("background", "backgroundColor"),
];

/// Sunglasses hide the eyes, the other beards hide the mouth or look like one.
const PARTS: [Part; 2] = [
    Part {
        name: "accessories",
        seen: &[
            "eyepatch", "glasses", "glasses2", "glasses3", "glasses4", "glasses5",
        ],
        unseen: &[],
    },
    Part {
        name: "facialHair",
        seen: &["chin", "full", "full3", "goatee1", "goatee2", "moustache7"],
        unseen: &[],
    },
];

/// Only what cannot be taken for another class: of 30 faces, those that are ironic, absent-minded or
/// monstrous are left out, and so are `calm` (it smiles) and `concernedFear` (it might weep).
const RECIPES: [Recipe; 6] = [
    Recipe {
        class: "surprise",
        face: &[("expression", &["awe", "explaining"])],
    },
    Recipe {
        class: "fear",
        face: &[("expression", &["concerned", "fear", "hectic"])],
    },
    Recipe {
        class: "happiness",
        face: &[(
            "expression",
            &[
                "lovingGrin1",
                "lovingGrin2",
                "smile",
                "smileBig",
                "smileLOL",
                "smileTeethGap",
            ],
        )],
    },
    Recipe {
        class: "sadness",
        face: &[("expression", &["solemn", "tired"])],
    },
    Recipe {
        class: "anger",
        face: &[("expression", &["angryWithFang", "rage", "veryAngry"])],
    },
    Recipe {
        class: "neutral",
        face: &[("expression", &["eyesClosed", "serious"])],
    },
];
