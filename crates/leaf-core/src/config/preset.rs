//! The presets by name.

use super::LeafConfig;
use crate::{Error, Result};

/// The presets by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Robust, Self::Paper, Self::Released, Self::None];
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
        let named = |preset: &Self| preset.to_string() == text;
        Self::ALL
            .into_iter()
            .find(named)
            .ok_or_else(|| Error::Name {
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
    fn names_go_both_ways() -> Result<()> {
        for preset in Preset::ALL {
            assert_eq!(preset.to_string().parse::<Preset>()?, preset);
            assert!(Preset::NAMES.contains(&preset.to_string()));
        }
        let error = "robusta".parse::<Preset>().unwrap_err().to_string();
        assert_eq!(
            error,
            "leaf = \"robusta\", expected robust, paper, released or none"
        );
        Ok(())
    }
}
