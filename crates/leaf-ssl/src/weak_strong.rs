//! The family of FixMatch: pseudo-labels of weak views, trained on strong ones.

use candle_core::{DType, Device, Tensor};
use leaf_core::{ContrastiveConfig, Error, ForwardPlan, LeafConfig, Pairs, contrastive};

use crate::{
    Algorithm, Annealing, Batch, Context, LossSum, Losses, PseudoLabeler, Result, Seen, Selector,
    State, Stateful, Step, UnlabeledFaces, UnlabeledLoss, ViewPass, Views, Wanted, forward,
    joined_state, part_of_state,
};

/// What the family's members share.
#[derive(Clone, Debug, PartialEq)]
pub struct WeakStrongConfig {
    /// What the unlabelled faces' loss is multiplied by.
    pub lambda_u: f64,
    /// What the labelled faces' loss is multiplied by.
    pub supervised_weight: f64,
    /// Which labelled faces count, when the sure ones are kept back for later.
    pub annealing: Option<Annealing>,
    /// How many weak views pseudo-labels are made of, at least 1.
    pub weak_views: usize,
    /// What the mixtures' balance loss is multiplied by.
    pub balance_weight: f64,
    /// What the distance between the weak views' and the first strong view's fused features is multiplied by.
    pub invariance_weight: f64,
    /// The attraction between two weak views of a face that is not selected.
    pub contrastive: Option<ContrastiveConfig>,
    /// How a step's views go through the network.
    pub forward: ForwardPlan,
}

impl WeakStrongConfig {
    /// A host's weight with what LEAF says of the rest.
    pub fn new(lambda_u: f64, leaf: &LeafConfig) -> Self {
        Self {
            lambda_u,
            supervised_weight: leaf.supervised_weight,
            annealing: None,
            weak_views: 1,
            balance_weight: leaf.balance_weight,
            invariance_weight: leaf.invariance_weight,
            contrastive: leaf.contrastive,
            forward: leaf.forward,
        }
    }

    /// Checks every weight.
    ///
    /// # Errors
    /// The first that is negative or not a number.
    pub fn check(&self) -> Result<()> {
        for (field, value) in [
            ("lambda_u", self.lambda_u),
            ("supervised_weight", self.supervised_weight),
            ("balance_weight", self.balance_weight),
            ("invariance_weight", self.invariance_weight),
        ] {
            if !(value.is_finite() && value >= 0.) {
                return Err(Error::OutOfRange {
                    field,
                    value,
                    expected: "0 or more",
                }
                .into());
            }
        }
        if self.weak_views == 0 {
            return Err(Error::Zero {
                field: "weak_views",
            }
            .into());
        }
        self.contrastive.as_ref().map_or(Ok(()), |c| Ok(c.check()?))
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            trained_weak: self.contrastive.is_some(),
            ..Wanted::invariance_by(self.invariance_weight)
        }
    }

    fn views(&self) -> Views {
        let pair = if self.contrastive.is_some() { 2 } else { 1 };
        Views {
            weak: self.weak_views.max(pair),
            ..Views::WEAK_STRONG
        }
    }
}

/// Pseudo-label, select, lose: the composition that FixMatch and its kin are values of.
///
/// `L = w_x mean CE(labelled) + λ_u mean(l) + w_s mean(contrastive) + w_b balance + w_i mean(invariance)`, where l is the loss
/// of all unlabelled faces, those that are not selected included as 0.
#[derive(Clone, Debug)]
pub struct WeakStrong<P, S, L> {
    name: &'static str,
    labeler: P,
    selector: S,
    loss: L,
    config: WeakStrongConfig,
}

impl<P: PseudoLabeler, S: Selector, L: UnlabeledLoss> WeakStrong<P, S, L> {
    /// From its parts, under a name.
    ///
    /// # Errors
    /// When a weight is negative or not a number.
    pub fn new(
        name: &'static str,
        labeler: P,
        selector: S,
        loss: L,
        config: WeakStrongConfig,
    ) -> Result<Self> {
        config.check()?;
        Ok(Self {
            name,
            labeler,
            selector,
            loss,
            config,
        })
    }

