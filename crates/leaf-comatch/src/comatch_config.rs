//! CoMatch's configuration.

use leaf_core::{Error, LeafConfig};
use leaf_ssl::{MemoryQueue, QueueAlignmentConfig, Result, Task, bounds};

use crate::CoMatch;
use crate::soft_training::{Settings, SoftTraining};

/// CoMatch's configuration; the defaults are the published ones (USB's, trained from scratch).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct CoMatchConfig {
    /// The probability (τ) from which a pseudo-label counts, in `[0, 1]`.
    pub threshold: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// What the contrast of the graphs is multiplied by (λ_c).
    pub lambda_c: f64,
    /// What similarities are divided by (T), above 0.
    pub temperature: f64,
    /// From which product of pseudo-labels two faces attract each other, in `[0, 1]`.
    pub graph_threshold: f64,
    /// How much of a face's own prediction its pseudo-label keeps (α), in `[0, 1]`; the rest is the
    /// memory's.
    pub smoothing: f64,
    /// How many batches the memory holds, at least 1; it is used after more steps than that.
    pub queue_batches: usize,
    /// The width of the embedding.
    pub projection: usize,
    /// How weak predictions are aligned before they label.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub alignment: Option<QueueAlignmentConfig>,
    /// What LEAF adds; its contrast of two weak views has no place here and is refused.
    pub leaf: LeafConfig,
}

impl Default for CoMatchConfig {
    fn default() -> Self {
        Self {
            threshold: 0.95,
            lambda_u: 1.,
            lambda_c: 1.,
            temperature: 0.2,
            graph_threshold: 0.8,
            smoothing: 0.9,
            queue_batches: 5,
            projection: 64,
            alignment: Some(QueueAlignmentConfig::default()),
            leaf: LeafConfig::off(),
        }
    }
}

impl CoMatchConfig {
    /// The same trainer with LEAF in it, but for LEAF's contrast of two weak views.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self {
            leaf: LeafConfig {
                contrastive: None,
                ..leaf
            },
            ..self
        }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<CoMatch> {
        let num_classes = task.num_classes;
        let training = SoftTraining::new(self.settings(), num_classes)?;
        self.check()?;
        let memory = MemoryQueue::new(self.queue_batches, self.projection, num_classes)?;
        Ok(CoMatch::new(self, training, memory))
    }

    fn check(&self) -> Result<()> {
        bounds::not_negative("lambda_c", self.lambda_c)?;
        bounds::positive("temperature", self.temperature)?;
        bounds::share("graph_threshold", self.graph_threshold)?;
        bounds::share("smoothing", self.smoothing)?;
        if self.projection == 0 {
            return Err(Error::Zero {
                field: "projection",
            }
            .into());
        }
        Ok(())
    }

    fn settings(&self) -> Settings<'_> {
        Settings {
            threshold: self.threshold,
            lambda_u: self.lambda_u,
            alignment: self.alignment.as_ref(),
            leaf: &self.leaf,
        }
    }
}
