//! What is put into an algorithm.

use leaf_ada_cm::AdaCmConfig;
use leaf_core::{Alignment, LeafConfig, Levels, Preset};
use serde::{Deserialize, Serialize};

use crate::recipe::TrainerChoice;
use crate::{Error, Result};

/// What is put into an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Nothing: the algorithm as published. Ada-CM then has its published head
    /// ([`AdaCmConfig::published_head`]).
    Plain,
    /// Distribution alignment of its pseudo-labels, and no LEAF: the control. An algorithm that aligns them anyway
    /// ([`Variant::aligns_itself`]) is its own control.
    Aligned,
    /// LEAF's robust preset.
    Robust,
    /// Both of the above.
    AlignedRobust,
    /// LEAF as the paper draws it.
    Paper,
    /// LEAF as its authors' code computes.
    Released,
    /// The robust preset's semantic level alone.
    Semantic,
    /// The robust preset's instance level alone.
    Instance,
    /// The robust preset's category level alone.
    Category,
}

impl Variant {
    /// All, in the order of tables.
    pub const ALL: [Self; 9] = [
        Self::Plain,
        Self::Aligned,
        Self::Robust,
        Self::AlignedRobust,
        Self::Paper,
        Self::Released,
        Self::Semantic,
        Self::Instance,
        Self::Category,
    ];
    /// The names that [`std::str::FromStr`] reads.
    pub const NAMES: &'static str = "plain, aligned, robust, aligned-robust, paper, released, semantic, instance \
                                    or category";

    /// The algorithm with it; `None` if the algorithm has no place for it.
    ///
    /// An algorithm takes of a preset what it can, with the preset's head; of a single level it must take all, and
    /// keeps its own head.
    pub fn of(self, algorithm: &TrainerChoice) -> Option<TrainerChoice> {
        let plain = algorithm.clone().with_leaf(own_head(algorithm));
        match self {
            Self::Plain => Some(plain),
            Self::Aligned => aligned(plain),
            Self::Robust => with_preset(plain, Preset::Robust),
            Self::AlignedRobust => with_preset(aligned(plain)?, Preset::Robust),
            Self::Paper => with_preset(plain, Preset::Paper),
            Self::Released => with_preset(plain, Preset::Released),
            Self::Semantic => with_level(plain, |levels| levels.semantic = true),
            Self::Instance => with_level(plain, |levels| levels.instance = true),
            Self::Category => with_level(plain, |levels| levels.category = true),
        }
    }

    /// Whether an algorithm aligns its pseudo-labels as published, so that it is its own control.
    pub fn aligns_itself(algorithm: &str) -> bool {
        const NAMES: [&str; 5] = ["softmatch", "adamatch", "remixmatch", "comatch", "simmatch"];
        NAMES.contains(&algorithm)
    }
}

/// The head without LEAF.
fn own_head(algorithm: &TrainerChoice) -> LeafConfig {
    match algorithm {
        TrainerChoice::AdaCm(_) => AdaCmConfig::published_head(),
        _ => LeafConfig::off(),
    }
}

/// The algorithm with its pseudo-labels aligned to equal shares, by its own switch or as it is.
fn aligned(mut algorithm: TrainerChoice) -> Option<TrainerChoice> {
    let alignment = match &mut algorithm {
        TrainerChoice::FixMatch(config) => &mut config.alignment,
        TrainerChoice::FlexMatch(config) => &mut config.alignment,
        TrainerChoice::FreeMatch(config) => &mut config.alignment,
        TrainerChoice::AdaCm(config) => &mut config.alignment,
        other => return Variant::aligns_itself(other.name()).then_some(algorithm),
    };
    *alignment = Some(Alignment::default());
    Some(algorithm)
}

fn with_preset(algorithm: TrainerChoice, preset: Preset) -> Option<TrainerChoice> {
    let with = algorithm.with_leaf(preset.config());
    (with.leaf().levels() != Levels::NONE).then_some(with)
}

