//! Distribution alignment: predictions are scaled so that classes occur as often as expected.
//!
//! Source: D. Berthelot et al., "ReMixMatch", ICLR 2020, section 3.1, with a running average as in USB.

use candle_core::Tensor;
use leaf_core::{Alignment, AlignmentTarget};

use crate::{Probs, Result, State, Stateful, state_entry};

/// Keeps the ratio finite for a class that is never predicted.
const TINY: f64 = 1e-6;

/// The entry of the saved state.
const AVERAGE: &str = "p_model";

/// `p' = norm(p (t + 1e-6) / (a + 1e-6))`, with the target t and the running average a of the batches'
/// mean predictions: `a <- m a + (1 - m) mean(p)`, first the first batch's mean. The average is updated
/// before it is used.
#[derive(Clone, Debug)]
pub struct AverageAlignment {
    momentum: f64,
    target: Vec<f64>,
    average: Option<Tensor>,
}

impl AverageAlignment {
    /// For that many classes.
    ///
    /// # Errors
    /// When the configuration breaks a rule.
    pub fn new(config: &Alignment, num_classes: usize) -> Result<Self> {
        config.check(num_classes)?;
        let target = match &config.target {
            AlignmentTarget::Uniform => vec![1. / num_classes as f64; num_classes],
            AlignmentTarget::Given(shares) => shares.clone(),
        };
        Ok(Self {
            momentum: config.momentum,
            target,
            average: None,
        })
    }

    /// Probabilities `(N, C)` to aligned ones.
    ///
    /// # Errors
    /// When the number of classes differs.
    pub fn align(&mut self, probs: &Probs) -> Result<Probs> {
        let probs = probs.tensor().detach();
        let mean = probs.mean(0)?;
        let average = match &self.average {
            None => mean,
            Some(average) => {
                // A loaded average lies where the file was read.
                let average = average.to_device(mean.device())?.to_dtype(mean.dtype())?;
                ((average * self.momentum)? + (mean * (1. - self.momentum))?)?
            }
        };
        let target = Tensor::new(self.target.as_slice(), &candle_core::Device::Cpu)?
            .to_dtype(probs.dtype())?
            .to_device(probs.device())?;
        let ratio = ((target + TINY)? / (&average + TINY)?)?;
        let scaled = probs.broadcast_mul(&ratio)?;
        self.average = Some(average);
        Probs::new(scaled.broadcast_div(&scaled.sum_keepdim(1)?)?)
    }

    /// The running average of predictions `(C,)`, once there is one.
    pub fn average(&self) -> Option<&Tensor> {
        self.average.as_ref()
    }
}

impl Stateful for AverageAlignment {
    fn state(&self) -> Result<State> {
        let entry = self
            .average
            .clone()
            .map(|average| (AVERAGE.to_owned(), average));
        Ok(entry.into_iter().collect())
    }

    /// A state without an average is that of a run before its first step.
    fn load_state(&mut self, state: &State) -> Result<()> {
        self.average = match state.contains_key(AVERAGE) {
            true => Some(state_entry(state, AVERAGE, &[self.target.len()])?.clone()),
            false => None,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn probs() -> Result<Probs> {
        Probs::new(Tensor::new(
            &[[0.7f64, 0.2, 0.1], [0.6, 0.3, 0.1]],
            &Device::Cpu,
        )?)
    }

    #[test]
    fn the_first_batch_is_aligned_to_the_target() -> Result<()> {
        let mut alignment = AverageAlignment::new(&Alignment::default(), 3)?;
        let aligned = alignment.align(&probs()?)?;
        let rows = aligned.tensor().to_vec2::<f64>()?;
        // By hand: .7/.65, .2/.25, .1/.1, then divided by the sum.
        let sum = 0.7 / 0.65 + 0.2 / 0.25 + 1.;
        assert!((rows[0][0] - 0.7 / 0.65 / sum).abs() < 1e-5);
        assert!((rows[0].iter().sum::<f64>() - 1.).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn a_saved_average_goes_on() -> Result<()> {
        let mut alignment = AverageAlignment::new(&Alignment::default(), 3)?;
        alignment.align(&probs()?)?;
        let mut resumed = AverageAlignment::new(&Alignment::default(), 3)?;
        resumed.load_state(&alignment.state()?)?;
        let next = |a: &mut AverageAlignment| -> Result<Vec<Vec<f64>>> {
            Ok(a.align(&probs()?)?.tensor().to_vec2()?)
        };
        assert_eq!(next(&mut alignment)?, next(&mut resumed)?);
        let mut other = AverageAlignment::new(&Alignment::default(), 4)?;
        assert!(other.load_state(&alignment.state()?).is_err());
        Ok(())
    }
}
