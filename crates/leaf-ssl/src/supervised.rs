//! Training on the labelled faces alone: what semi-supervised training is measured against.

use leaf_core::{ForwardPlan, LeafConfig};

use crate::{
    Algorithm, Batch, Context, LossSum, Losses, Result, Stateful, Step, Task, Views, Wanted,
    forward,
};

/// The configuration of [`Supervised`].
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct SupervisedConfig {
    /// The head and its balance weight; the rest has no place ([`LeafConfig::aggregation_only`]).
    pub leaf: LeafConfig,
}

impl Default for SupervisedConfig {
    fn default() -> Self {
        Self {
            leaf: LeafConfig::off(),
        }
    }
}

impl SupervisedConfig {
    /// The same trainer with LEAF's aggregation; there is nothing for the category level to compare.
    #[must_use]
    pub fn with_leaf(self, leaf: LeafConfig) -> Self {
        Self {
            leaf: leaf.aggregation_only(),
        }
    }

    /// The trainer for a task.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<Supervised> {
        self.leaf.check_aggregation_only(task.num_classes)?;
        Ok(Supervised::new(&self.leaf))
    }
}

/// `L = w_x mean CE(labelled) + w_b balance`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Supervised {
    supervised_weight: f64,
    balance_weight: f64,
}

impl Supervised {
    /// With the weights that LEAF's configuration gives; [`LeafConfig::off`] for a plain head.
    pub fn new(leaf: &LeafConfig) -> Self {
        Self {
            supervised_weight: leaf.supervised_weight,
            balance_weight: leaf.balance_weight,
        }
    }
}

impl Algorithm for Supervised {
    fn name(&self) -> &str {
        "supervised"
    }

    fn views(&self) -> Views {
        Views::NONE
    }

    fn loss(&mut self, context: &Context, batch: &Batch, _step: Step) -> Result<Losses> {
        let plan = ForwardPlan::Concatenated;
        let passes = forward::run(plan, context, batch, Views::NONE, Wanted::default())?;
        let labels = &batch.labeled.labels;
        let mut sum = LossSum::supervised(&passes.labeled.logits, labels, self.supervised_weight)?;
        sum.add_balance(passes.balance.as_ref(), self.balance_weight)?;
        sum.measure_experts(&passes.routing)?;
        Ok(sum.into_losses())
    }
}

impl Stateful for Supervised {}
