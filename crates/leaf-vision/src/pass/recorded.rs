//! A whole pass as one operation of candle.
//!
//! candle's operations take three tensors at most, a network has a hundred. So each parameter hangs on
//! a [`Link`] of a chain, and the pass depends on the chain's end: candle runs the pass backward first,
//! which leaves the gradients of all parameters in a [`Stash`], and then each link, which hands one of
//! them over.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{
    CpuStorage, CustomOp2, Device, Error as CandleError, Layout, Result as CandleResult, Shape,
    Tensor,
};

use leaf_core::deposit;

use super::tape::{Found, Tape, Value};
use super::{Backend, Pass};
use crate::error::Result;
use crate::kernels::layout;
use crate::kernels::plan::Plan;
use crate::kernels::scratch::Scratch;
use crate::tensor::contiguous_values;

/// The parameters' gradients between the pass and the links.
type Stash = Arc<Mutex<Found>>;

impl Pass {
    /// The output of a pass that ends with `value`.
    pub(super) fn record(self, value: Value, output: Vec<f32>, shape: Shape) -> Result<Tensor> {
        let Backend::Kernels {
            plan,
            tape: Some(tape),
        } = self.backend
        else {
            return Ok(Tensor::from_vec(output, shape, &Device::Cpu)?);
        };
        if !tape.needs(value) {
            return Ok(Tensor::from_vec(output, shape, &Device::Cpu)?);
        }
        let stash = Stash::default();
        let mut chain = Tensor::zeros(1, candle_core::DType::F32, &Device::Cpu)?;
        for (slot, parameter) in tape.parameters().iter().enumerate() {
            let link = Link {
                stash: stash.clone(),
                slot,
            };
            chain = chain.apply_op2(parameter, link)?;
        }
        let images = match tape.seen_images() {
            Some(images) => images.clone(),
            None => chain.clone(),
        };
        let recorded = Recorded {
            plan,
            value,
            shape,
            output: Mutex::new(Some(output)),
            tape: Mutex::new(Some(tape)),
            stash,
        };
        Ok(images.apply_op2(&chain, recorded)?)
    }
}

/// What a mutex holds; a panic elsewhere does not matter, since it is taken whole.
fn taken<T>(mutex: &Mutex<Option<T>>) -> Option<T> {
    let mut lock = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    lock.take()
}

struct Recorded {
    plan: Plan,
    value: Value,
    shape: Shape,
    output: Mutex<Option<Vec<f32>>>,
    tape: Mutex<Option<Tape>>,
    stash: Stash,
}

impl CustomOp2 for Recorded {
    fn name(&self) -> &'static str {
        "pass over maps"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        // It was computed layer by layer.
        let output = taken(&self.output).ok_or_else(|| {
            CandleError::Msg("a pass over maps gives its output once".to_owned()).bt()
        })?;
        Ok((CpuStorage::F32(output), self.shape.clone()))
    }

    fn bwd(
        &self,
        images: &Tensor,
        chain: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>)> {
        let tape = taken(&self.tape).ok_or_else(|| {
            let text = "a pass over maps was run backward before, which let its maps go: \
                        run the network forward again, or add the losses and run backward once";
            CandleError::Msg(text.to_owned()).bt()
        })?;
        let gradient = contiguous_values(gradient)?;
        let (dx, parameters) = tape
            .backward(self.plan, self.value, gradient)
            .map_err(CandleError::wrap)?;
        *self.stash.lock().unwrap_or_else(PoisonError::into_inner) = parameters;
        let of_images = match dx {
            Some(dx) => Some(Tensor::from_vec(
                dx.into_vec(),
                images.shape(),
                &Device::Cpu,
            )?),
            None if images.track_op() => Some(images.zeros_like()?),
            None => None,
        };
        Ok((of_images, Some(chain.zeros_like()?)))
    }
}

/// One parameter's place on the chain.
struct Link {
    stash: Stash,
    slot: usize,
}

impl CustomOp2 for Link {
    fn name(&self) -> &'static str {
        "parameter of a pass"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> CandleResult<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.]), 1.into()))
    }

    fn bwd(
        &self,
        chain: &Tensor,
        parameter: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> CandleResult<(Option<Tensor>, Option<Tensor>)> {
        let mut stash = self.stash.lock().unwrap_or_else(PoisonError::into_inner);
        let gradient = stash.get_mut(self.slot).and_then(Option::take);
        let Some(gradient) = gradient else {
            return Ok((Some(chain.zeros_like()?), Some(parameter.zeros_like()?)));
        };
        let gradient = match deposit(parameter, gradient, layout::add) {
            Ok(buffer) => {
                // What was added up is free for the next pass.
                drop(buffer.map(Scratch::from));
                None
            }
            Err(gradient) => Some(Tensor::from_vec(gradient, parameter.shape(), &Device::Cpu)?),
        };
        Ok((Some(chain.zeros_like()?), gradient))
    }
}
