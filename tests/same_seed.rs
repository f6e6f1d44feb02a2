//! A recipe decides a run: the same one gives the same weights, bit for bit.

use std::error::Error;
use std::path::Path;

use candle_core::Device;
use leaf::recipe::{Preset, Recipe, TrainerChoice};
use leaf_fixmatch::FixMatchConfig;

/// A few steps with LEAF in FixMatch, with batches from that many threads.
fn recipe(seed: u64, threads: usize) -> Recipe {
    let mut recipe = Recipe {
        seed,
        trainer: TrainerChoice::FixMatch(
            FixMatchConfig {
                threshold: 0.2,
                ..FixMatchConfig::default()
            }
            .with_leaf(Preset::Robust.config()),
        ),
        ..Recipe::default()
    };
    recipe.train.steps = 4;
    recipe.data.loader.threads = Some(threads);
    recipe
}

/// The bytes of the weights that a recipe ends with.
fn weights(recipe: &Recipe, folder: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let faces = recipe.prepare(|_| ())?;
    let outcome = recipe.train(&faces, &Device::Cpu, folder, &mut [])?;
    Ok(std::fs::read(outcome.checkpoint)?)
}

#[test]
fn the_same_recipe_gives_the_same_bytes() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let run = |name: &str, recipe: Recipe| weights(&recipe, &folder.path().join(name));
    let first = run("first", recipe(3, 1))?;
    assert!(first == run("again", recipe(3, 1))?, "the same twice");
    assert!(first == run("threads", recipe(3, 4))?, "with four threads");
    assert!(first != run("seed", recipe(4, 1))?, "with another seed");
    Ok(())
}

#[test]
fn a_recipe_survives_its_file() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let written = recipe(3, 2);
    weights(&written, folder.path())?;
    let text = std::fs::read_to_string(folder.path().join("recipe.toml"))?;
    assert_eq!(Recipe::read(&folder.path().join("recipe.toml"))?, written);
    let unknown = folder.path().join("unknown.toml");
    std::fs::write(&unknown, text.replacen("seed", "sead", 1))?;
    let error = Recipe::read(&unknown).unwrap_err();
    assert!(error.to_string().contains("sead"), "{error}");
    Ok(())
}
