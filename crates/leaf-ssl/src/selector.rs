//! What decides which pseudo-labels are trained on.

use candle_core::Tensor;
use leaf_core::Error;

use crate::{Probs, PseudoLabels, Result, Stateful};

/// What a selector may look at.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The pseudo-labels of M unlabelled faces.
    pub labels: &'a PseudoLabels,
    /// Each unlabelled face's place in the training list.
    pub index: &'a [usize],
    /// What the labelled faces of the batch are predicted to be.
    pub labeled: &'a Probs,
}

/// Decides how much each pseudo-label counts.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a selector",
    note = "implement `leaf_ssl::Selector`: `select` gives each pseudo-label a weight (M,)"
)]
pub trait Selector: Stateful {
    /// A weight in `[0, 1]` for each unlabelled face `(M,)`, without gradient.
    ///
    /// # Errors
    /// Those of candle.
    fn select(&mut self, candidates: &Candidates) -> Result<Tensor>;
}

/// Keeps what is at least this confident: FixMatch's rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FixedThreshold {
    threshold: f64,
}

impl FixedThreshold {
    /// With a threshold in `[0, 1]`.
    ///
    /// # Errors
    /// When it is outside.
    pub fn new(threshold: f64) -> Result<Self> {
        if (0. ..=1.).contains(&threshold) {
            return Ok(Self { threshold });
        }
        Err(Error::OutOfRange {
            field: "threshold",
            value: threshold,
            expected: "0 to 1",
        }
        .into())
    }
}

impl Stateful for FixedThreshold {}

impl Selector for FixedThreshold {
    fn select(&mut self, candidates: &Candidates) -> Result<Tensor> {
        let confidence = &candidates.labels.confidence;
        Ok(confidence
            .ge(self.threshold)?
            .to_dtype(confidence.dtype())?)
    }
}

/// Keeps what is at least as confident as its class's threshold.
#[derive(Clone, Debug)]
pub struct ClassThresholds {
    thresholds: Tensor,
}

impl ClassThresholds {
    /// With a threshold for each class `(C,)`.
    pub fn new(thresholds: Tensor) -> Self {
        Self { thresholds }
    }
}

impl Stateful for ClassThresholds {}

impl Selector for ClassThresholds {
    fn select(&mut self, candidates: &Candidates) -> Result<Tensor> {
        let PseudoLabels {
            classes,
            confidence,
            ..
        } = candidates.labels;
        let thresholds = self.thresholds.to_dtype(confidence.dtype())?;
        let own = thresholds.index_select(classes, 0)?;
        Ok(confidence.ge(&own)?.to_dtype(confidence.dtype())?)
    }
}