fn with_level(algorithm: TrainerChoice, switch: fn(&mut Levels)) -> Option<TrainerChoice> {
    let mut levels = Levels::NONE;
    switch(&mut levels);
    let own = algorithm.leaf().clone();
    let with = algorithm.with_leaf(LeafConfig {
        normalization: own.normalization,
        dropout: own.dropout,
        ..LeafConfig::robust().with_levels(levels)
    });
    (with.leaf().levels() == levels).then_some(with)
}

impl std::fmt::Display for Variant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Aligned => "aligned",
            Self::Robust => "robust",
            Self::AlignedRobust => "aligned-robust",
            Self::Paper => "paper",
            Self::Released => "released",
            Self::Semantic => "semantic",
            Self::Instance => "instance",
            Self::Category => "category",
        })
    }
}

impl std::str::FromStr for Variant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let named = |variant: &Self| variant.to_string() == text;
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| Error::Choice {
                field: "variant",
                value: text.to_owned(),
                expected: Self::NAMES,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn algorithm(name: &str) -> TrainerChoice {
        name.parse().expect("an algorithm")
    }

    #[test]
    fn names_go_both_ways() -> Result<()> {
        let names: Vec<String> = Variant::ALL.iter().map(Variant::to_string).collect();
        assert_eq!(Variant::NAMES.replace(" or ", ", "), names.join(", "));
        for variant in Variant::ALL {
            assert_eq!(variant.to_string().parse::<Variant>()?, variant);
            assert_eq!(serde_json::json!(variant), variant.to_string());
        }
        assert!("leaf".parse::<Variant>().is_err());
        Ok(())
    }

    #[test]
    fn every_variant_of_fixmatch_is_another_one() {
        let all: Vec<TrainerChoice> = Variant::ALL
            .into_iter()
            .map(|variant| variant.of(&algorithm("fixmatch")).expect("a place for it"))
            .collect();
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].contains(one), "{}", Variant::ALL[at]);
        }
        assert_eq!(all[0], algorithm("fixmatch"));
    }

    #[test]
    fn the_control_aligns_or_is_the_algorithm_itself() -> Result<()> {
        let mut aligned = Vec::new();
        for algorithm in TrainerChoice::all() {
            let plain = Variant::Plain.of(&algorithm);
            let Some(control) = Variant::Aligned.of(&algorithm) else {
                continue;
            };
            let name = control.name();
            let text = serde_json::to_value(&control).expect("settings");
            let itself = Variant::aligns_itself(name);
            assert_eq!(plain.as_ref() == Some(&control), itself, "{name}");
            assert!(itself || text["alignment"].is_object(), "{name}: {text}");
            aligned.push(name);
        }
        assert_eq!(aligned.len(), 9, "{aligned:?}");
        Ok(())
    }

    #[test]
    fn ada_cm_keeps_its_head_but_under_a_preset() {
        let ada_cm = algorithm("ada-cm");
        let head = |variant: Variant| {
            let leaf = variant.of(&ada_cm).expect("a place for it").leaf().clone();
            (leaf.normalization, leaf.dropout)
        };
        let published = AdaCmConfig::published_head();
        let published = (published.normalization, published.dropout);
        for variant in [Variant::Plain, Variant::Aligned, Variant::Semantic] {
            assert_eq!(head(variant), published, "{variant}");
        }
        let robust = LeafConfig::robust();
        assert_eq!(
            head(Variant::Robust),
            (robust.normalization, robust.dropout)
        );
    }

    #[test]
    fn what_an_algorithm_has_no_place_for_is_none() {
        assert_eq!(Variant::Category.of(&algorithm("mixmatch")), None);
        assert_eq!(Variant::Aligned.of(&algorithm("supervised")), None);
        let robust = Variant::Robust.of(&algorithm("mixmatch"));
        let levels = robust.expect("its mixtures").leaf().levels().to_string();
        assert_eq!(levels, "semantic,instance");
    }
}
