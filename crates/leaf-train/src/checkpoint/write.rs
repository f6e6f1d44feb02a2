//! Writing a checkpoint.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use leaf_core::Parameters;

use super::header::{ENTRY, FORMAT, Header};
use super::{ModelCard, Part, write_atomically};
use crate::{Error, Result};

/// Writes weights and their card into one safetensors file, atomically: after a crash the path
/// holds the old file or the new one, never a part.
///
/// Tensors are called `student.PATH` and `average.PATH`; the metadata entry `leaf` holds the format,
/// the step and the card as sorted JSON. The bytes depend on nothing else.
///
/// # Errors
/// [`Error::Card`] and [`Error::Io`].
pub fn save_checkpoint(
    path: &Path,
    card: &ModelCard,
    step: usize,
    parts: &[(Part, &Parameters)],
) -> Result<()> {
    card.check()?;
    let header = Header {
        format: FORMAT,
        step,
        card: card.clone(),
    };
    let unwritable = |source: std::io::Error| Error::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let json = header.to_json().map_err(|error| unwritable(error.into()))?;
    let mut tensors: Vec<(String, Tensor)> = Vec::new();
    for (part, parameters) in parts {
        for (name, var) in parameters.all() {
            // Moved here, where a failure is an error, and not by the serializer.
            let tensor = var.as_detached_tensor().to_device(&Device::Cpu)?;
            tensors.push((format!("{}.{name}", part.name()), tensor.contiguous()?));
        }
    }
    let metadata = HashMap::from([(ENTRY.to_owned(), json)]);
    let bytes = safetensors::serialize(tensors, Some(metadata))
        .map_err(|error| unwritable(std::io::Error::other(error.to_string())))?;
    write_atomically(path, &bytes)
}
