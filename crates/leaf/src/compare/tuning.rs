//! A variant with other settings.

use super::Variant;
use crate::recipe::Recipe;
use crate::{Error, Result};

/// A variant with some settings of the algorithm changed, under a name of its own: an ablation, or a candidate for
/// a better default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// The name, which stands behind the variant's in tables.
    pub name: String,
    /// What is changed.
    pub variant: Variant,
    /// The changes, each a setting by its path below `trainer`: `leaf.category.decoupling.teacher_temperature=3`.
    pub settings: Vec<String>,
}

impl Tuning {
    /// The form that [`std::str::FromStr`] reads.
    pub const FORM: &'static str =
        "NAME=VARIANT; PATH=VALUE; ..., as in eight=robust; leaf.semantic.gate.num_experts=8";

    /// A recipe with the variant in it, changed.
    ///
    /// # Errors
    /// [`Error::Setting`] if the algorithm has no such setting or it does not take the value.
    pub(super) fn change(&self, recipe: Recipe) -> Result<Recipe> {
        self.settings.iter().try_fold(recipe, |recipe, setting| {
            recipe.with_setting(&format!("trainer.{setting}"))
        })
    }
}

impl std::fmt::Display for Tuning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, self.variant)?;
        self.settings
            .iter()
            .try_for_each(|setting| write!(f, "; {setting}"))
    }
}

impl std::str::FromStr for Tuning {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::Choice {
            field: "tune",
            value: text.to_owned(),
            expected: Self::FORM,
        };
        let mut parts = text.split(';').map(str::trim);
        let first = parts.next().and_then(|first| first.split_once('='));
        let (name, variant) = first.ok_or_else(unknown)?;
        let settings: Vec<String> = parts.map(str::to_owned).collect();
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        if name.is_empty() || !name.chars().all(is_name) || settings.is_empty() {
            return Err(unknown());
        }
        Ok(Self {
            name: name.to_owned(),
            variant: variant.trim().parse()?,
            settings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuning_goes_both_ways() -> Result<()> {
        let text = "soft=robust; leaf.category.decoupling.teacher_temperature=3; lambda_u=2";
        let tuning: Tuning = text.parse()?;
        assert_eq!(
            (tuning.variant, tuning.settings.len()),
            (Variant::Robust, 2)
        );
        assert_eq!(tuning.to_string(), text);
        for text in [
            "",
            "soft",
            "soft=robust",
            "=robust; a=1",
            "so ft=robust; a=1",
            "x=leaf; a=1",
        ] {
            assert!(text.parse::<Tuning>().is_err(), "{text}");
        }
        Ok(())
    }

    #[test]
    fn settings_are_those_of_the_algorithm() -> Result<()> {
        let tuning: Tuning =
            "soft=robust; leaf.category.decoupling.teacher_temperature=3".parse()?;
        let changed = tuning.change(Recipe::default())?;
        let category = changed.trainer.leaf().category.as_ref();
        assert_eq!(
            category.map(|category| category.decoupling.teacher_temperature),
            Some(3.)
        );
        let wrong: Tuning = "soft=robust; leaf.warmth=3".parse()?;
        let error = wrong.change(Recipe::default()).unwrap_err().to_string();
        assert!(error.contains("trainer.leaf.warmth"), "{error}");
        Ok(())
    }
}
