//! Pseudo-labels and what the strong view must predict because of them.

use candle_core::Tensor;
use leaf_core::{cross_entropy, soft_cross_entropy};

use crate::{Logits, Probs, Result};

/// Pseudo-labels of M unlabelled faces; no gradient.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PseudoLabels {
    /// What the weak views predict `(M, C)`; selectors weigh it.
    pub probs: Probs,
    /// The most probable class `(M,)`, u32.
    pub classes: Tensor,
    /// Its probability `(M,)`.
    pub confidence: Tensor,
    /// What the strong view must predict.
    pub target: Target,
}

/// What the strong view must predict.
#[derive(Clone, Debug)]
pub enum Target {
    /// The most probable class, [`PseudoLabels::classes`].
    Hard,
    /// These probabilities `(M, C)`.
    Soft(Probs),
}

impl PseudoLabels {
    /// The most probable classes as labels.
    ///
    /// # Errors
    /// Those of candle.
    pub fn hard(probs: Probs) -> Result<Self> {
        Ok(Self {
            classes: probs.classes()?,
            confidence: probs.confidence()?,
            probs,
            target: Target::Hard,
        })
    }

    /// Selected by `probs`, trained on with `target`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn soft(probs: Probs, target: Probs) -> Result<Self> {
        Ok(Self {
            target: Target::Soft(target),
            ..Self::hard(probs)?
        })
    }

    /// Checks that they are of that many classes, for rules that keep something for each class.
    ///
    /// # Errors
    /// [`leaf_core::Error::Shape`] when the network predicts more or fewer.
    pub fn expect_classes(&self, num_classes: usize) -> Result<()> {
        self.probs
            .expect_classes("predictions of unlabelled faces", num_classes)
    }

    /// The cross-entropy of each face's logits `(M, C)` to its label `(M,)`.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn cross_entropy(&self, logits: &Logits) -> Result<Tensor> {
        Ok(match &self.target {
            Target::Hard => cross_entropy(logits.tensor(), &self.classes)?,
            Target::Soft(target) => soft_cross_entropy(logits.tensor(), target.tensor())?,
        })
    }
}
