//! FixMatch's rule.

use candle_core::Tensor;
use leaf_core::Error;

use super::{Candidates, Selector};
use crate::{Result, Stateful};

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
