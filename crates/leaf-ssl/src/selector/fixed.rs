//! FixMatch's rule.

use candle_core::{Device, Tensor};
use leaf_core::Error;

use super::Selector;
use crate::{PseudoLabels, Result, Seen, Stateful};

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
    fn select(&mut self, labels: &mut PseudoLabels, _seen: &Seen) -> Result<Tensor> {
        let confidence = &labels.confidence;
        Ok(confidence
            .ge(self.threshold)?
            .to_dtype(confidence.dtype())?)
    }

    fn thresholds(&self) -> Result<Option<Tensor>> {
        Ok(Some(Tensor::new(&[self.threshold], &Device::Cpu)?))
    }
}
