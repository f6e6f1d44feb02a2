//! A run's outcome as a small JSON file.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The rates of one run's weights after the last step, on unseen people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The share of right predictions.
    pub accuracy: f64,
    /// The mean recall over classes.
    pub balanced_accuracy: f64,
}

/// What a run found, with what others found under the same split, initial encoder and batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many steps each run had.
    pub steps: usize,
    /// The seed of split, weights, batches and noise.
    pub seed: u64,
    /// Labelled faces of each class.
    pub labels_per_class: usize,
    /// The main run.
    #[serde(flatten)]
    pub rates: Rates,
    /// The same host without LEAF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<Rates>,
    /// The labelled faces alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supervised: Option<Rates>,
}

impl Summary {
    /// Writes the summary; a file of that name is replaced in one step.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_json(path, self)
    }
}

/// Writes a value as JSON; a file of that name is replaced in one step.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let failed = |source: std::io::Error| Error::File {
        path: path.display().to_string(),
        source,
    };
    let mut text = serde_json::to_string_pretty(value).map_err(|error| failed(error.into()))?;
    text.push('\n');
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_promised_entries() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let rates = |accuracy| Rates {
            accuracy,
            balanced_accuracy: accuracy / 2.,
        };
        let summary = Summary {
            steps: 7,
            seed: 3,
            labels_per_class: 10,
            rates: rates(0.5),
            plain: Some(rates(0.25)),
            supervised: None,
        };
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("s.json");
        summary.write(&path)?;
        let text = std::fs::read_to_string(&path)?;
        let value: serde_json::Value = serde_json::from_str(&text)?;
        assert_eq!(value["accuracy"], 0.5);
        assert_eq!(value["balanced_accuracy"], 0.25);
        assert_eq!(value["plain"]["accuracy"], 0.25);
        assert!(value.get("supervised").is_none());
        assert_eq!(serde_json::from_str::<Summary>(&text)?, summary);

        let missing = folder.path().join("no/such/folder/s.json");
        let error = summary.write(&missing).unwrap_err().to_string();
        assert!(error.contains("s.json"), "{error}");
        Ok(())
    }
}
