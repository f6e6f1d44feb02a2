//! FlexMatch's configuration.

use leaf_core::{Alignment, Error, LeafConfig};
use leaf_ssl::{
    CrossEntropy, Curriculum, CurriculumConfig, HardLabels, Result, Task, WeakStrong,
    WeakStrongConfig, with_category,
};

use crate::FlexMatch;

/// FlexMatch's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct FlexMatchConfig {
    /// The confidence (τ) from which a face counts as learned, and how its class's threshold follows.
    pub curriculum: CurriculumConfig,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// Whether and how weak predictions are aligned before they label. Off as published: an option, and the
    /// honest control for LEAF's aligned sets.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub alignment: Option<Alignment>,
    /// What LEAF adds, just as it stands; [`FlexMatchConfig::with_leaf`] gives it the form for low
    /// thresholds.
    pub leaf: LeafConfig,
}

impl Default for FlexMatchConfig {
    fn default() -> Self {
        Self {
            curriculum: CurriculumConfig::default(),
            lambda_u: 1.,
            alignment: None,
            leaf: LeafConfig::off(),
        }
    }
}

impl FlexMatchConfig {
    /// The same trainer with LEAF in it.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self { leaf, ..self }
    }

    /// The trainer for a task, which must know how many training faces there are.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<FlexMatch> {
        let num_classes = task.num_classes;
        self.leaf.check(num_classes)?;
        if task.training_faces == 0 {
            return Err(Error::Zero {
                field: "training_faces of the task",
            }
            .into());
        }
        WeakStrong::new(
            "FlexMatch",
            HardLabels::new(self.alignment.as_ref(), num_classes)?,
            Curriculum::new(self.curriculum.clone(), task.training_faces, num_classes)?,
            with_category(CrossEntropy, self.leaf.category.as_ref(), num_classes)?,
            WeakStrongConfig::new(self.lambda_u, &self.leaf),
        )
    }
}
