//! Unlabelled faces teach every trainer; what is switched off changes nothing.

use leaf::debias::DebiasConfig;
use leaf::recipe::{Preset, TrainerChoice};
use leaf_core::LeafConfig;
use leaf_ssl::Result;
use leaf_trial::{
    assert_every_parameter_learns, largest_gradients, may_be_zero, run_to_bits, step_losses, task,
    term,
};

use crate::LAST;
use crate::trainers::{build, low_threshold, set, unlabeled, with_presets};

#[test]
fn above_its_threshold_every_trainer_learns_from_unlabelled_faces() -> Result<()> {
    for (_, trainer) in unlabeled().into_iter().flat_map(with_presets) {
        let trainer = low_threshold(&trainer);
        let losses = step_losses(trainer.leaf(), &mut build(&trainer)?, LAST)?;
        let term = term(&losses, "unlabeled")?;
        assert!(term > 0., "{trainer:?}: {term}");

        let encoder = |trainer: &TrainerChoice| -> Result<Option<f64>> {
            let gradients = largest_gradients(trainer.leaf(), &mut build(trainer)?, LAST)?;
            Ok(gradients["encoder.weight"])
        };
        let mut without = trainer.clone();
        set(&mut without, "lambda_u", 0.);
        assert!(
            encoder(&trainer)? != encoder(&without)?,
            "{trainer:?}: nothing is learned"
        );
    }
    Ok(())
}

#[test]
fn every_parameter_of_every_trainer_gets_a_gradient() -> Result<()> {
    for (preset, trainer) in TrainerChoice::all().into_iter().flat_map(with_presets) {
        let trainer = low_threshold(&trainer);
        assert_every_parameter_learns(trainer.leaf(), &mut build(&trainer)?, |path| {
            may_be_zero(preset, path)
        })?;
    }
    Ok(())
}

/// A parameter that a term reaches only later has the gradient 0, not none, which would end a run.
#[test]
fn from_the_first_step_on_no_gradient_is_missing() -> Result<()> {
    for (preset, trainer) in TrainerChoice::all().into_iter().flat_map(with_presets) {
        let gradients = largest_gradients(trainer.leaf(), &mut build(&trainer)?, 0)?;
        for (path, largest) in gradients {
            assert!(largest.is_some(), "{}, {preset}: {path}", trainer.name());
        }
    }
    Ok(())
}

#[test]
fn without_leaf_every_trainer_is_the_plain_one() -> Result<()> {
    let bits = |trainer: &TrainerChoice| run_to_bits(build(trainer)?, trainer.leaf());
    for trainer in TrainerChoice::all() {
        let trainer = low_threshold(&trainer);
        let plain = bits(&trainer)?;
        let robust = trainer.clone().with_leaf(LeafConfig::robust());
        for before in [&trainer, &robust] {
            let off = before.clone().with_leaf(LeafConfig::off());
            assert_eq!(off, trainer);
            assert!(bits(&off)? == plain, "{off:?} is not the plain one");
        }
        assert!(bits(&robust)? != plain, "{robust:?} is the plain one");
    }
    Ok(())
}

#[test]
fn debiasing_without_strength_changes_nothing() -> Result<()> {
    for trainer in unlabeled() {
        for preset in [Preset::None, Preset::Robust] {
            let trainer = low_threshold(&trainer.clone().with_leaf(preset.config()));
            let base = run_to_bits(build(&trainer)?, trainer.leaf())?;
            let debiased = |strength: f64| -> Result<Vec<u32>> {
                let config = DebiasConfig {
                    strength,
                    ..DebiasConfig::default()
                };
                let algorithm = config.around(build(&trainer)?, &task())?;
                run_to_bits(algorithm, trainer.leaf())
            };
            assert!(debiased(0.)? == base, "{trainer:?}");
            assert!(debiased(0.9)? != base, "{trainer:?}: nothing is debiased");
        }
    }
    Ok(())
}
