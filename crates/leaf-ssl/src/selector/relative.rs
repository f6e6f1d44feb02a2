//! AdaMatch's threshold, which follows what labelled faces reach.
//!
//! Source: D. Berthelot et al., "AdaMatch", ICLR 2022, relative confidence threshold.

use candle_core::{DType, Device, Tensor};

use super::Selector;
use crate::{PseudoLabels, Result, Seen, State, Stateful, bounds, state_entry};

/// The saved entry.
const CUTOFF: &str = "cutoff";

/// Keeps what is at least `c = τ mean(max p_x)` confident, the mean over the step's labelled faces.
#[derive(Clone, Debug)]
pub struct RelativeThreshold {
    threshold: f64,
    cutoff: Option<f32>,
}

impl RelativeThreshold {
    /// With a share τ of the labelled faces' mean confidence, in `[0, 1]`.
    ///
    /// # Errors
    /// When it is outside.
    pub fn new(threshold: f64) -> Result<Self> {
        bounds::share("threshold", threshold)?;
        Ok(Self {
            threshold,
            cutoff: None,
        })
    }

    /// The last step's threshold c, once there was one.
    pub fn cutoff(&self) -> Option<f32> {
        self.cutoff
    }
}

impl Selector for RelativeThreshold {
    fn select(&mut self, labels: &mut PseudoLabels, seen: &Seen) -> Result<Tensor> {
        let confidence = &labels.confidence;
        let labeled = seen.labeled.logits.detach().probs()?.confidence()?;
        let cutoff = (labeled.mean_all()? * self.threshold)?;
        let cutoff = cutoff.to_dtype(confidence.dtype())?;
        let mask = confidence.broadcast_ge(&cutoff)?;
        let cutoff = cutoff.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        self.cutoff = Some(cutoff.to_scalar()?);
        Ok(mask.to_dtype(confidence.dtype())?)
    }

    fn thresholds(&self) -> Result<Option<Tensor>> {
        let cutoff = self
            .cutoff
            .map(|cutoff| Tensor::new(&[cutoff], &Device::Cpu));
        Ok(cutoff.transpose()?)
    }
}

/// The cutoff is kept for whoever reports it: the next step has its own.
impl Stateful for RelativeThreshold {
    fn state(&self) -> Result<State> {
        let entry = |cutoff: f32| -> Result<(String, Tensor)> {
            Ok((CUTOFF.to_owned(), Tensor::new(&[cutoff], &Device::Cpu)?))
        };
        self.cutoff.into_iter().map(entry).collect()
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.cutoff = match state.contains_key(CUTOFF) {
            true => Some(state_entry(state, CUTOFF, &[1])?.to_vec1::<f32>()?[0]),
            false => None,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HardLabels, Logits, PseudoLabeler, Step, ViewPass};

    fn pass<const N: usize>(probs: [[f32; 3]; N]) -> Result<ViewPass> {
        let logits = Logits::new(Tensor::new(&probs, &Device::Cpu)?.log()?)?;
        Ok(ViewPass::of_logits(logits))
    }

    /// The numbers that the published rule gives for this example, worked out with USB's function.
    #[test]
    fn a_worked_example() -> Result<()> {
        let weak = pass([
            [0.97, 0.01, 0.02],
            [0.1, 0.8, 0.1],
            [0.02, 0.96, 0.02],
            [0.3, 0.3, 0.4],
        ])?;
        let labeled = pass([[0.9, 0.05, 0.05], [0.2, 0.7, 0.1]])?;
        let labels = Tensor::new(&[0u32, 1], &Device::Cpu)?;
        let seen = Seen::new(vec![weak], labeled, labels, Step::new(0, 1));
        let mut labels = HardLabels::new(None, 3)?.label(&seen)?;
        let mut selector = RelativeThreshold::new(0.95)?;
        assert!(selector.state()?.is_empty());
        let mask = selector.select(&mut labels, &seen)?.to_vec1::<f32>()?;
        assert_eq!(mask, [1., 1., 1., 0.]);
        let cutoff = selector.cutoff().expect("a cutoff after a step");
        assert!((cutoff - 0.76).abs() < 1e-6, "{cutoff}");
        let mut resumed = RelativeThreshold::new(0.95)?;
        resumed.load_state(&selector.state()?)?;
        assert_eq!(resumed.cutoff(), Some(cutoff));
        Ok(())
    }

    #[test]
    fn thresholds_are_shares() {
        let error = RelativeThreshold::new(1.01).unwrap_err().to_string();
        assert_eq!(error, "threshold = 1.01, expected 0 to 1");
    }
}
