//! FixMatch's configuration.

use leaf_core::{Alignment, LeafConfig};
use leaf_ssl::{
    CrossEntropy, FixedThreshold, HardLabels, Result, Task, WeakStrong, WeakStrongConfig,
    with_category,
};

use crate::FixMatch;

/// FixMatch's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct FixMatchConfig {
    /// The confidence (τ) from which a pseudo-label counts, in `[0, 1]`.
    pub threshold: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// Whether and how weak predictions are aligned before they label. Off in the paper's
    /// tables: an option that helps where labels are few, and the honest control for LEAF's aligned sets.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub alignment: Option<Alignment>,
    /// What LEAF adds.
    pub leaf: LeafConfig,
}

impl Default for FixMatchConfig {
    fn default() -> Self {
        Self {
            threshold: 0.95,
            lambda_u: 1.,
            alignment: None,
            leaf: LeafConfig::off(),
        }
    }
}

impl FixMatchConfig {
    /// The same trainer with LEAF in it.
    pub fn with_leaf(mut self, leaf: LeafConfig) -> Self {
        self.leaf = leaf;
        self
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<FixMatch> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        WeakStrong::new(
            "FixMatch",
            HardLabels::new(self.alignment.as_ref(), num_classes)?,
            FixedThreshold::new(self.threshold)?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            WeakStrongConfig::new(self.lambda_u, &self.leaf),
        )
    }
}
