//! LEAF in SoftMatch: off changes nothing, on reaches every parameter and all faces.

use candle_core::{Device, Tensor};
use leaf_core::{Alignment, Faces, LeafConfig};
use leaf_softmatch::{SoftMatch, SoftMatchConfig};
use leaf_ssl::{
    CrossEntropy, Gaussian, GaussianConfig, HardLabels, Result, Stateful, UTILIZATION, WeakStrong,
    WeakStrongConfig,
};
use leaf_trial::{
    CLASSES, assert_learns_above_threshold, assert_off_is_plain, assert_refuses,
    assert_set_loss_by_the_hosts_weight, assert_trainer, faces_apart, measurement, presets,
    step_losses, strong_gradients, task,
};

/// An aligned confidence that some of the trial's faces reach and some do not.
const MEAN: f32 = 0.2;

/// Averages that move within a short run.
fn weighting() -> GaussianConfig {
    GaussianConfig {
        momentum: 0.9,
        ..GaussianConfig::default()
    }
}

fn soft_match(leaf: LeafConfig) -> Result<SoftMatch> {
    let config = SoftMatchConfig {
        weighting: weighting(),
        ..SoftMatchConfig::default()
    };
    config.with_leaf(leaf).build(&task())
}

#[test]
fn leaf_switched_off_equals_plain_softmatch_bit_for_bit() -> Result<()> {
    let plain: SoftMatch<CrossEntropy> = WeakStrong::new(
        "SoftMatch",
        HardLabels::new(None, CLASSES)?,
        Gaussian::new(weighting(), CLASSES)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )?;
    assert_off_is_plain(plain, soft_match)
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(soft_match)
}

#[test]
fn at_first_nearly_every_face_teaches() -> Result<()> {
    let off = LeafConfig::off();
    let losses = step_losses(&off, &mut soft_match(off.clone())?, 0)?;
    assert!(measurement(&losses, UTILIZATION)? > 0.9);
    assert_learns_above_threshold(soft_match)
}

/// The mean is in the middle of the faces' confidences, the variance is this one, and both stay there.
fn with_variance(variance: f32, leaf: LeafConfig) -> Result<SoftMatch> {
    let config = SoftMatchConfig {
        weighting: GaussianConfig {
            momentum: 0.999_999,
            ..GaussianConfig::default()
        },
        ..SoftMatchConfig::default()
    };
    let mut algorithm = config.with_leaf(leaf).build(&task())?;
    let mut state = algorithm.state()?;
    for (name, value) in [("selector.mu", MEAN), ("selector.var", variance)] {
        state.insert(name.to_owned(), Tensor::new(&[value], &Device::Cpu)?);
    }
    algorithm.load_state(&state)?;
    Ok(algorithm)
}

/// With a spread so small that some weights are rounded to 0.
#[test]
fn faces_without_weight_teach_nothing() -> Result<()> {
    for leaf in faces_apart() {
        let faces = strong_gradients(&leaf, &mut with_variance(1e-12, leaf.clone())?, 0)?;
        let rejected = faces.iter().filter(|face| face.weight == 0.).count();
        assert!(0 < rejected, "{faces:?}");
        assert!(faces.iter().any(|face| face.weight == 1.), "{faces:?}");
        for face in faces {
            // A weight near the smallest number may leave no gradient either.
            assert!(face.weight > 0. || face.gradient == 0., "{face:?}");
            assert!(face.weight < 1e-9 || face.gradient > 0., "{face:?}");
        }
    }
    Ok(())
}

#[test]
fn the_category_level_acts_by_the_hosts_weight() -> Result<()> {
    let faces = presets().map(|(_, leaf)| {
        let config = SoftMatchConfig::default().with_leaf(leaf);
        config.leaf.category.map(|level| level.faces)
    });
    let [all, accepted] = [Faces::All, Faces::Accepted].map(Some);
    assert_eq!(faces, [None, all, accepted, accepted]);
    assert_set_loss_by_the_hosts_weight(soft_match)?;
    // With a spread that gives nearly every face another weight.
    assert_set_loss_by_the_hosts_weight(|leaf| with_variance(1e-4, leaf))
}

#[test]
fn wrong_configurations_are_refused() {
    let alignment = |config: &mut SoftMatchConfig| {
        config.weighting.alignment = Some(Alignment {
            momentum: 2.,
            ..Alignment::default()
        });
    };
    assert_refuses(
        SoftMatchConfig::build,
        &[
            (
                |c| c.weighting.momentum = -0.1,
                "momentum = -0.1, expected 0 or more and less than 1",
            ),
            (
                |c| c.weighting.n_sigma = 0.,
                "n_sigma = 0, expected more than 0",
            ),
            (
                alignment,
                "alignment.momentum = 2, expected 0 or more and less than 1",
            ),
            (
                |c| c.lambda_u = f64::NAN,
                "lambda_u = NaN, expected 0 or more",
            ),
        ],
    );
}
