//! What the network made of a step's faces, as far as labelling and selecting may know.

use candle_core::Tensor;

use crate::{Batch, Passes, Result, Step, ViewPass};

/// What the network made of a step's faces, as far as labelling and selecting may know; no gradient.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Seen {
    /// Each weak view of M unlabelled faces.
    pub weak: Vec<ViewPass>,
    /// The M faces' places in the training list; empty unless [`crate::Views::index`] is set.
    pub index: Vec<usize>,
    /// The B labelled faces.
    pub labeled: ViewPass,
    /// Their classes `(B,)`, u32.
    pub labels: Tensor,
    /// Their places in the training list; empty unless [`crate::Views::labeled_index`] is set.
    pub labeled_index: Vec<usize>,
    /// Where the run stands.
    pub step: Step,
}

impl Seen {
    /// Of weak views and labelled faces with their classes, which lose their gradients; the places are
    /// unknown.
    pub fn new(weak: Vec<ViewPass>, labeled: ViewPass, labels: Tensor, step: Step) -> Self {
        Self {
            weak: weak.iter().map(ViewPass::detach).collect(),
            index: Vec::new(),
            labeled: labeled.detach(),
            labels,
            labeled_index: Vec::new(),
            step,
        }
    }

    /// Of a batch that went through the network.
    ///
    /// # Errors
    /// Those of candle.
    pub fn of(passes: &Passes, batch: &Batch, step: Step) -> Result<Self> {
        Ok(Self {
            weak: passes.weak.iter().map(ViewPass::detach).collect(),
            index: batch.unlabeled.index.clone(),
            labeled: passes.labeled.detach(),
            labels: batch.labeled.labels.clone(),
            labeled_index: batch.labeled.index.clone(),
            step,
        })
    }
}
