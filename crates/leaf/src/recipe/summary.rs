//! A run's outcome as a small JSON file.

use std::path::Path;

use leaf_train::{Metrics, PseudoLabelQuality, write_atomically};
use serde::{Deserialize, Serialize};

use super::{Outcome, Recipe};
use crate::{Error, Result};

/// The rates of one run's weights after the last step, on unseen people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// The share of right predictions.
    pub accuracy: f64,
    /// The mean recall over classes.
    pub balanced_accuracy: f64,
    /// The mean F1 over classes.
    pub macro_f1: f64,
    /// The expected calibration error ([`leaf_train::Tally::calibration_error`]).
    pub calibration_error: f64,
}

impl Rates {
    /// No faces were evaluated.
    pub(super) const UNKNOWN: Self = Self {
        accuracy: f64::NAN,
        balanced_accuracy: f64::NAN,
        macro_f1: f64::NAN,
        calibration_error: f64::NAN,
    };

    /// Of one evaluation.
    pub fn of(metrics: &Metrics) -> Self {
        Self {
            accuracy: metrics.accuracy,
            balanced_accuracy: metrics.balanced_accuracy,
            macro_f1: metrics.macro_f1,
            calibration_error: metrics.calibration_error,
        }
    }
}

/// One run's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// How many steps the run had.
    pub steps: usize,
    /// The seed of split, weights, batches and noise.
    pub seed: u64,
    /// Labelled faces of each class.
    pub labels_per_class: usize,
    /// The rates.
    #[serde(flatten)]
    pub rates: Rates,
    /// How good the pseudo-labels of the steps before the last evaluation were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudo_labels: Option<PseudoLabelQuality>,
    /// How long a step took, in milliseconds, without waiting for its batch: the median.
    pub milliseconds_per_step: f64,
}

impl RunFigures {
    /// Of a run that is over.
    pub fn of(recipe: &Recipe, outcome: &Outcome) -> Self {
        Self {
            steps: recipe.train.steps,
            seed: recipe.seed,
            labels_per_class: recipe.data.split.labels_per_class,
            rates: outcome.rates(),
            pseudo_labels: outcome.pseudo_labels.clone(),
            milliseconds_per_step: 1e3 * outcome.step_seconds,
        }
    }
}

/// What a run found, with what others found under the same split, initial encoder and batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The main run.
    #[serde(flatten)]
    pub main: RunFigures,
    /// The same host without LEAF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<RunFigures>,
    /// The labelled faces alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supervised: Option<RunFigures>,
}

impl Summary {
    /// Of one run alone.
    pub fn new(main: RunFigures) -> Self {
        Self {
            main,
            plain: None,
            supervised: None,
        }
    }

    /// Whether a summary can be written there, before the work that it is of.
    ///
    /// # Errors
    /// [`Error::File`] if the folder is missing or cannot be written to, or the path is a folder.
    pub fn check_path(path: &Path) -> Result<()> {
        let failed = |source: std::io::Error| Error::File {
            path: path.display().to_string(),
            source,
        };
        if path.is_dir() {
            return Err(failed(std::io::ErrorKind::IsADirectory.into()));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        tempfile::tempfile_in(folder).map_err(failed)?;
        Ok(())
    }

    /// Writes the summary; a file of that name is replaced in one step.
    ///
    /// # Errors
    /// When it cannot be written, naming the file.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::File {
            path: path.display().to_string(),
            source: error.into(),
        })?;
        Ok(write_atomically(path, format!("{text}\n").as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_promised_entries() -> std::result::Result<(), Box<dyn std::error::Error>> {
        let rates = |accuracy| Rates {
            accuracy,
            balanced_accuracy: accuracy / 2.,
            macro_f1: accuracy / 4.,
            calibration_error: 0.125,
        };
        let figures = |accuracy| RunFigures {
            steps: 7,
            seed: 3,
            labels_per_class: 10,
            rates: rates(accuracy),
            pseudo_labels: None,
            milliseconds_per_step: 2.,
        };
        let summary = Summary {
            main: figures(0.5),
            plain: Some(figures(0.25)),
            supervised: None,
        };
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("s.json");
        summary.write(&path)?;
        let text = std::fs::read_to_string(&path)?;
        let value: serde_json::Value = serde_json::from_str(&text)?;
        assert_eq!(value["accuracy"], 0.5);
        assert_eq!(value["balanced_accuracy"], 0.25);
        assert_eq!(value["macro_f1"], 0.125);
        assert_eq!(value["calibration_error"], 0.125);
        assert_eq!(value["plain"]["accuracy"], 0.25);
        assert_eq!(value["plain"]["steps"], value["steps"]);
        assert!(value.get("supervised").is_none());
        assert_eq!(serde_json::from_str::<Summary>(&text)?, summary);

        let missing = folder.path().join("no/such/folder/s.json");
        for outcome in [summary.write(&missing), Summary::check_path(&missing)] {
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains("s.json"), "{error}");
        }
        assert!(Summary::check_path(folder.path()).is_err());
        assert!(Summary::check_path(&path).is_ok());
        Ok(())
    }
}
