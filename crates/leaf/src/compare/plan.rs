//! Which runs a comparison has.

use std::ops::Range;

use leaf_data::Shuffle;
use serde::{Deserialize, Serialize};

use super::{Tuning, Variant};
use crate::recipe::{Recipe, TrainerChoice};
use crate::{Error, Result};

/// The seeds of a comparison, from the first up to but not including the last: `0..16`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Range<u64>);

/// Algorithms x variants x label budgets x seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What all runs share; its training rule, seed, split seed and number of labels do not count.
    pub base: Recipe,
    /// The algorithms, in their settings without LEAF.
    pub algorithms: Vec<TrainerChoice>,
    /// What is put into each.
    pub variants: Vec<Variant>,
    /// Variants with other settings, beside them.
    pub tunings: Vec<Tuning>,
    /// How many faces of each class keep their label.
    pub labels_per_class: Vec<usize>,
    /// The seeds.
    pub seeds: Seeds,
}

/// One run of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// The algorithm's name.
    pub algorithm: String,
    /// What is put into it.
    pub variant: Variant,
    /// The name of what is changed of the variant ([`Tuning`]), if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<String>,
    /// Everything about the run.
    pub recipe: Recipe,
}

/// A variant that an algorithm is not run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The algorithm's name.
    pub algorithm: String,
    /// The variant, with the name of what was to be changed of it.
    pub variant: String,
    /// Another variant that is the same here; `None` if the algorithm has no place for it.
    pub same_as: Option<String>,
}

/// What is put into an algorithm, under its name.
struct Candidate {
    variant: Variant,
    tuning: Option<String>,
    trainer: TrainerChoice,
}

impl Candidate {
    fn name(&self) -> String {
        tuned(self.variant, self.tuning.as_deref())
    }
}

/// A variant's name, with that of its tuning: `robust`, `robust+soft`.
pub(super) fn tuned(variant: Variant, tuning: Option<&str>) -> String {
    match tuning {
        None => variant.to_string(),
        Some(tuning) => format!("{variant}+{tuning}"),
    }
}

impl Plan {
    /// The runs, a seed after the other so that what is there early is paired, and what is left out.
    pub fn runs(&self) -> (Vec<PlannedRun>, Vec<LeftOut>) {
        let (candidates, left_out) = self.candidates();
        let mut runs = Vec::new();
        for seed in self.seeds.0.clone() {
            for &labels in &self.labels_per_class {
                runs.extend(candidates.iter().map(|candidate| PlannedRun {
                    algorithm: candidate.trainer.name().to_owned(),
                    variant: candidate.variant,
                    tuning: candidate.tuning.clone(),
                    recipe: self.recipe(&candidate.trainer, labels, seed),
                }));
            }
        }
        (runs, left_out)
    }

    fn candidates(&self) -> (Vec<Candidate>, Vec<LeftOut>) {
        let (mut candidates, mut left_out) = (Vec::<Candidate>::new(), Vec::new());
        for algorithm in &self.algorithms {
            let plain = self.variants.iter().map(|variant| (*variant, None));
            let tunings = self.tunings.iter();
            let tunings = tunings.map(|tuning| (tuning.variant, Some(tuning)));
            for (variant, tuning) in plain.chain(tunings) {
                let name = tuning.map(|tuning| tuning.name.clone());
                let mut leave_out = |same_as| {
                    left_out.push(LeftOut {
                        algorithm: algorithm.name().to_owned(),
                        variant: tuned(variant, name.as_deref()),
                        same_as,
                    });
                };
                let Ok(trainer) = self.trainer(algorithm, variant, tuning) else {
                    leave_out(None);
                    continue;
                };
                match candidates.iter().find(|other| other.trainer == trainer) {
                    Some(same) => leave_out(Some(same.name())),
                    None => candidates.push(Candidate {
                        variant,
                        tuning: name,
                        trainer,
                    }),
                }
            }
        }
        (candidates, left_out)
    }

