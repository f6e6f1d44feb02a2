//! Views of one face attract each other, views of others repel.

use candle_core::Tensor;

use crate::bounds::{not_negative, positive};
use crate::{Error, Result, fast, plain};

/// Which rows attract each other.
#[derive(Clone, Copy, Debug)]
pub enum Pairs<'a> {
    /// Views of the same face only (NT-Xent).
    Faces,
    /// Faces of the same class, classes `(N,)` (SupCon).
    Classes(&'a Tensor),
    /// Faces i and j with a non-zero entry, weighted by it, `(N, N)`.
    Mask(&'a Tensor),
}

/// The configuration of [`contrastive`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct ContrastiveConfig {
    /// What similarities are divided by (τ), above 0.
    pub temperature: f64,
    /// The loss is scaled by `temperature / base_temperature`.
    pub base_temperature: f64,
    /// What the trainer multiplies the loss by.
    pub weight: f64,
}

impl Default for ContrastiveConfig {
    /// As in Ada-CM and the released code.
    fn default() -> Self {
        Self {
            temperature: 0.07,
            base_temperature: 0.07,
            weight: 0.1,
        }
    }
}

impl ContrastiveConfig {
    /// Checks every rule.
    ///
    /// # Errors
    /// The first rule that is broken, with the field, its value and the bound.
    pub fn check(&self) -> Result<()> {
        positive("contrastive.temperature", self.temperature)?;
        positive("contrastive.base_temperature", self.base_temperature)?;
        not_negative("contrastive.weight", self.weight)
    }
}

/// The contrastive loss of each face `(N,)`, its views' mean.
///
/// Views `(N, V, D)` of unit length; for view i with partners P(i),
/// `-(τ/τ_base) Σ_{j in P(i)} m_ij ln( e^{z_i z_j/τ} / Σ_{a != i} e^{z_i z_a/τ} ) / Σ_j m_ij`. A view
/// without partners counts 0. One face with two views gives exactly 0.
///
/// Sources: T. Chen et al., "A simple framework for contrastive learning", ICML 2020 (NT-Xent);
/// P. Khosla et al., "Supervised contrastive learning", NeurIPS 2020 (SupCon, equation 2).
///
/// # Errors
/// [`Error::Shape`] unless the views are `(N, V, D)` and the pairs fit them.
pub fn contrastive(views: &Tensor, pairs: Pairs, config: &ContrastiveConfig) -> Result<Tensor> {
    config.check()?;
    let (faces, num_views, _) = views.dims3().map_err(|_| Error::Shape {
        what: "views",
        expected: "(N, V, D)".to_owned(),
        found: views.dims().to_vec(),
    })?;
    if faces == 0 || num_views == 0 {
        return Ok(views.sum((1, 2))?);
    }
    match pairs {
        Pairs::Faces => {}
        Pairs::Classes(classes) => expect_dims("classes", classes, &[faces])?,
        Pairs::Mask(mask) => expect_dims("mask", mask, &[faces, faces])?,
    }
    match fast::contrastive(views, pairs, config)? {
        Some(losses) => Ok(losses),
        None => plain::contrastive(views, pairs, config),
    }
}

fn expect_dims(what: &'static str, tensor: &Tensor, dims: &[usize]) -> Result<()> {
    if tensor.dims() == dims {
        return Ok(());
    }
    Err(Error::Shape {
        what,
        expected: format!("{dims:?}"),
        found: tensor.dims().to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    #[test]
    fn a_known_value_and_a_single_face() -> Result<()> {
        let device = Device::Cpu;
        let first = Tensor::eye(3, DType::F64, &device)?;
        let second = Tensor::new(
            &[[0.8f64, 0.6, 0.], [0., 0.6, 0.8], [0.6, 0., 0.8]],
            &device,
        )?;
        let views = Tensor::stack(&[first, second], 1)?;
        let loss = contrastive(&views, Pairs::Faces, &ContrastiveConfig::default())?;
        let mean = loss.mean_all()?.to_scalar::<f64>()?;
        assert!((mean - 0.778_800).abs() < 1e-6, "{mean}");

        let one = contrastive(
            &views.narrow(0, 1, 1)?,
            Pairs::Faces,
            &ContrastiveConfig::default(),
        )?;
        assert_eq!(one.to_vec1::<f64>()?, [0.]);
        Ok(())
    }

    #[test]
    fn views_without_partners_count_nothing() -> Result<()> {
        let views = Tensor::eye(3, DType::F64, &Device::Cpu)?.unsqueeze(1)?;
        let loss = contrastive(&views, Pairs::Faces, &ContrastiveConfig::default())?;
        assert_eq!(loss.to_vec1::<f64>()?, [0., 0., 0.]);
        Ok(())
    }
}
