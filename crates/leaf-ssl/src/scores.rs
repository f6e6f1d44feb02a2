//! Scores and probabilities as different types, so that softmax cannot be applied twice.

use candle_core::{DType, Tensor};
use candle_nn::ops::softmax;
use leaf_core::Error;

use crate::Result;

/// Scores before the softmax `(N, C)`.
#[derive(Clone, Debug)]
pub struct Logits(Tensor);

impl Logits {
    /// Scores `(N, C)`.
    ///
    /// # Errors
    /// When the tensor has another rank.
    pub fn new(scores: Tensor) -> Result<Self> {
        expect_rank_2("logits", &scores)?;
        Ok(Self(scores))
    }

    /// `softmax(z)`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn probs(&self) -> Result<Probs> {
        Ok(Probs(softmax(&self.0, 1)?))
    }

    /// `softmax(z / T)`: sharper for a temperature T below 1, softer above.
    ///
    /// # Errors
    /// Those of candle.
    pub fn probs_at(&self, temperature: f64) -> Result<Probs> {
        Ok(Probs(softmax(&(&self.0 / temperature)?, 1)?))
    }

    /// The same scores without gradient.
    #[must_use]
    pub fn detach(&self) -> Self {
        Self(self.0.detach())
    }

    /// The mean of several views' scores.
    ///
    /// # Errors
    /// When there are no views or their shapes differ.
    pub fn mean(views: &[Self]) -> Result<Self> {
        Ok(Self(mean(views.iter().map(|view| &view.0))?))
    }

    /// The scores `(N, C)`.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }
}

/// Probabilities `(N, C)`; each row sums to 1.
#[derive(Clone, Debug)]
pub struct Probs(Tensor);

impl Probs {
    /// Probabilities `(N, C)` that were made elsewhere.
    ///
    /// # Errors
    /// When the tensor has another rank.
    pub fn new(probs: Tensor) -> Result<Self> {
        expect_rank_2("probabilities", &probs)?;
        Ok(Self(probs))
    }

    /// 1 for each row's class, 0 for the others: classes `(N,)` (u32) to `(N, C)`.
    ///
    /// # Errors
    /// Those of candle, for a class that there is not.
    pub fn one_hot(classes: &Tensor, num_classes: usize, dtype: DType) -> Result<Self> {
        let all = Tensor::eye(num_classes, dtype, classes.device())?;
        Ok(Self(all.index_select(classes, 0)?))
    }

    /// The mean of several views' probabilities.
    ///
    /// # Errors
    /// When there are no views or their shapes differ.
    pub fn mean(views: &[Self]) -> Result<Self> {
        Ok(Self(mean(views.iter().map(|view| &view.0))?))
    }

    /// `p^(1/T) / Σ p^(1/T)`: sharper for a temperature T below 1.
    ///
    /// # Errors
    /// Those of candle.
    pub fn sharpened(&self, temperature: f64) -> Result<Self> {
        // The largest becomes 1, so that a high power of it does not vanish.
        let relative = self.0.broadcast_div(&self.0.max_keepdim(1)?)?;
        let powers = relative.powf(1. / temperature)?;
        Ok(Self(powers.broadcast_div(&powers.sum_keepdim(1)?)?))
    }

    /// The most probable class of each row `(N,)`, u32; the lowest where several are.
    ///
    /// # Errors
    /// Those of candle.
    pub fn classes(&self) -> Result<Tensor> {
        Ok(self.0.argmax(1)?)
    }

    /// The largest probability of each row `(N,)`.
    ///
    /// # Errors
    /// Those of candle.
    pub fn confidence(&self) -> Result<Tensor> {
        Ok(self.0.max(1)?)
    }

    /// Checks that they are of that many classes, for rules that keep something for each class.
    ///
    /// # Errors
    /// [`Error::Shape`] when they are not, which names them by `what`.
    pub fn expect_classes(&self, what: &'static str, num_classes: usize) -> Result<()> {
        expect_classes(what, &self.0, num_classes)
    }

    /// The probabilities `(N, C)`.
    pub fn tensor(&self) -> &Tensor {
        &self.0
    }
}

/// Checks that rows `(N, C)` are of that many classes.
pub(crate) fn expect_classes(what: &'static str, rows: &Tensor, num_classes: usize) -> Result<()> {
    match rows.dims() {
        [_, found] if *found == num_classes => Ok(()),
        found => Err(Error::Shape {
            what,
            expected: format!("(N, {num_classes})"),
            found: found.to_vec(),
        }
        .into()),
    }
}

fn expect_rank_2(what: &'static str, tensor: &Tensor) -> Result<()> {
    if tensor.rank() == 2 {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: "(N, C)".to_owned(),
        found: tensor.dims().to_vec(),
    }
    .into())
}

fn mean<'a>(views: impl ExactSizeIterator<Item = &'a Tensor>) -> Result<Tensor> {
    let count = views.len();
    let views: Vec<&Tensor> = views.collect();
    match views.as_slice() {
        // One view must stay as it is, bit for bit.
        [only] => Ok((*only).clone()),
        _ => Ok((Tensor::stack(&views, 0)?.sum(0)? / count as f64)?),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use leaf_testkit::entries;

    use super::*;

    fn close(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12)
    }

    #[test]
    fn sharpening_raises_to_the_power_of_1_over_t() -> Result<()> {
        let probs = Probs::new(Tensor::new(&[[0.5f64, 0.3, 0.2]], &Device::Cpu)?)?;
        let sharp = entries(probs.sharpened(0.5)?.tensor())?;
        let sum = 0.25 + 0.09 + 0.04;
        assert!(close(&sharp, &[0.25 / sum, 0.09 / sum, 0.04 / sum]));
        let same = entries(probs.sharpened(1.)?.tensor())?;
        assert!(close(&same, &[0.5, 0.3, 0.2]));
        Ok(())
    }

    #[test]
    fn sharpening_is_a_softmax_of_scaled_logits() -> Result<()> {
        let logits = Tensor::new(&[[3f64, -1., 0.5], [0., 0., -40.]], &Device::Cpu)?;
        let logits = Logits::new(logits)?;
        for temperature in [0.1, 0.5, 2.] {
            let sharp = entries(logits.probs()?.sharpened(temperature)?.tensor())?;
            assert!(close(
                &sharp,
                &entries(logits.probs_at(temperature)?.tensor())?
            ));
        }
        Ok(())
    }

    #[test]
    fn the_sharpest_temperatures_leave_the_largest_alone() -> Result<()> {
        // A thousandth power of 1/2 is 0 in f32.
        let probs = Tensor::new(&[[0.5f32, 0.4, 0.1], [0.5, 0.5, 0.]], &Device::Cpu)?;
        let sharp = entries(Probs::new(probs)?.sharpened(1e-3)?.tensor())?;
        assert!(close(&sharp, &[1., 0., 0., 0.5, 0.5, 0.]));
        Ok(())
    }

    #[test]
    fn classes_become_probabilities() -> Result<()> {
        let classes = Tensor::new(&[2u32, 0], &Device::Cpu)?;
        let probs = Probs::one_hot(&classes, 3, DType::F32)?;
        assert_eq!(entries(probs.tensor())?, [0., 0., 1., 1., 0., 0.]);
        assert!(Probs::one_hot(&classes, 2, DType::F32).is_err());
        Ok(())
    }
}
