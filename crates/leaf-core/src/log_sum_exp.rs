//! `ln Σ e^x` over some of the classes.

use candle_core::Tensor;

use crate::Result;

/// Far below every score, yet finite: `-inf` would turn differences into NaN.
const EXCLUDED: f32 = -1e30;

/// `ln Σ_{c in set} e^{x_c}` for each row: `(N, C)` and a 0/1 set `(N, C)` (u8) to `(N,)`.
///
/// A row with an empty set gives a number near -1e30.
pub(crate) fn log_sum_exp_over(xs: &Tensor, set: &Tensor) -> Result<Tensor> {
    let excluded = Tensor::new(EXCLUDED, xs.device())?.to_dtype(xs.dtype())?;
    let kept = set.where_cond(xs, &excluded.broadcast_as(xs.shape())?)?;
    Ok(kept.log_sum_exp(1)?)
}
