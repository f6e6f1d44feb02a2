//! How far a prediction is from what a teacher says.

use candle_core::Tensor;
use leaf_core::{Error, soft_cross_entropy};

use crate::{Logits, Probs, Result};

/// How far a prediction `p = softmax(z)` is from a target q, which is a constant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Divergence {
    /// [`mean_squared_error`].
    #[default]
    MeanSquaredError,
    /// [`kl_divergence`].
    KlDivergence,
}

impl Divergence {
    /// Each row's divergence: logits `(M, C)` and target `(M, C)` to `(M,)`.
    ///
    /// # Errors
    /// When the shapes differ.
    pub fn losses(self, logits: &Logits, target: &Probs) -> Result<Tensor> {
        match self {
            Self::MeanSquaredError => mean_squared_error(logits, target),
            Self::KlDivergence => kl_divergence(logits, target),
        }
    }
}

/// `1/C Σ_c (p_c - q_c)²` with `p = softmax(z)` for each row: logits `(M, C)` and target `(M, C)` to
/// `(M,)`. No gradient reaches the target.
///
/// Source: S. Laine and T. Aila, "Temporal ensembling for semi-supervised learning", ICLR 2017,
/// algorithm 1.
///
/// # Errors
/// [`Error::Shape`] if the shapes differ.
pub fn mean_squared_error(logits: &Logits, target: &Probs) -> Result<Tensor> {
    if same_shape(logits, target)? == 0 {
        return Ok(logits.tensor().sum(1)?);
    }
    let probs = logits.probs()?;
    let deviation = (probs.tensor() - target.tensor().detach())?;
    Ok(deviation.sqr()?.mean(1)?)
}

/// `KL(q || p) = Σ_c q_c (ln q_c - ln p_c)` with `p = softmax(z)` for each row: logits `(M, C)` and
/// target `(M, C)` to `(M,)`. A class with `q_c = 0` counts 0; no gradient reaches the target.
///
/// Its gradient is that of the cross-entropy to q; it is 0 where the two agree.
///
/// # Errors
/// [`Error::Shape`] if the shapes differ.
pub fn kl_divergence(logits: &Logits, target: &Probs) -> Result<Tensor> {
    if same_shape(logits, target)? == 0 {
        return Ok(logits.tensor().sum(1)?);
    }
    let target = target.tensor().detach();
    // The logarithm of 0 would make 0 times infinity.
    let positive = target.gt(0f64)?.where_cond(&target, &target.ones_like()?)?;
    let negative_entropy = (&target * positive.log()?)?.sum(1)?;
    let cross_entropy = soft_cross_entropy(logits.tensor(), &target)?;
    Ok((cross_entropy + negative_entropy)?)
}

