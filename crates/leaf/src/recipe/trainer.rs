//! Which training rule a run follows.

use leaf_core::LeafConfig;
use leaf_fixmatch::FixMatchConfig;
use leaf_ssl::{Algorithm, Supervised};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which training rule a run follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "algorithm", rename_all = "snake_case")]
pub enum TrainerChoice {
    /// The labelled faces alone, with the head that LEAF's configuration says.
    Supervised {
        /// The head and its balance weight; what concerns unlabelled faces is not used.
        leaf: LeafConfig,
    },
    /// FixMatch, plain or with LEAF.
    #[serde(rename = "fixmatch")]
    FixMatch(FixMatchConfig),
}

impl Default for TrainerChoice {
    /// FixMatch with [`LeafConfig::robust`].
    fn default() -> Self {
        Self::FixMatch(FixMatchConfig::default().with_leaf(LeafConfig::robust()))
    }
}

impl TrainerChoice {
    /// What LEAF adds.
    pub fn leaf(&self) -> &LeafConfig {
        match self {
            Self::Supervised { leaf } => leaf,
            Self::FixMatch(config) => &config.leaf,
        }
    }

    /// The trainer for that many classes.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, num_classes: usize) -> Result<Box<dyn Algorithm>> {
        match self {
            Self::Supervised { leaf } => {
                leaf.check(num_classes)?;
                Ok(Box::new(Supervised::new(leaf)))
            }
            Self::FixMatch(config) => Ok(Box::new(config.build(num_classes)?)),
        }
    }
}

/// LEAF's presets by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// [`LeafConfig::robust`].
    #[default]
    Robust,
    /// [`LeafConfig::paper`].
    Paper,
    /// [`LeafConfig::released`].
    Released,
    /// [`LeafConfig::off`].
    None,
}

impl Preset {
    /// The names that [`std::str::FromStr`] reads.
    pub const NAMES: &'static str = "robust, paper, released or none";

    /// The preset's configuration.
    pub fn config(self) -> LeafConfig {
        match self {
            Self::Robust => LeafConfig::robust(),
            Self::Paper => LeafConfig::paper(),
            Self::Released => LeafConfig::released(),
            Self::None => LeafConfig::off(),
        }
    }
}

impl std::fmt::Display for Preset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Robust => "robust",
            Self::Paper => "paper",
            Self::Released => "released",
            Self::None => "none",
        })
    }
}

impl std::str::FromStr for Preset {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Robust, Self::Paper, Self::Released, Self::None]
            .into_iter()
            .find(|preset| preset.to_string() == text)
            .ok_or_else(|| Error::Choice {
                field: "leaf",
                value: text.to_owned(),
                expected: Self::NAMES,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_survives_json() -> std::result::Result<(), Box<dyn std::error::Error>> {
        for preset in [
            Preset::Robust,
            Preset::Paper,
            Preset::Released,
            Preset::None,
        ] {
            assert_eq!(preset.to_string().parse::<Preset>()?, preset);
            let choice =
                TrainerChoice::FixMatch(FixMatchConfig::default().with_leaf(preset.config()));
            let text = serde_json::to_string(&choice)?;
            assert_eq!(serde_json::from_str::<TrainerChoice>(&text)?, choice);
        }
        Ok(())
    }
}
