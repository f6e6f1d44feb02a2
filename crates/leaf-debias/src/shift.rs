//! What one step does to logits.

use std::cell::RefCell;

use candle_core::Tensor;
use leaf_ssl::{LogitAdjustment, Logits, Result};

use crate::DebiasConfig;

/// Keeps the logarithm finite for a class that is never predicted.
const TINY: f64 = 1e-12;

/// Shifts one step's logits by `τ log p̂`: down for pseudo-labels, up for what is trained.
pub(crate) struct PriorShift<'a> {
    config: &'a DebiasConfig,
    /// p̂ before the step `(C,)`.
    before: &'a Tensor,
    /// The sum of the views' mean predictions `(C,)` and how many views there were.
    views: RefCell<Option<(Tensor, usize)>>,
    /// What another wrapper does around this one.
    outer: Option<&'a dyn LogitAdjustment>,
}

impl<'a> PriorShift<'a> {
    pub(crate) fn new(
        config: &'a DebiasConfig,
        before: &'a Tensor,
        outer: Option<&'a dyn LogitAdjustment>,
    ) -> Self {
        Self {
            config,
            before,
            views: RefCell::new(None),
            outer,
        }
    }

    /// p̂ with the views that were seen so far, which together count as one step `(C,)`.
    pub(crate) fn prior(&self) -> Result<Tensor> {
        let Some((sum, count)) = self.views.borrow().clone() else {
            return Ok(self.before.clone());
        };
        let momentum = self.config.momentum;
        let kept = (like(self.before, &sum)? * momentum)?;
        Ok((kept + (sum * ((1. - momentum) / count as f64))?)?)
    }

    /// Counts one more view's raw logits.
    fn see(&self, logits: &Logits) -> Result<()> {
        let mean = logits.detach().probs()?.tensor().mean(0)?;
        let seen = self.views.take();
        let seen = match seen {
            None => (mean, 1),
            Some((sum, count)) => ((sum + mean)?, count + 1),
        };
        self.views.replace(Some(seen));
        Ok(())
    }
}

impl LogitAdjustment for PriorShift<'_> {
    fn target(&self, logits: &Logits) -> Result<Logits> {
        self.see(logits)?;
        let outer = match self.outer {
            Some(outer) => outer.target(logits)?,
            None => logits.clone(),
        };
        shifted(&outer, &self.prior()?, -self.config.strength)
    }

    fn trained(&self, logits: &Logits) -> Result<Logits> {
        let outer = match self.outer {
            Some(outer) => outer.trained(logits)?,
            None => logits.clone(),
        };
        shifted(&outer, self.before, self.config.strength)
    }
}

/// `z + τ log p̂`: logits `(N, C)`, p̂ `(C,)`.
fn shifted(logits: &Logits, prior: &Tensor, strength: f64) -> Result<Logits> {
    let logits = logits.tensor();
    let logs = like(prior, logits)?.maximum(TINY)?.log()?;
    Logits::new(logits.broadcast_add(&(logs * strength)?)?)
}

/// A tensor in the type and on the device of another; Metal has no f64.
fn like(tensor: &Tensor, other: &Tensor) -> Result<Tensor> {
    let tensor = tensor.to_dtype(other.dtype())?;
    Ok(tensor.to_device(other.device())?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};
    use leaf_testkit::{assert_gradients, entries};

    use super::*;

    fn logits<const N: usize>(rows: &[[f64; 2]; N]) -> Result<Logits> {
        Logits::new(Tensor::new(rows, &Device::Cpu)?)
    }

    fn assert_close(found: &Tensor, expected: &[f64]) {
        let found = entries(found).expect("numbers");
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    /// ln 3 and ln 9 against 0 are probabilities of .75 and .9.
    #[test]
    fn a_worked_example() -> Result<()> {
        let config = DebiasConfig {
            strength: 0.5,
            momentum: 0.8,
        };
        let before = Tensor::new(&[0.5f64, 0.5], &Device::Cpu)?;
        let shift = PriorShift::new(&config, &before, None);
        let (three, nine) = (3f64.ln(), 9f64.ln());
        // The batch's mean is (.75 + .25) / 2 and so on: (.5, .5) and then (.9, .1).
        let first = logits(&[[three, 0.], [0., three]])?;
        let second = logits(&[[nine, 0.]])?;
        let target = shift.target(&first)?;
        let half = 0.5 * 0.5f64.ln();
        let expected = [three - half, -half, -half, three - half];
        assert_close(target.tensor(), &expected);

        // Both views together: .8 * .5 + .2 * (.5 + .9) / 2 = .54.
        let target = shift.target(&second)?;
        let expected = [nine - 0.5 * 0.54f64.ln(), -0.5 * 0.46f64.ln()];
        assert_close(target.tensor(), &expected);
        assert_close(&shift.prior()?, &[0.54, 0.46]);

        // What is trained is shifted by p̂ as it was before the step.
        assert_close(shift.trained(&second)?.tensor(), &[nine + half, half]);
        Ok(())
    }

    #[test]
    fn classes_that_are_never_predicted_leave_numbers() -> Result<()> {
        let config = DebiasConfig {
            momentum: 0.,
            ..DebiasConfig::default()
        };
        let before = Tensor::new(&[0.5f64, 0.5], &Device::Cpu)?;
        let shift = PriorShift::new(&config, &before, None);
        let target = shift.target(&logits(&[[1000., 0.]])?)?;
        let lift = -0.4 * 1e-12f64.ln();
        assert_close(target.tensor(), &[1000., lift]);
        Ok(())
    }

    #[test]
    fn one_wrapper_does_not_undo_another() -> Result<()> {
        let config = DebiasConfig::default();
        let before = Tensor::new(&[0.8f64, 0.2], &Device::Cpu)?;
        let outer = PriorShift::new(&config, &before, None);
        let inner = PriorShift::new(&config, &before, Some(&outer));
        let trained = inner.trained(&logits(&[[1., 2.]])?)?;
        let expected = [1. + 0.8 * 0.8f64.ln(), 2. + 0.8 * 0.2f64.ln()];
        assert_close(trained.tensor(), &expected);
        inner.target(&logits(&[[1., 2.]])?)?;
        assert_eq!(entries(&inner.prior()?)?, entries(&outer.prior()?)?);
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        let config = DebiasConfig::default();
        let before = Tensor::new(&[0.7f64, 0.2, 0.1], &Device::Cpu)?;
        let shift = PriorShift::new(&config, &before, None);
        let scores = Var::new(&[[0.3f64, -1., 0.5], [2., 0.1, 0.]], &Device::Cpu)?;
        let classes = Tensor::new(&[2u32, 0], &Device::Cpu)?;
        assert_gradients(&[("strong", &scores)], || -> Result<Tensor> {
            let logits = shift.trained(&Logits::new(scores.as_tensor().clone())?)?;
            let losses = leaf_core::cross_entropy(logits.tensor(), &classes)?;
            Ok(losses.mean_all()?)
        })
    }
}
