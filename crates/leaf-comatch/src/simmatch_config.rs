//! SimMatch's configuration.

use leaf_core::{LeafConfig, Random};
use leaf_ssl::{FeatureBank, QueueAlignmentConfig, Result, Task, bounds};

use crate::SimMatch;
use crate::soft_training::{Settings, SoftTraining};

/// SimMatch's configuration; the defaults are the published ones (USB's, trained from scratch).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct SimMatchConfig {
    /// The probability (τ) from which a pseudo-label counts, in `[0, 1]`.
    pub threshold: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u).
    pub lambda_u: f64,
    /// What the loss of resemblance to labelled faces is multiplied by (λ_in), after the first epoch.
    pub lambda_in: f64,
    /// What similarities are divided by (T), above 0.
    pub temperature: f64,
    /// How much of a face's own prediction its pseudo-label keeps (α), in `[0, 1]`; the rest is that of
    /// the labelled faces which it resembles.
    pub smoothing: f64,
    /// How much of a labelled face's feature stays when it is seen again, in `[0, 1)`.
    pub bank_momentum: f64,
    /// The width of the embedding.
    pub projection: usize,
    /// How weak predictions are aligned before they label.
    #[cfg_attr(feature = "serde", serde(with = "leaf_core::switch"))]
    pub alignment: Option<QueueAlignmentConfig>,
    /// What LEAF adds; its contrast of two weak views has no place here and is refused.
    pub leaf: LeafConfig,
}

impl Default for SimMatchConfig {
    fn default() -> Self {
        Self {
            threshold: 0.95,
            lambda_u: 1.,
            lambda_in: 1.,
            temperature: 0.1,
            smoothing: 0.9,
            bank_momentum: 0.7,
            projection: 128,
            alignment: Some(QueueAlignmentConfig::default()),
            leaf: LeafConfig::off(),
        }
    }
}

impl SimMatchConfig {
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

    /// The trainer for a task, which must name its labelled faces ([`Task::with_labeled`]).
    ///
    /// # Errors
    /// [`leaf_ssl::Error::Missing`] if the task does not name them; the first rule that is broken, with
    /// the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<SimMatch> {
        let training = SoftTraining::new(self.settings(), task.num_classes)?;
        bounds::not_negative("lambda_in", self.lambda_in)?;
        bounds::positive("temperature", self.temperature)?;
        bounds::share("smoothing", self.smoothing)?;
        let mut random = Random::new(task.seed).split("labelled faces' features");
        let bank = FeatureBank::new(task, self.projection, self.bank_momentum, &mut random)?;
        Ok(SimMatch::new(self, training, bank))
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
