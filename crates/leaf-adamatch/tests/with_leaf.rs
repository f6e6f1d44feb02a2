//! LEAF in AdaMatch: off changes nothing, on reaches every parameter.

use leaf_adamatch::{AdaMatch, AdaMatchConfig};
use leaf_core::LeafConfig;
use leaf_ssl::{
    CrossEntropy, HardLabels, RelativeThreshold, Result, Stateful, WeakStrong, WeakStrongConfig,
};
use leaf_trial::{
    CLASSES, Trial, assert_learns_above_threshold, assert_off_is_plain,
    assert_only_accepted_faces_teach, assert_refuses, assert_trainer, task,
};

fn adamatch(leaf: LeafConfig) -> Result<AdaMatch> {
    let config = AdaMatchConfig {
        momentum: 0.9,
        ..AdaMatchConfig::default()
    };
    config.with_leaf(leaf).build(&task())
}

#[test]
fn leaf_switched_off_equals_plain_adamatch_bit_for_bit() -> Result<()> {
    let plain: AdaMatch<CrossEntropy> = WeakStrong::new(
        "AdaMatch",
        HardLabels::tracking(0.9, CLASSES)?,
        RelativeThreshold::new(0.95)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )?;
    assert_off_is_plain(plain, adamatch)
}

#[test]
fn what_is_kept_has_its_names() -> Result<()> {
    let leaf = LeafConfig::robust();
    let mut algorithm = adamatch(leaf.clone())?;
    Trial::new(&leaf, &algorithm)?.train(&mut algorithm, 0..2)?;
    let state = algorithm.state()?;
    let names: Vec<&str> = state.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "labeler.p_model",
            "labeler.p_target",
            "loss.alignment.p_model",
            "selector.cutoff"
        ]
    );
    Ok(())
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(adamatch)
}

#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    assert_only_accepted_faces_teach(adamatch)
}

#[test]
fn faces_above_the_threshold_are_learned() -> Result<()> {
    assert_learns_above_threshold(adamatch)
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        AdaMatchConfig::build,
        &[
            (|c| c.threshold = 1.5, "threshold = 1.5, expected 0 to 1"),
            (
                |c| c.momentum = 1.,
                "momentum = 1, expected 0 or more and less than 1",
            ),
            (
                |c| c.lambda_u = f64::INFINITY,
                "lambda_u = inf, expected 0 or more",
            ),
        ],
    );
}
