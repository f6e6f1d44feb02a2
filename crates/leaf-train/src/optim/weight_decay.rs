//! How weights are pulled towards 0.

use candle_core::Var;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How weights are pulled towards 0, and how strongly.
///
/// Biases and normalization layers (every parameter with at most one dimension) are left out unless
/// the optimizer's `decay_all` is set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightDecay {
    /// Coupled, as in PyTorch's `SGD` and `Adam`: `g <- g + strength w`, before momentum.
    L2(f64),
    /// Decoupled, as in AdamW (Loshchilov and Hutter 2019): `w <- (1 - learning rate * strength) w`,
    /// beside the gradient's step.
    Decoupled(f64),
}

impl WeightDecay {
    /// No decay at all.
    pub const NONE: Self = Self::L2(0.);

    /// The strength, however it acts.
    pub fn strength(self) -> f64 {
        match self {
            Self::L2(strength) | Self::Decoupled(strength) => strength,
        }
    }

    pub(super) fn check(self) -> Result<()> {
        at_least_zero("weight_decay", self.strength())
    }
}

/// Whom the decay acts on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decay {
    pub(super) kind: WeightDecay,
    pub(super) all: bool,
}

impl Decay {
    /// What is added to the gradient per unit of weight.
    pub(super) fn coupled(self, var: &Var) -> f64 {
        match self.kind {
            WeightDecay::L2(strength) if self.acts_on(var) => strength,
            _ => 0.,
        }
    }

    /// What the weight is multiplied with before the gradient's step.
    pub(super) fn shrink(self, var: &Var, learning_rate: f64) -> f64 {
        match self.kind {
            WeightDecay::Decoupled(strength) if self.acts_on(var) => 1. - learning_rate * strength,
            _ => 1.,
        }
    }

    fn acts_on(self, var: &Var) -> bool {
        self.all || var.rank() > 1
    }
}

pub(super) fn at_least_zero(field: &'static str, value: f64) -> Result<()> {
    if value.is_finite() && value >= 0. {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value,
        expected: "a finite number of at least 0",
    })
}

/// A share that stays below 1, such as momentum.
pub(super) fn below_one(field: &'static str, value: f64) -> Result<()> {
    if (0. ..1.).contains(&value) {
        return Ok(());
    }
    Err(Error::OutOfRange {
        field,
        value,
        expected: "at least 0 and below 1",
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn vectors_are_left_out_by_default() -> Result<()> {
        let weight = Var::zeros((2, 2), DType::F32, &Device::Cpu)?;
        let bias = Var::zeros(2, DType::F32, &Device::Cpu)?;
        let kind = WeightDecay::L2(0.1);
        let some = Decay { kind, all: false };
        assert_eq!((some.coupled(&weight), some.coupled(&bias)), (0.1, 0.));
        assert_eq!(some.shrink(&weight, 1.), 1.);
        let all = Decay {
            kind: WeightDecay::Decoupled(0.1),
            all: true,
        };
        assert_eq!((all.coupled(&bias), all.shrink(&bias, 0.5)), (0., 0.95));
        Ok(())
    }

    #[test]
    fn negative_strengths_are_refused() {
        let error = WeightDecay::Decoupled(-1.).check().unwrap_err();
        assert!(error.to_string().starts_with("weight_decay = -1"));
        assert!(WeightDecay::L2(f64::NAN).check().is_err());
    }
}
