//! ReMixMatch's configuration.

use leaf_core::{Alignment, AlignmentTarget, LeafConfig, Random};
use leaf_ssl::{AverageAlignment, Mixup, RampedWeight, Result, Task, bounds};

use crate::ReMixMatch;

/// ReMixMatch's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct ReMixMatchConfig {
    /// What the mixed unlabelled rows' loss is multiplied by (λ_u), once it has grown.
    pub lambda_u: f64,
    /// What the loss of the first strong view, unmixed, is multiplied by (λ_kl), once it has grown.
    pub lambda_kl: f64,
    /// What the loss of turned faces is multiplied by (λ_rot); with 0 no face is turned.
    pub lambda_rotation: f64,
    /// The share of the run, in `[0, 1]`, over which λ_u and λ_kl grow from 0; 0 for none.
    pub ramp: f64,
    /// The temperature (T) that targets are sharpened with, above 0; 1 for none.
    pub temperature: f64,
    /// The shape (α) of the mixing weights' distribution `Beta(α, α)`, 0 or more; 0 mixes nothing.
    pub alpha: f64,
    /// How much of the running average of predictions stays at each step, in `[0, 1)`.
    pub alignment_momentum: f64,
    /// What LEAF adds: its aggregation. The rest has no place ([`LeafConfig::aggregation_only`]).
    pub leaf: LeafConfig,
}

impl Default for ReMixMatchConfig {
    fn default() -> Self {
        Self {
            lambda_u: 1.5,
            lambda_kl: 0.5,
            lambda_rotation: 0.5,
            ramp: 1. / 64.,
            temperature: 0.5,
            alpha: 0.75,
            alignment_momentum: 0.999,
            leaf: LeafConfig::off(),
        }
    }
}

impl ReMixMatchConfig {
    /// The same trainer with LEAF's aggregation in it.
    #[must_use]
    pub fn with_leaf(mut self, leaf: LeafConfig) -> Self {
        self.leaf = leaf.aggregation_only();
        self
    }

    /// The trainer for a task, whose labelled faces give the classes' expected shares and whose seed the
    /// mixing follows.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound; when the task knows no
    /// labelled faces.
    pub fn build(&self, task: &Task) -> Result<ReMixMatch> {
        self.leaf.check_aggregation_only(task.num_classes)?;
        bounds::positive("temperature", self.temperature)?;
        let rotation = RampedWeight::constant("lambda_rotation", self.lambda_rotation)?;
        Ok(ReMixMatch {
            alignment: self.alignment(task)?,
            temperature: self.temperature,
            mixup: Mixup::new(self.alpha, Random::new(task.seed).split("mixup"))?,
            mixed: RampedWeight::new("lambda_u", self.lambda_u, self.ramp)?,
            strong: RampedWeight::new("lambda_kl", self.lambda_kl, self.ramp)?,
            rotation: (self.lambda_rotation > 0.).then_some(rotation),
            supervised_weight: self.leaf.supervised_weight,
            balance_weight: self.leaf.balance_weight,
        })
    }

    /// To the classes' shares among the labelled faces.
    fn alignment(&self, task: &Task) -> Result<AverageAlignment> {
        bounds::share_below_one("alignment_momentum", self.alignment_momentum)?;
        let alignment = Alignment {
            momentum: self.alignment_momentum,
            target: AlignmentTarget::Given(task.class_shares()?),
        };
        AverageAlignment::new(&alignment, task.num_classes)
    }
}
