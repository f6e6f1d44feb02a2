//! Cross-entropy by candle's operations.

use candle_core::Tensor;
use candle_nn::ops::log_softmax;

use crate::Result;

/// [`cross_entropy`](crate::cross_entropy) by candle's operations.
///
/// # Errors
/// Those of candle, when the shapes do not fit or a class is out of range.
pub fn cross_entropy(logits: &Tensor, classes: &Tensor) -> Result<Tensor> {
    if logits.elem_count() == 0 {
        return Ok(logits.sum(1)?);
    }
    let log_probs = log_softmax(logits, 1)?;
    let picked = log_probs.gather(&classes.unsqueeze(1)?.contiguous()?, 1)?;
    Ok(picked.squeeze(1)?.neg()?)
}

/// [`soft_cross_entropy`](crate::soft_cross_entropy) by candle's operations.
///
/// # Errors
/// Those of candle, when the shapes do not fit.
pub fn soft_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if logits.elem_count() == 0 {
        return Ok(logits.sum(1)?);
    }
    Ok((log_softmax(logits, 1)? * targets)?.sum(1)?.neg()?)
}
