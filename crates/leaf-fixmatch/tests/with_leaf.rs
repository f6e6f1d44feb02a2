//! LEAF in FixMatch: off changes nothing, on reaches every parameter.

use leaf_core::LeafConfig;
use leaf_fixmatch::{FixMatch, FixMatchConfig};
use leaf_ssl::{CrossEntropy, FixedThreshold, HardLabels, Result, WeakStrong, WeakStrongConfig};
use leaf_trial::{
    CLASSES, assert_learns_above_threshold, assert_off_is_plain, assert_only_accepted_faces_teach,
    assert_refuses, assert_trainer, task,
};

fn with_threshold(threshold: f64, leaf: LeafConfig) -> Result<FixMatch> {
    let config = FixMatchConfig {
        threshold,
        ..FixMatchConfig::default()
    };
    config.with_leaf(leaf).build(&task())
}

/// Some faces pass this threshold and some do not, without any training.
fn low_threshold(leaf: LeafConfig) -> Result<FixMatch> {
    with_threshold(0.2, leaf)
}

#[test]
fn leaf_switched_off_equals_plain_fixmatch_bit_for_bit() -> Result<()> {
    let plain: FixMatch<CrossEntropy> = WeakStrong::new(
        "FixMatch",
        HardLabels::new(None, CLASSES)?,
        FixedThreshold::new(0.2)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )?;
    assert_off_is_plain(plain, low_threshold)
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(low_threshold)
}

#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    assert_only_accepted_faces_teach(low_threshold)
}

#[test]
fn faces_above_the_threshold_are_learned() -> Result<()> {
    assert_learns_above_threshold(|leaf| with_threshold(0.15, leaf))
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        FixMatchConfig::build,
        &[
            (|c| c.threshold = 1.5, "threshold = 1.5, expected 0 to 1"),
            (
                |c| c.lambda_u = f64::NAN,
                "lambda_u = NaN, expected 0 or more",
            ),
        ],
    );
}
