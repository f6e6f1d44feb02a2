//! Dash's configuration.

use leaf_core::LeafConfig;
use leaf_ssl::{
    CrossEntropy, LossBound, LossBoundConfig, Result, SoftLabels, Task, WeakStrong,
    WeakStrongConfig, with_category,
};

use crate::Dash;

/// Dash's configuration; the defaults are the published ones, but for the warm-up.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct DashConfig {
    /// The bound on a pseudo-label's loss: when it starts, how it falls and where it ends.
    pub bound: LossBoundConfig,
    /// What weak logits are divided by to make a soft label (T), above 0; below 1 it sharpens.
    pub temperature: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// What LEAF adds.
    pub leaf: LeafConfig,
}

impl Default for DashConfig {
    fn default() -> Self {
        Self {
            bound: LossBoundConfig::default(),
            temperature: 0.5,
            lambda_u: 1.,
            leaf: LeafConfig::off(),
        }
    }
}

impl DashConfig {
    /// The same trainer with LEAF in it.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self { leaf, ..self }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<Dash> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        WeakStrong::new(
            "Dash",
            SoftLabels::new(self.temperature)?,
            LossBound::new(self.bound.clone())?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            WeakStrongConfig::new(self.lambda_u, &self.leaf),
        )
    }
}
