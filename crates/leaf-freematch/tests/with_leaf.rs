//! LEAF in FreeMatch: off changes nothing, on reaches every parameter and all accepted faces.

use candle_core::{Device, Tensor};
use leaf_core::{Faces, LeafConfig};
use leaf_freematch::{FreeMatch, FreeMatchConfig};
use leaf_ssl::{
    CrossEntropy, HardLabels, Losses, Result, SelfAdaptive, SelfAdaptiveConfig, Stateful,
    WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, assert_every_face_counts, assert_learns_above_threshold, assert_off_is_plain,
    assert_only_accepted_faces_teach, assert_refuses, assert_set_loss_by_the_hosts_weight,
    assert_trainer, presets, step_losses, task, term, term_names,
};

/// A fairness term that can be seen.
const FAIRNESS: f64 = 0.1;

/// Averages that move within a short run.
fn thresholds(fairness: f64) -> SelfAdaptiveConfig {
    SelfAdaptiveConfig {
        momentum: 0.9,
        fairness,
        ..SelfAdaptiveConfig::default()
    }
}

fn with_fairness(fairness: f64, leaf: LeafConfig) -> Result<FreeMatch> {
    let config = FreeMatchConfig {
        thresholds: thresholds(fairness),
        ..FreeMatchConfig::default()
    };
    config.with_leaf(leaf).build(&task())
}

fn free_match(leaf: LeafConfig) -> Result<FreeMatch> {
    with_fairness(FAIRNESS, leaf)
}

#[test]
fn leaf_switched_off_equals_plain_freematch_bit_for_bit() -> Result<()> {
    let plain: FreeMatch<CrossEntropy> = WeakStrong::new(
        "FreeMatch",
        HardLabels::new(None, CLASSES)?,
        SelfAdaptive::new(thresholds(FAIRNESS), CLASSES)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )?;
    assert_off_is_plain(plain, free_match)
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(free_match)
}

/// The fairness term learns from strong views too, so it is left out.
#[test]
fn at_first_every_face_is_accepted_and_teaches() -> Result<()> {
    assert_every_face_counts(free_match)?;
    assert_learns_above_threshold(|leaf| with_fairness(0., leaf))
}

/// With a running confidence that some of the trial's faces reach and some do not.
#[test]
fn rejected_faces_teach_nothing() -> Result<()> {
    assert_only_accepted_faces_teach(|leaf| {
        let mut algorithm = free_match(leaf)?;
        let mut state = algorithm.state()?;
        let confidence = Tensor::new(&[0.2f32], &Device::Cpu)?;
        state.insert("selector.time_p".to_owned(), confidence);
        algorithm.load_state(&state)?;
        Ok(algorithm)
    })
}

#[test]
fn the_category_level_acts_on_accepted_faces() -> Result<()> {
    let faces = presets().map(|(_, leaf)| {
        let config = FreeMatchConfig::default().with_leaf(leaf);
        config.leaf.category.map(|level| level.faces)
    });
    let [all, accepted] = [Faces::All, Faces::Accepted].map(Some);
    assert_eq!(faces, [None, all, accepted, accepted]);
    assert_set_loss_by_the_hosts_weight(free_match)
}

/// The losses of the first step with these weights of the terms.
fn first_step(lambda_u: f64, fairness: f64) -> Result<Losses> {
    let config = FreeMatchConfig {
        thresholds: thresholds(fairness),
        lambda_u,
        ..FreeMatchConfig::default()
    };
    step_losses(&config.leaf, &mut config.build(&task())?, 0)
}

#[test]
fn the_fairness_term_is_negative_and_has_its_own_weight() -> Result<()> {
    for lambda_u in [0., 2.] {
        let losses = first_step(lambda_u, FAIRNESS)?;
        let fairness = term(&losses, "fairness")?;
        assert!(fairness < 0., "{fairness}");
        let unlabeled = term(&losses, "unlabeled")?;
        let expected = term(&losses, "supervised")? + lambda_u * unlabeled + FAIRNESS * fairness;
        let total = entries(&losses.total)?[0];
        assert!((total - expected).abs() < 1e-6, "{total} {expected}");
    }
    assert!(!term_names(&first_step(1., 0.)?).contains(&"fairness"));
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        FreeMatchConfig::build,
        &[
            (
                |c| c.thresholds.momentum = 1.,
                "momentum = 1, expected 0 or more and less than 1",
            ),
            (
                |c| c.thresholds.fairness = -0.001,
                "fairness = -0.001, expected 0 or more",
            ),
            (
                |c| c.lambda_u = f64::INFINITY,
                "lambda_u = inf, expected 0 or more",
            ),
        ],
    );
}
