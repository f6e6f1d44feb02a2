//! FreeMatch's configuration.

use leaf_core::{Alignment, LeafConfig};
use leaf_ssl::{
    CrossEntropy, HardLabels, Result, SelfAdaptive, SelfAdaptiveConfig, Task, WeakStrong,
    WeakStrongConfig, with_category,
};

use crate::FreeMatch;

/// FreeMatch's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct FreeMatchConfig {
    /// How the threshold follows the predictions, and the fairness term's weight (λ_e).
    pub thresholds: SelfAdaptiveConfig,
    /// What the unlabelled faces' loss is multiplied by (λ_u); the fairness term is not.
    pub lambda_u: f64,
    /// Whether and how weak predictions are aligned before they label. Off as published: an option, and the
    /// honest control for LEAF's aligned sets.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub alignment: Option<Alignment>,
    /// What LEAF adds, just as it stands; [`FreeMatchConfig::with_leaf`] gives it the form for low
    /// thresholds.
    pub leaf: LeafConfig,
}

impl Default for FreeMatchConfig {
    fn default() -> Self {
        Self {
            thresholds: SelfAdaptiveConfig::default(),
            lambda_u: 1.,
            alignment: None,
            leaf: LeafConfig::off(),
        }
    }
}

impl FreeMatchConfig {
    /// The same trainer with LEAF in it.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self { leaf, ..self }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<FreeMatch> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        WeakStrong::new(
            "FreeMatch",
            HardLabels::new(self.alignment.as_ref(), num_classes)?,
            SelfAdaptive::new(self.thresholds.clone(), num_classes)?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            WeakStrongConfig::new(self.lambda_u, &self.leaf),
        )
    }
}
