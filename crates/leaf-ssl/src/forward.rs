//! How a step's views go through the network.

use candle_core::Tensor;
use leaf_core::{ForwardPlan, HeadOutput, Mode, Routing};

use crate::{Batch, Error, Logits, Network, Result, Unlabeled, Views};

/// The network's answers to one batch.
#[derive(Clone, Debug)]
pub struct Passes {
    /// The labelled faces' logits `(B, C)`.
    pub labeled: Logits,
    /// Each weak view's answer.
    pub weak: Vec<ViewPass>,
    /// Each strong view's answer.
    pub strong: Vec<ViewPass>,
    /// The mixtures' balance loss over labelled and strong rows, unweighted (scalar).
    pub balance: Option<Tensor>,
    /// The mixtures' decisions over labelled and strong rows, by level.
    pub routing: Vec<(&'static str, Routing)>,
}

/// The network's answer to one view of the unlabelled faces.
#[derive(Clone, Debug)]
pub struct ViewPass {
    /// `(M, C)`.
    pub logits: Logits,
    /// Unit length `(M, D)`.
    pub features: Tensor,
}

/// Runs a batch through the network as the plan says.
///
/// Weak views are read in [`Mode::Teacher`], unless they are `trained` on (a contrastive loss needs
/// their features' gradient) or the plan is the released code's.
///
/// # Errors
/// [`Error::MissingViews`] if the batch lacks views, [`Error::Rows`] or [`Error::Empty`] if its parts do
/// not fit each other; the network's own.
pub fn run(
    plan: ForwardPlan,
    network: &dyn Network,
    batch: &Batch,
    views: Views,
    weak_is_trained: bool,
) -> Result<Passes> {
    check_views(batch, views)?;
    match plan {
        ForwardPlan::Concatenated => concatenated(network, batch, views, weak_is_trained),
        ForwardPlan::Separate => separate(network, batch, views),
    }
}

fn check_views(batch: &Batch, views: Views) -> Result<()> {
    let Unlabeled { weak, strong, .. } = &batch.unlabeled;
    for (kind, expected, found) in [
        ("weak", views.weak, weak.len()),
        ("strong", views.strong, strong.len()),
    ] {
        if found < expected {
            return Err(Error::MissingViews {
                kind,
                expected,
                found,
            });
        }
    }
    check_labeled(batch)?;
    if views.any() {
        check_unlabeled(batch)
    } else {
        Ok(())
    }
}

fn check_labeled(batch: &Batch) -> Result<()> {
    let rows = batch.labeled.images.dim(0)?;
    if rows == 0 {
        return Err(Error::Empty {
            what: "labelled faces",
        });
    }
    expect_rows("labels", rows, batch.labeled.labels.dim(0)?)
}

fn check_unlabeled(batch: &Batch) -> Result<()> {
    let Unlabeled {
        weak,
        strong,
        index,
        hidden_labels,
    } = &batch.unlabeled;
    let rows = index.len();
    if rows == 0 {
        return Err(Error::Empty {
            what: "unlabelled faces",
        });
    }
    for view in weak.iter().chain(strong) {
        expect_rows("rows in a view of unlabelled faces", rows, view.dim(0)?)?;
    }
    match hidden_labels {
        Some(labels) => expect_rows("hidden labels", rows, labels.len()),
        None => Ok(()),
    }
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
    weak_is_trained: bool,
) -> Result<Passes> {
    let weak = &batch.unlabeled.weak[..views.weak];
    let strong = &batch.unlabeled.strong[..views.strong];
    let labeled = batch.labeled.images.dim(0)?;
    let faces = batch.unlabeled.index.len();

    let images: Vec<&Tensor> = std::iter::once(&batch.labeled.images)
        .chain(weak)
        .chain(strong)
        .collect();
    let features = network.encode(&cat(&images)?, Mode::Train)?;
    let rows = |start: usize, count: usize| features.narrow(0, start, count);
    let weak_rows = rows(labeled, weak.len() * faces)?;
    let strong_rows = rows(labeled + weak.len() * faces, strong.len() * faces)?;

    let trained = cat(&[&rows(0, labeled)?, &strong_rows])?;
    let trained = network.head(&trained, Mode::Train)?;
    let (weak_mode, weak_rows) = if weak_is_trained {
        (Mode::Train, weak_rows)
    } else {
        (Mode::Teacher, weak_rows.detach())
    };
    let weak_passes = match weak.len() {
        0 => Vec::new(),
        count => views_of(&network.head(&weak_rows, weak_mode)?, 0, count, faces)?,
    };
    Ok(Passes {
        labeled: Logits::new(trained.logits.narrow(0, 0, labeled)?)?,
        weak: weak_passes,
        strong: views_of(&trained, labeled, strong.len(), faces)?,
        balance: trained.balance,
        routing: trained.routing,
    })
}

/// Tensors one below the other; one tensor stays as it is.
fn cat(tensors: &[&Tensor]) -> Result<Tensor> {
    match tensors {
        [only] => Ok((*only).clone()),
        // Supervised training has no strong rows.
        [first, second] if second.dim(0)? == 0 => Ok((*first).clone()),
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
        .map(|view| {
            let from = start + view * faces;
            Ok(ViewPass {
                logits: Logits::new(output.logits.narrow(0, from, faces)?)?,
                features: output.features.narrow(0, from, faces)?,
            })
        })
        .collect()
}

fn separate(network: &dyn Network, batch: &Batch, views: Views) -> Result<Passes> {
    let pass = |images: &Tensor| -> Result<HeadOutput> {
        network.head(&network.encode(images, Mode::Train)?, Mode::Train)
    };
    let weak = batch.unlabeled.weak[..views.weak]
        .iter()
        .map(|view| as_view(pass(view)?))
        .collect::<Result<_>>()?;
    let labeled = pass(&batch.labeled.images)?;
    let mut balances = Vec::from_iter(labeled.balance);
    let mut routing = labeled.routing;
    let mut strong = Vec::new();
    for view in &batch.unlabeled.strong[..views.strong] {
        let mut output = pass(view)?;
        balances.extend(output.balance.take());
        routing.append(&mut output.routing);
        strong.push(as_view(output)?);
    }
    Ok(Passes {
        labeled: Logits::new(labeled.logits)?,
        weak,
        strong,
        balance: mean(&balances)?,
        routing,
    })
}

fn as_view(output: HeadOutput) -> Result<ViewPass> {
    Ok(ViewPass {
        logits: Logits::new(output.logits)?,
        features: output.features,
    })
}

fn mean(scalars: &[Tensor]) -> Result<Option<Tensor>> {
    if scalars.is_empty() {
        return Ok(None);
    }
    Ok(Some(Tensor::stack(scalars, 0)?.mean(0)?))
}
