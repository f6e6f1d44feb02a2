//! A pass of all experts as one operation of candle.
//!
//! candle's operations take three tensors at most, and experts have many parameters. So parameters hang
//! on the links of a chain, and the pass depends on the chain's end: candle runs the pass backward first,
//! which leaves the gradients of all parameters in a [`Stash`], and then each link, which hands its own
//! over.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Result as CandleResult, Tensor};

use super::super::operation::{Returned, record3};
use super::super::values::Values;
use super::Bank;
use super::tape::Tape;
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
        if let [weight, bias] = pair {
            chain = link(&chain, weight, bias, &stash, 2 * index)?;
        }
    }
    let back = move |returned: Returned<'_, 3>| {
        let [xs, weights, chain] = returned.arguments;
        let (fused, dy) = (Values::of(returned.result)?, Values::of(returned.gradient)?);
        let found = tape.backward(&bank, fused.slice()?, dy.slice()?, xs.track_op())?;
        *stash.lock().unwrap_or_else(PoisonError::into_inner) = found.parameters;
        let dx = match xs.track_op() {
            true => Some(Tensor::from_vec(found.xs, xs.shape(), &Device::Cpu)?),
            false => None,
        };
        let dw = Tensor::from_vec(found.weights, weights.shape(), &Device::Cpu)?;
        Ok([dx, Some(dw), nothing_for(chain)?])
    };
    record3(
        "mixture of experts",
        [xs, weights, &chain],
        (output, xs.shape()),
        back,
    )
}

/// A layer's place on the chain; its gradients lie in the stash from `first` on.
fn link(
    chain: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    stash: &Stash,
    first: usize,
) -> CandleResult<Tensor> {
    let stash = stash.clone();
    let back = move |returned: Returned<'_, 3>| {
        let [chain, weight, bias] = returned.arguments;
        let of = |offset: usize, parameter: &Tensor| {
            let mut stash = stash.lock().unwrap_or_else(PoisonError::into_inner);
            let gradient = stash.get_mut(first + offset).and_then(Option::take);
            handed_over(parameter, gradient)
        };
        Ok([nothing_for(chain)?, of(0, weight)?, of(1, bias)?])
    };
    record3(
        "layer of an expert",
        [chain, weight, bias],
        (vec![0f32], 1),
        back,
    )
}

/// The gradient of a chain, which candle wants where the chain is tracked.
fn nothing_for(chain: &Tensor) -> CandleResult<Option<Tensor>> {
    chain.track_op().then(|| chain.zeros_like()).transpose()
}

/// A parameter's gradient for candle, unless [`crate::backward`] takes it.
fn handed_over(parameter: &Tensor, gradient: Option<Vec<f32>>) -> CandleResult<Option<Tensor>> {
    if !parameter.track_op() {
        return Ok(None);
    }
    let Some(gradient) = gradient else {
        return parameter.zeros_like().map(Some);
    };
    match deposit(parameter, gradient, add) {
        Ok(_) => Ok(None),
        Err(gradient) => Tensor::from_vec(gradient, parameter.shape(), &Device::Cpu).map(Some),
    }
}

fn add(sums: &mut [f32], gradient: &[f32]) {
    sums.iter_mut().zip(gradient).for_each(|(sum, x)| *sum += x);
}
