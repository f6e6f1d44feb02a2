//! MixMatch and its configuration.

use leaf_core::{LeafConfig, Mode, Random};
use leaf_ssl::{
    Algorithm, Batch, Context, Logits, LossSum, Losses, Mixup, Probs, PseudoLabels, RampedWeight,
    Result, Stateful, Step, Task, TrainingPasses, Views, bounds, forward, mean_squared_error,
};

use crate::mixed_batch::MixedBatch;

/// MixMatch's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct MixMatchConfig {
    /// What the unlabelled rows' loss is multiplied by (λ_u), once it has grown.
    pub lambda_u: f64,
    /// The share of the run, in `[0, 1]`, over which λ_u grows from 0; 0 for none.
    pub ramp: f64,
    /// The temperature (T) that targets are sharpened with, above 0; 1 for none.
    pub temperature: f64,
    /// The shape (α) of the mixing weights' distribution `Beta(α, α)`, 0 or more; 0 mixes nothing.
    pub alpha: f64,
    /// What LEAF adds: its aggregation. The rest has no place ([`LeafConfig::aggregation_only`]).
    pub leaf: LeafConfig,
}

impl Default for MixMatchConfig {
    fn default() -> Self {
        Self {
            lambda_u: 100.,
            ramp: 0.4,
            temperature: 0.5,
            alpha: 0.5,
            leaf: LeafConfig::off(),
        }
    }
}

impl MixMatchConfig {
    /// The same trainer with LEAF's aggregation in it.
    #[must_use]
    pub fn with_leaf(mut self, leaf: LeafConfig) -> Self {
        self.leaf = leaf.aggregation_only();
        self
    }

    /// The trainer for a task, whose seed the mixing follows.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn build(&self, task: &Task) -> Result<MixMatch> {
        self.leaf.check_aggregation_only(task.num_classes)?;
        bounds::positive("temperature", self.temperature)?;
        Ok(MixMatch {
            temperature: self.temperature,
            mixup: Mixup::new(self.alpha, Random::new(task.seed).split("mixup"))?,
            weight: RampedWeight::new("lambda_u", self.lambda_u, self.ramp)?,
            supervised_weight: self.leaf.supervised_weight,
            balance_weight: self.leaf.balance_weight,
        })
    }
}

/// MixMatch: sharpened targets of two weak views, mixed with the labelled faces.
#[derive(Clone, Debug)]
pub struct MixMatch {
    temperature: f64,
    mixup: Mixup,
    weight: RampedWeight,
    supervised_weight: f64,
    balance_weight: f64,
}

impl MixMatch {
    /// The sharpened mean of what the network says of both views `(M, C)`.
    fn target(&self, context: &Context, batch: &Batch) -> Result<Probs> {
        let views = batch.unlabeled.weak[..2].iter().map(|view| {
            let output = context.student.forward(view, Mode::Teacher)?;
            context.target(&Logits::new(output.logits)?)?.probs()
        });
        Probs::mean(&views.collect::<Result<Vec<_>>>()?)?.sharpened(self.temperature)
    }
}

impl Algorithm for MixMatch {
    fn name(&self) -> &str {
        "MixMatch"
    }

    fn views(&self) -> Views {
        Views {
            weak: 2,
            ..Views::NONE
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        forward::check(batch, self.views())?;
        let target = self.target(context, batch)?;
        let views = [&batch.unlabeled.weak[0], &batch.unlabeled.weak[1]];
        let mixed = MixedBatch::new(&self.mixup, batch, &views, &target, step)?;

        let mut passes = TrainingPasses::new(context.student);
        let supervised = mixed.supervised(&mut passes)?;
        let unlabeled = mixed.unlabeled(&mut passes, mean_squared_error)?;
        let mut sum = LossSum::new("supervised", supervised, self.supervised_weight)?;
        sum.add("unlabeled", unlabeled, self.weight.at(step))?;
        let labels = PseudoLabels::hard(target)?;
        sum.measure_selection(&labels, &labels.confidence.ones_like()?)?;
        passes.add_to(&mut sum, self.balance_weight)?;
        Ok(sum.into_losses())
    }
}

impl Stateful for MixMatch {}
