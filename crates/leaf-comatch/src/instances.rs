//! SimMatch's second task: a strong view must resemble the labelled faces that its weak view resembles.
//!
//! Source: M. Zheng et al., "SimMatch", CVPR 2022, in the order of USB.

use candle_core::Tensor;
use leaf_core::soft_cross_entropy;
use leaf_ssl::{FeatureBank, Logits, Probs, Result};

/// Keeps the ratio finite where every labelled face is of a class that is out of the question.
const TINY: f64 = 1e-30;

/// What a weak view's resemblance to the labelled faces says.
pub(crate) struct Resemblance {
    /// Which labelled faces the strong view should resemble `(M, K)`: each face's share times the
    /// probability of its class, divided by the sum.
    pub(crate) calibrated: Tensor,
    /// The shares summed by class `(M, C)`.
    pub(crate) by_class: Probs,
}

/// Of weak embeddings `(M, P)` and predictions `(M, C)`; the shares are `a = softmax(f_w M / T)`. No
/// gradient.
pub(crate) fn resemblance(
    bank: &FeatureBank,
    weak: &Tensor,
    probs: &Probs,
    temperature: f64,
) -> Result<Resemblance> {
    let shares = Logits::new(bank.similarities(&weak.detach())?)?.probs_at(temperature)?;
    let shares = shares.tensor();
    let weighted = (shares * bank.of_their_classes(probs)?.detach())?;
    let sums = weighted.sum_keepdim(1)?.maximum(TINY)?;
    Ok(Resemblance {
        calibrated: weighted.broadcast_div(&sums)?,
        by_class: bank.by_class(shares)?,
    })
}

/// `-Σ_k a'_k log softmax(f_s M / T)_k` for each face `(M,)`: strong embeddings `(M, P)` and the
/// calibrated shares a' `(M, K)`.
pub(crate) fn instance_losses(
    bank: &FeatureBank,
    strong: &Tensor,
    calibrated: &Tensor,
    temperature: f64,
) -> Result<Tensor> {
    let scores = (bank.similarities(strong)? / temperature)?;
    Ok(soft_cross_entropy(&scores, calibrated)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use leaf_core::{Random, unit_length};
    use leaf_ssl::{Stateful, Task};
    use leaf_testkit::{assert_gradients, entries};

    use super::*;

    /// Three faces of the classes 0, 1 and 1 along three axes.
    fn bank() -> Result<FeatureBank> {
        let task = Task::new(3).with_labeled([(0, 0), (1, 1), (2, 1)]);
        let mut bank = FeatureBank::new(&task, 3, 0.7, &mut Random::new(0))?;
        let axes = Tensor::eye(3, DType::F64, &Device::Cpu)?;
        let mut state = bank.state()?;
        state.insert("mem_bank".to_owned(), axes);
        bank.load_state(&state)?;
        Ok(bank)
    }

    #[test]
    fn a_worked_example() -> Result<()> {
        let weak = Tensor::new(&[[0.6f64, 0.8, 0.]], &Device::Cpu)?;
        let probs = Probs::new(Tensor::new(&[[0.5f64, 0.2, 0.3]], &Device::Cpu)?)?;
        let found = resemblance(&bank()?, &weak, &probs, 0.2)?;
        // e^3, e^4 and e^0 over their sum.
        let powers = [3f64.exp(), 4f64.exp(), 1.];
        let sum: f64 = powers.iter().sum();
        let by_class = [powers[0] / sum, (powers[1] + powers[2]) / sum, 0.];
        let weighted = [0.5 * powers[0], 0.2 * powers[1], 0.2 * powers[2]];
        let total: f64 = weighted.iter().sum();
        for (found, expected) in entries(found.by_class.tensor())?.iter().zip(by_class) {
            assert!((found - expected).abs() < 1e-12);
        }
        for (found, expected) in entries(&found.calibrated)?.iter().zip(weighted) {
            assert!((found - expected / total).abs() < 1e-12);
        }
        let strong = Tensor::new(&[[0f64, 1., 0.]], &Device::Cpu)?;
        let loss = instance_losses(&bank()?, &strong, &found.calibrated, 0.2)?;
        let log_sum = (5f64.exp() + 2.).ln();
        let expected = log_sum - 5. * weighted[1] / total;
        assert!((entries(&loss)?[0] - expected).abs() < 1e-12);
        Ok(())
    }

    #[test]
    fn what_a_weak_view_resembles_has_no_gradient() -> Result<()> {
        let weak = Var::new(&[[0.6f64, 0.8, 0.]], &Device::Cpu)?;
        let probs = Probs::new(Var::new(&[[0.5f64, 0.2, 0.3]], &Device::Cpu)?.sqr()?)?;
        let found = resemblance(&bank()?, &weak, &probs, 0.2)?;
        assert!(!found.calibrated.track_op());
        assert!(!found.by_class.tensor().track_op());
        Ok(())
    }

    #[test]
    fn classes_that_no_labelled_face_has_leave_numbers() -> Result<()> {
        let weak = Tensor::new(&[[0.6f32, 0.8, 0.]], &Device::Cpu)?;
        let probs = Probs::new(Tensor::new(&[[0f32, 0., 1.]], &Device::Cpu)?)?;
        let found = resemblance(&bank()?, &weak, &probs, 0.1)?;
        assert_eq!(entries(&found.calibrated)?, [0., 0., 0.]);
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        let mut random = Random::new(4);
        let mut normal =
            |columns: usize| random.normal_tensor(0., 1., (5, columns), DType::F64, &Device::Cpu);
        let bank = bank()?;
        let weak = unit_length(&normal(3)?)?;
        let probs = Logits::new(normal(3)?)?.probs()?;
        let calibrated = resemblance(&bank, &weak, &probs, 0.1)?.calibrated;
        let strong = Var::from_tensor(&normal(3)?)?;
        assert_gradients(&[("strong", &strong)], || -> Result<Tensor> {
            let losses = instance_losses(&bank, &unit_length(&strong)?, &calibrated, 0.1)?;
            Ok(losses.mean_all()?)
        })
    }
}
