//! What each unlabelled face teaches.

use candle_core::{DType, Device, Var};
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};

use crate::{Trial, batch};

/// What one unlabelled face counts and teaches in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taught {
    /// The weight that the selector gave it.
    pub weight: f64,
    /// The largest magnitude of the loss's gradient in its strong view's pixels.
    pub gradient: f64,
}

/// What each unlabelled face counts and teaches in the step of that number, at the initial weights.
///
/// No row of the trial's network sees another, so only a loss can mix them. The balance loss does: give
/// it the weight 0.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When the algorithm selects nothing or the strong views get no gradient at all.
pub fn strong_gradients(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    index: usize,
) -> Result<Vec<Taught>> {
    let trial = Trial::new(leaf, &*algorithm)?;
    let mut batch = batch(index, algorithm.views())?;
    let strong = Var::from_tensor(&batch.unlabeled.strong[0])?;
    batch.unlabeled.strong[0] = strong.as_tensor().clone();
    let losses = trial.losses(algorithm, &batch, index)?;
    let weights = losses.selection.expect("the algorithm selects").weights;
    let weights = weights.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let grads = losses.total.backward()?;
    let grads = grads.get(&strong).expect("strong views get a gradient");
    let largest = grads.abs()?.flatten_from(1)?.max(1)?.to_dtype(DType::F64)?;
    let pairs = weights.to_vec1::<f64>()?.into_iter();
    Ok(pairs
        .zip(largest.to_vec1::<f64>()?)
        .map(|(weight, gradient)| Taught { weight, gradient })
        .collect())
}
