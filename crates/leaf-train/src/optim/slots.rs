//! One tensor per parameter, such as a velocity, kept between steps.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use leaf_ssl::State;

use crate::{Error, Gradients, Mismatches, Result};

/// The parameters in the order of their names.
pub(super) fn sorted(parameters: &BTreeMap<String, Var>) -> Result<Vec<(String, Var)>> {
    if parameters.is_empty() {
        return Err(Error::NoParameters);
    }
    let pairs = parameters.iter();
    Ok(pairs
        .map(|(name, var)| (name.clone(), var.clone()))
        .collect())
}

/// A tensor of zeros for each parameter.
pub(super) fn zeros(parameters: &[(String, Var)]) -> Result<Vec<Tensor>> {
    let vars = parameters.iter().map(|(_, var)| var);
    Ok(vars
        .map(|var| var.as_detached_tensor().zeros_like())
        .collect::<candle_core::Result<_>>()?)
}

/// Fails, before anything is changed, if the gradients do not fit the parameters.
pub(super) fn check_gradients(
    parameters: &[(String, Var)],
    gradients: &Gradients,
    allow_missing: bool,
) -> Result<()> {
    let mut names = Vec::new();
    for (name, var) in parameters {
        match gradients.get(name) {
            None => names.push(name.clone()),
            Some(gradient) if gradient.shape() != var.shape() => {
                return Err(Error::GradientShape {
                    name: name.clone(),
                    expected: var.dims().to_vec(),
                    found: gradient.dims().to_vec(),
                });
            }
            Some(_) => {}
        }
    }
    if names.is_empty() || allow_missing {
        return Ok(());
    }
    Err(Error::MissingGradient { names })
}

/// Adds the slots to a state as `kind.parameter`.
pub(super) fn save(
    state: &mut State,
    kind: &str,
    parameters: &[(String, Var)],
    slots: &[Tensor],
) -> Result<()> {
    for ((name, _), slot) in parameters.iter().zip(slots) {
        // A copy: the caller may keep the state while training goes on.
        state.insert(format!("{kind}.{name}"), slot.copy()?);
    }
    Ok(())
}

/// The slots of a state that [`check_state`] accepted, as the parameters' types and devices.
pub(super) fn restore(
    state: &State,
    kind: &str,
    parameters: &[(String, Var)],
) -> Result<Vec<Tensor>> {
    let mut slots = Vec::with_capacity(parameters.len());
    for (name, var) in parameters {
        let entry = leaf_ssl::state_entry(state, &format!("{kind}.{name}"), var.dims())?;
        slots.push(
            entry
                .to_device(var.device())?
                .to_dtype(var.dtype())?
                .force_contiguous()?,
        );
    }
    Ok(slots)
}

/// Fails if the state's entries are not just the expected ones.
pub(super) fn check_state(
    optimizer: &'static str,
    state: &State,
    expected: impl IntoIterator<Item = (String, Vec<usize>)>,
) -> Result<()> {
    let found = state
        .iter()
        .map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()));
    let mismatches = Mismatches::between(expected, found);
    if mismatches.is_empty() {
        return Ok(());
    }
    Err(Error::OptimizerState {
        optimizer,
        mismatches,
    })
}

/// The entries that [`save`] makes.
pub(super) fn entries<'a>(
    kind: &'a str,
    parameters: &'a [(String, Var)],
) -> impl Iterator<Item = (String, Vec<usize>)> + 'a {
    parameters
        .iter()
        .map(move |(name, var)| (format!("{kind}.{name}"), var.dims().to_vec()))
}
