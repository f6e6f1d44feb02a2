//! How a step's views go through the network.

use candle_core::Tensor;
use leaf_core::{ForwardPlan, HeadOutput, Mode, Routing, invariance};

use crate::{Batch, Context, Error, Logits, Network, Result, Unlabeled, Views};

/// What a trainer reads of the passes beside predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The weak views' features with their gradient, for a contrastive loss.
    pub trained_weak: bool,
    /// How far apart the views' fused features are, [`Passes::invariance`].
    pub invariance: bool,
}

impl Wanted {
    /// The invariance if it weighs anything, and no trained weak views.
    pub fn invariance_by(weight: f64) -> Self {
        Self {
            trained_weak: false,
            invariance: weight != 0.,
        }
    }

    /// The mean distance of weak views from the first strong one, if it is wanted.
    fn distance(self, weak: &[ViewPass], strong: &[ViewPass]) -> Result<Option<Tensor>> {
        let (true, Some(strong)) = (self.invariance, strong.first()) else {
            return Ok(None);
        };
        let distances = weak.iter().map(|weak| {
            let of_faces = invariance(&weak.features, &strong.features)?;
            Ok(of_faces.mean_all()?)
        });
        mean(&distances.collect::<Result<Vec<_>>>()?)
    }
}

/// The network's answers to one batch.
#[derive(Clone, Debug)]
pub struct Passes {
    /// The labelled faces' answer.
    pub labeled: ViewPass,
    /// Each weak view's answer.
    pub weak: Vec<ViewPass>,
    /// Each strong view's answer.
    pub strong: Vec<ViewPass>,
    /// The mixtures' balance loss over labelled and strong rows, and over weak rows where their features
    /// are compared beside them; unweighted (scalar).
    pub balance: Option<Tensor>,
    /// The mean distance of the weak views' fused features from the first strong view's, unweighted
    /// (scalar), see [`invariance`]; where it is wanted and there is a strong view.
    pub invariance: Option<Tensor>,
    /// The mixtures' decisions over the same rows, by level.
    pub routing: Vec<(&'static str, Routing)>,
}

/// The network's answer to one view of N faces.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ViewPass {
    /// `(N, C)`.
    pub logits: Logits,
    /// Unit length `(N, D)`.
    pub features: Tensor,
    /// What the semantic level gives `(N, D)`.
    pub aggregated: Tensor,
}

impl ViewPass {
    /// A head's answer.
    ///
    /// # Errors
    /// When the logits are not `(N, C)`.
    pub fn new(output: &HeadOutput) -> Result<Self> {
        Ok(Self {
            logits: Logits::new(output.logits.clone())?,
            features: output.features.clone(),
            aggregated: output.aggregated.clone(),
        })
    }

    /// Scores alone, for rules that read nothing else.
    pub fn of_logits(logits: Logits) -> Self {
        Self {
            features: logits.tensor().detach(),
            aggregated: logits.tensor().detach(),
            logits,
        }
    }

    /// The same answer without gradient.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self {
            logits: self.logits.detach(),
            features: self.features.detach(),
            aggregated: self.aggregated.detach(),
        }
    }

    /// Rows `start` to `start + count` of a head's answer.
    fn rows(output: &HeadOutput, start: usize, count: usize) -> Result<Self> {
        Ok(Self {
            logits: Logits::new(output.logits.narrow(0, start, count)?)?,
            features: output.features.narrow(0, start, count)?,
            aggregated: output.aggregated.narrow(0, start, count)?,
        })
    }
}

/// Runs a batch through the network as the plan says.
///
/// Weak views are read in [`Mode::Teacher`], unless they are trained on (a contrastive loss needs
/// their features' gradient) or the plan is the released code's. Where the invariance is wanted,
/// weak rows that are not trained on go through the head a second time, beside those that are: what labels are
/// made of stays free of noise.
///
/// # Errors
/// [`Error::MissingViews`] if the batch lacks views, [`Error::Rows`] or [`Error::Empty`] if its parts do
/// not fit each other; the network's own.
pub fn run(
    plan: ForwardPlan,
    context: &Context,
    batch: &Batch,
    views: Views,
    wanted: Wanted,
) -> Result<Passes> {
    check(batch, views)?;
    let mut passes = match plan {
        ForwardPlan::Concatenated => concatenated(context.student, batch, views, wanted),
        ForwardPlan::Separate => separate(context.student, batch, views, wanted),
    }?;
    for view in &mut passes.weak {
        view.logits = context.target(&view.logits)?;
    }
    for view in &mut passes.strong {
        view.logits = context.trained(&view.logits)?;
    }
    Ok(passes)
}

/// Whether a batch has what a trainer declared, and its parts fit each other.
///
/// # Errors
/// [`Error::MissingViews`], [`Error::Rows`] or [`Error::Empty`].
pub fn check(batch: &Batch, views: Views) -> Result<()> {
    check_views(batch, views)?;
    check_labeled(batch, views)?;
    if views.any() {
        check_unlabeled(batch, views)?;
    }
    Ok(())
}

fn check_views(batch: &Batch, views: Views) -> Result<()> {
    let Unlabeled {
        weak,
        strong,
        rotated,
        ..
    } = &batch.unlabeled;
    for (kind, expected, found) in [
        ("weak", views.weak, weak.len()),
        ("strong", views.strong, strong.len()),
        (
            "rotated",
            usize::from(views.rotated),
            usize::from(rotated.is_some()),
        ),
    ] {
        if found < expected {
            return Err(Error::MissingViews {
                kind,
                expected,
                found,
            });
        }
    }
    Ok(())
}

