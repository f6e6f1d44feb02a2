//! What a batch norm normalizes by.

use leaf_core::Mode;

use super::BatchNorm2d;
use crate::error::{Error, Result};
use candle_core::{DType, Device, Tensor, Var};

/// Mean and standard deviation of each channel.
#[derive(Clone, Debug)]
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f64>,
    /// `1/sqrt(var + eps)`.
    pub(crate) inv_std: Vec<f64>,
    /// Whether they are the input's own, so that the gradient flows through them.
    pub(crate) of_batch: bool,
}

impl Statistics {
    fn new(mean: Vec<f64>, var: &[f64], eps: f64, of_batch: bool) -> Self {
        Self {
            mean,
            inv_std: var.iter().map(|var| 1. / (var + eps).sqrt()).collect(),
            of_batch,
        }
    }

    /// The normalization as `scale x + shift`.
    pub(crate) fn affine(&self, weight: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let channels = self
            .mean
            .iter()
            .zip(&self.inv_std)
            .zip(weight.iter().zip(bias));
        channels
            .map(|((mean, inv_std), (weight, bias))| {
                let scale = f64::from(*weight) * inv_std;
                (scale as f32, (f64::from(*bias) - mean * scale) as f32)
            })
            .unzip()
    }
}

impl BatchNorm2d {
    /// Whether a pass in this mode normalizes by the running statistics.
    pub(crate) fn is_given(&self, mode: Mode) -> bool {
        self.config.frozen || mode == Mode::Eval
    }

    /// Fails unless the input is `(N, C, H, W)` with this layer's channels.
    pub(crate) fn check_input(&self, dims: [usize; 4]) -> Result<()> {
        let channels = self.weight.elem_count();
        if dims[1] == channels && dims[2] * dims[3] > 0 {
            return Ok(());
        }
        Err(Error::Shape {
            what: "input of batch norm",
            expected: format!("(N, {channels}, H, W) with at least 1 pixel"),
            found: dims.to_vec(),
        })
    }

    /// Fails if the spread of a single value is wanted.
    pub(super) fn check_count(&self, dims: &[usize], count: usize) -> Result<()> {
        if count >= 2 {
            return Ok(());
        }
        Err(Error::OneValuePerChannel {
            found: dims.to_vec(),
        })
    }

    /// What a pass normalizes by; a batch's mean and biased variance are asked for if they are wanted,
    /// and move the running ones if the mode says so.
    pub(crate) fn statistics(
        &self,
        mode: Mode,
        dims: [usize; 4],
        of_batch: impl FnOnce() -> (Vec<f64>, Vec<f64>),
    ) -> Result<Statistics> {
        let eps = self.config.eps;
        if self.is_given(mode) {
            let (mean, var) = (numbers(&self.running_mean)?, numbers(&self.running_var)?);
            return Ok(Statistics::new(mean, &var, eps, false));
        }
        let count = dims[0] * dims[2] * dims[3];
        self.check_count(&dims, count)?;
        let (mean, var) = of_batch();
        if mode.updates_statistics() {
            let vector = |values: &[f64]| Tensor::from_slice(values, values.len(), &Device::Cpu);
            self.update(&vector(&mean)?, &vector(&var)?, count)?;
        }
        Ok(Statistics::new(mean, &var, eps, true))
    }

    /// Moves the running statistics towards a batch's.
    pub(super) fn update(&self, mean: &Tensor, var: &Tensor, count: usize) -> Result<()> {
        let momentum = self.config.momentum;
        let unbiased = count as f64 / (count - 1) as f64;
        for (running, new, scale) in [
            (&self.running_mean, mean, momentum),
            (&self.running_var, var, momentum * unbiased),
        ] {
            let old = (running.as_detached_tensor() * (1. - momentum))?;
            let new = (new.detach() * scale)?.to_dtype(old.dtype())?;
            running.set(&(old + new)?)?;
        }
        Ok(())
    }
}

fn numbers(var: &Var) -> Result<Vec<f64>> {
    Ok(var.as_detached_tensor().to_dtype(DType::F64)?.to_vec1()?)
}
