//! Layers of candle's operations within a pass.

use std::sync::Arc;

use candle_core::{Device, Tensor, Var};

use super::tape::{Gradients, Layer, Slot, Tape, Value};
use super::{LastMap, Map, Pass, Pixels};
use crate::error::{Result, dims4};
use crate::kernels::layout;
use crate::kernels::scratch::Scratch;
use crate::tensor::with_values;

impl Pass {
    /// A layer of candle's operations: `function` takes the map `(N, C, H, W)` and the parameters, and
    /// gives a map, of any channels and sides.
    ///
    /// It must use no other variable than the parameters it is given, since only those get a gradient.
    ///
    /// ```
    /// use candle_core::{DType, Device, Tensor, Var};
    /// use leaf_core::Mode;
    /// use leaf_vision::Pass;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let scale = Var::new(2f32, &Device::Cpu)?;
    /// let images = Tensor::ones((1, 2, 3, 3), DType::F32, &Device::Cpu)?;
    /// let (mut pass, xs) = Pass::begin(&images, Mode::Train)?;
    /// let ys = pass.apply(&xs, &[scale.as_tensor()], |xs, parameters| {
    ///     Ok(xs.broadcast_mul(&parameters[0])?.tanh()?)
    /// })?;
    /// let features = pass.global_average(&ys)?;
    /// let gradients = features.sum_all()?.backward()?;
    /// assert!(gradients.get(&scale).is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `function`, and when its result has not 4 dimensions.
    pub fn apply(
        &mut self,
        xs: &Map,
        parameters: &[&Tensor],
        function: impl Fn(&Tensor, &[Tensor]) -> Result<Tensor>,
    ) -> Result<Map> {
        let mode = self.mode;
        let Some((_, tape)) = self.kernels() else {
            let parameters: Vec<Tensor> = parameters.iter().map(|p| mode.view(p)).collect();
            let ys = function(&xs.plain()?, &parameters)?;
            dims4("result of a layer", &ys)?;
            return Ok(Map(Pixels::Plain(ys)));
        };
        let map = Self::channels_last(tape, xs)?;
        let images = Map(Pixels::Last(map.clone())).plain()?;
        match tape {
            None => {
                let parameters: Vec<Tensor> = parameters.iter().map(|p| p.detach()).collect();
                from_tensor(&function(&images, &parameters)?, Value::default())
            }
            Some(tape) => record(tape, (images, map.value), parameters, function),
        }
    }
}

/// Runs the function on a graph of its own, which the backward pass walks.
fn record(
    tape: &mut Tape,
    (images, input): (Tensor, Value),
    parameters: &[&Tensor],
    function: impl Fn(&Tensor, &[Tensor]) -> Result<Tensor>,
) -> Result<Map> {
    let slots: Vec<_> = parameters.iter().map(|p| tape.parameter(p)).collect();
    let needed = tape.needs(input) || slots.iter().any(Option::is_some);
    let own = |tensor: &Tensor| Ok::<_, crate::Error>(Var::from_tensor(&tensor.detach())?);
    let images = own(&images)?;
    let own_parameters: Vec<Var> = parameters.iter().map(|p| own(p)).collect::<Result<_>>()?;
    let views: Vec<Tensor> = own_parameters
        .iter()
        .map(|v| v.as_tensor().clone())
        .collect();
    let ys = function(images.as_tensor(), &views)?;
    let value = tape.value(needed);
    let map = from_tensor(&ys, value)?;
    if needed {
        tape.push(Applied {
            images,
            parameters: own_parameters,
            slots,
            ys,
            input,
            output: value,
        });
    }
    Ok(map)
}

/// The map of a tensor `(N, C, H, W)`.
fn from_tensor(ys: &Tensor, value: Value) -> Result<Map> {
    let (images, channels, height, width) = dims4("result of a layer", ys)?;
    Ok(Map(Pixels::Last(LastMap {
        images,
        height,
        width,
        channels,
        data: Arc::new(channels_last(ys)?),
        value,
    })))
}

/// The numbers of a tensor `(N, C, H, W)`, channels last.
fn channels_last(xs: &Tensor) -> Result<Scratch> {
    let (_, channels, height, width) = dims4("result of a layer", xs)?;
    with_values(xs, |values| {
        let mut data = Scratch::take(values.len());
        layout::channels_last(values, channels, height * width, &mut data);
        data
    })
}

#[derive(Debug)]
struct Applied {
    images: Var,
    parameters: Vec<Var>,
    slots: Vec<Option<Slot>>,
    ys: Tensor,
    input: Value,
    output: Value,
}

impl Layer for Applied {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(dys) = gradients.take(self.output) else {
            return Ok(());
        };
        let (_, channels, height, width) = dims4("result of a layer", &self.ys)?;
        let mut first = vec![0.; dys.len()];
        layout::channels_first(&dys, channels, height * width, &mut first);
        let dys = Tensor::from_vec(first, self.ys.shape(), &Device::Cpu)?;
        // Not candle's own: what layers inside deposit is meant for this graph, not for the one outside.
        let found = leaf_core::backward(&(&self.ys * dys)?.sum_all()?);
        let found = found.map_err(candle_core::Error::wrap)?;
        for (slot, parameter) in self.slots.into_iter().zip(&self.parameters) {
            if let (Some(slot), Some(gradient)) = (slot, found.get(parameter)) {
                gradients.set(slot, gradient.flatten_all()?.to_vec1()?);
            }
        }
        if let Some(dxs) = found.get(&self.images)
            && gradients.needs(self.input)
        {
            gradients.add(self.input, channels_last(dxs)?);
        }
        Ok(())
    }
}
