//! A pass of all experts as one operation of candle.
//!
//! candle's operations take three tensors at most, and experts have many parameters. So parameters hang
//! on the [`Link`]s of a chain, and the pass depends on the chain's end: candle runs the pass backward
//! first, which leaves the gradients of all parameters in a [`Stash`], and then each link, which hands its
//! own over.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{
    CpuStorage, CustomOp3, DType, Device, Layout, Result as CandleResult, Shape, Tensor,
};

use super::super::values::Values;
use super::tape::Tape;
use super::Bank;
use crate::deposit;

/// The parameters' gradients between the pass and the links.
type Stash = Arc<Mutex<Vec<Option<Vec<f32>>>>>;

/// The pass's output `(N, D)` with its gradients' way back.
pub(super) fn record(
    bank: Bank,
    tape: Tape,
    output: Vec<f32>,
    xs: &Tensor,
    weights: &Tensor,
) -> CandleResult<Tensor> {
    let stash = Stash::default();
    let mut chain = Tensor::zeros(1, DType::F32, &Device::Cpu)?;
    for (index, pair) in bank.parameters().chunks_exact(2).enumerate() {
        if let [weight, bias] = pair
            && (weight.track_op() || bias.track_op())
        {
            let stash = stash.clone();
            let first = 2 * index;
            chain = chain.apply_op3(weight, bias, Link { stash, first })?;
        }
    }
    let pass = Recorded {
        shape: xs.shape().clone(),
        output: Mutex::new(Some(output)),
        bank,
        tape,
        stash,
    };
    xs.apply_op3(weights, &chain, pass)
}

struct Recorded {
    shape: Shape,
    output: Mutex<Option<Vec<f32>>>,
    bank: Bank,
    tape: Tape,
    stash: Stash,
}

/// An operation's output that was computed before.
fn given(output: Vec<f32>, shape: &Shape) -> CandleResult<(CpuStorage, Shape)> {
    Ok((CpuStorage::F32(output), shape.clone()))
}

impl CustomOp3 for Recorded {
    fn name(&self) -> &'static str {
        "mixture of experts"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let output = output.take().ok_or_else(|| {
            candle_core::Error::Msg("a pass of experts gives its output once".to_owned()).bt()
        })?;
        given(output, &self.shape)
    }

    fn bwd(
        &self,
        xs: &Tensor,
        weights: &Tensor,
        chain: &Tensor,
        fused: &Tensor,
        gradient: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let (fused, dy) = (Values::of(fused)?, Values::of(&gradient)?);
        let found =
            (self.tape).backward(&self.bank, fused.slice()?, dy.slice()?, xs.track_op())?;
        *self.stash.lock().unwrap_or_else(PoisonError::into_inner) = found.parameters;
        let dx = match xs.track_op() {
            true => Some(Tensor::from_vec(found.xs, xs.shape(), &Device::Cpu)?),
            false => None,
        };
        let dw = Tensor::from_vec(found.weights, weights.shape(), &Device::Cpu)?;
        Ok((dx, Some(dw), Some(chain.zeros_like()?)))
    }
}

/// A layer's place on the chain.
struct Link {
    stash: Stash,
    /// Where the weight's gradient lies; the bias's comes next.
    first: usize,
}

impl Link {
    /// The gradient of a parameter that is tracked: handed over, or for candle.
    fn gradient(&self, offset: usize, parameter: &Tensor) -> CandleResult<Option<Tensor>> {
        if !parameter.track_op() {
            return Ok(None);
        }
        let mut stash = self.stash.lock().unwrap_or_else(PoisonError::into_inner);
        let gradient = stash.get_mut(self.first + offset).and_then(Option::take);
        let Some(gradient) = gradient else {
            return Ok(Some(parameter.zeros_like()?));
        };
        match deposit(parameter, gradient, add) {
            Ok(_) => Ok(None),
            Err(gradient) => {
                Tensor::from_vec(gradient, parameter.shape(), &Device::Cpu).map(Some)
            }
        }
    }
}

fn add(sums: &mut [f32], gradient: &[f32]) {
    sums.iter_mut().zip(gradient).for_each(|(sum, x)| *sum += x);
}

impl CustomOp3 for Link {
    fn name(&self) -> &'static str {
        "layer of an expert"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        given(vec![0.], &1.into())
    }

    fn bwd(
        &self,
        chain: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        // The first link's chain is no variable, and candle asks for nothing there.
        let chain = match chain.track_op() {
            true => Some(chain.zeros_like()?),
            false => None,
        };
        Ok((chain, self.gradient(0, weight)?, self.gradient(1, bias)?))
    }
}
