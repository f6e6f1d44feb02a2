//! Every trainer's first steps on drawn faces, by the recipe that a user runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::LazyLock;

use candle_core::{Device, Var};
use leaf::recipe::{ClassifierSpec, Prepared, Preset, Recipe, TrainerChoice};
use leaf_core::{NoiseSource, Random};
use leaf_testkit::entries;
use leaf_train::{Checkpoint, Part};
use serde_json::Value;

use crate::trainers::{debiased, low_threshold, to_debias, unlabeled};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Each step is an epoch of its own: rules that change with the epoch change in the second.
const STEPS: usize = 2;

static FACES: LazyLock<Prepared> = LazyLock::new(|| {
    let prepared = small(Recipe::default()).prepare(|_| ());
    prepared.expect("the drawn faces")
});

/// The recipe in small batches and few steps, and otherwise as it is.
fn small(mut recipe: Recipe) -> Recipe {
    recipe.data.split.labels_per_class = 4;
    recipe.data.loader.batch_size = 7;
    recipe.data.loader.mu = 2;
    recipe.train.steps = STEPS;
    recipe.train.eval_every = STEPS;
    recipe.train.steps_per_epoch = Some(1);
    recipe
}

fn with_leaf(trainer: &TrainerChoice, preset: Preset) -> TrainerChoice {
    // What fails is named by the last of these lines.
    println!("{}, {preset}", trainer.name());
    trainer.clone().with_leaf(preset.config())
}

/// Trains, looks at all that is left in the folder, and gives the lines of the steps.
fn run(recipe: Recipe) -> Outcome<Vec<Value>> {
    let recipe = small(recipe);
    let folder = tempfile::tempdir()?;
    train(&recipe, folder.path())
}

fn train(recipe: &Recipe, folder: &Path) -> Outcome<Vec<Value>> {
    let outcome = recipe.train(&FACES, &Device::Cpu, folder, &mut [])?;
    assert_eq!(outcome.checkpoint, folder.join("last.safetensors"));
    assert_eq!(Recipe::read(&folder.join("recipe.toml"))?, *recipe);
    check_weights(recipe, &outcome.checkpoint)?;
    let table = std::fs::read_to_string(folder.join("evaluations.csv"))?;
    assert_eq!(table.lines().count(), 1 + outcome.sets.len(), "{table}");
    let text = std::fs::read_to_string(folder.join("metrics.jsonl"))?;
    let lines: Vec<Value> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let of = |event: &str| {
        lines
            .iter()
            .filter(|line| line["event"] == event)
            .cloned()
            .collect()
    };
    let (steps, ends): (Vec<Value>, Vec<Value>) = (of("step"), of("end"));
    assert_eq!((steps.len(), ends.len()), (STEPS, 1), "{text}");
    steps.iter().for_each(check_step);
    Ok(steps)
}

/// A number that is not finite is `null` there.
fn check_step(line: &Value) {
    let terms = line["terms"].as_object().expect("terms");
    assert!(!terms.is_empty(), "{line}");
    let numbers = terms
        .values()
        .chain([&line["loss"], &line["gradient_norm"]]);
    for number in numbers {
        assert!(number.as_f64().is_some_and(f64::is_finite), "{line}");
    }
    assert!(line["gradient_norm"].as_f64() > Some(0.), "{line}");
}

/// The weights are those of the recipe's network, finite, and not the initial ones.
fn check_weights(recipe: &Recipe, path: &Path) -> Outcome {
    let checkpoint = Checkpoint::read(path)?;
    assert_eq!(checkpoint.step(), STEPS);
    let spec = ClassifierSpec {
        heads: recipe.algorithm(&FACES.task())?.heads(),
        ..recipe.classifier(&FACES)
    };
    let noise = NoiseSource::new(Random::new(0));
    for part in [Part::Student, Part::Average] {
        let learner = spec.build(recipe.seed, &noise, &Device::Cpu)?;
        let initial = numbers(learner.parameters.trainable())?;
        checkpoint.load_into(part, &learner.parameters)?;
        let all = numbers(learner.parameters.all())?;
        assert!(all.iter().all(|number| number.is_finite()), "{part:?}");
        let trained = numbers(learner.parameters.trainable())?;
        assert!(trained != initial, "{part:?}: nothing was trained");
    }
    Ok(())
}

fn numbers(vars: BTreeMap<String, Var>) -> Outcome<Vec<f64>> {
    let mut numbers = Vec::new();
    for var in vars.values() {
        numbers.extend(entries(var)?);
    }
    Ok(numbers)
}

fn run_all_as_published(presets: [Preset; 2]) -> Outcome {
    for trainer in TrainerChoice::all() {
        for preset in presets {
            run(Recipe::default().with_trainer(with_leaf(&trainer, preset)))?;
        }
    }
    Ok(())
}

#[test]
fn every_trainer_starts_as_published_plain_and_robust() -> Outcome {
    run_all_as_published([Preset::None, Preset::Robust])
}

#[test]
fn every_trainer_starts_as_published_with_the_paper_and_the_released_code() -> Outcome {
    run_all_as_published([Preset::Paper, Preset::Released])
}

/// As published, few faces pass in the first steps.
#[test]
fn every_trainer_starts_when_all_faces_pass() -> Outcome {
    for trainer in unlabeled() {
        let trainer = low_threshold(&with_leaf(&trainer, Preset::Robust));
        for line in run(Recipe::default().with_trainer(trainer))? {
            let term = line["terms"]["unlabeled"].as_f64();
            assert!(term > Some(0.), "{line}");
        }
    }
    Ok(())
}

#[test]
fn debiased_trainers_start() -> Outcome {
    for trainer in to_debias() {
        for preset in Preset::ALL {
            run(debiased(with_leaf(&trainer, preset)))?;
        }
    }
    Ok(())
}
