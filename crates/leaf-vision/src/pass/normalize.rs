//! Batch normalization with what follows it: an activation, and before that the sum with a residual.

use std::sync::Arc;

use super::convolve::{output, values};
use super::tape::{Gradients, Layer, Slot, Value};
use super::{Activation, LastMap, Map, Pass, Pixels};
use crate::batch_norm::{BatchNorm2d, Statistics, plain};
use crate::conv2d::{Conv2d, Geometry};
use crate::error::{Error, Result};
use crate::kernels::epilogue::Epilogue;
use crate::kernels::norm::{self, Saved, Signs};
use crate::kernels::packed::Weight;
use crate::kernels::scratch::Scratch;
use crate::tensor::with_values;

impl Pass {
    /// `activation(norm(xs) + residual)`, see [`BatchNorm2d`].
    ///
    /// # Errors
    /// When the maps do not fit the layer or each other, when batch statistics are wanted of a single
    /// value per channel, or when the activation's slope is below 0 or no number.
    pub fn normalize(
        &mut self,
        xs: &Map,
        layer: &BatchNorm2d,
        residual: Option<&Map>,
        activation: Activation,
    ) -> Result<Map> {
        activation.check()?;
        layer.check_input(xs.dims())?;
        check_residual(xs.dims(), residual)?;
        let mode = self.mode;
        if self.kernels().is_none() {
            let residual = residual.map(Map::plain).transpose()?;
            let ys = plain::forward(layer, &xs.plain()?, residual.as_ref(), mode)?;
            return Ok(Map(Pixels::Plain(activation.plain(&ys)?)));
        }
        let Some((plan, tape)) = self.kernels() else {
            return Ok(xs.clone());
        };
        let map = Self::channels_last(tape, xs)?;
        let residual = residual
            .map(|map| Self::channels_last(tape, map))
            .transpose()?;
        let statistics = layer.statistics(mode, xs.dims(), || {
            norm::statistics(plan.isa, &map.data, map.channels)
        })?;
        let weight = layer.weight().contiguous()?;
        let bias = layer.bias().contiguous()?;
        let scales = values(&weight)?;
        let (scale, shift) = statistics.affine(&scales, &values(&bias)?);
        let mut ys = Scratch::take(map.data.len());
        let added = residual.as_ref().map(|map| &map.data[..]);
        let slope = activation.slope();
        norm::apply(plan.isa, &map.data, added, (&scale, &shift), slope, &mut ys);
        let ys = Arc::new(ys);
        let mut value = Value::default();
        if let Some(tape) = tape {
            let slots = [tape.parameter(&weight), tape.parameter(&bias)];
            let residual = residual.as_ref().map(|map| map.value);
            let inputs = [Some(map.value), residual];
            let needed = inputs.into_iter().flatten().any(|value| tape.needs(value));
            value = tape.value(needed || slots.iter().any(Option::is_some));
            tape.push(NormLayer {
                xs: map.data.clone(),
                sum: (slope != 1. && residual.is_some()).then(|| ys.clone()),
                affine: (scale, shift),
                weight: scales,
                statistics,
                slope,
                slots,
                input: map.value,
                residual,
                output: value,
            });
        }
        Ok(Map(Pixels::Last(LastMap {
            data: ys,
            value,
            ..map
        })))
    }

    /// A convolution and its normalization: `activation(norm(convolve(xs)) + residual)`.
    ///
    /// Where nothing is recorded and the statistics are given, both are one operation.
    ///
    /// # Errors
    /// Those of [`Pass::convolve`] and [`Pass::normalize`].
    pub fn convolve_normalize(
        &mut self,
        xs: &Map,
        (conv, norm): (&Conv2d, &BatchNorm2d),
        residual: Option<&Map>,
        activation: Activation,
    ) -> Result<Map> {
        let fused = matches!(self.kernels(), Some((_, None))) && norm.is_given(self.mode);
        if !fused {
            let ys = self.convolve(xs, conv)?;
            return self.normalize(&ys, norm, residual, activation);
        }
        activation.check()?;
        let geometry = Geometry::of_sizes(xs.dims(), conv.weight(), conv.config())?;
        norm.check_input(geometry.out_dims())?;
        check_residual(geometry.out_dims(), residual)?;
        let mode = self.mode;
        let Some((plan, tape)) = self.kernels() else {
            return Ok(xs.clone());
        };
        let input = Self::input(tape, xs, &geometry, conv)?;
        let residual = residual
            .map(|map| Self::channels_last(tape, map))
            .transpose()?;
        let statistics = norm.statistics(mode, geometry.out_dims(), || (Vec::new(), Vec::new()))?;
        let (scale, mut shift) = statistics.affine(&values(norm.weight())?, &values(norm.bias())?);
        if let Some(bias) = conv.bias() {
            for ((shift, scale), bias) in shift.iter_mut().zip(&scale).zip(values(bias)?) {
                *shift += scale * bias;
            }
        }
        let epilogue = Epilogue {
            scale: Some(&scale),
            shift: Some(&shift),
            residual: residual.as_ref().map(|map| &map.data[..]),
            slope: activation.slope(),
        };
        let convolution = input.convolution;
        let mut ys = Scratch::take(convolution.output_len());
        with_values(conv.weight(), |values| {
            let kept = conv.packed();
            let weight = Weight { values, kept };
            convolution.forward(plan, &input.data, weight, &epilogue, &mut ys);
        })?;
        Ok(output(&convolution, ys, Value::default()))
    }

