//! A wrapper's adjustment that is easy to see.

use std::cell::Cell;

use candle_core::Tensor;
use leaf_ssl::{LogitAdjustment, Logits, Result};

use crate::CLASSES;

/// Adds to the first class's score, and counts how often it is asked to.
#[derive(Debug)]
pub struct Shift {
    target: f32,
    trained: f32,
    targets_asked: Cell<usize>,
    trained_asked: Cell<usize>,
}

impl Shift {
    /// What is added to targets' and to trained predictions' scores.
    pub fn new(target: f32, trained: f32) -> Self {
        Self {
            target,
            trained,
            targets_asked: Cell::new(0),
            trained_asked: Cell::new(0),
        }
    }

    /// How many targets and how many trained predictions were adjusted.
    pub fn calls(&self) -> (usize, usize) {
        (self.targets_asked.get(), self.trained_asked.get())
    }
}

impl LogitAdjustment for Shift {
    fn target(&self, logits: &Logits) -> Result<Logits> {
        self.targets_asked.set(self.targets_asked.get() + 1);
        shifted(logits, self.target)
    }

    fn trained(&self, logits: &Logits) -> Result<Logits> {
        self.trained_asked.set(self.trained_asked.get() + 1);
        shifted(logits, self.trained)
    }
}

fn shifted(logits: &Logits, by: f32) -> Result<Logits> {
    let mut shift = [0f32; CLASSES];
    shift[0] = by;
    let shift = Tensor::new(&shift, logits.tensor().device())?;
    Logits::new(logits.tensor().broadcast_add(&shift)?)
}
