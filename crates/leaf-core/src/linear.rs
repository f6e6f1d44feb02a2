//! The linear layer, as PyTorch initializes it.

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};

use crate::{Mode, Result};

/// `y = x W^T + b`.
///
/// candle's own layer has no mode, so it would keep a graph in evaluation, and its initial weights
/// are about 2.4 times as large as PyTorch's.
#[derive(Clone, Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// From a weight `(out, in)` and a bias `(out,)`.
    pub fn new(weight: Tensor, bias: Tensor) -> Self {
        Self { weight, bias }
    }

    /// `(N, in)` to `(N, out)`.
    ///
    /// # Errors
    /// Those of candle, when the shapes do not fit.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        let ys = xs.matmul(&mode.view(&self.weight).t()?)?;
        Ok(ys.broadcast_add(&mode.view(&self.bias))?)
    }

    /// The weight `(out, in)`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias `(out,)`.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }
}

/// A [`Linear`] layer with PyTorch's default initial values: weight and bias uniform within
/// `±1/sqrt(in)`. Paths: `weight`, `bias`.
///
/// # Errors
/// Those of candle, when the builder holds tensors of another shape.
pub fn linear(in_dim: usize, out_dim: usize, vb: VarBuilder) -> Result<Linear> {
    let bound = 1. / (in_dim.max(1) as f64).sqrt();
    linear_with_init(
        in_dim,
        out_dim,
        Init::Uniform {
            lo: -bound,
            up: bound,
        },
        vb,
    )
}

/// A [`Linear`] layer that gives 0 for every input until it is trained. Paths: `weight`, `bias`.
///
/// # Errors
/// Those of candle, when the builder holds tensors of another shape.
pub fn linear_zero(in_dim: usize, out_dim: usize, vb: VarBuilder) -> Result<Linear> {
    linear_with_init(in_dim, out_dim, Init::Const(0.), vb)
}

fn linear_with_init(in_dim: usize, out_dim: usize, init: Init, vb: VarBuilder) -> Result<Linear> {
    let weight = vb.get_with_hints((out_dim, in_dim), "weight", init)?;
    let bias = vb.get_with_hints(out_dim, "bias", init)?;
    Ok(Linear::new(weight, bias))
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::Parameters;

    #[test]
    fn starts_as_pytorch_does() -> Result<()> {
        let parameters = Parameters::new(0);
        let vb = parameters.builder(DType::F64, &Device::Cpu);
        let layer = linear(400, 50, vb)?;
        let weight = layer.weight().flatten_all()?.to_vec1::<f64>()?;
        let largest = weight.iter().fold(0f64, |m, w| m.max(w.abs()));
        assert!(largest <= 0.05 && largest > 0.0499, "{largest}");
        Ok(())
    }

    #[test]
    fn multiplies_and_adds() -> Result<()> {
        let device = Device::Cpu;
        let layer = Linear::new(
            Tensor::new(&[[1f32, 2.], [3., 4.], [0., 1.]], &device)?,
            Tensor::new(&[0.5f32, 0., -1.], &device)?,
        );
        let ys = layer.forward(&Tensor::new(&[[1f32, 1.]], &device)?, Mode::Eval)?;
        assert_eq!(ys.to_vec2::<f32>()?, [[3.5, 7., 0.]]);
        Ok(())
    }
}
