//! Every trainer's configuration with thresholds that suit a tiny network that knows nothing yet.

use leaf::debias::DebiasConfig;
use leaf::recipe::{Recipe, TrainerChoice};
use leaf_ssl::{Algorithm, Result};
use leaf_trial::{presets, task};

/// All that use unlabelled faces.
pub(crate) fn unlabeled() -> Vec<TrainerChoice> {
    let all = TrainerChoice::all().into_iter();
    all.filter(|trainer| trainer.name() != "supervised")
        .collect()
}

/// Those with a weak and a strong view of each face and weights that can be 0.
pub(crate) fn masked() -> Vec<TrainerChoice> {
    let without = [
        "pseudo-label",
        "pi-model",
        "mean-teacher",
        "mixmatch",
        "remixmatch",
        "softmatch",
    ];
    let all = unlabeled().into_iter();
    all.filter(|trainer| !without.contains(&trainer.name()))
        .collect()
}

/// Some of each kind, to be debiased: without strong views, with them, and with a memory.
pub(crate) fn to_debias() -> Vec<TrainerChoice> {
    let some = ["pi-model", "fixmatch", "simmatch"];
    let all = unlabeled().into_iter();
    all.filter(|trainer| some.contains(&trainer.name()))
        .collect()
}

/// The trainer with every preset of LEAF, by the preset's name.
pub(crate) fn with_presets(
    trainer: TrainerChoice,
) -> impl Iterator<Item = (&'static str, TrainerChoice)> {
    presets()
        .into_iter()
        .map(move |(preset, leaf)| (preset, trainer.clone().with_leaf(leaf)))
}

/// The trainer debiased in the published way.
pub(crate) fn debiased(trainer: TrainerChoice) -> Recipe {
    Recipe {
        debias: Some(DebiasConfig::default()),
        ..Recipe::default().with_trainer(trainer)
    }
}

pub(crate) fn build(trainer: &TrainerChoice) -> Result<Box<dyn Algorithm>> {
    algorithm(&Recipe::default().with_trainer(trainer.clone()))
}

/// The recipe's trainer for the trial's faces.
pub(crate) fn algorithm(recipe: &Recipe) -> Result<Box<dyn Algorithm>> {
    match recipe.algorithm(&task()) {
        Ok(algorithm) => Ok(algorithm),
        Err(leaf::Error::Ssl(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// Changes a setting by its path; a test that names one that there is not fails.
pub(crate) fn set(trainer: &mut TrainerChoice, path: &str, value: f64) {
    let recipe = Recipe::default().with_trainer(trainer.clone());
    let changed = recipe.with_setting(&format!("trainer.{path}={value:?}"));
    *trainer = changed.expect("a setting of the trainer").trainer;
}

fn settings(trainer: &TrainerChoice, settings: &[(&str, f64)]) -> TrainerChoice {
    let mut trainer = trainer.clone();
    for (path, value) in settings {
        set(&mut trainer, path, *value);
    }
    trainer
}

/// Every face passes.
pub(crate) fn low_threshold(trainer: &TrainerChoice) -> TrainerChoice {
    with_threshold(trainer, 0.)
}

/// A threshold of that height, and no term but the unlabelled faces' own sees strong views.
pub(crate) fn at_threshold(trainer: &TrainerChoice, threshold: f64) -> TrainerChoice {
    let trainer = with_threshold(trainer, threshold);
    match trainer.name() {
        "adamatch" => settings(&trainer, &[("threshold", 0.5 + threshold)]),
        "freematch" => settings(
            &trainer,
            &[("thresholds.momentum", 0.), ("thresholds.fairness", 0.)],
        ),
        "dash" => settings(
            &trainer,
            &[
                ("bound.scale", 0.7 + threshold),
                ("bound.interval", 1.),
                ("bound.warmup", 0.9),
            ],
        ),
        "comatch" => settings(&trainer, &[("lambda_c", 0.)]),
        "simmatch" => settings(&trainer, &[("lambda_in", 0.)]),
        _ => trainer,
    }
}

fn with_threshold(trainer: &TrainerChoice, threshold: f64) -> TrainerChoice {
    match trainer.name() {
        "pseudo-label" | "uda" | "fixmatch" | "adamatch" | "comatch" | "simmatch" => {
            settings(trainer, &[("threshold", threshold)])
        }
        "flexmatch" => settings(trainer, &[("curriculum.threshold", threshold)]),
        "dash" => settings(trainer, &[("bound.warmup", 0.), ("bound.scale", 9.)]),
        "ada-cm" => {
            let mut paths = vec!["margins"];
            // A preset's own margins go before the host's.
            paths.extend(trainer.leaf().margins.map(|_| "leaf.margins"));
            let mut trainer = trainer.clone();
            for path in paths {
                set(&mut trainer, &format!("{path}.floor"), threshold);
                set(&mut trainer, &format!("{path}.scale"), threshold);
            }
            trainer
        }
        _ => trainer.clone(),
    }
}