fn check_labeled(batch: &Batch, views: Views) -> Result<()> {
    let rows = batch.labeled.images.dim(0)?;
    if rows == 0 {
        return Err(Error::Empty {
            what: "labelled faces",
        });
    }
    if views.labeled_index {
        expect_rows("places of labelled faces", rows, batch.labeled.index.len())?;
    }
    expect_rows("labels", rows, batch.labeled.labels.dim(0)?)
}

fn check_unlabeled(batch: &Batch, views: Views) -> Result<()> {
    let unlabeled = &batch.unlabeled;
    let rows = unlabeled.faces()?;
    if rows == 0 {
        return Err(Error::Empty {
            what: "unlabelled faces",
        });
    }
    let rotated = unlabeled.rotated.as_ref().map(|rotated| &rotated.images);
    for view in unlabeled
        .weak
        .iter()
        .chain(&unlabeled.strong)
        .chain(rotated)
    {
        expect_rows("rows in a view of unlabelled faces", rows, view.dim(0)?)?;
    }
    if let Some(rotated) = &unlabeled.rotated {
        expect_rows("quarter turns", rows, rotated.quarters.dim(0)?)?;
    }
    if views.index {
        expect_rows("places of unlabelled faces", rows, unlabeled.index.len())?;
    }
    Ok(())
}

fn expect_rows(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Rows {
        what,
        expected,
        found,
    })
}

fn concatenated(
    network: &dyn Network,
    batch: &Batch,
    views: Views,
    wanted: Wanted,
) -> Result<Passes> {
    let weak = &batch.unlabeled.weak[..views.weak];
    let strong = &batch.unlabeled.strong[..views.strong];
    let labeled = batch.labeled.images.dim(0)?;
    let faces = batch.unlabeled.faces()?;

    let images: Vec<Tensor> = std::iter::once(&batch.labeled.images)
        .chain(weak)
        .chain(strong)
        .cloned()
        .collect();
    let features = network.encode(&cat(&images)?, Mode::Train)?;
    let rows = |start: usize, count: usize| features.narrow(0, start, count);
    let weak_rows = rows(labeled, weak.len() * faces)?;
    let strong_rows = rows(labeled + weak.len() * faces, strong.len() * faces)?;

    let mut trained = vec![rows(0, labeled)?, strong_rows];
    let weak_beside = wanted.invariance && !wanted.trained_weak;
    if weak_beside {
        trained.push(weak_rows.clone());
    }
    let trained = network.head(&cat(&trained)?, Mode::Train)?;
    let strong = views_of(&trained, labeled, strong.len(), faces)?;
    let (weak_mode, weak_rows) = if wanted.trained_weak {
        (Mode::Train, weak_rows)
    } else {
        (Mode::Teacher, weak_rows.detach())
    };
    let weak_passes = match weak.len() {
        0 => Vec::new(),
        count => views_of(&network.head(&weak_rows, weak_mode)?, 0, count, faces)?,
    };
    let compared = match weak_beside {
        true => {
            let start = labeled + strong.len() * faces;
            &views_of(&trained, start, weak.len(), faces)?
        }
        false => &weak_passes,
    };
    let invariance = wanted.distance(compared, &strong)?;
    Ok(Passes {
        labeled: ViewPass::rows(&trained, 0, labeled)?,
        weak: weak_passes,
        strong,
        balance: trained.balance,
        invariance,
        routing: trained.routing,
    })
}

/// Tensors one below the other; one tensor stays as it is.
fn cat(tensors: &[Tensor]) -> Result<Tensor> {
    match tensors {
        [only] => Ok(only.clone()),
        // Supervised training has no strong rows.
        [first, second] if second.dim(0)? == 0 => Ok(first.clone()),
        _ => Ok(Tensor::cat(tensors, 0)?),
    }
}

/// The answers to `count` views of `faces` rows each, from row `start` on.
fn views_of(
    output: &HeadOutput,
    start: usize,
    count: usize,
    faces: usize,
) -> Result<Vec<ViewPass>> {
    (0..count)
        .map(|view| ViewPass::rows(output, start + view * faces, faces))
        .collect()
}

fn separate(network: &dyn Network, batch: &Batch, views: Views, wanted: Wanted) -> Result<Passes> {
    let pass = |images: &Tensor| -> Result<HeadOutput> { network.forward(images, Mode::Train) };
    let weak = batch.unlabeled.weak[..views.weak]
        .iter()
        .map(|view| ViewPass::new(&pass(view)?))
        .collect::<Result<Vec<_>>>()?;
    let output = pass(&batch.labeled.images)?;
    let labeled = ViewPass::new(&output)?;
    let mut balances = Vec::from_iter(output.balance);
    let mut routing = output.routing;
    let mut strong = Vec::new();
    for view in &batch.unlabeled.strong[..views.strong] {
        let mut output = pass(view)?;
        strong.push(ViewPass::new(&output)?);
        balances.extend(output.balance.take());
        routing.append(&mut output.routing);
    }
    let invariance = wanted.distance(&weak, &strong)?;
    Ok(Passes {
        labeled,
        weak,
        strong,
        balance: mean(&balances)?,
        invariance,
        routing,
    })
}

fn mean(scalars: &[Tensor]) -> Result<Option<Tensor>> {
    if scalars.is_empty() {
        return Ok(None);
    }
    Ok(Some(Tensor::stack(scalars, 0)?.mean(0)?))
}
