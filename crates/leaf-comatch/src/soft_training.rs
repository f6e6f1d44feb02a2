//! What CoMatch and SimMatch share: soft labels, chosen by a fixed threshold.

use leaf_core::{ForwardPlan, LeafConfig};
use leaf_ssl::{
    BoxedLoss, CrossEntropy, FixedThreshold, LossSum, Losses, Passes, Penalty, Probs, PseudoLabels,
    QueueAlignment, QueueAlignmentConfig, Result, Seen, Selector, State, Stateful, UnlabeledFaces,
    UnlabeledLoss, Wanted, bounds, joined_state, part_of_state, with_category,
};

/// What both configurations say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) threshold: f64,
    pub(crate) lambda_u: f64,
    pub(crate) alignment: Option<&'a QueueAlignmentConfig>,
    pub(crate) leaf: &'a LeafConfig,
}

/// `L = w_x mean CE(z_x, y) + λ_u mean( 1[max p >= τ] CE(z_s, p) ) + term + w_b balance + w_i invariance`.
#[derive(Clone, Debug)]
pub(crate) struct SoftTraining<L> {
    alignment: Option<QueueAlignment>,
    selector: FixedThreshold,
    loss: L,
    lambda_u: f64,
    supervised_weight: f64,
    balance_weight: f64,
    invariance_weight: f64,
    pub(crate) plan: ForwardPlan,
}

impl SoftTraining<BoxedLoss> {
    /// Of checked settings, for that many classes.
    pub(crate) fn new(settings: Settings, num_classes: usize) -> Result<Self> {
        let leaf = settings.leaf;
        leaf.check(num_classes)?;
        if leaf.contrastive.is_some() {
            return Err(leaf_core::Error::NoPlace {
                part: "contrastive",
                expected: "off",
            }
            .into());
        }
        bounds::not_negative("lambda_u", settings.lambda_u)?;
        let alignment = settings.alignment;
        let alignment = alignment.map(|alignment| QueueAlignment::new(alignment, num_classes));
        Ok(Self {
            alignment: alignment.transpose()?,
            selector: FixedThreshold::new(settings.threshold)?,
            loss: with_category(CrossEntropy, leaf.category.as_ref(), num_classes)?,
            lambda_u: settings.lambda_u,
            supervised_weight: leaf.supervised_weight,
            balance_weight: leaf.balance_weight,
            invariance_weight: leaf.invariance_weight,
            plan: leaf.forward,
        })
    }
}

impl<L: UnlabeledLoss> SoftTraining<L> {
    /// What the losses read of the passes.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted::invariance_by(self.invariance_weight)
    }

    /// What the weak view predicts, aligned `(M, C)`.
    pub(crate) fn aligned(&mut self, seen: &Seen) -> Result<Probs> {
        let probs = seen.weak[0].logits.probs()?;
        match &mut self.alignment {
            Some(alignment) => alignment.align(&probs),
            None => Ok(probs),
        }
    }

    /// The step's losses: probabilities `(M, C)` choose the faces and are what the first strong view
    /// must predict; `term` is added.
    pub(crate) fn losses(
        &mut self,
        passes: &Passes,
        seen: &Seen,
        probs: Probs,
        term: Penalty,
    ) -> Result<Losses> {
        let mut labels = PseudoLabels::soft(probs.clone(), probs)?;
        let weights = self.selector.select(&mut labels, seen)?.detach();
        let faces = self.loss.losses(&UnlabeledFaces {
            seen,
            strong: &passes.strong[0].logits,
            labels: &labels,
            weights: &weights,
        })?;
        let labeled = &passes.labeled.logits;
        let mut sum = LossSum::supervised(labeled, &seen.labels, self.supervised_weight)?;
        sum.add("unlabeled", faces.losses.mean_all()?, self.lambda_u)?;
        sum.add(term.name, term.loss, term.weight)?;
        sum.add_balance(passes.balance.as_ref(), self.balance_weight)?;
        sum.add_invariance(passes.invariance.as_ref(), self.invariance_weight)?;
        sum.measure_selection(&labels, &weights)?;
        sum.measure_thresholds(&self.selector)?;
        for (name, value) in &faces.diagnostics {
            sum.measure(name, value);
        }
        sum.measure_experts(&passes.routing)?;
        Ok(sum.into_losses())
    }
}

/// `a p + (1 - a) q`.
pub(crate) fn smoothed(share: f64, probs: &Probs, others: &Probs) -> Result<Probs> {
    let (probs, others) = (probs.tensor(), others.tensor());
    Probs::new(((probs * share)? + (others * (1. - share))?)?)
}

impl<L: Stateful> Stateful for SoftTraining<L> {
    fn state(&self) -> Result<State> {
        joined_state([
            ("alignment", &self.alignment as &dyn Stateful),
            ("loss", &self.loss),
        ])
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.alignment
            .load_state(&part_of_state(state, "alignment"))?;
        self.loss.load_state(&part_of_state(state, "loss"))
    }
}
