//! FixMatch's configuration.

use leaf_core::{Alignment, LeafConfig};
use leaf_ssl::{
    CategoryLevel, FixedThreshold, HardCrossEntropy, HardLabels, Result, WeakStrong,
    WeakStrongConfig,
};

use crate::{BoxedLoss, FixMatch};

/// FixMatch's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct FixMatchConfig {
    /// The confidence (τ) from which a pseudo-label counts, in `[0, 1]`.
    pub threshold: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// Whether and how weak predictions are aligned before they label. Not in the paper: an option
    /// that helps where labels are few, and the honest control for LEAF's aligned sets.
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

    /// The trainer for that many classes.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, num_classes: usize) -> Result<FixMatch<BoxedLoss>> {
        self.leaf.check(num_classes)?;
        let loss: BoxedLoss = match &self.leaf.category {
            Some(category) => Box::new(CategoryLevel::new(category, num_classes)?),
            None => Box::new(HardCrossEntropy),
        };
        WeakStrong::new(
            "FixMatch",
            HardLabels::new(self.alignment.as_ref(), num_classes)?,
            FixedThreshold::new(self.threshold)?,
            loss,
            WeakStrongConfig::new(self.lambda_u, &self.leaf),
        )
    }
}
