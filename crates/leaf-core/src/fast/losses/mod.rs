//! Losses of rows on the processor.

mod cross_entropy;
mod decoupling;
mod rows;
mod set;
mod softmax;

pub(crate) use cross_entropy::{cross_entropy, soft_cross_entropy};
pub(crate) use decoupling::{Prediction, decouple};
pub(crate) use set::{SetLoss, set_loss};
