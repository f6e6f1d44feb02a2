//! A recipe as a file.

use std::path::Path;

use leaf_core::LeafConfig;
use leaf_data::Shuffle;
use leaf_train::write_atomically;
use toml::{Table, Value};

use super::{Recipe, TrainerChoice};
use crate::{Error, Result};

/// TOML has no larger whole numbers.
const LARGEST_SEED: u64 = i64::MAX as u64;

impl Recipe {
    /// Reads a TOML file. A name that is not known is an error, and what the file leaves out is the
    /// default: FixMatch, LEAF's robust preset in whatever trainer, the run's seed for the split. Of a
    /// preset a trainer takes what it can; settings of LEAF that the file names stand as they are.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read, [`Error::RecipeFile`] with the place and what is wrong
    /// there if it makes no sense.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File {
            path: path.display().to_string(),
            source,
        })?;
        let wrong = |what: String| Error::RecipeFile {
            path: path.display().to_string(),
            what,
        };
        let table = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        Self::from_table(table).map_err(wrong)
    }

    /// What a table says, with the defaults for the rest; an error names the setting by its path.
    pub(super) fn from_table(mut table: Table) -> std::result::Result<Self, String> {
        let trainer = match table.remove("trainer") {
            None => TrainerChoice::default(),
            Some(Value::Table(trainer)) => self::trainer(trainer)?,
            Some(other) => return Err(format!("trainer: {other}, expected a table")),
        };
        let split_has_seed = has(&table, &["data", "split", "shuffle"]);
        let mut recipe: Self =
            serde_path_to_error::deserialize(table).map_err(|error| at("", &error))?;
        recipe.trainer = trainer;
        if !split_has_seed {
            recipe.data.split.shuffle = Shuffle::Seeded { seed: recipe.seed };
        }
        Ok(recipe)
    }

    /// The recipe in full, as [`Recipe::read`] reads it.
    ///
    /// # Errors
    /// [`Error::RecipeForm`] if a number is too large for the form.
    pub fn to_toml(&self) -> Result<String> {
        self.check_seeds()?;
        toml::to_string(self).map_err(|error| Error::RecipeForm {
            what: error.to_string(),
        })
    }

    pub(super) fn check_seeds(&self) -> Result<()> {
        let split = match self.data.split.shuffle {
            Shuffle::Seeded { seed } => seed,
            _ => 0,
        };
        match self.seed.max(split) {
            seed if seed > LARGEST_SEED => Err(Error::RecipeForm {
                what: format!("seed = {seed}, expected at most {LARGEST_SEED}"),
            }),
            _ => Ok(()),
        }
    }

    /// Writes the recipe in full; a file of that name is replaced in one step.
    ///
    /// # Errors
    /// Those of [`Recipe::to_toml`], and [`Error::Train`] if the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(write_atomically(path, self.to_toml()?.as_bytes())?)
    }
}

/// The trainer of a table, FixMatch unless it says otherwise, with what it says of LEAF.
fn trainer(mut table: Table) -> std::result::Result<TrainerChoice, String> {
    let name = match table.remove("algorithm") {
        None => TrainerChoice::default().name().to_owned(),
        Some(Value::String(name)) => name,
        Some(other) => return Err(format!("trainer.algorithm: {other}, expected a name")),
    };
    let leaf = table.get("leaf").cloned();
    let trainer = TrainerChoice::from_settings(&name, table)?;
    let Some(leaf) = leaf else {
        return Ok(trainer.with_leaf(LeafConfig::default()));
    };
    let found = trainer.leaf().clone();
    let adapted = trainer.with_leaf(found.clone());
    let named = |part: &str| leaf.get(part).is_some();
    Ok(with_named_parts(adapted, &found, named))
}

/// Of the parts that trainers adapt, those that the file names stay as they were found.
fn with_named_parts(
    mut trainer: TrainerChoice,
    found: &LeafConfig,
    named: impl Fn(&str) -> bool,
) -> TrainerChoice {
    let leaf = trainer.leaf_mut();
    if named("category") {
        leaf.category.clone_from(&found.category);
    }
    if named("contrastive") {
        leaf.contrastive = found.contrastive;
    }
    if named("margins") {
        leaf.margins = found.margins;
    }
    if named("invariance_weight") {
        leaf.invariance_weight = found.invariance_weight;
    }
    trainer
}

fn has(table: &Table, path: &[&str]) -> bool {
    match path {
        [] => true,
        [first, rest @ ..] => table.get(*first).is_some_and(|value| match value {
            Value::Table(inner) => has(inner, rest),
            _ => rest.is_empty(),
        }),
    }
}

