//! Which training rule a run follows.

use leaf_ada_cm::AdaCmConfig;
use leaf_adamatch::AdaMatchConfig;
use leaf_comatch::{CoMatchConfig, SimMatchConfig};
use leaf_core::LeafConfig;
use leaf_dash::DashConfig;
use leaf_fixmatch::FixMatchConfig;
use leaf_flexmatch::FlexMatchConfig;
use leaf_freematch::FreeMatchConfig;
use leaf_mean_teacher::MeanTeacherConfig;
use leaf_mixmatch::{MixMatchConfig, ReMixMatchConfig};
use leaf_pseudo_label::{PiModelConfig, PseudoLabelConfig};
use leaf_softmatch::SoftMatchConfig;
use leaf_ssl::{Algorithm, SupervisedConfig, Task};
use leaf_uda::UdaConfig;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::file::at;
use crate::Error;

/// One enum of every trainer's configuration, so that what they share is written once.
macro_rules! trainers {
    ($($(#[$doc:meta])* $name:literal => $variant:ident($config:ident),)*) => {
        /// Which training rule a run follows, with its whole configuration.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "algorithm")]
        #[non_exhaustive]
        pub enum TrainerChoice {
            $($(#[$doc])* #[serde(rename = $name)] $variant($config),)*
        }

        impl TrainerChoice {
            /// The names of all trainers.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// Every trainer in its published configuration, without LEAF.
            pub fn all() -> Vec<Self> {
                vec![$(Self::$variant($config::default())),*]
            }

            /// The trainer's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// What LEAF adds.
            pub fn leaf(&self) -> &LeafConfig {
                match self {
                    $(Self::$variant(config) => &config.leaf,)*
                }
            }

            /// What LEAF adds, to be changed as it stands: no trainer adapts it.
            pub fn leaf_mut(&mut self) -> &mut LeafConfig {
                match self {
                    $(Self::$variant(config) => &mut config.leaf,)*
                }
            }

            /// The trainer of that name with the settings of a table; an error names the path.
            pub(super) fn from_settings(name: &str, table: Table) -> Result<Self, String> {
                match name {
                    $($name => serde_path_to_error::deserialize(table)
                        .map(Self::$variant)
                        .map_err(|error| at("trainer", &error)),)*
                    _ => Err(unknown(name).to_string()),
                }
            }

            /// The same trainer with LEAF in it, as far as the trainer can take it.
            #[must_use]
            pub fn with_leaf(self, leaf: LeafConfig) -> Self {
                match self {
                    $(Self::$variant(config) => Self::$variant(config.with_leaf(leaf)),)*
                }
            }

            /// The trainer for a task.
            ///
            /// # Errors
            /// The first rule that is broken, with the field, its value and the bound.
            pub fn build(&self, task: &Task) -> crate::Result<Box<dyn Algorithm>> {
                Ok(match self {
                    $(Self::$variant(config) => Box::new(config.build(task)?),)*
                })
            }
        }
    };
}

trainers! {
    /// The labelled faces alone.
    "supervised" => Supervised(SupervisedConfig),
    /// Pseudo-Label.
    "pseudo-label" => PseudoLabel(PseudoLabelConfig),
    /// Pi-Model.
    "pi-model" => PiModel(PiModelConfig),
    /// Mean Teacher.
    "mean-teacher" => MeanTeacher(MeanTeacherConfig),
    /// UDA.
    "uda" => Uda(UdaConfig),
    /// FixMatch.
    "fixmatch" => FixMatch(FixMatchConfig),
    /// FlexMatch.
    "flexmatch" => FlexMatch(FlexMatchConfig),
    /// FreeMatch.
    "freematch" => FreeMatch(FreeMatchConfig),
    /// SoftMatch.
    "softmatch" => SoftMatch(SoftMatchConfig),
    /// AdaMatch.
    "adamatch" => AdaMatch(AdaMatchConfig),
    /// Dash.
    "dash" => Dash(DashConfig),
    /// MixMatch.
    "mixmatch" => MixMatch(MixMatchConfig),
    /// ReMixMatch.
    "remixmatch" => ReMixMatch(ReMixMatchConfig),
    /// CoMatch.
    "comatch" => CoMatch(CoMatchConfig),
    /// SimMatch.
    "simmatch" => SimMatch(SimMatchConfig),
    /// Ada-CM; with [`LeafConfig::released`] the LEAF authors' own trainer.
    "ada-cm" => AdaCm(AdaCmConfig),
}

impl Default for TrainerChoice {
    /// FixMatch with [`LeafConfig::robust`].
    fn default() -> Self {
        Self::FixMatch(FixMatchConfig::default().with_leaf(LeafConfig::robust()))
    }
}

/// A trainer in its published configuration, by its name.
impl std::str::FromStr for TrainerChoice {
    type Err = Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        let named = |trainer: &Self| trainer.name() == text;
        Self::all()
            .into_iter()
            .find(named)
            .ok_or_else(|| unknown(text))
    }
}

fn unknown(name: &str) -> Error {
    Error::Trainer {
        value: name.to_owned(),
        expected: TrainerChoice::NAMES.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() -> crate::Result<()> {
        for name in TrainerChoice::NAMES {
            assert_eq!(name.parse::<TrainerChoice>()?.name(), *name);
        }
        let error = "fixmach".parse::<TrainerChoice>().unwrap_err().to_string();
        assert!(
            error.contains("\"fixmach\"") && error.contains("fixmatch"),
            "{error}"
        );
        Ok(())
    }
}
