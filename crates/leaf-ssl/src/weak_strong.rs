//! The family of FixMatch: pseudo-labels of weak views, trained on strong ones.

use candle_core::{DType, Device, Tensor};
use leaf_core::{
    ContrastiveConfig, Error, ForwardPlan, LeafConfig, Pairs, contrastive, cross_entropy,
};

use crate::category_level::weighted_mean;
use crate::{
    Algorithm, Batch, CONFIDENCE, Candidates, EXPERT_USAGE, Labeled, Logits, Losses, Networks,
    PSEUDO_ACCURACY, Passes, PseudoLabeler, PseudoLabels, Result, Selector, State, Stateful, Step,
    UTILIZATION, UnlabeledFaces, UnlabeledLoss, ViewPass, Views, forward, joined_state,
    part_of_state,
};

/// What the family's members share.
#[derive(Clone, Debug, PartialEq)]
pub struct WeakStrongConfig {
    /// What the unlabelled faces' loss is multiplied by.
    pub lambda_u: f64,
    /// What the labelled faces' loss is multiplied by.
    pub supervised_weight: f64,
    /// What the mixtures' balance loss is multiplied by.
    pub balance_weight: f64,
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
            balance_weight: leaf.balance_weight,
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
        self.contrastive.as_ref().map_or(Ok(()), |c| Ok(c.check()?))
    }

    fn views(&self) -> Views {
        Views {
            weak: if self.contrastive.is_some() { 2 } else { 1 },
            strong: 1,
        }
    }
}

/// Pseudo-label, select, lose: the composition that FixMatch and its kin are values of.
///
/// `L = w_x mean CE(labelled) + λ_u mean(l) + w_s mean(contrastive) + w_b balance`, where l is the loss
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
        self.config.views()
    }

    fn loss(&mut self, networks: &Networks, batch: &Batch, step: Step) -> Result<Losses> {
        let WeakStrongConfig {
            forward,
            lambda_u,
            ref contrastive,
            ..
        } = self.config;
        let passes = forward::run(
            forward,
            networks.student,
            batch,
            self.views(),
            contrastive.is_some(),
        )?;
        let weak = detached(&passes.weak)?;
        let labels = self.labeler.label(&weak)?;
        let weights = self.selector.select(&Candidates {
            labels: &labels,
            index: &batch.unlabeled.index,
            labeled: &Logits::new(passes.labeled.tensor().detach())?.probs()?,
        })?;
        let faces = self.loss.losses(&UnlabeledFaces {
            weak: &weak,
            strong: &passes.strong[0].logits,
            labels: &labels,
            weights: &weights,
            step,
        })?;

        let mut sum = supervised_sum(&passes, &batch.labeled, self.config.supervised_weight)?;
        sum.add("unlabeled", faces.losses.mean_all()?, lambda_u)?;
        if let Some((contrast, weight)) = self.contrast(&passes.weak, &weights)? {
            sum.add("contrastive", contrast, weight)?;
        }
        sum.add_balance(&passes, self.config.balance_weight)?;
        let mut diagnostics = selection_diagnostics(&labels, &weights, batch)?;
        diagnostics.extend(faces.diagnostics);
        diagnostics.extend(expert_usage(&passes)?);
        Ok(sum.into_losses(diagnostics))
    }

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

fn detached(views: &[ViewPass]) -> Result<Vec<Logits>> {
    views
        .iter()
        .map(|view| Logits::new(view.logits.tensor().detach()))
        .collect()
}

/// The weighted sum of a step's terms, each of which is added once.
pub(crate) struct LossSum {
    total: Tensor,
    terms: Vec<(&'static str, Tensor)>,
}

/// Starts with the labelled faces' cross-entropy.
pub(crate) fn supervised_sum(passes: &Passes, labeled: &Labeled, weight: f64) -> Result<LossSum> {
    let loss = cross_entropy(passes.labeled.tensor(), &labeled.labels)?.mean_all()?;
    Ok(LossSum {
        terms: vec![("supervised", loss.detach())],
        total: (loss * weight)?,
    })
}

impl LossSum {
    pub(crate) fn add(&mut self, name: &'static str, loss: Tensor, weight: f64) -> Result<()> {
        self.terms.push((name, loss.detach()));
        self.total = (&self.total + (loss * weight)?)?;
        Ok(())
    }

    /// A weight of 0 leaves the balance out, so that a gate that nothing trains gets no gradient.
    pub(crate) fn add_balance(&mut self, passes: &Passes, weight: f64) -> Result<()> {
        match &passes.balance {
            Some(balance) if weight != 0. => self.add("balance", balance.clone(), weight),
            Some(balance) => {
                self.terms.push(("balance", balance.detach()));
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn into_losses(self, diagnostics: Vec<(String, Tensor)>) -> Losses {
        Losses {
            total: self.total,
            terms: self.terms,
            diagnostics,
        }
    }
}

fn selection_diagnostics(
    labels: &PseudoLabels,
    weights: &Tensor,
    batch: &Batch,
) -> Result<Vec<(String, Tensor)>> {
    let mut found = vec![
        (UTILIZATION.to_owned(), weights.mean_all()?.detach()),
        (
            CONFIDENCE.to_owned(),
            labels.confidence.mean_all()?.detach(),
        ),
    ];
    if let Some(truth) = &batch.unlabeled.hidden_labels {
        let truth = Tensor::new(truth.as_slice(), labels.classes.device())?;
        let right = labels.classes.eq(&truth)?.to_dtype(weights.dtype())?;
        found.push((PSEUDO_ACCURACY.to_owned(), weighted_mean(&right, weights)?));
    }
    Ok(found)
}

/// The share of rows that each expert served, by level; several passes count by their rows.
pub(crate) fn expert_usage(passes: &Passes) -> Result<Vec<(String, Tensor)>> {
    let mut levels: Vec<(&str, Tensor, f64)> = Vec::new();
    for (level, routing) in &passes.routing {
        let rows = routing.experts.dim(0)? as f64;
        let served = (routing.usage()? * rows)?;
        match levels.iter_mut().find(|(known, ..)| known == level) {
            Some((_, sum, total)) => {
                *sum = (&*sum + served)?;
                *total += rows;
            }
            None => levels.push((level, served, rows)),
        }
    }
    levels
        .into_iter()
        .map(|(level, served, rows)| Ok((format!("{EXPERT_USAGE}, {level}"), (served / rows)?)))
        .collect()
}
