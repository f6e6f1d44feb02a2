//! Experts on the processor: each reads the rows that it serves, and nothing else is computed.
//!
//! Rows are sorted by expert, so that an expert's rows are one block and its layers are products of that
//! block. Bias, rectifier, residual and gate weight are applied where a product leaves its block.

mod assignment;
mod bank;
#[allow(unsafe_code)]
mod fusion;
#[allow(unsafe_code)]
mod layer;
mod recorded;
mod tape;

use candle_core::{DType, Tensor};

use super::values::Values;
use crate::{Combine, Error, Expert, Mode, Result, Routing};
use assignment::Assignment;
use bank::Bank;
use tape::Tape;

/// What [`crate::Experts::fuse`] gives, for f32 and bf16 in the processor's memory; `None` for other
/// tensors, and for experts that differ in kind or width.
pub(crate) fn fuse(
    experts: &[Expert],
    num_experts: usize,
    xs: &Tensor,
    routing: &Routing,
    how: Combine,
    mode: Mode,
) -> Result<Option<Tensor>> {
    let dtype = xs.dtype();
    if !xs.device().is_cpu() || !matches!(dtype, DType::F32 | DType::BF16) {
        return Ok(None);
    }
    let (Ok((rows, dim)), Ok((routed, kept))) = (xs.dims2(), routing.experts.dims2()) else {
        return Ok(None);
    };
    if routed != rows || routing.weights.dims() != [rows, kept] {
        return Err(Error::Shape {
            what: "routing's weights",
            expected: format!("({rows}, {kept}), as many rows as the features have"),
            found: routing.weights.dims().to_vec(),
        });
    }
    let fits = routing.weights.dtype() == dtype && routing.experts.dtype() == DType::U32;
    if !fits || kept == 0 || rows == 0 {
        return Ok(None);
    }
    let Some(bank) = Bank::of(experts, dim, dtype, mode)? else {
        return Ok(None);
    };
    let prepared = |tensor: &Tensor| mode.view(tensor).to_dtype(DType::F32)?.contiguous();
    let (xs, weights) = (prepared(xs)?, prepared(&routing.weights)?);
    let assignment = match experts.len() < num_experts {
        true => Assignment::tied(rows, kept),
        false => {
            let chosen = routing.experts.contiguous()?;
            let chosen = Values::<u32>::of(&chosen)?;
            Assignment::sorted(chosen.slice()?, kept, num_experts)?
        }
    };
    let (tape, output) = {
        let (xs, weights) = (Values::of(&xs)?, Values::of(&weights)?);
        Tape::forward(&bank, assignment, how, xs.slice()?, weights.slice()?)?
    };
    let output = recorded::record(bank, tape, output, &xs, &weights)?;
    Ok(Some(output.to_dtype(dtype)?))
}
