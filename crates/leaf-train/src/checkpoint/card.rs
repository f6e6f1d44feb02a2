//! What a network was trained for.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

/// What must be known to use trained weights: the classes, how images become tensors, and which
/// network the weights belong to.
///
/// It holds no times and no paths, so equal runs give equal files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The classes' names, in the order of the logits.
    pub classes: Vec<String>,
    /// How images become tensors.
    pub preprocessing: Preprocessing,
    /// Which network the weights belong to.
    pub architecture: Architecture,
}

/// How images become tensors: scaled to `size`, as values in `[0, 1]`, then `(x - mean) / std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Height and width in pixels.
    pub size: usize,
    /// 1 for grey, 3 for color.
    pub channels: usize,
    /// What is subtracted from each channel.
    pub mean: Vec<f64>,
    /// What each channel is divided by.
    pub std: Vec<f64>,
}

/// A network's name and settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The family, such as `resnet18`.
    pub name: String,
    /// Everything that decides the network's tensors, as the caller writes it down.
    pub config: Value,
}

impl ModelCard {
    /// Whether the card makes sense in itself.
    ///
    /// # Errors
    /// [`Error::Card`] naming the first field that does not.
    pub fn check(&self) -> Result<()> {
        let classes = &self.classes;
        if classes.len() < 2 {
            return Err(card("classes", format!("{classes:?}"), "at least 2 names"));
        }
        for (i, class) in classes.iter().enumerate() {
            if class.is_empty() || classes[..i].contains(class) {
                let found = format!("{class:?} at place {i}");
                return Err(card("classes", found, "distinct names that are not empty"));
            }
        }
        self.preprocessing.check()?;
        if self.architecture.name.is_empty() {
            return Err(card("architecture.name", "empty".to_owned(), "a name"));
        }
        Ok(())
    }
}

impl Preprocessing {
    fn check(&self) -> Result<()> {
        for (field, value) in [
            ("preprocessing.size", self.size),
            ("preprocessing.channels", self.channels),
        ] {
            if value == 0 {
                return Err(card(field, "0".to_owned(), "at least 1"));
            }
        }
        let fits = |values: &[f64]| {
            values.len() == self.channels && values.iter().all(|value| value.is_finite())
        };
        if !fits(&self.mean) {
            let found = format!("{:?}", self.mean);
            let expected = "a finite number for each channel";
            return Err(card("preprocessing.mean", found, expected));
        }
        if !fits(&self.std) || self.std.iter().any(|&std| std <= 0.) {
            let found = format!("{:?}", self.std);
            let expected = "a finite number above 0 for each channel";
            return Err(card("preprocessing.std", found, expected));
        }
        Ok(())
    }
}

fn card(field: &'static str, found: String, expected: &'static str) -> Error {
    Error::Card {
        field,
        found,
        expected,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A card of a linear network on rows of numbers.
    pub(crate) fn example(classes: &[&str]) -> ModelCard {
        ModelCard {
            classes: classes.iter().map(|&class| class.to_owned()).collect(),
            preprocessing: Preprocessing {
                size: 32,
                channels: 1,
                mean: vec![0.1],
                std: vec![0.3],
            },
            architecture: Architecture {
                name: "linear".to_owned(),
                config: serde_json::json!({ "width": 4, "bias": true }),
            },
        }
    }

    fn problem(change: impl FnOnce(&mut ModelCard)) -> String {
        let mut card = example(&["happy", "sad"]);
        change(&mut card);
        card.check().expect_err("a bad card").to_string()
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(example(&["happy", "sad"]).check().is_ok());
        assert!(problem(|card| card.classes.truncate(1)).contains("at least 2 names"));
        assert!(problem(|card| card.classes[1] = "happy".into()).contains("\"happy\" at place 1"));
        assert!(problem(|card| card.preprocessing.size = 0).contains("preprocessing.size"));
        assert!(problem(|card| card.preprocessing.mean.push(0.)).contains("preprocessing.mean"));
        assert!(problem(|card| card.preprocessing.std[0] = 0.).contains("preprocessing.std"));
    }
}
