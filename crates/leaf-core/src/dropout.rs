//! Dropout that a seed decides.

use candle_core::Tensor;

use crate::bounds::share_below_one;
use crate::{Mode, NoiseSource, Result};

/// Sets each entry to 0 with probability p in training and scales the rest by `1/(1 - p)`.
#[derive(Clone, Debug)]
pub struct Dropout {
    probability: f64,
    noise: NoiseSource,
}

impl Dropout {
    /// With the probability that an entry is dropped.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless it is in `[0, 1)`.
    pub fn new(probability: f64, noise: NoiseSource) -> Result<Self> {
        share_below_one("dropout", probability)?;
        Ok(Self { probability, noise })
    }

    /// Any shape to the same shape.
    ///
    /// # Errors
    /// Those of candle.
    pub fn forward(&self, xs: &Tensor, mode: Mode) -> Result<Tensor> {
        if self.probability == 0. || !mode.is_train() {
            return Ok(xs.clone());
        }
        let uniform = self.noise.uniform(xs.dims(), xs.dtype(), xs.device())?;
        let kept = uniform.ge(self.probability)?.to_dtype(xs.dtype())?;
        Ok((xs * (kept / (1. - self.probability))?)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::Random;

    #[test]
    fn keeps_the_mean_in_training_and_all_elsewhere() -> Result<()> {
        let xs = Tensor::ones((100, 100), DType::F32, &Device::Cpu)?;
        let dropout = Dropout::new(0.25, NoiseSource::new(Random::new(0)))?;
        let ys = dropout.forward(&xs, Mode::Train)?;
        let mean = ys.mean_all()?.to_scalar::<f32>()?;
        assert!((mean - 1.).abs() < 0.02, "{mean}");
        for mode in [Mode::Teacher, Mode::Eval] {
            let ys = dropout.forward(&xs, mode)?;
            assert_eq!(ys.min_all()?.to_scalar::<f32>()?, 1.);
        }
        Ok(())
    }

    #[test]
    fn the_probability_is_checked() {
        for wrong in [-0.1, 1., f64::NAN] {
            assert!(Dropout::new(wrong, NoiseSource::new(Random::new(0))).is_err());
        }
    }
}
