//! SoftMatch's configuration.

use leaf_core::LeafConfig;
use leaf_ssl::{
    CrossEntropy, Gaussian, GaussianConfig, HardLabels, Result, Task, WeakStrong, WeakStrongConfig,
    with_category,
};

use crate::SoftMatch;

/// SoftMatch's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct SoftMatchConfig {
    /// How a face's weight follows its confidence.
    pub weighting: GaussianConfig,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// What LEAF adds, just as it stands; [`SoftMatchConfig::with_leaf`] gives it the form for low
    /// thresholds.
    pub leaf: LeafConfig,
}

impl Default for SoftMatchConfig {
    fn default() -> Self {
        Self {
            weighting: GaussianConfig::default(),
            lambda_u: 1.,
            leaf: LeafConfig::off(),
        }
    }
}

impl SoftMatchConfig {
    /// The same trainer with LEAF in it.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self { leaf, ..self }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<SoftMatch> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        WeakStrong::new(
            "SoftMatch",
            // The selector aligns what it weighs; the label is the unaligned prediction's.
            HardLabels::new(None, num_classes)?,
            Gaussian::new(self.weighting.clone(), num_classes)?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            WeakStrongConfig::new(self.lambda_u, &self.leaf),
        )
    }
}
