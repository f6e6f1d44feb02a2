//! The last block of the face encoder, fine-tuned on maps that the frozen rest makes.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::{Encoder, Mode};
use leaf_vision::{FaceEncoderTop, face_encoder_top};

use crate::Result;

/// The face encoder's last block and the mean over its map: a fifth of the network's parameters, all that is
/// trained of it.
///
/// `(N, 256 S S)`, the maps of a [`FrozenEncoder`](super::FrozenEncoder) with S rows and columns each, to
/// `(N, 256)`. Images are refused.
#[derive(Clone, Debug)]
pub struct FaceTop {
    top: FaceEncoderTop,
}

impl FaceTop {
    /// The width of what it makes of them.
    pub const DIM: usize = 256;

    /// How many blocks are trained.
    pub(super) const BLOCKS: usize = 1;

    /// Paths: `conv256_down_out.conv1.conv.weight` and so on.
    pub(super) fn new(vb: VarBuilder) -> Result<Self> {
        let top = face_encoder_top(Self::BLOCKS, vb)?;
        Ok(Self { top })
    }

    /// The rows of maps `(N, C S S)` that are squares; none if they are not.
    fn side(&self, xs: &Tensor) -> Option<usize> {
        let [_, width] = xs.dims() else { return None };
        let side = (width / self.top.in_channels()).isqrt();
        (self.top.in_channels() * side * side == *width).then_some(side)
    }
}

impl Encoder for FaceTop {
    fn encode(&self, xs: &Tensor, mode: Mode) -> leaf_core::Result<Tensor> {
        let channels = self.top.in_channels();
        let Some(side) = self.side(xs) else {
            return Err(leaf_core::Error::Shape {
                what: "maps of a frozen encoder",
                expected: format!("(N, {channels} S S)"),
                found: xs.dims().to_vec(),
            });
        };
        let maps = xs.reshape(((), channels, side, side))?;
        self.top.encode(&maps, mode)
    }

    fn feature_dim(&self) -> usize {
        Self::DIM
    }
}