    /// The algorithm with a variant in it.
    ///
    /// # Errors
    /// [`Error::Setting`] if the algorithm has no place for it.
    fn trainer(
        &self,
        algorithm: &TrainerChoice,
        variant: Variant,
        tuning: Option<&Tuning>,
    ) -> Result<TrainerChoice> {
        // A frozen encoder's features cannot be turned by quarters.
        let turns = matches!(algorithm, TrainerChoice::ReMixMatch(_)) && self.base.frozen.is_some();
        let trainer = variant.of(algorithm).filter(|_| !turns);
        let no_place = |setting: String| Error::Setting {
            setting,
            what: format!("{} has no place for it", algorithm.name()),
        };
        let trainer = trainer.ok_or_else(|| no_place(variant.to_string()))?;
        let Some(tuning) = tuning else {
            return Ok(trainer);
        };
        let tuned = tuning.change(self.base.with_trainer(trainer))?.trainer;
        // Settings of a part switch it on, which not every algorithm can take.
        let taken = tuned.clone().with_leaf(tuned.leaf().clone());
        match taken.leaf() == tuned.leaf() {
            true => Ok(tuned),
            false => Err(no_place(tuning.to_string())),
        }
    }

    /// Checks that each tuning changes some algorithm.
    ///
    /// # Errors
    /// [`Error::Setting`] with what is wrong with the first that changes none.
    pub fn check_tunings(&self) -> Result<()> {
        for tuning in &self.tunings {
            let tried = self.algorithms.iter();
            let mut tried =
                tried.map(|algorithm| self.trainer(algorithm, tuning.variant, Some(tuning)));
            let first = tried.next().map_or(Ok(()), |first| first.map(drop));
            if first.is_err() && !tried.any(|trainer| trainer.is_ok()) {
                return first;
            }
        }
        Ok(())
    }

    fn recipe(&self, trainer: &TrainerChoice, labels_per_class: usize, seed: u64) -> Recipe {
        let mut recipe = self.base.with_trainer(trainer.clone());
        recipe.seed = seed;
        recipe.data.split.labels_per_class = labels_per_class;
        recipe.data.split.shuffle = Shuffle::Seeded { seed };
        recipe
    }

    /// The settings that all runs of a folder share, under the names of a recipe.
    ///
    /// # Errors
    /// [`Error::RecipeForm`] if they cannot be written.
    pub fn settings(&self) -> Result<serde_json::Value> {
        let mut settings = serde_json::to_value(&self.base).map_err(|error| Error::RecipeForm {
            what: error.to_string(),
        })?;
        let remove = |value: &mut serde_json::Value, names: &[&str]| {
            if let Some(map) = value.as_object_mut() {
                names.iter().for_each(|name| {
                    map.remove(*name);
                });
            }
        };
        remove(&mut settings, &["seed", "trainer"]);
        let split = &mut settings["data"]["split"];
        remove(split, &["labels_per_class", "shuffle"]);
        Ok(settings)
    }
}

impl std::fmt::Display for PlannedRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (algorithm, seed) = (&self.algorithm, self.recipe.seed);
        let variant = tuned(self.variant, self.tuning.as_deref());
        let labels = self.recipe.data.split.labels_per_class;
        write!(
            f,
            "{algorithm} {variant}, {labels} labels a class, seed {seed}"
        )
    }
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (algorithm, variant) = (&self.algorithm, &self.variant);
        match &self.same_as {
            Some(same) => write!(f, "{algorithm} {variant}: the same as {same}"),
            None => write!(
                f,
                "{algorithm} {variant}: the algorithm has no place for it"
            ),
        }
    }
}

impl std::fmt::Display for Seeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.0.start, self.0.end)
    }
}

