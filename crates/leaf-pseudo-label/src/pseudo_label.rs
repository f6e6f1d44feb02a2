//! Pseudo-Label and its configuration.

use leaf_core::LeafConfig;
use leaf_ssl::{
    Algorithm, Batch, Context, FixedThreshold, LossSum, Losses, PseudoLabels, RampedWeight, Result,
    Seen, Selector, Stateful, Step, Task, TrainingPasses, ViewPass, Views, forward,
};

/// Pseudo-Label's configuration; the defaults are the published ones.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct PseudoLabelConfig {
    /// The confidence (τ) from which a pseudo-label counts, in `[0, 1]`.
    pub threshold: f64,
    /// What the unlabelled faces' loss is multiplied by (λ_u), once it has grown.
    pub lambda_u: f64,
    /// The share of the run, in `[0, 1]`, over which λ_u grows from 0; 0 for none.
    pub ramp: f64,
    /// What LEAF adds: its aggregation. The rest has no place ([`LeafConfig::aggregation_only`]).
    pub leaf: LeafConfig,
}

impl Default for PseudoLabelConfig {
    fn default() -> Self {
        Self {
            threshold: 0.95,
            lambda_u: 1.,
            ramp: 0.4,
            leaf: LeafConfig::off(),
        }
    }
}

impl PseudoLabelConfig {
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
    pub fn build(&self, task: &Task) -> Result<PseudoLabel> {
        self.leaf.check_aggregation_only(task.num_classes)?;
        Ok(PseudoLabel {
            selector: FixedThreshold::new(self.threshold)?,
            weight: RampedWeight::new("lambda_u", self.lambda_u, self.ramp)?,
            supervised_weight: self.leaf.supervised_weight,
            balance_weight: self.leaf.balance_weight,
        })
    }
}

/// Pseudo-Label: the view that labels is the one that is trained on.
#[derive(Clone, Debug)]
pub struct PseudoLabel {
    selector: FixedThreshold,
    weight: RampedWeight,
    supervised_weight: f64,
    balance_weight: f64,
}

impl Algorithm for PseudoLabel {
    fn name(&self) -> &str {
        "Pseudo-Label"
    }

    fn views(&self) -> Views {
        Views {
            weak: 1,
            ..Views::NONE
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        forward::check(batch, self.views())?;
        let mut passes = TrainingPasses::new(context.student);
        let labeled = passes.labeled(&batch.labeled.images)?;
        let weak = passes.unlabeled(&batch.unlabeled.weak[0])?;

        let target = context.target(&weak.logits)?;
        let mut labels = PseudoLabels::hard(target.probs()?)?;
        let truth = &batch.labeled.labels;
        let view = ViewPass::of_logits(target);
        let seen = Seen::new(vec![view], labeled.detach(), truth.clone(), step);
        let weights = self.selector.select(&mut labels, &seen)?;
        let losses = labels.cross_entropy(&context.trained(&weak.logits)?)?;
        let unlabeled = (losses * &weights)?.mean_all()?;

        let mut sum = LossSum::supervised(&labeled.logits, truth, self.supervised_weight)?;
        sum.add("unlabeled", unlabeled, self.weight.at(step))?;
        sum.measure_selection(&labels, &weights)?;
        passes.add_to(&mut sum, self.balance_weight)?;
        Ok(sum.into_losses())
    }
}

impl Stateful for PseudoLabel {}
