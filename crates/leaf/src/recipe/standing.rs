//! How far the run in a folder is.

use std::path::Path;

use leaf_train::Checkpoint;
use serde_json::Value;

use super::Recipe;
use crate::{Error, Result};

/// The file of a run's recipe, in its folder.
pub(super) const RECIPE: &str = "recipe.toml";

impl Recipe {
    /// The recipe of the run in a folder.
    ///
    /// # Errors
    /// [`Error::NoRun`] if the folder holds none, and those of [`Recipe::read`].
    pub fn of_run(folder: &Path) -> Result<Self> {
        let path = folder.join(RECIPE);
        match path.is_file() {
            true => Self::read(&path),
            false => Err(Error::NoRun {
                folder: folder.display().to_string(),
            }),
        }
    }

    /// Whether the run in a folder did all of its steps: its last weights are there, and its metrics have
    /// their last line, which is written after everything else.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn is_finished(&self, folder: &Path) -> Result<bool> {
        let (weights, metrics) = (
            folder.join("last.safetensors"),
            folder.join("metrics.jsonl"),
        );
        if !weights.exists() || !metrics.exists() {
            return Ok(false);
        }
        let text = std::fs::read(&metrics).map_err(|source| Error::File {
            path: metrics.display().to_string(),
            source,
        })?;
        let ended = ends(&String::from_utf8_lossy(&text));
        Ok(ended && Checkpoint::read(&weights)?.step() == self.train.steps)
    }
}

/// Whether the last line is whole and the end's.
fn ends(metrics: &str) -> bool {
    let last = metrics.strip_suffix('\n').map(|lines| {
        let line = lines.rsplit('\n').next().unwrap_or(lines);
        serde_json::from_str::<Value>(line)
    });
    matches!(last, Some(Ok(line)) if line["event"] == "end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_a_whole_last_line() {
        let end = "{\"event\": \"start\"}\n{\"event\": \"end\"}\n";
        assert!(ends(end));
        for other in [&end[..end.len() - 1], &end[..end.len() - 3], &end[..19], ""] {
            assert!(!ends(other), "{other:?}");
        }
    }

    #[test]
    fn a_folder_without_a_recipe_is_no_run() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Recipe::of_run(folder.path()).unwrap_err().to_string();
        assert!(error.contains("holds no run"), "{error}");
    }
}
