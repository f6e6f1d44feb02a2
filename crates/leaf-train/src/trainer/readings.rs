//! A step's losses as plain numbers.

use candle_core::{DType, Device, Tensor};
use leaf_ssl::Losses;

use crate::Result;

/// A step's losses as plain numbers.
#[derive(Debug)]
pub(super) struct Readings {
    pub(super) loss: f64,
    pub(super) terms: Vec<(&'static str, f64)>,
    pub(super) diagnostics: Vec<(String, Vec<f64>)>,
}

impl Readings {
    pub(super) fn of(losses: &Losses) -> Result<Self> {
        let terms = losses.terms.iter();
        let diagnostics = losses.diagnostics.iter();
        Ok(Self {
            loss: scalar(&losses.total)?,
            terms: terms
                .map(|(name, tensor)| Ok((*name, scalar(tensor)?)))
                .collect::<Result<_>>()?,
            diagnostics: diagnostics
                .map(|(name, tensor)| Ok((name.clone(), numbers(tensor)?)))
                .collect::<Result<_>>()?,
        })
    }
}

fn scalar(tensor: &Tensor) -> Result<f64> {
    let tensor = tensor.detach().to_device(&Device::Cpu)?;
    Ok(tensor.to_dtype(DType::F64)?.to_scalar()?)
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    let tensor = tensor.detach().to_device(&Device::Cpu)?;
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}
