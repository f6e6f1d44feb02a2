//! What the shards hold, as TensorFlow.js writes it down.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::Outcome;

/// Tensors that lie one behind the other in the files of `paths`, these taken together as one.
#[derive(Debug, Deserialize)]
pub(crate) struct Group {
    pub(crate) paths: Vec<String>,
    pub(crate) weights: Vec<Entry>,
}

/// One tensor.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

/// How numbers are stored with fewer bits: `x = q * scale + min`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Quantization {
    dtype: String,
    pub(crate) scale: f64,
    pub(crate) min: f64,
}

/// How a tensor's numbers are stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Storage<'a> {
    /// Four bytes each, least first.
    F32,
    /// One byte each.
    U8(&'a Quantization),
}

impl Storage<'_> {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::U8(_) => 1,
        }
    }
}

impl Entry {
    pub(crate) fn storage(&self) -> Outcome<Storage<'_>> {
        match (self.dtype.as_str(), &self.quantization) {
            ("float32", None) => Ok(Storage::F32),
            ("float32", Some(quantization)) if quantization.dtype == "uint8" => {
                Ok(Storage::U8(quantization))
            }
            ("float32", Some(quantization)) => Err(format!(
                "tensor {:?} is quantized as {:?}, expected \"uint8\"",
                self.name, quantization.dtype
            )
            .into()),
            (dtype, _) => Err(format!(
                "tensor {:?} has dtype {dtype:?}, expected \"float32\"",
                self.name
            )
            .into()),
        }
    }

    /// How many numbers the tensor has.
    pub(crate) fn count(&self) -> Outcome<usize> {
        let mut sizes = self.shape.iter();
        let count = sizes.try_fold(1usize, |count, size| count.checked_mul(*size));
        let too_many = || format!("tensor {:?} has shape {:?}", self.name, self.shape);
        Ok(count.ok_or_else(|| too_many() + ", expected fewer numbers")?)
    }
}

/// The groups of a manifest.
pub(crate) fn read(path: &Path) -> Outcome<Vec<Group>> {
    let named = |error: String| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
    Ok(serde_json::from_str(&text).map_err(|error| named(error.to_string()))?)
}
