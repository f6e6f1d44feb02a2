//! ReMixMatch.

use candle_core::Tensor;
use leaf_core::{Mode, cross_entropy, soft_cross_entropy};
use leaf_ssl::{
    Algorithm, AverageAlignment, Batch, Context, Error, Heads, Logits, LossSum, Losses, Mixup,
    Probs, PseudoLabels, RampedWeight, Result, Rotated, State, Stateful, Step, TrainingPasses,
    Views, forward,
};

use crate::mixed_batch::MixedBatch;

/// ReMixMatch: aligned, sharpened targets of a weak view for two strong ones, mixed with the labelled faces,
/// and turned faces whose turns must be told.
#[derive(Clone, Debug)]
pub struct ReMixMatch {
    pub(crate) alignment: AverageAlignment,
    pub(crate) temperature: f64,
    pub(crate) mixup: Mixup,
    pub(crate) mixed: RampedWeight,
    pub(crate) strong: RampedWeight,
    /// Without it, no face is turned.
    pub(crate) rotation: Option<RampedWeight>,
    pub(crate) supervised_weight: f64,
    pub(crate) balance_weight: f64,
}

impl ReMixMatch {
    /// The aligned and sharpened prediction of the weak view `(M, C)`.
    fn target(&mut self, context: &Context, batch: &Batch) -> Result<Probs> {
        let weak = &batch.unlabeled.weak[0];
        let output = context.student.forward(weak, Mode::Teacher)?;
        let probs = context.target(&Logits::new(output.logits)?)?.probs()?;
        self.alignment.align(&probs)?.sharpened(self.temperature)
    }
}

impl Algorithm for ReMixMatch {
    fn name(&self) -> &str {
        "ReMixMatch"
    }

    fn views(&self) -> Views {
        Views {
            weak: 1,
            strong: 2,
            rotated: self.rotation.is_some(),
            ..Views::NONE
        }
    }

    fn heads(&self) -> Heads {
        match self.rotation {
            Some(_) => Heads::rotation(),
            None => Heads::default(),
        }
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        forward::check(batch, self.views())?;
        let target = self.target(context, batch)?;
        let (weak, strong) = (&batch.unlabeled.weak, &batch.unlabeled.strong);
        let views = [&strong[0], &strong[1], &weak[0]];
        let mixed = MixedBatch::new(&self.mixup, batch, &views, &target, step)?;

        let mut passes = TrainingPasses::new(context.student);
        let unmixed = context.trained(&passes.unlabeled(&strong[0])?.logits)?;
        let unmixed = to_target(&unmixed, &target)?.mean_all()?;
        let supervised = mixed.supervised(&mut passes)?;
        let unlabeled = mixed.unlabeled(&mut passes, to_target)?;

        let mut sum = LossSum::new("supervised", supervised, self.supervised_weight)?;
        sum.add("unlabeled", unlabeled, self.mixed.at(step))?;
        sum.add("strong", unmixed, self.strong.at(step))?;
        if let Some(weight) = self.rotation {
            let loss = turns(&mut passes, context, batch.unlabeled.rotated.as_ref())?;
            sum.add("rotation", loss, weight.at(step))?;
        }
        let labels = PseudoLabels::hard(target)?;
        sum.measure_selection(&labels, &labels.confidence.ones_like()?)?;
        passes.add_to(&mut sum, self.balance_weight)?;
        Ok(sum.into_losses())
    }
}

/// The cross-entropy of each row to its target `(M,)`.
fn to_target(logits: &Logits, target: &Probs) -> Result<Tensor> {
    Ok(soft_cross_entropy(logits.tensor(), target.tensor())?)
}

/// The mean cross-entropy of turned faces to their turns (scalar).
fn turns(
    passes: &mut TrainingPasses,
    context: &Context,
    rotated: Option<&Rotated>,
) -> Result<Tensor> {
    let rotated = rotated.ok_or(Error::MissingViews {
        kind: "rotated",
        expected: 1,
        found: 0,
    })?;
    let view = passes.unlabeled(&rotated.images)?;
    let logits = context
        .student
        .rotation_logits(&view.aggregated, Mode::FrozenStatistics)?;
    Ok(cross_entropy(&logits, &rotated.quarters)?.mean_all()?)
}

impl Stateful for ReMixMatch {
    fn state(&self) -> Result<State> {
        self.alignment.state()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.alignment.load_state(state)
    }
}
