//! A threshold for each class.

use candle_core::Tensor;

use super::Selector;
use crate::{PseudoLabels, Result, Seen, Stateful};

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

    /// The thresholds `(C,)`.
    pub fn values(&self) -> &Tensor {
        &self.thresholds
    }
}

impl Stateful for ClassThresholds {}

impl Selector for ClassThresholds {
    fn select(&mut self, labels: &mut PseudoLabels, _seen: &Seen) -> Result<Tensor> {
        labels.expect_classes(self.thresholds.dim(0)?)?;
        let PseudoLabels {
            classes,
            confidence,
            ..
        } = labels;
        let thresholds = self.thresholds.to_dtype(confidence.dtype())?;
        let thresholds = thresholds.to_device(confidence.device())?;
        let own = thresholds.index_select(classes, 0)?;
        Ok(confidence.ge(&own)?.to_dtype(confidence.dtype())?)
    }

    fn thresholds(&self) -> Result<Option<Tensor>> {
        Ok(Some(self.thresholds.clone()))
    }
}
