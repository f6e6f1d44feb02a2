//! What a trainer may use in a step, beside the batch.

use candle_core::Tensor;

use crate::{Error, Logits, Network, Result};

/// What a trainer may use in a step, beside the batch.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The network that is trained.
    pub student: &'a dyn Network,
    /// The running average of its weights, if one is kept.
    pub average: Option<&'a dyn Network>,
    /// All labelled faces, if they are at hand.
    pub labeled: Option<&'a dyn LabeledFaces>,
    /// What changes the logits of unlabelled faces, if a wrapper does.
    pub adjustment: Option<&'a dyn LogitAdjustment>,
}

/// All labelled faces, for rules that look at them once an epoch.
pub trait LabeledFaces {
    /// Images `(N, channels, height, width)`, weakly augmented, with their classes `(N,)` (u32), a
    /// chunk at a time. The same pass gives the same views.
    fn pass(&self, pass: usize) -> Box<dyn Iterator<Item = Result<(Tensor, Tensor)>> + '_>;
}

/// Changes the logits of unlabelled faces: how a wrapper such as DebiasPL reaches into any trainer.
pub trait LogitAdjustment {
    /// The logits of a view that pseudo-labels are made of; called once a view and step.
    ///
    /// # Errors
    /// When the number of classes differs.
    fn target(&self, logits: &Logits) -> Result<Logits>;

    /// The logits of a view that is trained on.
    ///
    /// # Errors
    /// When the number of classes differs.
    fn trained(&self, logits: &Logits) -> Result<Logits>;
}

impl<'a> Context<'a> {
    /// A network alone.
    pub fn new(student: &'a dyn Network) -> Self {
        Self {
            student,
            average: None,
            labeled: None,
            adjustment: None,
        }
    }

    /// With the running average of the weights.
    #[must_use]
    pub fn with_average(self, average: &'a dyn Network) -> Self {
        Self {
            average: Some(average),
            ..self
        }
    }

    /// With all labelled faces.
    #[must_use]
    pub fn with_labeled(self, labeled: &'a dyn LabeledFaces) -> Self {
        Self {
            labeled: Some(labeled),
            ..self
        }
    }

    /// With something that changes the logits of unlabelled faces.
    #[must_use]
    pub fn with_adjustment(self, adjustment: &'a dyn LogitAdjustment) -> Self {
        Self {
            adjustment: Some(adjustment),
            ..self
        }
    }

    /// The running average of the weights.
    ///
    /// # Errors
    /// [`Error::Missing`] if none is kept.
    pub fn need_average(&self) -> Result<&'a dyn Network> {
        self.average.ok_or(Error::Missing {
            what: "running average of the weights",
        })
    }

    /// All labelled faces.
    ///
    /// # Errors
    /// [`Error::Missing`] if they are not at hand.
    pub fn need_labeled(&self) -> Result<&'a dyn LabeledFaces> {
        self.labeled.ok_or(Error::Missing {
            what: "pass over the labelled faces",
        })
    }

    /// A view's logits as pseudo-labels are made of them, without gradient.
    ///
    /// # Errors
    /// When the number of classes differs.
    pub fn target(&self, logits: &Logits) -> Result<Logits> {
        let logits = logits.detach();
        self.adjustment
            .map_or_else(|| Ok(logits.clone()), |a| a.target(&logits))
    }

    /// A view's logits as they are trained on.
    ///
    /// # Errors
    /// When the number of classes differs.
    pub fn trained(&self, logits: &Logits) -> Result<Logits> {
        self.adjustment
            .map_or_else(|| Ok(logits.clone()), |a| a.trained(logits))
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("num_classes", &self.student.num_classes())
            .field("average", &self.average.is_some())
            .field("labeled", &self.labeled.is_some())
            .field("adjustment", &self.adjustment.is_some())
            .finish()
    }
}
