//! One expert: a small network that keeps the width of its input.

use candle_core::Tensor;
use candle_nn::VarBuilder;

use crate::{Error, Linear, Mode, Result, linear, linear_zero};

/// Which network an expert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum ExpertKind {
    /// `W x + b`.
    Linear,
    /// `x + W2 relu(W1 x + b1) + b2`.
    ResidualMlp {
        /// The width between the layers; half of the input's without one.
        hidden: Option<usize>,
    },
}

/// One expert, `(N, D)` to `(N, D)`.
#[derive(Clone, Debug)]
pub enum Expert {
    /// `W x + b`.
    Linear(Linear),
    /// `x + W2 relu(W1 x + b1) + b2`.
    ResidualMlp {
        /// `W1, b1`: D to the hidden width.
        fc1: Linear,
        /// `W2, b2`: the hidden width to D.
        fc2: Linear,
    },
}

impl Expert {
    /// `(N, D)` to `(N, D)`.
    ///
    /// # Errors
    /// Those of candle, when the width does not fit.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        match self {
            Self::Linear(layer) => layer.forward(xs, mode),
            Self::ResidualMlp { fc1, fc2 } => {
                let hidden = fc1.forward(xs, mode)?.relu()?;
                Ok((xs + fc2.forward(&hidden, mode)?)?)
            }
        }
    }
}

/// An [`Expert`] of width `dim`. Paths: `weight`, `bias` (linear) or `fc1.*`, `fc2.*` (residual).
///
/// `zero_last` starts a residual expert as the identity (its last layer at 0); a linear expert has
/// no identity to fall back to and ignores it.
///
/// # Errors
/// When a width is 0 or the builder's tensors do not fit.
pub fn expert(dim: usize, kind: ExpertKind, zero_last: bool, vb: VarBuilder) -> Result<Expert> {
    match kind {
        ExpertKind::Linear => Ok(Expert::Linear(linear(dim, dim, vb)?)),
        ExpertKind::ResidualMlp { hidden } => {
            let hidden = hidden.unwrap_or((dim / 2).max(1));
            if hidden == 0 {
                return Err(Error::Zero { field: "hidden" });
            }
            let last = if zero_last { linear_zero } else { linear };
            Ok(Expert::ResidualMlp {
                fc1: linear(dim, hidden, vb.pp("fc1"))?,
                fc2: last(hidden, dim, vb.pp("fc2"))?,
            })
        }
    }
}
