//! Convolutions.

use std::sync::Arc;

use candle_core::Tensor;

use super::tape::{Gradients, Layer, Slot, Tape, Value};
use super::{LastMap, Map, Pass, Pixels};
use crate::conv2d::{Conv2d, Geometry, plain};
use crate::error::Result;
use crate::kernels::convolution::Convolution;
use crate::kernels::epilogue::Epilogue;
use crate::kernels::packed::{PackedWeights, Weight};
use crate::kernels::scratch::Scratch;
use crate::kernels::{layout, norm};
use crate::tensor::with_values;

/// Images with up to that many channels are read as rows of pixels, not channel by channel.
const FEW_CHANNELS: usize = 4;

/// What a convolution reads.
pub(super) struct Input {
    pub(super) data: Arc<Scratch>,
    pub(super) value: Value,
    pub(super) convolution: Convolution,
}

impl Pass {
    /// A convolution with its bias, see [`crate::convolve`].
    ///
    /// # Errors
    /// When the map does not fit the layer.
    pub fn convolve(&mut self, xs: &Map, layer: &Conv2d) -> Result<Map> {
        let geometry = Geometry::of_sizes(xs.dims(), layer.weight(), layer.config())?;
        let mode = self.mode;
        let Some((plan, tape)) = self.kernels() else {
            let weight = mode.view(layer.weight());
            let ys = plain::convolve(&xs.plain()?, &weight, layer.config(), &geometry)?;
            let ys = match layer.bias() {
                Some(bias) => ys.broadcast_add(&mode.view(bias).reshape((1, (), 1, 1))?)?,
                None => ys,
            };
            return Ok(Map(Pixels::Plain(ys)));
        };
        let input = Self::input(tape, xs, &geometry, layer)?;
        let weight = layer.weight().contiguous()?;
        let bias = layer.bias().map(|bias| bias.contiguous()).transpose()?;
        let shift = bias.as_ref().map(values).transpose()?;
        let epilogue = Epilogue {
            shift: shift.as_deref(),
            ..Epilogue::NONE
        };
        let convolution = input.convolution;
        let mut ys = Scratch::take(convolution.output_len());
        with_values(&weight, |values| {
            let kept = layer.packed();
            let weight = Weight { values, kept };
            convolution.forward(plan, &input.data, weight, &epilogue, &mut ys);
        })?;
        let mut value = Value::default();
        if let Some(tape) = tape {
            let slot = tape.parameter(&weight);
            let bias = bias.as_ref().and_then(|bias| tape.parameter(bias));
            let needed = tape.needs(input.value) || slot.is_some() || bias.is_some();
            value = tape.value(needed);
            tape.push(ConvolutionLayer {
                convolution,
                xs: slot.map(|_| input.data.clone()),
                weight,
                packed: layer.packed().clone(),
                slot,
                bias,
                input: input.value,
                output: value,
            });
        }
        Ok(output(&convolution, ys, value))
    }

    /// The map as the convolution reads it: images with few channels get their border at once.
    pub(super) fn input(
        tape: &mut Option<Tape>,
        xs: &Map,
        geometry: &Geometry,
        layer: &Conv2d,
    ) -> Result<Input> {
        let config = layer.config();
        let mut convolution = geometry.kernels(config.groups);
        if let Pixels::Images(images) = &xs.0
            && geometry.channels <= FEW_CHANNELS
            && (config.dilation, config.groups) == (1, 1)
        {
            convolution.padded = true;
            let sizes = (geometry.channels, geometry.height, geometry.width);
            let data = with_values(images, |values| {
                let mut data = Scratch::take(convolution.input_len());
                layout::channels_last_padded(values, sizes, geometry.padding, &mut data);
                data
            })?;
            let value = tape.as_mut().map(|tape| tape.images(images)).transpose()?;
            return Ok(Input {
                data: Arc::new(data),
                value: value.unwrap_or_default(),
                convolution,
            });
        }
        let map = Self::channels_last(tape, xs)?;
        Ok(Input {
            data: map.data,
            value: map.value,
            convolution,
        })
    }
}

/// The map that a convolution makes.
pub(super) fn output(convolution: &Convolution, ys: Scratch, value: Value) -> Map {
    Map(Pixels::Last(LastMap {
        images: convolution.images,
        height: convolution.out_height,
        width: convolution.out_width,
        channels: convolution.out_channels,
        data: Arc::new(ys),
        value,
    }))
}

/// The numbers of a vector.
pub(super) fn values(tensor: &Tensor) -> Result<Vec<f32>> {
    with_values(tensor, <[f32]>::to_vec)
}

#[derive(Debug)]
struct ConvolutionLayer {
    convolution: Convolution,
    /// What the weight's gradient needs.
    xs: Option<Arc<Scratch>>,
    weight: Tensor,
    packed: Arc<PackedWeights>,
    slot: Option<Slot>,
    bias: Option<Slot>,
    input: Value,
    output: Value,
}

impl Layer for ConvolutionLayer {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(dys) = gradients.take(self.output) else {
            return Ok(());
        };
        let (plan, convolution) = (gradients.plan, &self.convolution);
        if let Some(slot) = self.bias {
            let sums = norm::channel_sums(plan.isa, &dys, convolution.out_channels);
            gradients.set(slot, sums);
        }
        if let (Some(slot), Some(xs)) = (self.slot, &self.xs) {
            let mut dw = Scratch::take(self.weight.elem_count());
            convolution.weight_gradient(plan, xs, &dys, &mut dw);
            gradients.set(slot, dw.into_vec());
        }
        if gradients.needs(self.input) {
            let mut dxs = Scratch::take(convolution.unpadded_input_len());
            with_values(&self.weight, |values| {
                let kept = &self.packed;
                let weight = Weight { values, kept };
                convolution.input_gradient(plan, weight, &dys, &mut dxs);
            })?;
            let dxs = match convolution.padded {
                true => channels_first(convolution, &dxs),
                false => dxs,
            };
            gradients.add(self.input, dxs);
        }
        Ok(())
    }
}

/// The gradient of images, in their order.
fn channels_first(convolution: &Convolution, dxs: &Scratch) -> Scratch {
    let mut images = Scratch::take(dxs.len());
    let pixels = convolution.height * convolution.width;
    layout::channels_first(dxs, convolution.channels, pixels, &mut images);
    images
}
