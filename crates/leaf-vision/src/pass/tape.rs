//! What a backward pass needs, in the order of the forward pass.

use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::kernels::layout;
use crate::kernels::plan::Plan;
use crate::kernels::scratch::Scratch;

/// A map's place on a tape; of no tape by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    tape: u64,
    index: usize,
}

/// A parameter's place on the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(usize);

/// One layer, ready to be run backward.
pub(super) trait Layer: std::fmt::Debug + Send + Sync {
    /// Takes the gradient of its output from `gradients` and leaves those of its inputs and parameters.
    ///
    /// # Errors
    /// Those of candle.
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()>;
}

/// All layers of a pass.
#[derive(Debug)]
pub(super) struct Tape {
    /// Which tape of this process, counted from 1.
    id: u64,
    layers: Vec<Box<dyn Layer>>,
    /// For each value, whether its gradient is needed.
    needed: Vec<bool>,
    parameters: Vec<Tensor>,
    images: Option<(Tensor, Value)>,
}

impl Default for Tape {
    fn default() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: 1 + COUNT.fetch_add(1, Ordering::Relaxed),
            layers: Vec::new(),
            needed: Vec::new(),
            parameters: Vec::new(),
            images: None,
        }
    }
}

impl Tape {
    /// Fails if a map is not on this tape: its gradient would go astray.
    pub(super) fn check(&self, value: Value) -> Result<()> {
        match value.tape == self.id {
            true => Ok(()),
            false => Err(Error::OtherPass),
        }
    }

    /// A new value; `needed` says whether some parameter or input stands behind it.
    pub(super) fn value(&mut self, needed: bool) -> Value {
        self.needed.push(needed);
        Value {
            tape: self.id,
            index: self.needed.len() - 1,
        }
    }

    pub(super) fn needs(&self, value: Value) -> bool {
        self.needed[value.index]
    }

    /// A place for a parameter's gradient, if the parameter is tracked.
    pub(super) fn parameter(&mut self, parameter: &Tensor) -> Option<Slot> {
        parameter.track_op().then(|| {
            self.parameters.push(parameter.clone());
            Slot(self.parameters.len() - 1)
        })
    }

    /// The images as a value.
    pub(super) fn images(&mut self, images: &Tensor) -> Result<Value> {
        match &self.images {
            Some((seen, value)) if seen.id() == images.id() => Ok(*value),
            Some(_) => Err(Error::OtherPass),
            None => {
                let value = self.value(images.track_op());
                self.images = Some((images.clone(), value));
                Ok(value)
            }
        }
    }

    /// The images, if a layer has read them.
    pub(super) fn seen_images(&self) -> Option<&Tensor> {
        self.images.as_ref().map(|(images, _)| images)
    }

    pub(super) fn push(&mut self, layer: impl Layer + 'static) {
        self.layers.push(Box::new(layer));
    }

    pub(super) fn parameters(&self) -> &[Tensor] {
        &self.parameters
    }

    /// Runs all layers backward from the gradient of a value; gives the images' gradient `(N, C, H, W)`,
    /// if it is needed, and those of the parameters. What a layer kept is let go as soon as it has run.
    pub(super) fn backward(
        mut self,
        plan: Plan,
        value: Value,
        gradient: Scratch,
    ) -> Result<(Option<Scratch>, Found)> {
        let mut gradients = Gradients {
            plan,
            values: self.needed.iter().map(|_| None).collect(),
            needed: self.needed,
            parameters: self.parameters.iter().map(|_| None).collect(),
        };
        gradients.add(value, gradient);
        while let Some(layer) = self.layers.pop() {
            layer.backward(&mut gradients)?;
        }
        let images = self.images.and_then(|(_, value)| gradients.take(value));
        Ok((images, gradients.parameters))
    }
}

/// The gradients of a tape's parameters, by slot.
pub(super) type Found = Vec<Option<Vec<f32>>>;

/// The gradients on their way.
#[derive(Debug)]
pub(super) struct Gradients {
    pub(super) plan: Plan,
    values: Vec<Option<Scratch>>,
    needed: Vec<bool>,
    parameters: Found,
}

impl Gradients {
    /// Whether anything stands behind a value.
    pub(super) fn needs(&self, value: Value) -> bool {
        self.needed[value.index]
    }

    /// The gradient of a value that all its readers have run; none if nobody read it.
    pub(super) fn take(&mut self, value: Value) -> Option<Scratch> {
        self.values[value.index].take()
    }

    /// Adds to the gradient of a value.
    pub(super) fn add(&mut self, value: Value, gradient: Scratch) {
        match &mut self.values[value.index] {
            Some(sum) => layout::add(sum, &gradient),
            none => *none = Some(gradient),
        }
    }

    /// The gradient of a parameter.
    pub(super) fn set(&mut self, slot: Slot, gradient: Vec<f32>) {
        self.parameters[slot.0] = Some(gradient);
    }
}
