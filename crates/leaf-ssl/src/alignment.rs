//! Distribution alignment: predictions are scaled so that classes occur as often as expected.
//!
//! Source: D. Berthelot et al., "ReMixMatch", ICLR 2020, section 3.1, with a running average as in USB;
//! the target that follows the labelled faces is that of D. Berthelot et al., "AdaMatch", ICLR 2022, with
//! a running average as in USB.

use candle_core::{Device, Tensor};
use leaf_core::{Alignment, AlignmentTarget};

use crate::{Probs, Result, State, Stateful, bounds, state_entry};

/// Keeps the ratio finite for a class that is never predicted.
const TINY: f64 = 1e-6;

/// The saved entries.
const AVERAGE: &str = "p_model";
const TARGET: &str = "p_target";

/// `p' = norm(p (t + 1e-6) / (a + 1e-6))`, with the target t and the running average a of the batches'
/// mean predictions: `a <- m a + (1 - m) mean(p)`, first the first batch's mean. The average is updated
/// before it is used.
///
/// The target is fixed, or tracks what is predicted of labelled faces ([`AverageAlignment::tracking`]).
#[derive(Clone, Debug)]
pub struct AverageAlignment {
    momentum: f64,
    target: Tensor,
    tracks: bool,
    average: Option<Tensor>,
}

impl AverageAlignment {
    /// For that many classes.
    ///
    /// # Errors
    /// When the configuration breaks a rule.
    pub fn new(config: &Alignment, num_classes: usize) -> Result<Self> {
        config.check(num_classes)?;
        Ok(Self {
            momentum: config.momentum,
            target: shares_of(&config.target, num_classes)?,
            tracks: false,
            average: None,
        })
    }

    /// To a target that starts uniform and follows the labelled faces' mean predictions:
    /// `t <- m t + (1 - m) mean(p_x)` at each [`AverageAlignment::follow`].
    ///
    /// # Errors
    /// When the momentum is outside `[0, 1)`.
    pub fn tracking(momentum: f64, num_classes: usize) -> Result<Self> {
        bounds::share_below_one("momentum", momentum)?;
        Ok(Self {
            momentum,
            target: uniform(num_classes)?,
            tracks: true,
            average: None,
        })
    }

    /// Whether the target follows the labelled faces.
    pub fn tracks(&self) -> bool {
        self.tracks
    }

    /// Lets a tracking target follow probabilities of labelled faces `(B, C)`; a fixed one stays.
    ///
    /// # Errors
    /// When the number of classes differs.
    pub fn follow(&mut self, labeled: &Probs) -> Result<()> {
        if self.tracks {
            let mean = labeled.tensor().detach().mean(0)?;
            self.target = self.mixed(&self.target, mean)?;
        }
        Ok(())
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
            Some(average) => self.mixed(average, mean)?,
        };
        let aligned = scaled(&probs, &self.target, &average)?;
        self.average = Some(average);
        Ok(aligned)
    }

    /// The running average of predictions `(C,)`, once there is one.
    pub fn average(&self) -> Option<&Tensor> {
        self.average.as_ref()
    }

    /// What the classes' shares are scaled to `(C,)`.
    pub fn target(&self) -> &Tensor {
        &self.target
    }

    fn mixed(&self, old: &Tensor, new: Tensor) -> Result<Tensor> {
        // What was loaded lies where the file was read.
        let old = old.to_dtype(new.dtype())?.to_device(new.device())?;
        Ok(((old * self.momentum)? + (new * (1. - self.momentum))?)?)
    }
}

/// `norm(p (t + 1e-6) / (a + 1e-6))`: probabilities `(N, C)`, target and average `(C,)`.
pub(crate) fn scaled(probs: &Tensor, target: &Tensor, average: &Tensor) -> Result<Probs> {
    let target = target.to_dtype(probs.dtype())?.to_device(probs.device())?;
    let ratio = ((target + TINY)? / (average + TINY)?)?;
    let scaled = probs.broadcast_mul(&ratio)?;
    Probs::new(scaled.broadcast_div(&scaled.sum_keepdim(1)?)?)
}