/// The number of rows.
fn same_shape(logits: &Logits, target: &Probs) -> Result<usize> {
    let (rows, classes) = logits.tensor().dims2()?;
    if target.tensor().dims() == [rows, classes] {
        return Ok(rows);
    }
    Err(Error::Shape {
        what: "target probabilities",
        expected: format!("({rows}, {classes})"),
        found: target.tensor().dims().to_vec(),
    }
    .into())
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};
    use leaf_core::Random;
    use leaf_testkit::{assert_gradients, entries};

    use super::*;

    const BOTH: [Divergence; 2] = [Divergence::MeanSquaredError, Divergence::KlDivergence];

    fn logits<const N: usize>(rows: &[[f64; 3]; N]) -> Result<Logits> {
        Logits::new(Tensor::new(rows, &Device::Cpu)?)
    }

    fn probs<const N: usize>(rows: &[[f64; 3]; N]) -> Result<Probs> {
        Probs::new(Tensor::new(rows, &Device::Cpu)?)
    }

    #[test]
    fn a_worked_example() -> Result<()> {
        // softmax(ln 2, 0, 0) = (.5, .25, .25).
        let logits = logits(&[[2f64.ln(), 0., 0.]])?;
        let target = probs(&[[0.2, 0.8, 0.]])?;
        let mse = entries(&mean_squared_error(&logits, &target)?)?;
        assert!((mse[0] - (0.09 + 0.3025 + 0.0625) / 3.).abs() < 1e-15);
        let kl = entries(&kl_divergence(&logits, &target)?)?;
        let expected = 0.2 * (0.2f64 / 0.5).ln() + 0.8 * (0.8f64 / 0.25).ln();
        assert!((kl[0] - expected).abs() < 1e-15);
        Ok(())
    }

    #[test]
    fn gradients_agree_with_differences() -> Result<()> {
        let mut random = Random::new(5);
        let mut normal = || random.normal_tensor(0., 2., (4, 3), DType::F64, &Device::Cpu);
        let student = Var::from_tensor(&normal()?)?;
        let target = Logits::new(normal()?)?.probs()?;
        let weights = Tensor::new(&[1f64, 0.5, 2., 0.], &Device::Cpu)?;
        for divergence in BOTH {
            assert_gradients(&[("student", &student)], || -> Result<Tensor> {
                let logits = Logits::new(student.as_tensor().clone())?;
                let losses = divergence.losses(&logits, &target)?;
                Ok((losses * &weights)?.sum_all()?)
            })?;
        }
        Ok(())
    }

    #[test]
    fn the_target_gets_no_gradient() -> Result<()> {
        let target = Var::new(&[[0.2f64, 0.7, 0.1]], &Device::Cpu)?;
        let student = Var::new(&[[1f64, 0., -1.]], &Device::Cpu)?;
        for divergence in BOTH {
            let logits = Logits::new(student.as_tensor().clone())?;
            let target_probs = Probs::new(target.as_tensor().clone())?;
            let loss = divergence.losses(&logits, &target_probs)?.sum_all()?;
            let grads = loss.backward()?;
            assert!(grads.get(&target).is_none() && grads.get(&student).is_some());
        }
        Ok(())
    }

    #[test]
    fn agreement_costs_nothing_and_disagreement_something() -> Result<()> {
        let student = logits(&[[3., 1., -2.], [0., 0., 0.]])?;
        let same = student.probs()?;
        let other = probs(&[[0.1, 0.8, 0.1], [1., 0., 0.]])?;
        for divergence in BOTH {
            let agreed = entries(&divergence.losses(&student, &same)?)?;
            assert!(agreed.iter().all(|loss| loss.abs() < 1e-15), "{agreed:?}");
            let apart = entries(&divergence.losses(&student, &other)?)?;
            assert!(apart.iter().all(|&loss| loss > 0.01), "{apart:?}");
        }
        Ok(())
    }

    #[test]
    fn extreme_scores_stay_finite() -> Result<()> {
        let student = Var::new(&[[1e4f32, 0., -1e4], [0., -1e4, 1e4]], &Device::Cpu)?;
        let target = Tensor::new(&[[0f32, 0., 1.], [0., 0., 1.]], &Device::Cpu)?;
        let target = Probs::new(target)?;
        for divergence in BOTH {
            let logits = Logits::new(student.as_tensor().clone())?;
            let losses = divergence.losses(&logits, &target)?;
            let grads = losses.sum_all()?.backward()?;
            let grad = grads.get(&student).expect("a gradient");
            let numbers = [entries(&losses)?, entries(grad)?].concat();
            assert!(numbers.iter().all(|x| x.is_finite()), "{numbers:?}");
            assert_eq!(entries(&losses)?[1], 0.);
        }
        Ok(())
    }

    #[test]
    fn no_rows_give_no_losses_and_wrong_shapes_are_named() -> Result<()> {
        let none = Tensor::zeros((0, 3), DType::F32, &Device::Cpu)?;
        let target = probs(&[[1., 0., 0.]])?;
        for divergence in BOTH {
            let losses = divergence.losses(&Logits::new(none.clone())?, &Probs::new(none.clone())?);
            assert_eq!(losses?.dims(), [0]);
            let two = logits(&[[0.; 3]; 2])?;
            let error = divergence.losses(&two, &target).unwrap_err().to_string();
            assert_eq!(
                error,
                "target probabilities has shape [1, 3], expected (2, 3)"
            );
        }
        Ok(())
    }
}
