//! The trainable layer on a frozen encoder's features.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Linear, Mode, linear};

use crate::Result;

/// The width of a frozen encoder's features: the mean over dlib's last map.
pub(super) const FROZEN_DIM: usize = 256;

/// `relu(x W^T + b)`: all that is trained of a network before its head if its encoder is frozen.
///
/// `(N, 256)`, features of a [`FrozenEncoder`](super::FrozenEncoder), to `(N, 64)`. Images are refused.
#[derive(Clone, Debug)]
pub struct FeatureLayer {
    layer: Linear,
}

impl FeatureLayer {
    /// The width of what it makes of them.
    pub const DIM: usize = 64;

    /// With PyTorch's initial values of a linear layer. Paths: `layer.weight`, `layer.bias`.
    pub(super) fn new(vb: VarBuilder) -> Result<Self> {
        let layer = linear(FROZEN_DIM, Self::DIM, vb.pp("layer"))?;
        Ok(Self { layer })
    }
}

impl Encoder for FeatureLayer {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        match xs.dims() {
            [_, FROZEN_DIM] => Ok(self.layer.forward(xs, mode)?.relu()?),
            found => Err(leaf_core::Error::Shape {
                what: "features of a frozen encoder",
                expected: format!("(N, {FROZEN_DIM})"),
                found: found.to_vec(),
            }),
        }
    }

    fn feature_dim(&self) -> usize {
        Self::DIM
    }
}
