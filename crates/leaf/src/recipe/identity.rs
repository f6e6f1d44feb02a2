//! By what a run's checkpoints know it.

use std::path::Path;

use candle_core::Device;
use leaf_data::{Entry, LabelSplit};
use leaf_train::ModelCard;
use serde_json::{Value, json};
use xxhash_rust::xxh3::Xxh3;

use super::{Prepared, Recipe};
use crate::{Error, Result};

/// Everything that a run's numbers follow from: recipe, training rule, faces, split, network and device.
///
/// Faces count by name and class, in their order; what their files hold is not looked at.
pub(super) fn identity(
    recipe: &Recipe,
    algorithm: &str,
    faces: &Prepared,
    card: &ModelCard,
    device: &Device,
) -> Result<Value> {
    let recipe = serde_json::to_value(recipe).map_err(|error| Error::RecipeForm {
        what: error.to_string(),
    })?;
    let tests = faces.tests().iter();
    let tests: serde_json::Map<String, Value> = tests
        .map(|(name, faces)| (name.clone(), list(faces.entries())))
        .collect();
    let split = faces.split();
    Ok(json!({
        "recipe": recipe,
        "algorithm": algorithm,
        "faces": {
            "name": faces.name(),
            "classes": card.classes,
            "training": list(faces.training().entries()),
            "validation": faces.validation().map(|faces| list(faces.entries())),
            "tests": tests,
        },
        "split": {
            "labeled": places(split.labeled()),
            "unlabeled": places(split.unlabeled()),
            "hash": split.hash(),
        },
        "network": card.architecture.name,
        "head": card.architecture.config,
        "preprocessing": {
            "size": card.preprocessing.size,
            "channels": card.preprocessing.channels,
            "mean": card.preprocessing.mean,
            "std": card.preprocessing.std,
        },
        "device": match device {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Metal(_) => "metal",
        },
    }))
}

/// How many faces, and a hash of their names and classes in order.
pub(super) fn list(entries: &[Entry]) -> Value {
    let mut hash = Xxh3::new();
    for entry in entries {
        hash.update(&(entry.name.len() as u64).to_le_bytes());
        hash.update(entry.name.as_bytes());
        hash.update(&entry.label.map_or(-1, i64::from).to_le_bytes());
    }
    json!({"count": entries.len(), "hash": format!("{:016x}", hash.digest())})
}

fn places(places: &[usize]) -> Value {
    let mut hash = Xxh3::new();
    for &place in places {
        hash.update(&(place as u64).to_le_bytes());
    }
    json!({"count": places.len(), "hash": format!("{:016x}", hash.digest())})
}

/// Whether a run's split file says what the recipe draws.
///
/// # Errors
/// [`Error::OtherSplit`] if it does not, and [`Error::File`] if it cannot be read.
pub(super) fn check_split(split: &LabelSplit, path: &Path) -> Result<()> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| Error::File {
            path: path.display().to_string(),
            source,
        })
    };
    let written = read(path)?;
    let folder = tempfile::tempdir().map_err(|source| Error::File {
        path: std::env::temp_dir().display().to_string(),
        source,
    })?;
    let drawn = folder.path().join("split.json");
    split.write(&drawn)?;
    if read(&drawn)? == written {
        return Ok(());
    }
    Err(Error::OtherSplit {
        path: path.display().to_string(),
        hash: split.hash(),
    })
}
