//! Which parameters get a gradient.

use std::collections::BTreeMap;

use candle_core::{DType, Var};
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};

use crate::presets::preset_name;
use crate::{STEPS, Trial, batch};

/// The largest magnitude of each trainable parameter's gradient in the step of that number, at the
/// initial weights; `None` where there is none.
///
/// # Errors
/// Those of the algorithm.
pub fn largest_gradients(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    index: usize,
) -> Result<BTreeMap<String, Option<f64>>> {
    let trial = Trial::new(leaf, &*algorithm)?;
    let batch = batch(index, algorithm.views())?;
    let losses = trial.losses(algorithm, &batch, index)?;
    let grads = losses.total.backward()?;
    let largest = |(name, var): (String, Var)| {
        let grad = grads.get(&var).map(|grad| -> Result<f64> {
            let grad = grad.abs()?.flatten_all()?.max(0)?;
            Ok(grad.to_dtype(DType::F64)?.to_scalar()?)
        });
        Ok((name, grad.transpose()?))
    };
    trial
        .parameters
        .trainable()
        .into_iter()
        .map(largest)
        .collect()
}

/// Fails unless every trainable parameter gets a gradient in a step near the end, and one that is not
/// 0 unless `may_be_zero` says so.
///
/// # Errors
/// Those of the algorithm.
///
/// # Panics
/// When a parameter gets none, naming it.
pub fn assert_every_parameter_learns(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    may_be_zero: impl Fn(&str) -> bool,
) -> Result<()> {
    let preset = preset_name(leaf);
    for (name, largest) in largest_gradients(leaf, algorithm, STEPS - 1)? {
        let largest = largest.unwrap_or_else(|| panic!("{preset}: {name} gets no gradient"));
        assert!(
            largest.is_finite() && (largest > 0. || may_be_zero(&name)),
            "{preset}: {name} has the gradient {largest}"
        );
    }
    Ok(())
}
