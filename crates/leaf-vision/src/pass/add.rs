//! The sum of two maps, for residuals that no normalization follows.

use std::sync::Arc;

use super::tape::{Gradients, Layer, Value};
use super::{LastMap, Map, Pass, Pixels};
use crate::error::{Error, Result};
use crate::kernels::layout;
use crate::kernels::scratch::Scratch;

impl Pass {
    /// `a + b`, maps of one shape.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn add(&mut self, a: &Map, b: &Map) -> Result<Map> {
        if a.dims() != b.dims() {
            return Err(Error::Shape {
                what: "second map of a sum",
                expected: format!("{:?}", a.dims()),
                found: b.dims().to_vec(),
            });
        }
        let Some((_, tape)) = self.kernels() else {
            return Ok(Map(Pixels::Plain((a.plain()? + b.plain()?)?)));
        };
        let (a, b) = (Self::channels_last(tape, a)?, Self::channels_last(tape, b)?);
        let mut ys = copied(&a.data);
        layout::add(&mut ys, &b.data);
        let mut value = Value::default();
        if let Some(tape) = tape {
            value = tape.value(tape.needs(a.value) || tape.needs(b.value));
            tape.push(Sum {
                inputs: [a.value, b.value],
                output: value,
            });
        }
        Ok(Map(Pixels::Last(LastMap {
            data: Arc::new(ys),
            value,
            ..a
        })))
    }
}

fn copied(xs: &Scratch) -> Scratch {
    let mut ys = Scratch::take(xs.len());
    ys.copy_from_slice(xs);
    ys
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
        match self.inputs.map(|value| gradients.needs(value)) {
            [true, true] => {
                gradients.add(self.inputs[0], copied(&dys));
                gradients.add(self.inputs[1], dys);
            }
            [true, false] => gradients.add(self.inputs[0], dys),
            [false, true] => gradients.add(self.inputs[1], dys),
            [false, false] => (),
        }
        Ok(())
    }
}
