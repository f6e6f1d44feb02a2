//! A snapshot's tensors.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use leaf_ssl::State;

use crate::{Error, Result};

/// The tensors as a safetensors file; equal tensors give equal bytes.
pub(crate) fn to_bytes(tensors: &State, path: &Path) -> Result<Vec<u8>> {
    let mut moved: Vec<(&String, Tensor)> = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        // Moved here, where a failure is an error, and not by the serializer.
        moved.push((name, tensor.detach().to_device(&Device::Cpu)?.contiguous()?));
    }
    safetensors::serialize(moved, None).map_err(|error| Error::Io {
        action: "write",
        path: path.to_owned(),
        source: std::io::Error::other(error.to_string()),
    })
}

/// The tensors of such a file, on the processor.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<State> {
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)?;
    Ok(tensors.into_iter().collect())
}

/// The tensors whose names start with `part.`, without it.
pub(crate) fn part(tensors: &State, part: &str) -> BTreeMap<String, Tensor> {
    leaf_ssl::part_of_state(tensors, part)
}
