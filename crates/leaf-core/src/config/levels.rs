//! LEAF's three levels, which can be switched one by one.

use super::{ForwardPlan, LeafConfig};
use crate::{Error, Result};

/// Which of LEAF's levels are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Levels {
    /// The mixture on the encoder's feature, and what compares its results.
    pub semantic: bool,
    /// The mixture before or after the classifier.
    pub instance: bool,
    /// The positive and negative classes of unlabelled faces.
    pub category: bool,
}

impl Levels {
    /// All three.
    pub const ALL: Self = Self {
        semantic: true,
        instance: true,
        category: true,
    };
    /// None of them.
    pub const NONE: Self = Self {
        semantic: false,
        instance: false,
        category: false,
    };
    /// The names that [`std::str::FromStr`] reads.
    pub const NAMES: &'static str = "some of semantic, instance and category, joined by commas";
}

impl std::fmt::Display for Levels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = [
            ("semantic", self.semantic),
            ("instance", self.instance),
            ("category", self.category),
        ];
        let on: Vec<&str> = names
            .into_iter()
            .filter_map(|(name, on)| on.then_some(name))
            .collect();
        f.write_str(&on.join(","))
    }
}

impl std::str::FromStr for Levels {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut levels = Self::NONE;
        for name in text.split(',').map(str::trim) {
            let level = match name {
                "semantic" => &mut levels.semantic,
                "instance" => &mut levels.instance,
                "category" => &mut levels.category,
                _ => {
                    return Err(Error::Name {
                        field: "level",
                        value: name.to_owned(),
                        expected: Self::NAMES,
                    });
                }
            };
            *level = true;
        }
        Ok(levels)
    }
}

impl LeafConfig {
    /// Which levels are on.
    pub fn levels(&self) -> Levels {
        Levels {
            semantic: self.semantic.is_some(),
            instance: self.instance.is_some(),
            category: self.category.is_some(),
        }
    }

    /// With these levels of it and no others, for ablations. The invariance, which compares what the
    /// semantic level gives, goes with that level.
    #[must_use]
    pub fn with_levels(self, levels: Levels) -> Self {
        Self {
            semantic: self.semantic.filter(|_| levels.semantic),
            instance: self.instance.filter(|_| levels.instance),
            category: self.category.filter(|_| levels.category),
            invariance_weight: match levels.semantic {
                true => self.invariance_weight,
                false => 0.,
            },
            ..self
        }
    }

    /// The aggregation alone, for hosts that have no weak and strong view of the same face to compare:
    /// the mixtures with their balance weight, and the head's normalization and dropout.
    ///
    /// Category level, contrast, margins and invariance are off, the labelled faces' weight is 1 and the forward plan
    /// [`ForwardPlan::Concatenated`], as in [`LeafConfig::off`].
    #[must_use]
    pub fn aggregation_only(self) -> Self {
        Self {
            category: None,
            contrastive: None,
            margins: None,
            invariance_weight: 0.,
            supervised_weight: 1.,
            forward: ForwardPlan::Concatenated,
            ..self
        }
    }

    /// Checks every rule for a host that takes the aggregation alone.
    ///
    /// # Errors
    /// [`Error::NoPlace`] if another part is on or not as [`LeafConfig::aggregation_only`] has it; those
    /// of [`LeafConfig::check`].
    pub fn check_aggregation_only(&self, num_classes: usize) -> Result<()> {
        let others = [
            ("category", self.category.is_some(), "off"),
            ("contrastive", self.contrastive.is_some(), "off"),
            ("margins", self.margins.is_some(), "off"),
            ("invariance_weight", self.invariance_weight != 0., "at 0"),
            ("supervised_weight", self.supervised_weight != 1., "at 1"),
            (
                "forward",
                self.forward != ForwardPlan::Concatenated,
                "concatenated",
            ),
        ];
        match others.into_iter().find(|(_, set, _)| *set) {
            Some((part, _, expected)) => Err(Error::NoPlace { part, expected }),
            None => self.check(num_classes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() -> Result<()> {
        for text in [
            "semantic",
            "semantic,instance",
            "semantic,instance,category",
        ] {
            assert_eq!(text.parse::<Levels>()?.to_string(), text);
        }
        assert_eq!(
            "category, semantic".parse::<Levels>()?.to_string(),
            "semantic,category"
        );
        for text in ["", "semantics", "semantic;instance"] {
            let error = text.parse::<Levels>().unwrap_err().to_string();
            assert!(error.contains("semantic, instance and category"), "{error}");
        }
        Ok(())
    }

    #[test]
    fn levels_are_switched_one_by_one() -> Result<()> {
        let robust = LeafConfig::robust();
        assert_eq!(robust.levels(), Levels::ALL);
        assert_eq!(robust.clone().with_levels(Levels::ALL), robust);
        let instance = robust.clone().with_levels("instance".parse()?);
        assert_eq!(instance.levels().to_string(), "instance");
        assert_eq!(instance.instance, robust.instance);
        assert_eq!(instance.invariance_weight, 0.);
        let semantic = robust.clone().with_levels("semantic".parse()?);
        assert_eq!(semantic.invariance_weight, robust.invariance_weight);
        let hosts = robust.clone().aggregation_only();
        assert_eq!(hosts.levels().to_string(), "semantic,instance");
        assert!(hosts.check_aggregation_only(7).is_ok());
        Ok(())
    }

    #[test]
    fn the_aggregation_alone_has_the_head_and_nothing_of_the_trainer() {
        let released = LeafConfig::released();
        let alone = released.clone().aggregation_only();
        assert!(alone.check_aggregation_only(7).is_ok());
        let expected = LeafConfig {
            semantic: released.semantic.clone(),
            instance: released.instance.clone(),
            normalization: released.normalization,
            dropout: released.dropout,
            balance_weight: released.balance_weight,
            ..LeafConfig::off()
        };
        assert_eq!(alone, expected);
        let plain = LeafConfig::off;
        for (config, expected) in [
            (
                LeafConfig::robust(),
                "leaf.category has no place in this trainer, expected it off",
            ),
            (
                LeafConfig {
                    contrastive: released.contrastive,
                    ..plain()
                },
                "leaf.contrastive has no place in this trainer, expected it off",
            ),
            (
                LeafConfig {
                    invariance_weight: 0.5,
                    ..plain()
                },
                "leaf.invariance_weight has no place in this trainer, expected it at 0",
            ),
            (
                LeafConfig {
                    supervised_weight: 0.5,
                    ..plain()
                },
                "leaf.supervised_weight has no place in this trainer, expected it at 1",
            ),
            (
                LeafConfig {
                    forward: ForwardPlan::Separate,
                    ..plain()
                },
                "leaf.forward has no place in this trainer, expected it concatenated",
            ),
        ] {
            let error = config.check_aggregation_only(7).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
