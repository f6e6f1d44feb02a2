//! What a backbone must offer.

use candle_core::Tensor;

use crate::{Mode, Result};

/// A network that turns inputs into features, for instance faces into the pooled vector before the
/// classifier.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an encoder",
    note = "implement `leaf_core::Encoder`: `encode` gives features (N, D) and `feature_dim` gives D"
)]
pub trait Encoder {
    /// Features `(N, D)` of inputs `(N, ...)`.
    ///
    /// # Errors
    /// When the inputs do not fit.
    fn encode(&self, xs: &Tensor, mode: Mode) -> Result<Tensor>;

    /// The width D of the features.
    fn feature_dim(&self) -> usize;
}

impl<T: Encoder + ?Sized> Encoder for Box<T> {
    fn encode(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        (**self).encode(xs, mode)
    }

    fn feature_dim(&self) -> usize {
        (**self).feature_dim()
    }
}
