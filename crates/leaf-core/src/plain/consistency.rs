//! The category level's losses by candle's operations.

use candle_core::Tensor;

use crate::log_sum_exp::log_sum_exp_over;
use crate::{LabelSets, Result, softplus};

/// [`decoupled_consistency`](crate::decoupled_consistency) by candle's operations.
///
/// # Errors
/// Those of candle, when the shapes do not fit.
pub fn decoupled_consistency(strong_logits: &Tensor, sets: &LabelSets) -> Result<Tensor> {
    if strong_logits.elem_count() == 0 {
        return Ok(strong_logits.sum(1)?);
    }
    let negative = sets.positive.eq(0u8)?;
    let weakest_positive = log_sum_exp_over(&strong_logits.neg()?, &sets.positive)?;
    let strongest_negative = log_sum_exp_over(strong_logits, &negative)?;
    softplus(&(weakest_positive + strongest_negative)?)
}

/// [`positive_set_loss`](crate::positive_set_loss) by candle's operations.
///
/// # Errors
/// Those of candle, when the shapes do not fit.
pub fn positive_set_loss(strong_logits: &Tensor, sets: &LabelSets) -> Result<Tensor> {
    if strong_logits.elem_count() == 0 {
        return Ok(strong_logits.sum(1)?);
    }
    let negative = log_sum_exp_over(strong_logits, &sets.positive.eq(0u8)?)?;
    let positive = log_sum_exp_over(strong_logits, &sets.positive)?;
    softplus(&(negative - positive)?)
}
