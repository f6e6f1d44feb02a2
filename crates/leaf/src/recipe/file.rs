//! A recipe as a file.

use std::path::Path;

use leaf_train::write_atomically;
use toml::{Table, Value};

use super::Recipe;
use crate::{Error, Result};

impl Recipe {
    /// Reads a TOML file; what it leaves out is the default, and a name that is not known is an error.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read, [`Error::RecipeFile`] with line and column if it makes no
    /// sense.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            path: path.display().to_string(),
            source,
        })?;
        Self::from_toml(&text).map_err(|error| Error::RecipeFile {
            path: path.display().to_string(),
            what: error.to_string(),
        })
    }

    /// Where LEAF is a preset's name, the trainer takes of it what it can; settings stand as they are.
    pub(super) fn from_toml(text: &str) -> std::result::Result<Self, toml::de::Error> {
        let mut recipe: Self = toml::from_str(text)?;
        let table: Table = toml::from_str(text)?;
        let trainer = table.get("trainer");
        if trainer
            .and_then(|trainer| trainer.get("leaf"))
            .is_some_and(Value::is_str)
        {
            let leaf = recipe.trainer.leaf().clone();
            recipe.trainer = recipe.trainer.with_leaf(leaf);
        }
        Ok(recipe)
    }

    /// The recipe in full, as [`Recipe::read`] reads it.
    ///
    /// # Errors
    /// [`Error::RecipeForm`] if a number is too large for the form.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::RecipeForm {
            what: error.to_string(),
        })
    }

    /// Writes the recipe in full; a file of that name is replaced in one step.
    ///
    /// # Errors
    /// Those of [`Recipe::to_toml`], and [`Error::Train`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(write_atomically(path, self.to_toml()?.as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use leaf_debias::DebiasConfig;

    use super::*;

    #[test]
    fn a_recipe_survives_its_file() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("recipe.toml");
        let mut recipe = Recipe {
            seed: 3,
            debias: Some(DebiasConfig::default()),
            ..Recipe::default()
        };
        recipe.train.ema_decay = None;
        recipe.train.clip = Some(2.);
        recipe.write(&path)?;
        assert_eq!(Recipe::read(&path)?, recipe);
        Ok(())
    }

    #[test]
    fn what_is_left_out_is_the_default_and_what_is_unknown_is_refused() -> Result<()> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mine.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("a file");
            Recipe::read(&path)
        };
        assert_eq!(read("")?, Recipe::default());
        let uda = read("[trainer]\nalgorithm = \"uda\"\nleaf = \"paper\"\n[train]\nsteps = 5\n")?;
        assert_eq!((uda.trainer.name(), uda.train.steps), ("uda", 5));
        assert_eq!(uda.trainer.leaf(), &leaf_core::LeafConfig::paper());
        let mixed = read("[trainer]\nalgorithm = \"mixmatch\"\nleaf = \"robust\"\n")?;
        assert_eq!(
            mixed.trainer.leaf().levels().to_string(),
            "semantic,instance"
        );
        for text in ["sead = 1", "[train]\nstep = 5", "[data.split]\nlabels = 4"] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.contains("mine.toml") && error.contains("line"),
                "{error}"
            );
        }
        let missing = Recipe::read(&folder.path().join("none.toml")).unwrap_err();
        assert!(missing.to_string().contains("none.toml"));
        Ok(())
    }
}
