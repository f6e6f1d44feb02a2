//! The numbers themselves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};

use crate::Outcome;
use crate::manifest::{Entry, Group, Storage};

/// All tensors by the manifest's names.
pub(crate) fn tensors(folder: &Path, groups: &[Group]) -> Outcome<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for group in groups {
        let bytes = bytes(folder, group)?;
        let mut rest = bytes.as_slice();
        for entry in &group.weights {
            let (own, behind) = rest.split_at(size(entry)?);
            rest = behind;
            let tensor = tensor(entry, own)?;
            if tensors.insert(entry.name.clone(), tensor).is_some() {
                return Err(
                    format!("tensor {:?} is there twice, expected once", entry.name).into(),
                );
            }
        }
    }
    Ok(tensors)
}

/// The files of a group as one, which must have exactly the size that its tensors have.
fn bytes(folder: &Path, group: &Group) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    for name in &group.paths {
        let path = folder.join(name);
        let read = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        bytes.extend(read);
    }
    let mut wanted = 0usize;
    for entry in &group.weights {
        wanted = wanted.saturating_add(size(entry)?);
    }
    match bytes.len() == wanted {
        true => Ok(bytes),
        false => Err(format!(
            "{} in {}: {} bytes, expected {wanted} for its {} tensors",
            group.paths.join(", "),
            folder.display(),
            bytes.len(),
            group.weights.len()
        )
        .into()),
    }
}

fn size(entry: &Entry) -> Outcome<usize> {
    Ok(entry.count()?.saturating_mul(entry.storage()?.bytes()))
}

fn tensor(entry: &Entry, bytes: &[u8]) -> Outcome<Tensor> {
    let numbers: Vec<f32> = match entry.storage()? {
        Storage::F32 => {
            let (numbers, _) = bytes.as_chunks::<4>();
            numbers.iter().copied().map(f32::from_le_bytes).collect()
        }
        Storage::U8(quantization) => {
            let number = |q: &u8| f64::from(*q) * quantization.scale + quantization.min;
            bytes.iter().map(|q| number(q) as f32).collect()
        }
    };
    if let Some(number) = numbers.iter().find(|number| !number.is_finite()) {
        let name = &entry.name;
        return Err(format!("tensor {name:?} holds {number}, expected finite numbers").into());
    }
    Ok(Tensor::from_vec(numbers, &entry.shape[..], &Device::Cpu)?)
}
