//! What a trainer keeps between steps, in a form that safetensors can hold.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::{Error, Result};

/// A trainer's state by name.
pub type State = BTreeMap<String, Tensor>;

/// The entry of that name.
///
/// # Errors
/// [`Error::MissingState`] without one, [`Error::StateShape`] if its shape is not `expected`.
pub fn state_entry<'a>(state: &'a State, name: &str, expected: &[usize]) -> Result<&'a Tensor> {
    let tensor = state.get(name).ok_or_else(|| Error::MissingState {
        name: name.to_owned(),
    })?;
    if tensor.dims() != expected {
        return Err(Error::StateShape {
            name: name.to_owned(),
            expected: expected.to_vec(),
            found: tensor.dims().to_vec(),
        });
    }
    Ok(tensor)
}
