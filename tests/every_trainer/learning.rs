//! Unlabelled faces teach every trainer; what is switched off changes nothing.

use leaf::debias::DebiasConfig;
use leaf::recipe::{Preset, TrainerChoice};
use leaf_core::LeafConfig;
use leaf_ssl::{Algorithm, Result};
use leaf_testkit::entries;
use leaf_trial::{STEPS, Trial, assert_every_parameter_learns, batch, largest_gradients, task};

use crate::LAST;
use crate::trainers::{build, low_threshold, presets, set, unlabeled};

/// The value of the unlabelled faces' term, and the gradients of all parameters.
fn one_step(trainer: &TrainerChoice) -> Result<(f64, Vec<f64>)> {
    let mut algorithm = build(trainer)?;
    let trial = Trial::new(trainer.leaf(), &algorithm)?;
    let batch = batch(LAST, algorithm.views())?;
    let losses = trial.losses(&mut algorithm, &batch, LAST)?;
    let term = losses.terms.iter().find(|(name, _)| *name == "unlabeled");
    let (_, term) = term.expect("a term of the unlabelled faces");
    let term = entries(term)?[0];
    let grads = losses.total.backward()?;
    let mut gradients = Vec::new();
    for var in trial.parameters.trainable().values() {
        if let Some(grad) = grads.get(var) {
            gradients.extend(entries(grad)?);
        }
    }
    Ok((term, gradients))
}

#[test]
fn above_its_threshold_every_trainer_learns_from_unlabelled_faces() -> Result<()> {
    for trainer in unlabeled().into_iter().flat_map(presets) {
        let (term, gradients) = one_step(&low_threshold(&trainer))?;
        assert!(term > 0., "{trainer:?}: {term}");
        let mut without = low_threshold(&trainer);
        set(&mut without, "lambda_u", 0.);
        let (_, others) = one_step(&without)?;
        assert!(gradients != others, "{trainer:?}: nothing is learned");
    }
    Ok(())
}

#[test]
fn every_parameter_of_every_trainer_gets_a_gradient() -> Result<()> {
    for trainer in TrainerChoice::all().into_iter().flat_map(presets) {
        let trainer = low_threshold(&trainer);
        let leaf = trainer.leaf();
        // The released gate's one weight is the constant 1 and its balance is dropped: it is dead. At
        // step 0 a robust expert's last layer is 0 and lets nothing through to the first.
        let dead_gate = leaf.balance_weight == 0.;
        let starts_at_zero = leaf
            .semantic
            .as_ref()
            .is_some_and(|mixture| mixture.zero_init);
        assert_every_parameter_learns(leaf, &mut build(&trainer)?, |path| {
            (dead_gate && path.contains(".gate.")) || (starts_at_zero && path.contains(".fc1."))
        })?;
    }
    Ok(())
}

/// A parameter that a term reaches only later has the gradient 0, not none, which would end a run.
#[test]
fn from_the_first_step_on_no_gradient_is_missing() -> Result<()> {
    for trainer in TrainerChoice::all().into_iter().flat_map(presets) {
        let gradients = largest_gradients(trainer.leaf(), &mut build(&trainer)?, 0)?;
        for (path, largest) in gradients {
            assert!(largest.is_some(), "{}: {path}", trainer.name());
        }
    }
    Ok(())
}

#[test]
fn without_leaf_every_trainer_is_the_plain_one() -> Result<()> {
    for trainer in TrainerChoice::all() {
        assert_eq!(trainer.clone().with_leaf(LeafConfig::off()), trainer);
        let leaf = trainer.clone().with_leaf(LeafConfig::robust());
        assert_eq!(leaf.with_leaf(LeafConfig::off()), trainer);
    }
    Ok(())
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    trial.bits()
}

#[test]
fn debiasing_without_strength_changes_nothing() -> Result<()> {
    for trainer in unlabeled() {
        for preset in [Preset::None, Preset::Robust] {
            let trainer = low_threshold(&trainer.clone().with_leaf(preset.config()));
            let base = run(build(&trainer)?, trainer.leaf())?;
            let debiased = |strength: f64| -> Result<Vec<u32>> {
                let config = DebiasConfig {
                    strength,
                    ..DebiasConfig::default()
                };
                run(config.around(build(&trainer)?, &task())?, trainer.leaf())
            };
            assert!(debiased(0.)? == base, "{trainer:?}");
            assert!(debiased(0.9)? != base, "{trainer:?}: nothing is debiased");
        }
    }
    Ok(())
}