    /// The labelled faces' term.
    fn supervised(&self, pass: &ViewPass, labels: &Tensor, step: Step) -> Result<LossSum> {
        let weight = self.config.supervised_weight;
        match self.config.annealing {
            None => LossSum::supervised(&pass.logits, labels, weight),
            Some(annealing) => {
                let losses = annealing.losses(&pass.logits, labels, step)?;
                LossSum::new("supervised", losses.mean_all()?, weight)
            }
        }
    }

    /// The mean contrastive loss of the faces with weight 0 (scalar, 0 without any).
    fn contrast(&self, weak: &[ViewPass], weights: &Tensor) -> Result<Option<(Tensor, f64)>> {
        let Some(config) = &self.config.contrastive else {
            return Ok(None);
        };
        let rejected = rows_of_zeros(weights)?;
        if rejected.is_empty() {
            return Ok(None);
        }
        let rejected = Tensor::new(rejected, weights.device())?;
        let features = weak
            .iter()
            .map(|view| Ok(view.features.index_select(&rejected, 0)?))
            .collect::<Result<Vec<_>>>()?;
        let views = Tensor::stack(&features, 1)?;
        let losses = contrastive(&views, Pairs::Faces, config)?;
        Ok(Some((losses.mean_all()?, config.weight)))
    }
}

/// The rows with weight 0.
fn rows_of_zeros(weights: &Tensor) -> Result<Vec<u32>> {
    // Metal has no f64.
    let host = weights.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let rows = (0u32..).zip(host.to_vec1::<f64>()?);
    Ok(rows
        .filter_map(|(row, weight)| (weight == 0.).then_some(row))
        .collect())
}

impl<P: PseudoLabeler, S: Selector, L: UnlabeledLoss> Algorithm for WeakStrong<P, S, L> {
    fn name(&self) -> &str {
        self.name
    }

    fn views(&self) -> Views {
        self.config.views().or(self.selector.needs())
    }

    fn loss(&mut self, context: &Context, batch: &Batch, step: Step) -> Result<Losses> {
        forward::check(batch, self.views())?;
        // First, while the running statistics have not seen this step's rows and no graph is held.
        self.selector.prepare(context, step)?;
        let (plan, wanted) = (self.config.forward, self.config.wanted());
        let passes = forward::run(plan, context, batch, self.views(), wanted)?;
        let seen = Seen::of(&passes, batch, step)?;
        let mut labels = self.labeler.label(&seen)?;
        let weights = self.selector.select(&mut labels, &seen)?.detach();
        let strong = &passes.strong[0].logits;
        let faces = self.loss.losses(&UnlabeledFaces {
            seen: &seen,
            strong,
            labels: &labels,
            weights: &weights,
        })?;

        let mut sum = self.supervised(&passes.labeled, &batch.labeled.labels, step)?;
        sum.add("unlabeled", faces.losses.mean_all()?, self.config.lambda_u)?;
        if let Some(penalty) = self.selector.regularize(strong, &weights)? {
            sum.add(penalty.name, penalty.loss, penalty.weight)?;
        }
        if let Some((contrast, weight)) = self.contrast(&passes.weak, &weights)? {
            sum.add("contrastive", contrast, weight)?;
        }
        sum.add_balance(passes.balance.as_ref(), self.config.balance_weight)?;
        sum.add_invariance(passes.invariance.as_ref(), self.config.invariance_weight)?;
        sum.measure_selection(&labels, &weights)?;
        sum.measure_thresholds(&self.selector)?;
        for (name, value) in &faces.diagnostics {
            sum.measure(name, value);
        }
        sum.measure_experts(&passes.routing)?;
        Ok(sum.into_losses())
    }
}

impl<P: Stateful, S: Stateful, L: Stateful> Stateful for WeakStrong<P, S, L> {
    fn state(&self) -> Result<State> {
        joined_state([
            ("labeler", &self.labeler as &dyn Stateful),
            ("selector", &self.selector),
            ("loss", &self.loss),
        ])
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.labeler.load_state(&part_of_state(state, "labeler"))?;
        self.selector
            .load_state(&part_of_state(state, "selector"))?;
        self.loss.load_state(&part_of_state(state, "loss"))
    }
}
