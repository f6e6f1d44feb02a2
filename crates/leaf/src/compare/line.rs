//! What is kept of a finished run.

use std::collections::BTreeMap;

use candle_core::Device;
use serde::{Deserialize, Serialize};

use super::plan::tuned;
use super::{Pairing, PlannedRun, Variant};
use crate::Result;
use crate::probe::Kept;
use crate::recipe::{Outcome, Prepared, Rates, Recipe, RunFigures};

/// A finished run: a line of `runs.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The algorithm's name.
    pub algorithm: String,
    /// What is put into it.
    pub variant: Variant,
    /// The name of what is changed of the variant, if anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<String>,
    /// What the run found.
    #[serde(flatten)]
    pub figures: RunFigures,
    /// The rates on each test set, by its name.
    pub sets: BTreeMap<String, Rates>,
    /// How much of what faces differ in its features explain, by the factor's name; none if that was not asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept: BTreeMap<String, Kept>,
    /// What it shares with the others of its seed and budget.
    pub pairing: Pairing,
    /// Which command made it, of which version.
    #[serde(flatten)]
    pub origin: Origin,
    /// Everything about the run.
    pub recipe: Recipe,
}

/// Which command made a line, of which version of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The command.
    pub command: String,
    /// The commit of the working copy that it ran in, with `-dirty` if something was changed there; `None`
    /// outside of one.
    pub commit: Option<String>,
}

impl Line {
    /// Of a run that is over.
    ///
    /// # Errors
    /// Those of [`Pairing::of`].
    pub fn of(
        run: &PlannedRun,
        outcome: &Outcome,
        faces: &Prepared,
        device: &Device,
        origin: Origin,
    ) -> Result<Self> {
        let sets = outcome
            .sets
            .iter()
            .map(|set| (set.set.clone(), Rates::of(&set.metrics)));
        Ok(Self {
            algorithm: run.algorithm.clone(),
            variant: run.variant,
            tuning: run.tuning.clone(),
            figures: RunFigures::of(&run.recipe, outcome),
            sets: sets.collect(),
            kept: BTreeMap::new(),
            pairing: Pairing::of(&run.recipe, faces, device)?,
            origin,
            recipe: run.recipe.clone(),
        })
    }

    /// The same line with what its features explain.
    #[must_use]
    pub fn with_kept(self, kept: BTreeMap<String, Kept>) -> Self {
        Self { kept, ..self }
    }

    /// The variant's name, with that of its tuning.
    pub(super) fn name(&self) -> String {
        tuned(self.variant, self.tuning.as_deref())
    }

    /// The runs that it is paired with have the same seed and number of labels.
    pub(super) fn pair(&self) -> (usize, u64) {
        (self.figures.labels_per_class, self.figures.seed)
    }
}
