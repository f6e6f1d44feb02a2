//! Which parts of an `avataaars` drawing make which expression, and which parts only unseen styles wear.

use super::{
    ACCESSORIES_PERCENT, Crop, FACIAL_HAIR_PERCENT, Factor, Part, Recipe, Style, person, thing,
};

/// The style `avataaars`.
pub const AVATAAARS: Style = Style {
    name: "avataaars",
    definition: dicebear_styles::AVATAAARS,
    recipes: &RECIPES,
    percents: &[
        ("accessories", ACCESSORIES_PERCENT),
        ("facialHair", FACIAL_HAIR_PERCENT),
    ],
    parts: &PARTS,
    factors: &FACTORS,
    canvas: 280,
    // Pixels x 42..150, y 48..156 of the 192 that show the view box 55 25 170 170, as RAF-DB's
    // aligned faces are cropped.
    crop: Crop {
        left: 55. + 42. * UNIT,
        top: 25. + 48. * UNIT,
        side: 108. * UNIT,
    },
};

const UNIT: f32 = 170. / 192.;

const FACTORS: [Factor; 12] = [
    person("skin", "skinColor"),
    person("hair", "topVariant"),
    person("hair_color", "hairColor"),
    thing("hat_color", "hatColor"),
    thing("accessories", "accessoriesVariant"),
    thing("accessories_color", "accessoriesColor"),
    person("facial_hair", "facialHairVariant"),
    person("facial_hair_color", "facialHairColor"),
    thing("clothes", "clothesVariant"),
    thing("clothes_color", "clothesColor"),
    thing("clothes_graphic", "clothesGraphicVariant"),
    thing("background", "backgroundColor"),
];

/// The seven classes in RAF-DB's order.
const RECIPES: [Recipe; 7] = [
    Recipe {
        class: "surprise",
        face: &[
            ("eyes", &["surprised"]),
            ("eyebrows", &["raisedExcited", "raisedExcitedNatural"]),
            ("mouth", &["disbelief", "default"]),
        ],
    },
    Recipe {
        class: "fear",
        face: &[
            ("eyes", &["surprised", "squint"]),
            (
                "eyebrows",
                &["sadConcerned", "sadConcernedNatural", "frownNatural"],
            ),
            ("mouth", &["screamOpen", "grimace"]),
        ],
    },
    Recipe {
        class: "disgust",
        face: &[
            ("eyes", &["squint", "closed", "xDizzy"]),
            (
                "eyebrows",
                &["frownNatural", "angryNatural", "upDownNatural", "upDown"],
            ),
            ("mouth", &["vomit"]),
        ],
    },
    Recipe {
        class: "happiness",
        face: &[
            ("eyes", &["happy", "default", "wink"]),
            ("eyebrows", &["default", "defaultNatural", "raisedExcited"]),
            ("mouth", &["smile", "twinkle", "default"]),
        ],
    },
    Recipe {
        class: "sadness",
        face: &[
            ("eyes", &["cry", "closed", "default"]),
            (
                "eyebrows",
                &["sadConcerned", "sadConcernedNatural", "frownNatural"],
            ),
            ("mouth", &["sad", "concerned"]),
        ],
    },
    Recipe {
        class: "anger",
        face: &[
            ("eyes", &["default", "squint", "side"]),
            ("eyebrows", &["angry", "angryNatural"]),
            ("mouth", &["serious", "sad", "grimace", "screamOpen"]),
        ],
    },
    Recipe {
        class: "neutral",
        face: &[
            ("eyes", &["default", "side"]),
            ("eyebrows", &["default", "defaultNatural", "flatNatural"]),
            ("mouth", &["serious"]),
        ],
    },
];

/// Hair, glasses, clothes and beards, divided once by hand so that both sides are varied.
const PARTS: [Part; 4] = [
    Part {
        name: "top",
        seen: &[
            "bigHair",
            "bun",
            "curly",
            "curvy",
            "dreads",
            "dreads02",
            "frizzle",
            "froBand",
            "hat",
            "longButNotTooLong",
            "shaggy",
            "shavedSides",
            "shortCurly",
            "shortRound",
            "shortWaved",
            "sides",
            "straight01",
            "straightAndStrand",
            "theCaesar",
            "theCaesarAndSidePart",
            "turban",
            "winterHat02",
            "winterHat04",
            "winterHat1",
        ],
        unseen: &[
            "bob",
            "dreads01",
            "frida",
            "fro",
            "hijab",
            "miaWallace",
            "shaggyMullet",
            "shortFlat",
            "straight02",
            "winterHat03",
        ],
    },
    Part {
        name: "accessories",
        seen: &["kurt", "prescription01", "round", "sunglasses"],
        unseen: &["eyepatch", "prescription02", "wayfarers"],
    },
    Part {
        name: "clothes",
        seen: &[
            "blazerAndShirt",
            "collarAndSweater",
            "hoodie",
            "shirtCrewNeck",
            "shirtScoopNeck",
            "shirtVNeck",
        ],
        unseen: &["blazerAndSweater", "graphicShirt", "overall"],
    },
    Part {
        name: "facialHair",
        seen: &["beardMajestic", "beardMedium", "moustacheFancy"],
        unseen: &["beardLight", "moustacheMagnum"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_is_both_seen_and_unseen() {
        for part in &PARTS {
            assert!(part.seen.iter().all(|name| !part.unseen.contains(name)));
        }
        let sizes: Vec<_> = PARTS
            .iter()
            .map(|p| (p.seen.len(), p.unseen.len()))
            .collect();
        assert_eq!(sizes, [(24, 10), (4, 3), (6, 3), (3, 2)]);
    }
}
