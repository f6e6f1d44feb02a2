//! Sharpened probabilities as labels.
//!
//! Source: Q. Xie et al., "Unsupervised data augmentation for consistency training", NeurIPS 2020; with
//! several views, D. Berthelot et al., "MixMatch", NeurIPS 2019.

use crate::{PseudoLabeler, PseudoLabels, Result, Seen, Stateful, bounds, mean_of_views};

/// What the weak views predict, sharpened: `q = softmax(z_w / T)`; of several views, the mean of their
/// probabilities to the power of 1/T, normalized.
///
/// Selectors weigh the probabilities as they were before the sharpening.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftLabels {
    temperature: f64,
}

impl SoftLabels {
    /// With a temperature T above 0; 1 sharpens nothing.
    ///
    /// # Errors
    /// When it is not above 0.
    pub fn new(temperature: f64) -> Result<Self> {
        bounds::positive("temperature", temperature)?;
        Ok(Self { temperature })
    }
}

impl PseudoLabeler for SoftLabels {
    fn label(&mut self, seen: &Seen) -> Result<PseudoLabels> {
        let probs = mean_of_views(seen)?;
        let target = match seen.weak.as_slice() {
            // The logits are exact where a probability is too small for its type.
            [only] => only.logits.probs_at(self.temperature)?,
            _ => probs.sharpened(self.temperature)?,
        };
        PseudoLabels::soft(probs, target)
    }
}

impl Stateful for SoftLabels {}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use leaf_testkit::entries;

    use super::*;
    use crate::{Logits, Step, Target, ViewPass};

    const VIEWS: [[[f64; 3]; 2]; 2] = [
        [[2., 0.5, -1.], [0., 0.3, 0.1]],
        [[1., 0., -3.], [4., 0., 0.]],
    ];

    fn seen(views: usize) -> Result<Seen> {
        let pass = |scores: &[[f64; 3]; 2]| -> Result<ViewPass> {
            let logits = Logits::new(Tensor::new(scores, &Device::Cpu)?)?;
            Ok(ViewPass::of_logits(logits))
        };
        let weak = VIEWS[..views].iter().map(pass).collect::<Result<_>>()?;
        let labels = Tensor::new(&[0u32, 1], &Device::Cpu)?;
        Ok(Seen::new(weak, pass(&VIEWS[0])?, labels, Step::new(0, 1)))
    }

    fn target(labels: &PseudoLabels) -> Result<Vec<f64>> {
        let Target::Soft(target) = &labels.target else {
            panic!("a soft target");
        };
        Ok(entries(target.tensor())?)
    }

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn the_target_is_sharpened_and_what_selects_is_not() -> Result<()> {
        let labels = SoftLabels::new(0.4)?.label(&seen(1)?)?;
        let plain = SoftLabels::new(1.)?.label(&seen(1)?)?;
        assert_eq!(
            entries(&labels.confidence)?,
            entries(&plain.confidence)?,
            "the confidence"
        );
        assert_eq!(target(&plain)?, entries(plain.probs.tensor())?);
        // By hand: e^(z / .4) over its sum.
        let powers = [2. / 0.4f64, 0.5 / 0.4, -1. / 0.4].map(f64::exp);
        let sum: f64 = powers.iter().sum();
        assert!(close(&target(&labels)?[..3], &powers.map(|p| p / sum)));
        Ok(())
    }

    #[test]
    fn several_views_are_averaged_before_they_are_sharpened() -> Result<()> {
        let seen = seen(2)?;
        let labels = SoftLabels::new(0.5)?.label(&seen)?;
        let mean = entries(mean_of_views(&seen)?.tensor())?;
        let sum: f64 = mean[..3].iter().map(|p| p * p).sum();
        let expected: Vec<f64> = mean[..3].iter().map(|p| p * p / sum).collect();
        assert!(close(&target(&labels)?[..3], &expected));
        assert!(close(&entries(labels.probs.tensor())?, &mean));
        Ok(())
    }

    #[test]
    fn one_view_is_as_that_view_twice() -> Result<()> {
        let one = seen(1)?;
        let mut twice = one.clone();
        twice.weak.push(one.weak[0].clone());
        for temperature in [0.01, 0.4, 1., 3.] {
            let target = |seen: &Seen| target(&SoftLabels::new(temperature)?.label(seen)?);
            let (a, b) = (target(&one)?, target(&twice)?);
            assert!(close(&a, &b), "{temperature}: {a:?} {b:?}");
        }
        Ok(())
    }

    #[test]
    fn temperatures_are_above_zero() {
        for temperature in [0., -1., f64::NAN, f64::INFINITY] {
            let error = SoftLabels::new(temperature).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("temperature = {temperature}, expected more than 0")
            );
        }
    }
}
