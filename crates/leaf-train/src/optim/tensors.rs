//! Operations that the rules' twins share.

use candle_core::Tensor;

use crate::Result;

/// `a + scale b`, which is `a` itself (and not a copy) for scale 0.
pub(super) fn add_scaled(a: &Tensor, b: &Tensor, scale: f64) -> Result<Tensor> {
    if scale == 0. {
        return Ok(a.clone());
    }
    Ok((a + (b * scale)?)?)
}

/// `scale a`, which is `a` itself (and not a copy) for scale 1.
pub(super) fn scaled(a: &Tensor, scale: f64) -> Result<Tensor> {
    if scale == 1. {
        return Ok(a.clone());
    }
    Ok((a * scale)?)
}
