//! Giving variables the values of a file.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Tensor, Var};

use crate::{Error, Mismatches, Result};

/// Gives each variable the tensor of its name, converted to its number type. Nothing is changed unless all
/// names and shapes fit. `part` is what the tensors are of, and `path` their file, for the error.
///
/// # Errors
/// [`Error::OtherTensors`] naming every tensor that is missing, unexpected or wrongly shaped.
pub fn assign(
    vars: &BTreeMap<String, Var>,
    tensors: &BTreeMap<String, Tensor>,
    part: &'static str,
    path: &Path,
) -> Result<()> {
    let expected = vars.iter();
    let expected = expected.map(|(name, var)| (name.clone(), var.dims().to_vec()));
    let found = tensors.iter();
    let found = found.map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()));
    let mismatches = Mismatches::between(expected, found);
    if !mismatches.is_empty() {
        return Err(Error::OtherTensors {
            path: path.to_owned(),
            part,
            mismatches,
        });
    }
    for (var, tensor) in vars.values().zip(tensors.values()) {
        let tensor = tensor.to_dtype(var.dtype())?;
        var.set(&tensor.to_device(var.device())?)?;
    }
    Ok(())
}
