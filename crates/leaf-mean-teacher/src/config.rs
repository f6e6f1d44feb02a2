//! Mean Teacher's configuration.

use leaf_core::LeafConfig;
use leaf_ssl::{Divergence, Result, Task, Teacher, WeakWeak, WeakWeakConfig};

use crate::MeanTeacher;

/// Mean Teacher's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct MeanTeacherConfig {
    /// What the unlabelled faces' loss is multiplied by (λ_u), once it has grown.
    pub lambda_u: f64,
    /// The share of the run, in `[0, 1]`, over which λ_u grows from 0; 0 for none.
    pub ramp: f64,
    /// How far apart two answers are; the paper prefers squared errors.
    pub divergence: Divergence,
    /// What LEAF adds: its aggregation. The rest has no place ([`LeafConfig::aggregation_only`]).
    pub leaf: LeafConfig,
}

impl Default for MeanTeacherConfig {
    fn default() -> Self {
        Self {
            lambda_u: 50.,
            ramp: 0.4,
            divergence: Divergence::MeanSquaredError,
            leaf: LeafConfig::off(),
        }
    }
}

impl MeanTeacherConfig {
    /// The same trainer with LEAF's aggregation in it.
    #[must_use]
    pub fn with_leaf(mut self, leaf: LeafConfig) -> Self {
        self.leaf = leaf.aggregation_only();
        self
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<MeanTeacher> {
        self.leaf.check_aggregation_only(task.num_classes)?;
        let config = WeakWeakConfig {
            divergence: self.divergence,
            ..WeakWeakConfig::new(self.lambda_u, self.ramp, &self.leaf)
        };
        WeakWeak::new("Mean Teacher", Teacher::Average, config)
    }
}
