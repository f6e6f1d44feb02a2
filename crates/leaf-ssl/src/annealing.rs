//! UDA's training-signal annealing: sure labelled faces are kept back for later.
//!
//! Source: Q. Xie et al., "Unsupervised data augmentation for consistency training", NeurIPS 2020,
//! section 3.2, with the largest probability in place of the true class's and the mean over all faces,
//! as in USB.

use candle_core::Tensor;
use leaf_core::cross_entropy;

use crate::{Logits, Result, Step};

/// How fast labelled faces are released: `τ = f(t/T) (1 - 1/C) + 1/C`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Annealing {
    /// `f(a) = 1 - e^(-5a)`: most at once.
    Log,
    /// `f(a) = a`.
    Linear,
    /// `f(a) = e^(5(a - 1))`: most at the end, for very few labels.
    Exp,
}

impl Annealing {
    /// The largest probability τ up to which a labelled face counts, of that many classes.
    pub fn bound(self, step: Step, num_classes: usize) -> f64 {
        let a = step.fraction();
        let share = match self {
            Self::Log => 1. - (-5. * a).exp(),
            Self::Linear => a,
            Self::Exp => (5. * (a - 1.)).exp(),
        };
        let chance = 1. / num_classes.max(1) as f64;
        share * (1. - chance) + chance
    }

    /// Each face's cross-entropy `(B,)`, 0 where the largest probability is above τ: logits `(B, C)`,
    /// classes `(B,)`.
    ///
    /// # Errors
    /// When the shapes do not fit.
    pub fn losses(self, logits: &Logits, labels: &Tensor, step: Step) -> Result<Tensor> {
        let losses = cross_entropy(logits.tensor(), labels)?;
        let confidence = logits.detach().probs()?.confidence()?;
        let bound = self.bound(step, logits.tensor().dim(1)?);
        Ok((confidence.le(bound)?.to_dtype(losses.dtype())? * losses)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn bounds_grow_to_one() {
        for annealing in [Annealing::Log, Annealing::Linear, Annealing::Exp] {
            let at = |index| annealing.bound(Step::new(index, 10), 4);
            assert!(
                (0..10).all(|index| at(index) < at(index + 1)),
                "{annealing:?}"
            );
            assert!(at(10) > 0.99 && at(10) <= 1.);
        }
        assert_eq!(Annealing::Linear.bound(Step::new(5, 10), 4), 0.625);
        assert_eq!(Annealing::Exp.bound(Step::new(10, 10), 4), 1.);
    }

    #[test]
    fn sure_faces_cost_nothing() -> Result<()> {
        let logits = Tensor::new(&[[9f32, 0.], [0.1, 0.]], &Device::Cpu)?;
        let logits = Logits::new(logits)?;
        let labels = Tensor::new(&[0u32, 0], &Device::Cpu)?;
        let losses = Annealing::Linear.losses(&logits, &labels, Step::new(5, 10))?;
        let losses = losses.to_vec1::<f32>()?;
        assert_eq!(losses[0], 0.);
        assert!(losses[1] > 0.6);
        Ok(())
    }
}
