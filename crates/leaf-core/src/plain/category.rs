//! Positive and negative classes by candle's operations.

use candle_core::{DType, Tensor};
use candle_nn::ops::softmax;

use crate::category::SMALLEST_PROBABILITY;
use crate::ranking::descending;
use crate::{DecouplingConfig, LabelSets, Result, SetWeighting};

/// [`CategoryDecoupling::decouple`](crate::CategoryDecoupling::decouple) by candle's operations.
///
/// # Errors
/// Those of candle, when the shape does not fit.
pub fn decouple(probs: &Tensor, config: &DecouplingConfig) -> Result<LabelSets> {
    let probs = probs.detach();
    if probs.dim(0)? == 0 {
        return Ok(LabelSets {
            positive: probs.to_dtype(DType::U8)?,
            count: probs.sum(1)?,
            weight: probs.sum(1)?,
        });
    }
    let probs = soften(config, &probs)?.contiguous()?;
    let order = descending(&probs)?;
    let sorted = probs.gather(&order, 1)?;
    let cumulated = sorted.cumsum(1)?;
    let count = positives(config, &cumulated)?;
    Ok(LabelSets {
        positive: first_ranks(&order, &count)?,
        weight: weight(config, &sorted, &cumulated, &count)?,
        count: count.squeeze(1)?.to_dtype(probs.dtype())?,
    })
}

/// [`CategoryDecoupling::decouple_logits`](crate::CategoryDecoupling::decouple_logits) by candle's operations.
///
/// # Errors
/// Those of candle, when the shape does not fit.
pub fn decouple_logits(logits: &Tensor, config: &DecouplingConfig) -> Result<LabelSets> {
    // candle's softmax refuses tensors without rows.
    match logits.dim(0)? {
        0 => decouple(logits, config),
        _ => decouple(&softmax(&logits.detach(), 1)?, config),
    }
}

/// `softmax(ln p / T)`.
fn soften(config: &DecouplingConfig, probs: &Tensor) -> Result<Tensor> {
    if config.teacher_temperature == 1. {
        return Ok(probs.clone());
    }
    let logits = probs.maximum(SMALLEST_PROBABILITY)?.log()?;
    Ok(softmax(&(logits / config.teacher_temperature)?, 1)?)
}

/// n for each row `(N, 1)`, u32: 1 and one more for each set before K that falls short of θ.
fn positives(config: &DecouplingConfig, cumulated: &Tensor) -> Result<Tensor> {
    let rows = cumulated.dim(0)?;
    let ones = Tensor::ones((rows, 1), DType::U32, cumulated.device())?;
    if config.max_positives == 1 {
        return Ok(ones);
    }
    let looked_at = cumulated.narrow(1, 1, config.max_positives - 1)?;
    let short = looked_at.lt(config.threshold)?;
    let short = short.to_dtype(DType::U32)?.sum_keepdim(1)?;
    Ok((ones + short)?)
}

fn weight(
    config: &DecouplingConfig,
    sorted: &Tensor,
    cumulated: &Tensor,
    count: &Tensor,
) -> Result<Tensor> {
    let size = (count.to_dtype(sorted.dtype())? + 1.)?;
    let a = (cumulated.gather(count, 1)? / size)?;
    let b = sorted.gather(count, 1)?;
    let gap = (&a - &b)?;
    let weight = match config.weighting {
        SetWeighting::Linear => (gap / a)?,
        SetWeighting::Convex => (gap / (a + b)?)?,
        SetWeighting::Concave => (ln_1_plus_50(&gap)? / ln_1_plus_50(&a)?)?,
        SetWeighting::None => b.ones_like()?,
    };
    // Rounding can leave a flat prediction a little below 0.
    Ok(weight.clamp(0., 1.)?.squeeze(1)?)
}

fn ln_1_plus_50(xs: &Tensor) -> Result<Tensor> {
    Ok(((xs * 50.)? + 1.)?.log()?)
}

/// 1 for the classes that `order` ranks before `count` `(N, 1)`, else 0.
fn first_ranks(order: &Tensor, count: &Tensor) -> Result<Tensor> {
    let classes = order.dim(1)? as u32;
    let ranks = Tensor::arange(0, classes, order.device())?.unsqueeze(0)?;
    // Metal scatters no bytes, so the sets are bytes only at the end.
    let inside = ranks.broadcast_lt(count)?.to_dtype(DType::U32)?;
    let sets = order.zeros_like()?.scatter(order, &inside, 1)?;
    Ok(sets.to_dtype(DType::U8)?)
}
