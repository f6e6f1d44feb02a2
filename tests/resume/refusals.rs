//! What a run does not go on from.

use std::fs;
use std::path::Path;

use leaf::recipe::Recipe;

use crate::place::{Outcome, Place, assert_same, left_behind};

/// A run that was stopped in its 10th step.
fn stopped() -> Outcome<Place> {
    let place = Place::new()?;
    let stopped = place.train_until(&place.recipe(), "run", false, 10, &mut []);
    let error = stopped.expect_err("stopped").to_string();
    assert!(error.starts_with("stopped after step 10 of 30"), "{error}");
    Ok(place)
}

/// Going on must fail with all of `texts`, and change nothing.
fn refused(place: &Place, recipe: &Recipe, texts: &[&str]) -> Outcome {
    let before = left_behind(&place.path("run"))?;
    let error = place.train(recipe, "run", true, &mut []);
    let error = error.expect_err("refused").to_string();
    for text in texts {
        assert!(error.contains(text), "{error} lacks {text}");
    }
    assert!(left_behind(&place.path("run"))? == before, "{error}");
    Ok(())
}

fn replace(path: &Path, from: &str, to: &str) -> Outcome {
    let text = fs::read_to_string(path)?;
    assert!(text.contains(from), "{text}");
    Ok(fs::write(path, text.replacen(from, to, 1))?)
}

#[test]
fn another_configuration() -> Outcome {
    let place = stopped()?;
    let mut other = place.recipe();
    other.train.steps = 31;
    other.train.learning_rate = 0.03;
    refused(
        &place,
        &other,
        &[
            "step-00000010.json is a checkpoint of another run",
            "recipe.train.learning_rate is 0.02, expected 0.03",
            "recipe.train.steps is 30, expected 31",
        ],
    )?;
    // As if somebody had edited the recipe in the folder.
    replace(&place.path("run/recipe.toml"), "steps = 30", "steps = 31")?;
    let edited = Recipe::of_run(&place.path("run"))?;
    refused(&place, &edited, &["recipe.train.steps is 30, expected 31"])
}

#[test]
fn another_data_set() -> Outcome {
    let place = stopped()?;
    let joy = place.faces().join("train/joy");
    fs::rename(joy.join("train-8.png"), joy.join("train-9.png"))?;
    refused(
        &place,
        &place.recipe(),
        &["is a checkpoint of another run: faces.", ".hash is"],
    )?;
    fs::rename(joy.join("train-9.png"), joy.join("train-8.png"))?;
    fs::remove_file(place.faces().join("test/joy/test-3.png"))?;
    refused(
        &place,
        &place.recipe(),
        &["faces.tests.test.count is 16, expected 15"],
    )
}

#[test]
fn another_order_of_classes() -> Outcome {
    let place = stopped()?;
    for set in ["train", "test"] {
        let folder = place.faces().join(set);
        fs::rename(folder.join("anger"), folder.join("upset"))?;
    }
    refused(
        &place,
        &place.recipe(),
        &[
            r#"faces.classes is ["anger","fear","joy","sadness"], expected ["fear","joy","sadness","upset"]"#,
        ],
    )
}

#[test]
fn another_split() -> Outcome {
    let place = stopped()?;
    let split = place.path("run/split.json");
    let written = fs::read_to_string(&split)?;
    replace(&split, "train-", "train-1")?;
    refused(&place, &place.recipe(), &["split.json is another split"])?;
    fs::remove_file(&split)?;
    refused(&place, &place.recipe(), &["split.json"])?;
    fs::write(&split, written)?;
    let mut other = place.recipe();
    other.data.split.labels_per_class = 4;
    refused(
        &place,
        &other,
        &["split.hash is", "split.labeled.count is 12"],
    )
}

#[test]
fn a_newer_format() -> Outcome {
    let place = stopped()?;
    let newest = place.path("run/checkpoints/step-00000010.json");
    replace(&newest, "\"format\": 1", "\"format\": 2")?;
    let texts = ["a checkpoint of format 2, expected format 1"];
    refused(&place, &place.recipe(), &texts)
}

#[test]
fn metrics_that_are_too_short() -> Outcome {
    let place = stopped()?;
    fs::write(place.path("run/metrics.jsonl"), "{}\n")?;
    let texts = ["metrics.jsonl has 3 bytes, expected at least"];
    refused(&place, &place.recipe(), &texts)
}

#[test]
fn a_run_that_is_over() -> Outcome {
    let place = Place::new()?;
    place.train(&place.recipe(), "run", false, &mut [])?;
    let texts = ["did all of its 30 steps"];
    refused(&place, &place.recipe(), &texts)
}

#[test]
fn a_damaged_checkpoint_is_passed_over_for_the_one_before() -> Outcome {
    let place = stopped()?;
    let recipe = place.recipe();
    place.train(&recipe, "whole", false, &mut [])?;
    let newest = place.path("run/checkpoints/step-00000010.safetensors");
    let bytes = fs::read(&newest)?;
    fs::write(&newest, &bytes[..bytes.len() / 2])?;
    let mut warnings = Warnings::default();
    place.train(&recipe, "run", true, &mut [&mut warnings])?;
    assert_eq!(warnings.0.len(), 1);
    assert!(
        warnings.0[0].starts_with("going on after step 9") && warnings.0[0].contains("00000010"),
        "{:?}",
        warnings.0
    );
    assert_same(&place.path("run"), &place.path("whole"))
}

/// What a run warns of.
#[derive(Default)]
struct Warnings(Vec<String>);

impl leaf_train::Observer for Warnings {
    fn on_warning(&mut self, warning: &leaf_train::Warning) -> leaf_train::Result<()> {
        self.0.push(warning.to_string());
        Ok(())
    }
}
