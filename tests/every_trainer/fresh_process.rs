//! A run that is saved after any step goes on in a fresh process, bit for bit.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use candle_core::{Device, Tensor, safetensors};
use leaf::recipe::{Preset, TrainerChoice};
use leaf_trial::{STEPS, Trial};

use crate::trainers::{build, low_threshold};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Tells the child process which folder to go on from.
const FOLDER: &str = "LEAF_GO_ON_FROM";
/// After which steps runs are saved.
const SAVED_AFTER: [usize; 3] = [0, 4, 9];

/// Each trainer, plain and with LEAF, and after how many steps it is saved.
fn runs() -> Vec<(TrainerChoice, usize)> {
    let trainers = TrainerChoice::all().into_iter().flat_map(|trainer| {
        let leaf = trainer.clone().with_leaf(Preset::Robust.config());
        [low_threshold(&trainer), low_threshold(&leaf)]
    });
    trainers
        .flat_map(|trainer| SAVED_AFTER.map(|step| (trainer.clone(), step)))
        .collect()
}

/// The weights and the state at the end of a run, as text.
fn end(trial: &Trial, algorithm: &dyn leaf_ssl::Algorithm) -> Outcome<String> {
    let mut text = format!("{:?}", trial.bits()?);
    for (name, tensor) in algorithm.state()? {
        let values = leaf_testkit::entries(&tensor)?;
        let bits: Vec<u64> = values.into_iter().map(f64::to_bits).collect();
        text.push_str(&format!("\n{name} {bits:?}"));
    }
    Ok(text)
}

fn save(folder: &Path, number: usize, (trainer, step): &(TrainerChoice, usize)) -> Outcome {
    let mut algorithm = build(trainer)?;
    let mut trial = Trial::new(trainer.leaf(), &algorithm)?;
    trial.train(&mut algorithm, 0..*step)?;
    let mut tensors: HashMap<String, Tensor> = trial.saved()?.into_iter().collect();
    let state = algorithm.state()?.into_iter();
    tensors.extend(state.map(|(name, tensor)| (format!("algorithm.{name}"), tensor)));
    safetensors::save(&tensors, folder.join(format!("{number}.safetensors")))?;
    Ok(())
}

fn go_on(folder: &Path, number: usize, (trainer, step): &(TrainerChoice, usize)) -> Outcome {
    let file = folder.join(format!("{number}.safetensors"));
    let tensors = safetensors::load(file, &Device::Cpu)?;
    let mut algorithm = build(trainer)?;
    let mut trial = Trial::new(trainer.leaf(), &algorithm)?;
    trial.load(&tensors)?;
    let state = tensors.into_iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("algorithm.")?;
        Some((name.to_owned(), tensor))
    });
    algorithm.load_state(&state.collect())?;
    trial.train(&mut algorithm, *step..STEPS)?;
    let text = end(&trial, &*algorithm)?;
    Ok(std::fs::write(folder.join(format!("{number}.txt")), text)?)
}

/// This test is its own child: with a folder to go on from it only finishes the runs in it.
#[test]
fn saved_runs_go_on_in_a_fresh_process() -> Outcome {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let mut runs = runs().into_iter().enumerate();
        return runs.try_for_each(|(number, run)| go_on(Path::new(&folder), number, &run));
    }
    let folder = tempfile::tempdir()?;
    for (number, run) in runs().iter().enumerate() {
        save(folder.path(), number, run)?;
    }
    let child = Command::new(std::env::current_exe()?)
        .args([
            "--exact",
            "fresh_process::saved_runs_go_on_in_a_fresh_process",
        ])
        .env(FOLDER, folder.path())
        .output()?;
    let message = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{message}");
    for (number, (trainer, step)) in runs().iter().enumerate() {
        let mut algorithm = build(trainer)?;
        let mut trial = Trial::new(trainer.leaf(), &algorithm)?;
        trial.train(&mut algorithm, 0..STEPS)?;
        let found = std::fs::read_to_string(folder.path().join(format!("{number}.txt")))?;
        assert!(
            found == end(&trial, &*algorithm)?,
            "{}, saved after step {step}",
            trainer.name()
        );
    }
    Ok(())
}
