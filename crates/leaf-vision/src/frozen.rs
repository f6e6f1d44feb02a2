//! An encoder that does not learn.

use candle_core::Tensor;
use leaf_core::{Encoder, Mode, Result};

/// An encoder that is evaluated in every mode: running statistics, no graph, nothing updated. The
/// head behind it still learns.
#[derive(Clone, Debug)]
pub struct Frozen<E>(pub E);

impl<E: Encoder> Encoder for Frozen<E> {
    fn encode(&self, xs: &Tensor, _mode: Mode) -> Result<Tensor> {
        self.0.encode(xs, Mode::Eval)
    }

    fn feature_dim(&self) -> usize {
        self.0.feature_dim()
    }
}
