//! A step's labelled and unlabelled faces, mixed with each other.

use candle_core::Tensor;
use leaf_core::soft_cross_entropy;
use leaf_ssl::{Batch, Labeled, Logits, Mixup, Probs, Result, SoftRows, Step, TrainingPasses};

/// Labelled faces and views of unlabelled ones, each row mixed with a random row of all of them.
pub(crate) struct MixedBatch {
    labeled: SoftRows,
    unlabeled: Vec<SoftRows>,
}

impl MixedBatch {
    /// Of a batch's labelled faces and some views of its unlabelled ones, all of which have the same
    /// target `(M, C)`.
    pub(crate) fn new(
        mixup: &Mixup,
        batch: &Batch,
        views: &[&Tensor],
        target: &Probs,
        step: Step,
    ) -> Result<Self> {
        let mut parts = vec![with_classes(&batch.labeled, target)?];
        parts.extend(views.iter().map(|&view| SoftRows {
            images: view.clone(),
            labels: target.clone(),
        }));
        let mut mixed = mixup.mixed(&parts, step)?;
        let unlabeled = mixed.split_off(1);
        Ok(Self {
            labeled: mixed.remove(0),
            unlabeled,
        })
    }

    /// The mean cross-entropy of the rows that were labelled (scalar); running statistics follow them.
    pub(crate) fn supervised(&self, passes: &mut TrainingPasses) -> Result<Tensor> {
        let logits = passes.labeled(&self.labeled.images)?.logits;
        let losses = soft_cross_entropy(logits.tensor(), self.labeled.labels.tensor())?;
        Ok(losses.mean_all()?)
    }

    /// The mean loss of the rows that were unlabelled (scalar), a pass a view.
    pub(crate) fn unlabeled(
        &self,
        passes: &mut TrainingPasses,
        loss: impl Fn(&Logits, &Probs) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let losses = self.unlabeled.iter().map(|rows| {
            let logits = passes.unlabeled(&rows.images)?.logits;
            loss(&logits, &rows.labels)
        });
        Ok(Tensor::cat(&losses.collect::<Result<Vec<_>>>()?, 0)?.mean_all()?)
    }
}

/// Labelled faces with their classes in the form of a target.
fn with_classes(labeled: &Labeled, like: &Probs) -> Result<SoftRows> {
    let (_, num_classes) = like.tensor().dims2()?;
    Ok(SoftRows {
        images: labeled.images.clone(),
        labels: Probs::one_hot(&labeled.labels, num_classes, like.tensor().dtype())?,
    })
}
