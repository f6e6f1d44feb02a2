//! The norm of each token.

use candle_core::{D, Tensor};
use candle_nn::{Init, VarBuilder};
use leaf_core::Mode;

use crate::error::Result;

/// `y = (x - mean)/sqrt(variance + eps) * weight + bias`, mean and (biased) variance over the last
/// dimension.
///
/// Source: J. L. Ba et al., "Layer normalization", arXiv 1607.06450. candle's own layer takes a fused
/// operation without a gradient whenever its input is contiguous.
#[derive(Clone, Debug)]
pub(super) struct LayerNorm {
    weight: Tensor,
    bias: Tensor,
    eps: f64,
}

impl LayerNorm {
    /// Paths: `weight`, which starts at 1, and `bias`, at 0.
    pub(super) fn new(width: usize, eps: f64, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            weight: vb.get_with_hints(width, "weight", Init::Const(1.))?,
            bias: vb.get_with_hints(width, "bias", Init::Const(0.))?,
            eps,
        })
    }

    /// `(..., D)` to the same shape.
    pub(super) fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let centered = xs.broadcast_sub(&xs.mean_keepdim(D::Minus1)?)?;
        let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
        let ys = centered.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        let ys = ys.broadcast_mul(&mode.view(&self.weight))?;
        Ok(ys.broadcast_add(&mode.view(&self.bias))?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use leaf_core::Parameters;

    use super::*;
    use crate::finite_difference;

    #[test]
    fn rows_get_mean_0_and_variance_1() -> Result<()> {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F64, &Device::Cpu);
        let layer = LayerNorm::new(50, 1e-9, vb)?;
        let xs = finite_difference::normal(1, &[3, 50])?.affine(4., 2.)?;
        let ys = layer.forward(&xs, Mode::Eval)?;
        for row in ys.to_vec2::<f64>()? {
            let mean = row.iter().sum::<f64>() / 50.;
            let variance = row.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / 50.;
            assert!(mean.abs() < 1e-9 && (variance - 1.).abs() < 1e-6);
        }
        Ok(())
    }

    #[test]
    fn gradients_are_differences() -> Result<()> {
        let xs = finite_difference::normal(1, &[2, 3, 5])?;
        let (weight, bias) = (
            finite_difference::normal(2, &[5])?,
            finite_difference::normal(3, &[5])?,
        );
        let layer = LayerNorm {
            weight: weight.as_tensor().clone(),
            bias: bias.as_tensor().clone(),
            eps: 1e-6,
        };
        finite_difference::check(&[&xs, &weight, &bias], || layer.forward(&xs, Mode::Train))
    }
}
