//! The linear layer of each token, as timm initializes it.

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};
use leaf_core::{Linear, Mode};

use crate::error::Result;

/// Standard deviation of initial weights and positions.
///
/// timm cuts the normal distribution off at ±2, a hundred deviations away: no draw differs.
pub(super) const INITIAL: Init = Init::Randn {
    mean: 0.,
    stdev: 0.02,
};

/// `y = x W^T + b` for every token.
#[derive(Clone, Debug)]
pub(super) struct TokenLinear(Linear);

impl TokenLinear {
    /// Paths: `weight`, which starts normal with deviation 0.02, and `bias`, at 0.
    pub(super) fn new(in_dim: usize, out_dim: usize, vb: VarBuilder) -> Result<Self> {
        let weight = vb.get_with_hints((out_dim, in_dim), "weight", INITIAL)?;
        let bias = vb.get_with_hints(out_dim, "bias", Init::Const(0.))?;
        Ok(Self(Linear::new(weight, bias)))
    }

    /// `(N, T, in)` to `(N, T, out)`.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let (images, tokens, in_dim) = xs.dims3()?;
        // One matrix product for all tokens: a product an image would be many small ones.
        let rows = xs.reshape((images * tokens, in_dim))?;
        let ys = linear(&self.0, &rows, mode)?;
        Ok(ys.reshape((images, tokens, ()))?)
    }
}

/// A layer of `leaf-core` under this crate's errors.
pub(super) fn linear(layer: &Linear, rows: &Tensor, mode: Mode) -> Result<Tensor> {
    let ys = layer.forward(rows, mode);
    Ok(ys.map_err(|error| match error {
        leaf_core::Error::Candle(error) => error,
        other => candle_core::Error::wrap(other),
    })?)
}
