//! Made-up runs for the tests.

use super::{Line, Origin, Pairing, Plan, PlannedRun, Seeds, Variant};
use crate::recipe::{Rates, Recipe, RunFigures, TrainerChoice};

/// FixMatch and supervised training, in four variants, with two budgets and three seeds.
pub(super) fn plan() -> Plan {
    let algorithm = |name: &str| -> TrainerChoice { name.parse().expect("an algorithm") };
    Plan {
        base: Recipe::default(),
        algorithms: vec![algorithm("fixmatch"), algorithm("supervised")],
        variants: vec![
            Variant::Plain,
            Variant::Aligned,
            Variant::Robust,
            Variant::Category,
        ],
        tunings: Vec::new(),
        labels_per_class: vec![4, 10],
        seeds: Seeds(0..3),
    }
}

/// A line of a run that found this accuracy.
pub(super) fn line(run: &PlannedRun, accuracy: f64) -> Line {
    let recipe = &run.recipe;
    let rates = Rates {
        accuracy,
        balanced_accuracy: accuracy / 2.,
        macro_f1: accuracy,
        calibration_error: 0.,
    };
    let split = format!("{}-{}", recipe.data.split.labels_per_class, recipe.seed);
    Line {
        algorithm: run.algorithm.clone(),
        variant: run.variant,
        tuning: run.tuning.clone(),
        figures: RunFigures {
            steps: recipe.train.steps,
            seed: recipe.seed,
            labels_per_class: recipe.data.split.labels_per_class,
            rates: rates.clone(),
            pseudo_labels: None,
            milliseconds_per_step: 20.,
        },
        sets: [("test".to_owned(), rates)].into(),
        kept: std::collections::BTreeMap::new(),
        pairing: Pairing {
            split,
            encoder: recipe.seed.to_string(),
            labeled: recipe.seed.to_string(),
            weak: None,
            strong: None,
        },
        origin: Origin {
            command: "compare --out \"runs\"".to_owned(),
            commit: None,
        },
        recipe: recipe.clone(),
    }
}