    /// An activation by itself.
    ///
    /// # Errors
    /// When the slope is below 0 or no number.
    pub fn activate(&mut self, xs: &Map, activation: Activation) -> Result<Map> {
        activation.check()?;
        if self.kernels().is_none() {
            return Ok(Map(Pixels::Plain(activation.plain(&xs.plain()?)?)));
        }
        let Some((plan, tape)) = self.kernels() else {
            return Ok(xs.clone());
        };
        let map = Self::channels_last(tape, xs)?;
        let (ones, zeros) = (vec![1.; map.channels], vec![0.; map.channels]);
        let mut ys = Scratch::take(map.data.len());
        let slope = activation.slope();
        norm::apply(plan.isa, &map.data, None, (&ones, &zeros), slope, &mut ys);
        let ys = Arc::new(ys);
        let mut value = Value::default();
        if let Some(tape) = tape {
            value = tape.value(tape.needs(map.value));
            tape.push(ActivationLayer {
                ys: ys.clone(),
                slope,
                input: map.value,
                output: value,
            });
        }
        Ok(Map(Pixels::Last(LastMap {
            data: ys,
            value,
            ..map
        })))
    }
}

fn check_residual(dims: [usize; 4], residual: Option<&Map>) -> Result<()> {
    match residual.map(Map::dims) {
        Some(found) if found != dims => Err(Error::Shape {
            what: "residual",
            expected: format!("{dims:?}"),
            found: found.to_vec(),
        }),
        _ => Ok(()),
    }
}

#[derive(Debug)]
struct NormLayer {
    xs: Arc<Scratch>,
    /// Behind a residual, the output, whose sign tells where the activation let through.
    sum: Option<Arc<Scratch>>,
    /// Without one, the normalization tells.
    affine: (Vec<f32>, Vec<f32>),
    weight: Vec<f32>,
    statistics: Statistics,
    slope: f32,
    /// Of weight and bias.
    slots: [Option<Slot>; 2],
    input: Value,
    residual: Option<Value>,
    output: Value,
}

impl Layer for NormLayer {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(mut dys) = gradients.take(self.output) else {
            return Ok(());
        };
        let saved = Saved {
            xs: &self.xs,
            signs: match &self.sum {
                Some(sum) => Signs::Outputs(sum),
                None => Signs::Affine(&self.affine.0, &self.affine.1),
            },
            mean: &self.statistics.mean,
            inv_std: &self.statistics.inv_std,
            weight: &self.weight,
            slope: self.slope,
            of_batch: self.statistics.of_batch,
        };
        let residual = self.residual.filter(|value| gradients.needs(*value));
        let isa = gradients.plan.isa;
        let found = match residual {
            Some(residual) => {
                let mut dxs = Scratch::take(dys.len());
                let found = norm::gradient(isa, &saved, &mut dys, Some(&mut dxs));
                gradients.add(residual, dys);
                dys = dxs;
                found
            }
            None => norm::gradient(isa, &saved, &mut dys, None),
        };
        for (slot, gradient) in self.slots.into_iter().zip([found.weight, found.bias]) {
            if let Some(slot) = slot {
                gradients.set(slot, gradient);
            }
        }
        if gradients.needs(self.input) {
            gradients.add(self.input, dys);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct ActivationLayer {
    ys: Arc<Scratch>,
    slope: f32,
    input: Value,
    output: Value,
}

impl Layer for ActivationLayer {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(mut dys) = gradients.take(self.output) else {
            return Ok(());
        };
        if gradients.needs(self.input) {
            norm::activation_gradient(gradients.plan.isa, &self.ys, self.slope, &mut dys);
            gradients.add(self.input, dys);
        }
        Ok(())
    }
}
