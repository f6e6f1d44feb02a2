//! One setting of a recipe by its path.

use toml::{Table, Value};

use super::Recipe;
use crate::{Error, Result};

impl Recipe {
    /// The recipe with one setting changed: `trainer.threshold=0.8`, `trainer.leaf="paper"`.
    ///
    /// The value is TOML; what is none is taken as a text.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is no `PATH=VALUE`, or no recipe has that path or takes that value.
    pub fn with_setting(&self, setting: &str) -> Result<Self> {
        let wrong = |what: String| Error::Setting {
            setting: setting.to_owned(),
            what,
        };
        let (path, value) = setting
            .split_once('=')
            .ok_or_else(|| wrong("expected PATH=VALUE".to_owned()))?;
        let mut recipe: Table =
            toml::from_str(&self.to_toml()?).map_err(|error| wrong(error.to_string()))?;
        let steps: Vec<&str> = path.trim().split('.').collect();
        let place = place(&mut recipe, &steps).ok_or_else(|| wrong(no_place(path)))?;
        *place = parsed(value.trim());
        Self::from_table(recipe).map_err(wrong)
    }
}

fn no_place(path: &str) -> String {
    format!("{path:?} leads through something that has no settings of its own")
}

/// Where a path leads; tables that are not there yet, or are off, are made.
fn place<'a>(table: &'a mut Table, steps: &[&str]) -> Option<&'a mut Value> {
    match steps {
        [] => None,
        [last] => Some(
            table
                .entry((*last).to_owned())
                .or_insert(Value::Boolean(false)),
        ),
        [first, rest @ ..] => {
            let next = table
                .entry((*first).to_owned())
                .or_insert(Value::Table(Table::new()));
            if next.as_str() == Some("off") {
                *next = Value::Table(Table::new());
            }
            place(next.as_table_mut()?, rest)
        }
    }
}

fn parsed(text: &str) -> Value {
    let line: std::result::Result<Table, _> = toml::from_str(&format!("value = {text}"));
    let value = line.ok().filter(|table| table.len() == 1);
    let value = value.and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_by_their_path() -> Result<()> {
        let recipe = Recipe::default()
            .with_setting("train.steps=5")?
            .with_setting("trainer.threshold = 0.5")?
            .with_setting("trainer.leaf=paper")?
            .with_setting("debias.strength=0.2")?
            .with_setting("train.ema_decay=off")?;
        assert_eq!((recipe.train.steps, recipe.train.ema_decay), (5, None));
        assert_eq!(recipe.trainer.leaf(), &leaf_core::LeafConfig::paper());
        assert_eq!(recipe.debias.map(|debias| debias.strength), Some(0.2));
        Ok(())
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for setting in [
            "train.steps",
            "train.step=5",
            "seed.more=1",
            "train.steps=many",
        ] {
            let error = Recipe::default().with_setting(setting).unwrap_err();
            assert!(error.to_string().contains(setting), "{error}");
        }
        let several = Recipe::default().with_setting("train.steps=5\nseed=3");
        assert!(several.is_err(), "one setting at a time");
    }
}
