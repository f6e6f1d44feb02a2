//! Which parts of a drawing make which expression, and which parts only unseen styles wear.

/// An expression: its name and the drawings' options that show it.
#[derive(Debug)]
pub struct Recipe {
    /// The class, as RAF-DB calls it.
    pub class: &'static str,
    /// Any of these eyes.
    pub eyes: &'static [&'static str],
    /// Any of these eyebrows.
    pub eyebrows: &'static [&'static str],
    /// Any of these mouths.
    pub mouth: &'static [&'static str],
}

/// The seven classes in RAF-DB's order.
pub const RECIPES: [Recipe; 7] = [
    Recipe {
        class: "surprise",
        eyes: &["surprised"],
        eyebrows: &["raisedExcited", "raisedExcitedNatural"],
        mouth: &["disbelief", "default"],
    },
    Recipe {
        class: "fear",
        eyes: &["surprised", "squint"],
        eyebrows: &["sadConcerned", "sadConcernedNatural", "frownNatural"],
        mouth: &["screamOpen", "grimace"],
    },
    Recipe {
        class: "disgust",
        eyes: &["squint", "closed", "xDizzy"],
        eyebrows: &["frownNatural", "angryNatural", "upDownNatural", "upDown"],
        mouth: &["vomit"],
    },
    Recipe {
        class: "happiness",
        eyes: &["happy", "default", "wink"],
        eyebrows: &["default", "defaultNatural", "raisedExcited"],
        mouth: &["smile", "twinkle", "default"],
    },
    Recipe {
        class: "sadness",
        eyes: &["cry", "closed", "default"],
        eyebrows: &["sadConcerned", "sadConcernedNatural", "frownNatural"],
        mouth: &["sad", "concerned"],
    },
    Recipe {
        class: "anger",
        eyes: &["default", "squint", "side"],
        eyebrows: &["angry", "angryNatural"],
        mouth: &["serious", "sad", "grimace", "screamOpen"],
    },
    Recipe {
        class: "neutral",
        eyes: &["default", "side"],
        eyebrows: &["default", "defaultNatural", "flatNatural"],
        mouth: &["serious"],
    },
];

/// A part of which some variants are kept for the test set of unseen styles.
#[derive(Debug)]
pub struct Part {
    /// The drawing's component.
    pub name: &'static str,
    /// What training and the first test set wear.
    pub seen: &'static [&'static str],
    /// What only the second test set wears.
    pub unseen: &'static [&'static str],
}

/// Hair, glasses, clothes and beards, divided once by hand so that both sides are varied.
pub const PARTS: [Part; 4] = [
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

/// Share of the faces with glasses or the like, in percent.
pub const ACCESSORIES_PERCENT: u32 = 15;
/// Share of the faces with a beard or moustache, in percent.
pub const FACIAL_HAIR_PERCENT: u32 = 25;
/// What may lie behind the head.
pub const BACKGROUNDS: [&str; 8] = [
    "ffffff", "e6e6e6", "b6e3f4", "c0aede", "d1d4f9", "ffd5dc", "ffdfbf", "3c4f5c",
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

    #[test]
    fn no_two_classes_share_a_whole_expression() {
        let all = |r: &Recipe| -> Vec<[&str; 3]> {
            let mut found = Vec::new();
            for eyes in r.eyes {
                for brows in r.eyebrows {
                    found.extend(r.mouth.iter().map(|mouth| [*eyes, *brows, *mouth]));
                }
            }
            found
        };
        for (i, a) in RECIPES.iter().enumerate() {
            for b in &RECIPES[i + 1..] {
                let (a, b) = (all(a), all(b));
                assert!(a.iter().all(|combination| !b.contains(combination)));
            }
        }
    }
}
