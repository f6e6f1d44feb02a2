//! The losses made of candle's operations: what they mean, on every device.
//!
//! The functions of the same names at the crate's root give the same numbers. For tensors in the
//! processor's memory they do so in one pass forward and one backward, and call these for all others.
//! Layers have a method `plain` instead, such as [`MixtureOfExperts::plain`](crate::MixtureOfExperts::plain).

mod category;
mod consistency;
mod contrastive;
mod cross_entropy;

pub use category::{decouple, decouple_logits};
pub use consistency::{decoupled_consistency, positive_set_loss};
pub use contrastive::contrastive;
pub use cross_entropy::{cross_entropy, soft_cross_entropy};
