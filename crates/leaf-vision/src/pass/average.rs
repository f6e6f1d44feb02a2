//! The end of an encoder: the mean over each map.

use candle_core::Tensor;

use super::tape::{Gradients, Layer, Value};
use super::{Map, Pass};
use crate::error::Result;
use crate::kernels::layout;
use crate::kernels::scratch::Scratch;

impl Pass {
    /// Ends the pass with the mean of each channel: `(N, C, H, W)` to `(N, C)`, a tensor of candle with
    /// the gradient of everything that led to it.
    ///
    /// # Errors
    /// Those of candle.
    pub fn global_average(mut self, xs: &Map) -> Result<Tensor> {
        let Some((_, tape)) = self.kernels() else {
            // Not candle's avg_pool2d, whose gradient is wrong where the window does not divide.
            return Ok(xs.plain()?.mean((2, 3))?);
        };
        let map = Self::channels_last(tape, xs)?;
        let (channels, pixels) = (map.channels, map.pixels());
        let mut output = vec![0.; map.images * channels];
        layout::mean_pixel(&map.data, channels, pixels, &mut output);
        let mut value = Value::default();
        if let Some(tape) = tape {
            value = tape.value(tape.needs(map.value));
            tape.push(Average {
                input: map.value,
                output: value,
                channels,
                pixels,
            });
        }
        let shape = (map.images, channels).into();
        drop(map);
        self.record(value, output, shape)
    }
}

#[derive(Debug)]
struct Average {
    input: Value,
    output: Value,
    channels: usize,
    pixels: usize,
}

impl Layer for Average {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(dys) = gradients.take(self.output) else {
            return Ok(());
        };
        let mut dxs = Scratch::take(dys.len() * self.pixels);
        layout::mean_pixel_gradient(&dys, self.channels, self.pixels, &mut dxs);
        gradients.add(self.input, dxs);
        Ok(())
    }
}
