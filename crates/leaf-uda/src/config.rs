//! UDA's configuration.

use leaf_core::LeafConfig;
use leaf_ssl::{
    Annealing, CrossEntropy, FixedThreshold, Result, SoftLabels, Task, WeakStrong,
    WeakStrongConfig, with_category,
};

use crate::Uda;

/// UDA's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct UdaConfig {
    /// The confidence (τ) from which a pseudo-label counts, in `[0, 1]`.
    pub threshold: f64,
    /// What weak logits are divided by to make the label (T), above 0; below 1 it sharpens.
    pub temperature: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// How sure labelled faces are kept back for later, if they are.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub annealing: Option<Annealing>,
    /// Whether the temperature is ignored, as USB does by mistake.
    pub usb_compat: bool,
    /// What LEAF adds.
    pub leaf: LeafConfig,
}

impl Default for UdaConfig {
    fn default() -> Self {
        Self {
            threshold: 0.8,
            temperature: 0.4,
            lambda_u: 1.,
            annealing: None,
            usb_compat: false,
            leaf: LeafConfig::off(),
        }
    }
}

impl UdaConfig {
    /// The same trainer with LEAF in it.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self { leaf, ..self }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<Uda> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        let config = WeakStrongConfig {
            annealing: self.annealing,
            ..WeakStrongConfig::new(self.lambda_u, &self.leaf)
        };
        WeakStrong::new(
            "UDA",
            self.labeler()?,
            FixedThreshold::new(self.threshold)?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            config,
        )
    }

    fn labeler(&self) -> Result<SoftLabels> {
        // The temperature must make sense even where it is ignored.
        let sharpened = SoftLabels::new(self.temperature)?;
        match self.usb_compat {
            true => SoftLabels::new(1.),
            false => Ok(sharpened),
        }
    }
}
