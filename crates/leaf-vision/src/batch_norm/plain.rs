//! The normalization by candle's operations: for other devices and number types, and what the tests
//! compare with.

use candle_core::Tensor;
use leaf_core::Mode;

use super::BatchNorm2d;
use crate::error::Result;

/// `norm(xs) + residual`.
pub(crate) fn forward(
    layer: &BatchNorm2d,
    xs: &Tensor,
    residual: Option<&Tensor>,
    mode: Mode,
) -> Result<Tensor> {
    let (mean, var) = match layer.is_given(mode) {
        true => (
            layer.running_mean.as_detached_tensor(),
            layer.running_var.as_detached_tensor(),
        ),
        false => {
            let count = xs.elem_count() / layer.weight.elem_count();
            layer.check_count(xs.dims(), count)?;
            let (mean, var) = moments(xs)?;
            if mode.updates_statistics() {
                layer.update(&mean, &var, count)?;
            }
            (mean, var)
        }
    };
    let channel = |tensor: &Tensor| tensor.reshape((1, (), 1, 1));
    let (weight, bias) = (mode.view(&layer.weight), mode.view(&layer.bias));
    let std = (var + layer.config.eps)?.sqrt()?;
    let centered = xs.broadcast_sub(&channel(&mean)?)?;
    let scaled = centered.broadcast_mul(&channel(&weight.div(&std)?)?)?;
    let ys = scaled.broadcast_add(&channel(&bias)?)?;
    match residual {
        Some(residual) => Ok((ys + residual)?),
        None => Ok(ys),
    }
}

/// Mean and biased variance of each channel, with a graph.
fn moments(xs: &Tensor) -> Result<(Tensor, Tensor)> {
    let mean = xs.mean_keepdim((0, 2, 3))?;
    let var = xs.broadcast_sub(&mean)?.sqr()?.mean((0, 2, 3))?;
    Ok((mean.flatten_all()?, var))
}