impl std::str::FromStr for Seeds {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let ends = text.split_once("..").and_then(|(first, end)| {
            let (first, end) = (first.trim().parse().ok()?, end.trim().parse().ok()?);
            (first < end).then_some(first..end)
        });
        ends.map(Self).ok_or_else(|| Error::Choice {
            field: "seeds",
            value: text.to_owned(),
            expected: "A..B with A below B: the seeds from A up to but not including B",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::FrozenEncoder;

    fn plan(algorithms: &[&str], variants: &[Variant]) -> Result<Plan> {
        Ok(Plan {
            base: Recipe::default(),
            algorithms: algorithms
                .iter()
                .map(|name| name.parse())
                .collect::<Result<_>>()?,
            variants: variants.to_vec(),
            tunings: Vec::new(),
            labels_per_class: vec![4, 10],
            seeds: Seeds(3..5),
        })
    }

    #[test]
    fn runs_of_a_seed_stand_together() -> Result<()> {
        let (runs, left_out) = plan(&["fixmatch"], &[Variant::Plain, Variant::Robust])?.runs();
        assert!(left_out.is_empty());
        let found: Vec<_> = runs
            .iter()
            .map(|run| {
                let split = &run.recipe.data.split;
                assert_eq!(
                    split.shuffle,
                    Shuffle::Seeded {
                        seed: run.recipe.seed
                    }
                );
                (run.recipe.seed, split.labels_per_class, run.variant)
            })
            .collect();
        let (plain, robust) = (Variant::Plain, Variant::Robust);
        assert_eq!(found[..3], [(3, 4, plain), (3, 4, robust), (3, 10, plain)]);
        assert_eq!((found.len(), found[7]), (8, (4, 10, robust)));
        Ok(())
    }

    #[test]
    fn what_makes_no_run_of_its_own_is_left_out() -> Result<()> {
        let variants = [Variant::Plain, Variant::Plain, Variant::Category];
        let (runs, left_out) = plan(&["mixmatch"], &variants)?.runs();
        assert_eq!(runs.len(), 4);
        let same: Vec<_> = left_out
            .iter()
            .map(|left| left.same_as.as_deref())
            .collect();
        assert_eq!(same, [Some("plain"), None]);
        let mut frozen = plan(&["remixmatch"], &[Variant::Plain])?;
        frozen.base.frozen = Some(FrozenEncoder::new("face_encoder.safetensors"));
        assert!(frozen.runs().0.is_empty(), "features cannot be turned");
        Ok(())
    }

    #[test]
    fn a_tuning_stands_beside_its_variant() -> Result<()> {
        let mut tuned = plan(&["fixmatch", "mixmatch"], &[Variant::Robust])?;
        tuned.tunings =
            vec!["soft=robust; leaf.category.decoupling.teacher_temperature=3".parse()?];
        tuned.check_tunings()?;
        let (runs, left_out) = tuned.runs();
        let names: Vec<String> = runs[..3].iter().map(PlannedRun::to_string).collect();
        assert_eq!(
            names,
            [
                "fixmatch robust, 4 labels a class, seed 3",
                "fixmatch robust+soft, 4 labels a class, seed 3",
                "mixmatch robust, 4 labels a class, seed 3"
            ]
        );
        let decoupling = |run: &PlannedRun| {
            let category = run.recipe.trainer.leaf().category.clone();
            category.map(|category| category.decoupling.teacher_temperature)
        };
        assert_eq!(
            [decoupling(&runs[0]), decoupling(&runs[1])],
            [Some(1.), Some(3.)]
        );
        assert_eq!(left_out.len(), 1, "{left_out:?}");
        tuned.tunings = vec!["soft=robust; leaf.warmth=3".parse()?];
        let error = tuned.check_tunings().unwrap_err().to_string();
        assert!(error.contains("leaf.warmth"), "{error}");
        Ok(())
    }

    #[test]
    fn shared_settings_are_those_that_no_run_changes() -> Result<()> {
        let plan = plan(&["fixmatch"], &Variant::ALL)?;
        let (runs, _) = plan.runs();
        for run in runs {
            let other = Plan {
                base: run.recipe,
                ..plan.clone()
            };
            assert_eq!(other.settings()?, plan.settings()?);
        }
        let mut other = plan.clone();
        other.base.train.steps += 1;
        assert_ne!(other.settings()?, plan.settings()?);
        Ok(())
    }

    #[test]
    fn seeds_are_a_range() -> Result<()> {
        assert_eq!("2..18".parse::<Seeds>()?, Seeds(2..18));
        assert_eq!(Seeds(2..18).to_string(), "2..18");
        for text in ["", "3", "3..3", "5..2", "a..b", "-1..2"] {
            let error = text.parse::<Seeds>().unwrap_err().to_string();
            assert!(error.contains("A..B"), "{error}");
        }
        Ok(())
    }
}
