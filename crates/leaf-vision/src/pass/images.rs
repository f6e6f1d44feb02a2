//! The images that a pass begins with, into maps and back.

use std::sync::Arc;

use candle_core::Tensor;

use super::tape::{Gradients, Layer, Tape, Value};
use super::{LastMap, Map, Pass, Pixels};
use crate::error::{Result, dims4};
use crate::kernels::layout;
use crate::kernels::scratch::Scratch;
use crate::tensor::with_values;

impl Pass {
    /// A map channels last, for layers that read maps alone.
    pub(super) fn channels_last(tape: &mut Option<Tape>, xs: &Map) -> Result<LastMap> {
        let images = match &xs.0 {
            Pixels::Last(map) => {
                if let Some(tape) = tape {
                    tape.check(map.value)?;
                }
                return Ok(map.clone());
            }
            Pixels::Images(images) | Pixels::Plain(images) => images,
        };
        let (count, channels, height, width) = dims4("images", images)?;
        let pixels = height * width;
        let data = with_values(images, |values| {
            let mut data = Scratch::take(values.len());
            layout::channels_last(values, channels, pixels, &mut data);
            data
        })?;
        let mut value = Value::default();
        if let Some(tape) = tape {
            let images = tape.images(images)?;
            value = tape.value(tape.needs(images));
            tape.push(ChannelsLast {
                input: images,
                output: value,
                channels,
                pixels,
            });
        }
        Ok(LastMap {
            images: count,
            height,
            width,
            channels,
            data: Arc::new(data),
            value,
        })
    }

    /// The map `(N, C, H, W)` as a tensor of candle, with the gradient of everything that led to it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn finish(mut self, xs: &Map) -> Result<Tensor> {
        let Some((_, tape)) = self.kernels() else {
            return xs.plain();
        };
        let map = match &xs.0 {
            Pixels::Images(images) => return Ok(images.clone()),
            _ => Self::channels_last(tape, xs)?,
        };
        let (channels, pixels) = (map.channels, map.pixels());
        let mut output = vec![0.; map.data.len()];
        layout::channels_first(&map.data, channels, pixels, &mut output);
        let mut value = Value::default();
        if let Some(tape) = tape {
            value = tape.value(tape.needs(map.value));
            tape.push(ChannelsFirst {
                input: map.value,
                output: value,
                channels,
                pixels,
            });
        }
        let shape = (map.images, channels, map.height, map.width).into();
        drop(map);
        self.record(value, output, shape)
    }
}

impl Map {
    /// The tensor of a pass by candle's operations.
    pub(super) fn plain(&self) -> Result<Tensor> {
        match &self.0 {
            Pixels::Plain(xs) | Pixels::Images(xs) => Ok(xs.clone()),
            Pixels::Last(map) => {
                let mut output = vec![0.; map.data.len()];
                layout::channels_first(&map.data, map.channels, map.pixels(), &mut output);
                let shape = (map.images, map.channels, map.height, map.width);
                Ok(Tensor::from_vec(output, shape, &candle_core::Device::Cpu)?)
            }
        }
    }
}

#[derive(Debug)]
struct ChannelsLast {
    input: Value,
    output: Value,
    channels: usize,
    pixels: usize,
}

impl Layer for ChannelsLast {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(dys) = gradients.take(self.output) else {
            return Ok(());
        };
        if gradients.needs(self.input) {
            let mut dxs = Scratch::take(dys.len());
            layout::channels_first(&dys, self.channels, self.pixels, &mut dxs);
            gradients.add(self.input, dxs);
        }
        Ok(())
    }
}

#[derive(Debug)]
struct ChannelsFirst {
    input: Value,
    output: Value,
    channels: usize,
    pixels: usize,
}

impl Layer for ChannelsFirst {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(dys) = gradients.take(self.output) else {
            return Ok(());
        };
        let mut dxs = Scratch::take(dys.len());
        layout::channels_last(&dys, self.channels, self.pixels, &mut dxs);
        gradients.add(self.input, dxs);
        Ok(())
    }
}
