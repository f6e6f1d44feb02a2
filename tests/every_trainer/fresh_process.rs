//! A run that is saved after any step goes on in a fresh process, bit for bit.

use std::collections::{BTreeSet, HashMap};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use candle_core::{Device, Tensor, safetensors};
use leaf::recipe::{Recipe, TrainerChoice};
use leaf_core::Random;
use leaf_ssl::Algorithm;
use leaf_trial::{STEPS, Trial};

use crate::LAST;
use crate::trainers::{algorithm, debiased, low_threshold, to_debias, with_presets};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Tells the child process which folder to go on from.
const FOLDER: &str = "LEAF_GO_ON_FROM";
/// Decides after which steps runs are saved.
const SEED: u64 = 11;
/// How often each run is saved.
const TIMES: usize = 2;
/// Before the first step, after it, and before the last.
const EDGES: [usize; 3] = [0, 1, LAST];

/// A run and the steps after which it is saved, in order.
struct Run {
    recipe: Recipe,
    saved_after: BTreeSet<usize>,
}

/// Each trainer with each preset, and some debiased.
fn runs() -> Vec<Run> {
    let plain = TrainerChoice::all().into_iter();
    let plain = plain.map(|trainer| recipes(trainer, |it| Recipe::default().with_trainer(it)));
    let debiased = to_debias().into_iter().map(|it| recipes(it, debiased));
    let mut random = Random::new(SEED);
    plain
        .chain(debiased)
        .flat_map(|recipes| with_steps(recipes, &mut random))
        .collect()
}

fn recipes(trainer: TrainerChoice, recipe: impl Fn(TrainerChoice) -> Recipe) -> Vec<Recipe> {
    let trainers = with_presets(trainer);
    trainers.map(|(_, it)| recipe(low_threshold(&it))).collect()
}

/// One trainer's runs, each with its own steps: the edges are among them, the others are drawn.
fn with_steps(recipes: Vec<Recipe>, random: &mut Random) -> Vec<Run> {
    let mut others: Vec<usize> = (0..STEPS).filter(|step| !EDGES.contains(step)).collect();
    random.shuffle(&mut others);
    let mut steps = [EDGES.as_slice(), &others].concat();
    steps.truncate(TIMES * recipes.len());
    random.shuffle(&mut steps);
    let runs = recipes.into_iter().zip(steps.chunks(TIMES));
    runs.map(|(recipe, steps)| Run {
        recipe,
        saved_after: steps.iter().copied().collect(),
    })
    .collect()
}

fn file(folder: &Path, number: usize, step: usize, ending: &str) -> PathBuf {
    folder.join(format!("{number}-{step}.{ending}"))
}

/// The weights and the state at the end of a run, as text.
fn end(trial: &Trial, algorithm: &dyn Algorithm) -> Outcome<String> {
    let mut text = format!("{:?}", trial.bits()?);
    for (name, tensor) in algorithm.state()? {
        let values = leaf_testkit::entries(&tensor)?;
        let bits: Vec<u64> = values.into_iter().map(f64::to_bits).collect();
        text.push_str(&format!("\n{name} {bits:?}"));
    }
    Ok(text)
}

/// Trains to the end, saves on the way, and says how it ends.
fn train(folder: &Path, number: usize, run: &Run) -> Outcome<String> {
    let mut algorithm = algorithm(&run.recipe)?;
    let mut trial = Trial::new(run.recipe.trainer.leaf(), &algorithm)?;
    let mut done = 0;
    for &step in &run.saved_after {
        trial.train(&mut algorithm, done..step)?;
        done = step;
        let mut tensors: HashMap<String, Tensor> = trial.saved()?.into_iter().collect();
        let state = algorithm.state()?.into_iter();
        tensors.extend(state.map(|(name, tensor)| (format!("algorithm.{name}"), tensor)));
        safetensors::save(&tensors, file(folder, number, step, "safetensors"))?;
    }
    trial.train(&mut algorithm, done..STEPS)?;
    end(&trial, &*algorithm)
}

fn go_on(folder: &Path, number: usize, recipe: &Recipe, step: usize) -> Outcome {
    let saved = file(folder, number, step, "safetensors");
    let tensors = safetensors::load(saved, &Device::Cpu)?;
    let mut algorithm = algorithm(recipe)?;
    let mut trial = Trial::new(recipe.trainer.leaf(), &algorithm)?;
    trial.load(&tensors)?;
    let state = tensors.into_iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("algorithm.")?;
        Some((name.to_owned(), tensor))
    });
    algorithm.load_state(&state.collect())?;
    trial.train(&mut algorithm, step..STEPS)?;
    let text = end(&trial, &*algorithm)?;
    Ok(std::fs::write(file(folder, number, step, "txt"), text)?)
}

/// What the child process does.
fn go_on_with_all(folder: &Path) -> Outcome {
    for (number, run) in runs().iter().enumerate() {
        for &step in &run.saved_after {
            go_on(folder, number, &run.recipe, step)?;
        }
    }
    Ok(())
}

/// This test is its own child: with a folder to go on from it only finishes the runs in it.
#[test]
fn saved_runs_go_on_in_a_fresh_process() -> Outcome {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return go_on_with_all(Path::new(&folder));
    }
    let folder = tempfile::tempdir()?;
    let runs = runs();
    let ends: Vec<String> = runs
        .iter()
        .enumerate()
        .map(|(number, run)| train(folder.path(), number, run))
        .collect::<Outcome<_>>()?;
    let child = Command::new(std::env::current_exe()?)
        .args([
            "--exact",
            "fresh_process::saved_runs_go_on_in_a_fresh_process",
        ])
        .env(FOLDER, folder.path())
        .output()?;
    let message = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{message}");
    for (number, (run, end)) in runs.iter().zip(&ends).enumerate() {
        for &step in &run.saved_after {
            let found = std::fs::read_to_string(file(folder.path(), number, step, "txt"))?;
            let recipe = &run.recipe;
            assert!(
                found == *end,
                "{:?}, debias {:?}, saved after step {step}",
                recipe.trainer,
                recipe.debias
            );
        }
    }
    Ok(())
}

#[test]
fn every_step_is_tried_and_every_trainer_at_the_edges() {
    let runs = runs();
    let all: BTreeSet<usize> = runs
        .iter()
        .flat_map(|run| run.saved_after.clone())
        .collect();
    assert_eq!(all, (0..STEPS).collect());
    for trainer in TrainerChoice::NAMES {
        let of_trainer =
            |run: &&Run| run.recipe.debias.is_none() && run.recipe.trainer.name() == *trainer;
        let steps: BTreeSet<usize> = runs
            .iter()
            .filter(of_trainer)
            .flat_map(|run| run.saved_after.clone())
            .collect();
        assert!(
            EDGES.iter().all(|edge| steps.contains(edge)),
            "{trainer}: {steps:?}"
        );
    }
}
