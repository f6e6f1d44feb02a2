//! One layer of the transformer.

use candle_core::Tensor;
use candle_nn::VarBuilder;
use leaf_core::Mode;

use super::attention::Attention;
use super::config::VitConfig;
use super::layer_norm::LayerNorm;
use super::token_linear::TokenLinear;
use crate::error::Result;

/// `x + attention(norm1(x))`, then `x + fc2(gelu(fc1(norm2(x))))`.
#[derive(Clone, Debug)]
pub(super) struct Block {
    norm1: LayerNorm,
    attention: Attention,
    norm2: LayerNorm,
    fc1: TokenLinear,
    fc2: TokenLinear,
}

impl Block {
    /// Paths: `norm1`, `attn`, `norm2`, `mlp.fc1`, `mlp.fc2`.
    pub(super) fn new(config: &VitConfig, vb: VarBuilder) -> Result<Self> {
        let (width, hidden, eps) = (config.width, config.mlp_width, config.norm_eps);
        let mlp = vb.pp("mlp");
        Ok(Self {
            norm1: LayerNorm::new(width, eps, vb.pp("norm1"))?,
            attention: Attention::new(config, vb.pp("attn"))?,
            norm2: LayerNorm::new(width, eps, vb.pp("norm2"))?,
            fc1: TokenLinear::new(width, hidden, mlp.pp("fc1"))?,
            fc2: TokenLinear::new(hidden, width, mlp.pp("fc2"))?,
        })
    }

    /// `(N, T, D)` to `(N, T, D)`.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let ys = self.norm1.forward(xs, mode)?;
        let xs = (xs + self.attention.forward(&ys, mode)?)?;
        let ys = self.fc1.forward(&self.norm2.forward(&xs, mode)?, mode)?;
        // The exact one, by the error function, as timm and torchvision have it.
        let ys = self.fc2.forward(&ys.gelu_erf()?, mode)?;
        Ok((xs + ys)?)
    }
}
