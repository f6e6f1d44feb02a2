//! The rectifier.

use candle_core::Tensor;

use crate::error::Result;

/// `max(x, 0)`.
pub(crate) fn relu(xs: &Tensor) -> Result<Tensor> {
    Ok(xs.relu()?)
}
