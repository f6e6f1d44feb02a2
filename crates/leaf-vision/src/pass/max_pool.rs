//! The largest pixel of each window.

use std::sync::Arc;

use super::tape::{Gradients, Layer, Value};
use super::{LastMap, Map, Pass, Pixels};
use crate::error::Result;
use crate::kernels::max_pool::Windows;
use crate::kernels::scratch::Scratch;
use crate::max_pool2d::{Window, plain};

impl Pass {
    /// The largest value of each window, see [`crate::max_pool2d`].
    ///
    /// # Errors
    /// As there.
    pub fn max_pool2d(
        &mut self,
        xs: &Map,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<Map> {
        let [_, _, height, width] = xs.dims();
        let window = Window::new((height, width), kernel, stride, padding)?;
        let Some((plan, tape)) = self.kernels() else {
            return Ok(Map(Pixels::Plain(plain::max_pool2d(
                &xs.plain()?,
                &window,
            )?)));
        };
        let map = Self::channels_last(tape, xs)?;
        let windows = Windows {
            height,
            width,
            channels: map.channels,
            out_height: window.out_height,
            out_width: window.out_width,
            kernel,
            stride,
            padding,
        };
        let len = map.images * window.out_height * window.out_width * map.channels;
        let mut ys = Scratch::take(len);
        let mut winners = vec![0; len];
        windows.largest(plan.isa, &map.data, &mut ys, &mut winners);
        let mut value = Value::default();
        if let Some(tape) = tape {
            value = tape.value(tape.needs(map.value));
            tape.push(MaxPool {
                windows,
                winners,
                input_len: map.data.len(),
                input: map.value,
                output: value,
            });
        }
        Ok(Map(Pixels::Last(LastMap {
            height: window.out_height,
            width: window.out_width,
            data: Arc::new(ys),
            value,
            ..map
        })))
    }
}

#[derive(Debug)]
struct MaxPool {
    windows: Windows,
    winners: Vec<u16>,
    input_len: usize,
    input: Value,
    output: Value,
}

impl Layer for MaxPool {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(dys) = gradients.take(self.output) else {
            return Ok(());
        };
        if gradients.needs(self.input) {
            let mut dxs = Scratch::take(self.input_len);
            let isa = gradients.plan.isa;
            self.windows.gradient(isa, &self.winners, &dys, &mut dxs);
            gradients.add(self.input, dxs);
        }
        Ok(())
    }
}