/// A target's shares `(C,)`.
pub(crate) fn shares_of(target: &AlignmentTarget, num_classes: usize) -> Result<Tensor> {
    Ok(match target {
        AlignmentTarget::Uniform => uniform(num_classes)?,
        AlignmentTarget::Given(shares) => Tensor::new(shares.as_slice(), &Device::Cpu)?,
    })
}

/// Equal shares `(C,)`.
fn uniform(num_classes: usize) -> Result<Tensor> {
    let shares = vec![1. / num_classes as f64; num_classes];
    Ok(Tensor::from_vec(shares, num_classes, &Device::Cpu)?)
}

impl Stateful for AverageAlignment {
    fn state(&self) -> Result<State> {
        let average = self.average.iter().map(|average| (AVERAGE, average));
        let target = self.tracks.then_some((TARGET, &self.target));
        let entries = average.chain(target);
        Ok(entries
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect())
    }

    /// A state without an average is that of a run before its first step.
    fn load_state(&mut self, state: &State) -> Result<()> {
        let shape = self.target.dims();
        let average = match state.contains_key(AVERAGE) {
            true => Some(state_entry(state, AVERAGE, shape)?.clone()),
            false => None,
        };
        if self.tracks {
            self.target = state_entry(state, TARGET, shape)?.clone();
        }
        self.average = average;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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

    fn close(found: &[f64], expected: &[f64]) -> bool {
        let mut pairs = found.iter().zip(expected);
        found.len() == expected.len() && pairs.all(|(f, e)| (f - e).abs() < 1e-6)
    }

    /// The numbers that the published rule gives for this example, worked out with USB's function.
    #[test]
    fn a_worked_example_of_a_tracking_target() -> Result<()> {
        let weak = Probs::new(Tensor::new(
            &[
                [0.97f64, 0.01, 0.02],
                [0.1, 0.8, 0.1],
                [0.02, 0.96, 0.02],
                [0.3, 0.3, 0.4],
            ],
            &Device::Cpu,
        )?)?;
        let labeled = Probs::new(Tensor::new(
            &[[0.9f64, 0.05, 0.05], [0.2, 0.7, 0.1]],
            &Device::Cpu,
        )?)?;
        let mut alignment = AverageAlignment::tracking(0.999, 3)?;
        alignment.follow(&labeled)?;
        let aligned = alignment.align(&weak)?.tensor().to_vec2::<f64>()?;
        assert!(close(&aligned[0], &[0.943470, 0.006528, 0.050002]));
        let target = alignment.target().to_vec1::<f64>()?;
        assert!(close(&target, &[0.33355, 0.333375, 0.333075]));
        let average = alignment.state()?["p_model"].to_vec1::<f64>()?;
        assert!(close(&average, &[0.3475, 0.5175, 0.135]));

        let mut resumed = AverageAlignment::tracking(0.999, 3)?;
        resumed.load_state(&alignment.state()?)?;
        for alignment in [&mut alignment, &mut resumed] {
            alignment.follow(&weak)?;
        }
        let next = |a: &mut AverageAlignment| -> Result<Vec<Vec<f64>>> {
            Ok(a.align(&labeled)?.tensor().to_vec2()?)
        };
        assert_eq!(next(&mut alignment)?, next(&mut resumed)?);
        Ok(())
    }

    #[test]
    fn a_fixed_target_follows_nothing() -> Result<()> {
        let mut alignment = AverageAlignment::new(&Alignment::default(), 3)?;
        alignment.follow(&probs()?)?;
        assert_eq!(alignment.target().to_vec1::<f64>()?, [1. / 3.; 3]);
        assert!(alignment.state()?.is_empty());
        let error = AverageAlignment::tracking(1., 3).unwrap_err().to_string();
        assert_eq!(error, "momentum = 1, expected 0 or more and less than 1");
        Ok(())
    }
}
