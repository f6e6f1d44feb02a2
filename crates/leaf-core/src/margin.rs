//! Each class's confidence margin, from how sure the network is of labelled faces.

use candle_core::{DType, Device, Tensor};

use crate::bounds::share;
use crate::cross_entropy::rows_and_classes;
use crate::{Error, Result};

/// The configuration of [`adaptive_margins`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct MarginConfig {
    /// The smallest margin, and the one to start with.
    pub floor: f64,
    /// What the mean confidence is multiplied by in the long run.
    pub scale: f64,
}

impl Default for MarginConfig {
    /// As in Ada-CM and the released code.
    fn default() -> Self {
        Self {
            floor: 0.8,
            scale: 0.97,
        }
    }
}

impl MarginConfig {
    /// Checks every rule.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless both numbers are in `[0, 1]`.
    pub fn check(&self) -> Result<()> {
        share("margins.floor", self.floor)?;
        share("margins.scale", self.scale)
    }
}

/// Each class's margin `(C,)` after `epoch` (counted from 1), without gradient.
///
/// `max(floor, scale / (1 + e^-epoch) * m_c)`, where `m_c` is the mean confidence of the labelled
/// faces of class c that are predicted right; `floor` for a class without any. Probabilities are
/// `(N, C)`, labels `(N,)`. Source: Ada-CM (CVPR 2022), equation 3 as its released code computes it.
///
/// # Errors
/// [`Error::Shape`] if the shapes do not fit.
pub fn adaptive_margins(
    probs: &Tensor,
    labels: &Tensor,
    epoch: usize,
    config: &MarginConfig,
) -> Result<Tensor> {
    config.check()?;
    let (rows, classes) = rows_and_classes(probs)?;
    if labels.dims() != [rows] {
        return Err(Error::Shape {
            what: "labels",
            expected: format!("({rows},)"),
            found: labels.dims().to_vec(),
        });
    }
    let probs = probs.detach();
    let floor = Tensor::full(config.floor, classes, &Device::Cpu)?
        .to_dtype(probs.dtype())?
        .to_device(probs.device())?;
    if rows == 0 {
        return Ok(floor);
    }
    let labels = labels.to_dtype(DType::U32)?;
    let right = probs.argmax(1)?.eq(&labels)?.unsqueeze(1)?;
    let numbers = Tensor::arange(0, classes as u32, probs.device())?.unsqueeze(0)?;
    let of_class = labels.unsqueeze(1)?.broadcast_eq(&numbers)?;
    let counted = of_class.broadcast_mul(&right)?.to_dtype(probs.dtype())?;
    let confidence = probs.max(1)?.unsqueeze(1)?;
    let total = counted.broadcast_mul(&confidence)?.sum(0)?;
    let mean = (total / counted.sum(0)?.maximum(1.)?)?;
    let ramp = config.scale / (1. + (-(epoch as f64)).exp());
    Ok((mean * ramp)?.maximum(&floor)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that the authors' function gives for these rows.
    #[test]
    fn known_values() -> Result<()> {
        let device = Device::Cpu;
        let probs = Tensor::new(
            &[
                [0.95f64, 0.03, 0.02],
                [0.99, 0.005, 0.005],
                [0.30, 0.60, 0.10],
                [0.05, 0.90, 0.05],
                [0.02, 0.96, 0.02],
                [0.1, 0.1, 0.8],
            ],
            &device,
        )?;
        let labels = Tensor::new(&[0u32, 0, 0, 1, 1, 1], &device)?;
        for (epoch, expected) in [
            (1, [0.8, 0.8, 0.8]),
            (2, [0.828_742, 0.8, 0.8]),
            (3, [0.896_277, 0.859_317, 0.8]),
            (5, [0.934_603, 0.896_062, 0.8]),
            (20, [0.940_900, 0.902_100, 0.8]),
        ] {
            let margins = adaptive_margins(&probs, &labels, epoch, &MarginConfig::default())?;
            for (margin, expected) in margins.to_vec1::<f64>()?.iter().zip(expected) {
                assert!(
                    (margin - expected).abs() < 1e-6,
                    "{epoch}: {margin} {expected}"
                );
            }
        }
        Ok(())
    }
}
