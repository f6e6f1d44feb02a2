//! What each token takes from the others.

use candle_core::{D, Tensor};
use candle_nn::VarBuilder;
use candle_nn::ops::softmax;
use leaf_core::Mode;

use super::config::VitConfig;
use super::token_linear::TokenLinear;
use crate::error::Result;

/// Multi-head self-attention: in each head of width d,
/// `softmax(Q K^T / sqrt(d)) V`, the heads side by side, then a linear layer.
///
/// Source: A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    qkv: TokenLinear,
    proj: TokenLinear,
    heads: usize,
}

impl Attention {
    /// Paths: `qkv` (queries, keys and values of all heads, in this order) and `proj`.
    pub(super) fn new(config: &VitConfig, vb: VarBuilder) -> Result<Self> {
        let width = config.width;
        Ok(Self {
            qkv: TokenLinear::new(width, 3 * width, vb.pp("qkv"))?,
            proj: TokenLinear::new(width, width, vb.pp("proj"))?,
            heads: config.heads,
        })
    }

    /// `(N, T, D)` to `(N, T, D)`.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (images, tokens, width) = xs.dims3()?;
        let head_width = width / self.heads;
        let qkv = self.qkv.forward(xs, mode)?;
        let qkv = qkv.reshape((images, tokens, 3, self.heads, head_width))?;
        // (3, N, heads, T, d)
        let qkv = qkv.permute((2, 0, 3, 1, 4))?.contiguous()?;
        let [queries, keys, values] = [qkv.get(0)?, qkv.get(1)?, qkv.get(2)?];
        let queries = (queries * (head_width as f64).powf(-0.5))?;
        let affinity = queries.matmul(&keys.t()?)?;
        // Not softmax_last_dim, which has no gradient.
        let taken = softmax(&affinity, D::Minus1)?.matmul(&values)?;
        let ys = taken.transpose(1, 2)?.reshape((images, tokens, width))?;
        self.proj.forward(&ys, mode)
    }
}
