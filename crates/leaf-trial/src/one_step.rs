//! One step at the initial weights, and what can be read off its losses.

use candle_core::{DType, Tensor};
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Losses, Result};

use crate::{Trial, batch};

/// The losses of the step of that number, at the initial weights.
///
/// # Errors
/// Those of the algorithm.
pub fn step_losses(
    leaf: &LeafConfig,
    algorithm: &mut dyn Algorithm,
    index: usize,
) -> Result<Losses> {
    let trial = Trial::new(leaf, &*algorithm)?;
    let batch = batch(index, algorithm.views())?;
    trial.losses(algorithm, &batch, index)
}

/// The names of the terms, in order.
pub fn term_names(losses: &Losses) -> Vec<&'static str> {
    losses.terms.iter().map(|(name, _)| *name).collect()
}

/// The term of that name, before its weight.
///
/// # Errors
/// Those of candle.
///
/// # Panics
/// When there is none.
pub fn term(losses: &Losses, name: &str) -> Result<f64> {
    let found = losses.terms.iter().find(|(found, _)| *found == name);
    let (_, term) = found.unwrap_or_else(|| panic!("no {name} among {:?}", term_names(losses)));
    number(term)
}

/// The measured number of that name.
///
/// # Errors
/// When it is more than one number.
///
/// # Panics
/// When there is none.
pub fn measurement(losses: &Losses, name: &str) -> Result<f64> {
    let found = losses.diagnostics.iter().find(|(found, _)| found == name);
    let (_, measured) = found.unwrap_or_else(|| panic!("{name} is not measured"));
    number(measured)
}

fn number(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.to_dtype(DType::F64)?.to_scalar()?)
}
