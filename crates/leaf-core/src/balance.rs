//! How unevenly the experts are used.

use candle_core::Tensor;

use crate::{Result, Routing, fast};

/// Keeps the ratio finite when nothing is routed.
const TINY: f64 = 1e-10;

/// `cv²(importance) + cv²(load)` (scalar): 0 when all experts are used alike.
///
/// `cv²` is the unbiased variance over the squared mean, and 0 for one expert. Source: Shazeer et
/// al. 2017, equations 7 and 11.
///
/// # Errors
/// Those of candle.
pub fn balance_loss(routing: &Routing) -> Result<Tensor> {
    if let Some(loss) = fast::balance(&routing.importance, &routing.load, TINY)? {
        return Ok(loss);
    }
    plain(routing)
}

/// [`balance_loss`] by candle's operations.
///
/// # Errors
/// Those of candle.
pub(crate) fn plain(routing: &Routing) -> Result<Tensor> {
    Ok((squared_variation(&routing.importance)? + squared_variation(&routing.load)?)?)
}

fn squared_variation(xs: &Tensor) -> Result<Tensor> {
    let count = xs.dim(0)?;
    let mean = xs.mean(0)?;
    if count < 2 {
        return Ok((mean * 0.)?);
    }
    let deviation = xs.broadcast_sub(&mean)?;
    let variance = (deviation.sqr()?.sum(0)? / (count - 1) as f64)?;
    Ok((variance / (mean.sqr()? + TINY)?)?)
}