/// What is wrong, behind its path.
pub(super) fn at(prefix: &str, error: &serde_path_to_error::Error<toml::de::Error>) -> String {
    let path = error.path().to_string();
    let what = error.inner().message();
    match (prefix, path.as_str()) {
        ("", ".") => what.to_owned(),
        ("", path) => format!("{path}: {what}"),
        (prefix, ".") => format!("{prefix}: {what}"),
        (prefix, path) => format!("{prefix}.{path}: {what}"),
    }
}

#[cfg(test)]
mod tests {
    use leaf_core::{Faces, Preset};
    use leaf_debias::DebiasConfig;

    use super::*;

    fn read(text: &str) -> Result<Recipe> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, text).expect("a file");
        Recipe::read(&path)
    }

    #[test]
    fn every_recipe_survives_its_file() -> Result<()> {
        for trainer in TrainerChoice::all() {
            for preset in Preset::ALL {
                let mut recipe = Recipe {
                    seed: 3,
                    debias: Some(DebiasConfig::default()),
                    init: Some("some/weights.safetensors".into()),
                    pretrained: Some("resnet18.pth".into()),
                    ..Recipe::default()
                };
                recipe.trainer = trainer.clone().with_leaf(preset.config());
                recipe.train.ema_decay = None;
                recipe.train.clip = Some(2.);
                recipe.data.source = "rafdb:some/folder".parse()?;
                let text = recipe.to_toml()?;
                assert_eq!(read(&text)?, recipe, "{text}");
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_left_out_is_the_default() -> Result<()> {
        for text in [
            "",
            "[trainer]",
            "[data]",
            "[data.split]",
            "[trainer]\nalgorithm = \"fixmatch\"",
        ] {
            assert_eq!(read(text)?, Recipe::default(), "{text}");
        }
        let robust = LeafConfig::robust();
        let uda = read("[trainer]\nalgorithm = \"uda\"\n[train]\nsteps = 5\n")?;
        assert_eq!((uda.trainer.name(), uda.train.steps), ("uda", 5));
        assert_eq!(uda.trainer.leaf(), &robust);
        assert_eq!(
            read("[trainer.leaf]\ndropout = 0.1")?
                .trainer
                .leaf()
                .semantic,
            robust.semantic
        );
        let split = |text: &str| read(text).map(|recipe| recipe.data.split.shuffle);
        assert_eq!(split("seed = 7")?, Shuffle::Seeded { seed: 7 });
        let own = "seed = 7\n[data.split.shuffle.seeded]\nseed = 9";
        assert_eq!(split(own)?, Shuffle::Seeded { seed: 9 });
        assert_eq!(read(own)?.data.split.labels_per_class, 10);
        Ok(())
    }

    #[test]
    fn trainers_take_what_they_can_of_a_preset_and_named_settings_stand() -> Result<()> {
        let leaf = |text: &str| read(text).map(|recipe| recipe.trainer.leaf().clone());
        for rest in ["leaf = \"robust\"", "", "[trainer.leaf]\ndropout = 0.0"] {
            let mixed = leaf(&format!("[trainer]\nalgorithm = \"mixmatch\"\n{rest}"))?;
            assert_eq!(mixed.levels().to_string(), "semantic,instance");
            let flex = leaf(&format!("[trainer]\nalgorithm = \"flexmatch\"\n{rest}"))?;
            assert_eq!(
                flex.category.map(|category| category.faces),
                Some(Faces::All)
            );
        }
        let named =
            "[trainer]\nalgorithm = \"flexmatch\"\n[trainer.leaf.category]\nfaces = \"rejected\"";
        let faces = leaf(named)?.category.map(|category| category.faces);
        assert_eq!(faces, Some(Faces::Rejected));
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_named_by_its_path() {
        for (text, wanted) in [
            ("sead = 1", "sead"),
            ("seed = -1", "seed"),
            ("[train]\nstep = 5", "train"),
            ("[data.split]\nlabels = 4", "data.split"),
            ("trainer = 5", "trainer"),
            ("[trainer]\nalgorithm = \"udo\"", "\"udo\""),
            ("[trainer]\nthreshold = \"high\"", "trainer.threshold"),
            (
                "[trainer.leaf.category]\nweight = \"heavy\"",
                "trainer.leaf",
            ),
            ("[trainer]\nalignment = \"of\"", "\"off\""),
            (
                "[optimizer.sgd.weight_decay]\nfoo = 1\nbar = 2",
                "optimizer.sgd.weight_decay",
            ),
            ("seed = ", "line 1"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.contains("mine.toml") && error.contains(wanted),
                "{error}"
            );
        }
        let huge = Recipe {
            seed: u64::MAX,
            ..Recipe::default()
        };
        let error = huge.to_toml().unwrap_err().to_string();
        assert!(error.contains("seed = 18446744073709551615"), "{error}");
    }
}
