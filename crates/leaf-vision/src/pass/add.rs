//! The sum of two maps.

use std::sync::Arc;

use super::tape::{Gradients, Layer, Value};
use super::{LastMap, Map, Pass, Pixels};
use crate::error::Result;
use crate::kernels::layout;
use crate::kernels::scratch::Scratch;

impl Pass {
    /// `xs + others`.
    ///
    /// # Errors
    /// When the maps have different sizes.
    pub fn add(&mut self, xs: &Map, others: &Map) -> Result<Map> {
        super::normalize::check_residual(xs.dims(), Some(others))?;
        let Some((_, tape)) = self.kernels() else {
            return Ok(Map(Pixels::Plain((xs.plain()? + others.plain()?)?)));
        };
        let map = Self::channels_last(tape, xs)?;
        let others = Self::channels_last(tape, others)?;
        let mut sum = Scratch::take(map.data.len());
        sum.copy_from_slice(&map.data);
        layout::add(&mut sum, &others.data);
        let mut value = Value::default();
        if let Some(tape) = tape {
            let inputs = [map.value, others.value];
            value = tape.value(inputs.iter().any(|input| tape.needs(*input)));
            tape.push(Sum {
                inputs,
                output: value,
            });
        }
        Ok(Map(Pixels::Last(LastMap {
            data: Arc::new(sum),
            value,
            ..map
        })))
    }
}

#[derive(Debug)]
struct Sum {
    inputs: [Value; 2],
    output: Value,
}

impl Layer for Sum {
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()> {
        let Some(dys) = gradients.take(self.output) else {
            return Ok(());
        };
        let [first, second] = self.inputs;
        if gradients.needs(first) {
            let mut copy = Scratch::take(dys.len());
            copy.copy_from_slice(&dys);
            gradients.add(first, copy);
        }
        if gradients.needs(second) {
            gradients.add(second, dys);
        }
        Ok(())
    }
}
