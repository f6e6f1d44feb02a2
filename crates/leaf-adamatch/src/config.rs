//! AdaMatch's configuration.

use leaf_core::LeafConfig;
use leaf_ssl::{
    CrossEntropy, HardLabels, RelativeThreshold, Result, Task, WeakStrong, WeakStrongConfig,
    with_category,
};

use crate::AdaMatch;

/// AdaMatch's configuration; the defaults are those of USB's published runs.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct AdaMatchConfig {
    /// The share (τ) of the labelled faces' mean confidence from which a pseudo-label counts, in `[0, 1]`.
    pub threshold: f64,
    /// How much of the alignment's two running averages stays at each step (m), in `[0, 1)`.
    pub momentum: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// What LEAF adds.
    pub leaf: LeafConfig,
}

impl Default for AdaMatchConfig {
    fn default() -> Self {
        Self {
            threshold: 0.95,
            momentum: 0.999,
            lambda_u: 1.,
            leaf: LeafConfig::off(),
        }
    }
}

impl AdaMatchConfig {
    /// The same trainer with LEAF in it.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self { leaf, ..self }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<AdaMatch> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        WeakStrong::new(
            "AdaMatch",
            HardLabels::tracking(self.momentum, num_classes)?,
            RelativeThreshold::new(self.threshold)?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            WeakStrongConfig::new(self.lambda_u, &self.leaf),
        )
    }
}
