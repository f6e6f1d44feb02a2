//! LEAF in UDA: off changes nothing, on reaches every parameter.

use leaf_core::LeafConfig;
use leaf_ssl::{
    Annealing, CrossEntropy, FixedThreshold, Result, SoftLabels, WeakStrong, WeakStrongConfig,
};
use leaf_trial::{
    STEPS, assert_learns_above_threshold, assert_off_is_plain, assert_only_accepted_faces_teach,
    assert_refuses, assert_trainer, run_to_bits, step_losses, task, term, term_names,
};
use leaf_uda::{Uda, UdaConfig};

fn with_threshold(threshold: f64, leaf: LeafConfig) -> UdaConfig {
    UdaConfig {
        threshold,
        ..UdaConfig::default()
    }
    .with_leaf(leaf)
}

/// All faces pass this threshold, without any training.
fn low_threshold(leaf: LeafConfig) -> Result<Uda> {
    with_threshold(0.15, leaf).build(&task())
}

fn by_hand(temperature: f64) -> Result<Uda<CrossEntropy>> {
    WeakStrong::new(
        "UDA",
        SoftLabels::new(temperature)?,
        FixedThreshold::new(0.15)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )
}

#[test]
fn leaf_switched_off_equals_plain_uda_bit_for_bit() -> Result<()> {
    assert_off_is_plain(by_hand(0.4)?, low_threshold)
}

#[test]
fn the_compatible_rule_sharpens_nothing() -> Result<()> {
    let off = LeafConfig::off();
    let compatible = UdaConfig {
        usb_compat: true,
        ..with_threshold(0.15, off.clone())
    };
    let unsharpened = run_to_bits(by_hand(1.)?, &off)?;
    assert!(unsharpened == run_to_bits(compatible.build(&task())?, &off)?);
    assert!(unsharpened != run_to_bits(by_hand(0.4)?, &off)?);
    Ok(())
}

#[test]
fn annealing_keeps_sure_labelled_faces_back() -> Result<()> {
    let supervised = |annealing: Option<Annealing>, index: usize| -> Result<f64> {
        let config = UdaConfig {
            annealing,
            ..UdaConfig::default()
        };
        let losses = step_losses(&config.leaf, &mut config.build(&task())?, index)?;
        assert_eq!(term_names(&losses)[0], "supervised");
        term(&losses, "supervised")
    };
    // At the start the bound is chance, which every largest probability reaches.
    assert_eq!(supervised(Some(Annealing::Linear), 0)?, 0.);
    assert!(supervised(Some(Annealing::Linear), STEPS - 1)? > 0.);
    assert!(supervised(None, 0)? > 0.);
    Ok(())
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(low_threshold)
}

#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    assert_only_accepted_faces_teach(|leaf| with_threshold(0.2, leaf).build(&task()))
}

#[test]
fn faces_above_the_threshold_are_learned() -> Result<()> {
    assert_learns_above_threshold(low_threshold)
}

#[test]
fn wrong_configurations_are_refused() {
    let cold = |config: &mut UdaConfig| {
        config.temperature = 0.;
        config.usb_compat = true;
    };
    assert_refuses(
        UdaConfig::build,
        &[
            (|c| c.threshold = -0.1, "threshold = -0.1, expected 0 to 1"),
            (cold, "temperature = 0, expected more than 0"),
            (|c| c.lambda_u = -1., "lambda_u = -1, expected 0 or more"),
        ],
    );
}
