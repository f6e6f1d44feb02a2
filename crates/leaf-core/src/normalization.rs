//! What happens to a feature's length before the classifier.

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};

use crate::bounds::positive;
use crate::{Mode, Result, unit_length};

/// Which length features have when they reach the classifier.
///
/// With unit length and no scale, 7 classes need class weights longer than 4 before a prediction can
/// reach a confidence of .95, where PyTorch's initial ones are about .6 long: fixed thresholds then
/// fire late or never.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(rename_all = "snake_case", deny_unknown_fields)
)]
pub enum Normalization {
    /// Their own.
    #[default]
    None,
    /// One.
    Unit,
    /// A learnable scale, the same for all rows.
    LearnableScale {
        /// The scale to start from, above 0.
        initial: f64,
    },
}

impl Normalization {
    /// Checks the scale.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless it is finite and above 0.
    pub fn check(self) -> Result<()> {
        match self {
            Self::LearnableScale { initial } => positive("normalization.initial", initial),
            Self::None | Self::Unit => Ok(()),
        }
    }
}

/// A [`Normalization`] with its parameter.
#[derive(Clone, Debug)]
pub enum Normalize {
    /// Leaves features as they are.
    None,
    /// Scales rows to length 1.
    Unit,
    /// Scales rows to this length (a tensor of one entry).
    LearnableScale(Tensor),
}

impl Normalize {
    /// Features `(N, D)` to features `(N, D)`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        match self {
            Self::None => Ok(xs.clone()),
            Self::Unit => unit_length(xs),
            Self::LearnableScale(scale) => Ok(unit_length(xs)?.broadcast_mul(&mode.view(scale))?),
        }
    }
}

/// A [`Normalize`] layer. Path: `scale`, if there is one.
///
/// # Errors
/// When the configuration breaks a rule or the builder's tensors do not fit.
pub fn normalize(config: Normalization, vb: VarBuilder) -> Result<Normalize> {
    config.check()?;
    Ok(match config {
        Normalization::None => Normalize::None,
        Normalization::Unit => Normalize::Unit,
        Normalization::LearnableScale { initial } => {
            Normalize::LearnableScale(vb.get_with_hints(1, "scale", Init::Const(initial))?)
        }
    })
}
