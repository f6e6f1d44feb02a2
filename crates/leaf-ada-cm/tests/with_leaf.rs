//! LEAF in Ada-CM: off changes nothing, on reaches every parameter.

use leaf_ada_cm::{AdaCm, AdaCmConfig};
use leaf_core::{ContrastiveConfig, ForwardPlan, LeafConfig, MarginConfig};
use leaf_ssl::{
    AdaptiveMargins, Algorithm, CONFIDENCE, CrossEntropy, HardLabels, Result, Stateful, Views,
    WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;
use leaf_trial::{
    CLASSES, STEPS, Trial, assert_every_face_counts, assert_every_parameter_learns,
    assert_learns_above_threshold, assert_off_is_plain, assert_only_accepted_faces_teach,
    assert_refuses, assert_trainer, measurement, presets, step_losses, strong_gradients, task,
    term, term_names,
};

/// A floor that most of the trial's faces reach, and margins that stay there.
const MARGINS: MarginConfig = MarginConfig {
    floor: 0.17,
    scale: 0.,
};

/// Margins low enough for the trial's faces, wherever the preset has them.
fn leaf_with_margins(leaf: LeafConfig, margins: MarginConfig) -> LeafConfig {
    LeafConfig {
        margins: leaf.margins.map(|_| margins),
        ..leaf
    }
}

fn with_margins(margins: MarginConfig, leaf: LeafConfig) -> Result<AdaCm> {
    let config = AdaCmConfig {
        margins,
        ..AdaCmConfig::default()
    };
    let leaf = leaf_with_margins(leaf, margins);
    config.with_leaf(leaf).build(&task())
}

fn ada_cm(leaf: LeafConfig) -> Result<AdaCm> {
    with_margins(MARGINS, leaf)
}

#[test]
fn leaf_switched_off_equals_plain_ada_cm_bit_for_bit() -> Result<()> {
    let plain: AdaCm<CrossEntropy> = WeakStrong::new(
        "Ada-CM",
        HardLabels::new(None, CLASSES)?,
        AdaptiveMargins::new(MARGINS, CLASSES)?,
        CrossEntropy,
        WeakStrongConfig {
            supervised_weight: 0.5,
            weak_views: 2,
            contrastive: Some(ContrastiveConfig::default()),
            forward: ForwardPlan::Separate,
            ..WeakStrongConfig::new(1., &LeafConfig::off())
        },
    )?;
    assert_off_is_plain(plain, ada_cm)
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(ada_cm)
}

#[test]
fn it_is_a_trainer_with_every_preset_while_margins_move() -> Result<()> {
    // So low a floor that margins follow the predictions from the second epoch on.
    let floor = 0.15;
    let moving = |leaf| with_margins(MarginConfig { floor, scale: 0.97 }, leaf);
    for (_, leaf) in presets() {
        let mut algorithm = moving(leaf.clone())?;
        Trial::new(&leaf, &algorithm)?.train(&mut algorithm, 0..STEPS)?;
        let margins = entries(&algorithm.state()?["selector.margins"])?;
        assert!(margins.iter().any(|&margin| margin > floor), "{margins:?}");
    }
    assert_trainer(moving)
}

/// Margins that nobody is under.
const NO_MARGINS: MarginConfig = MarginConfig {
    floor: 0.,
    scale: 0.,
};

#[test]
fn accepted_faces_teach() -> Result<()> {
    assert_every_face_counts(|leaf| with_margins(NO_MARGINS, leaf))?;
    assert_learns_above_threshold(|leaf| with_margins(NO_MARGINS, leaf))
}

#[test]
fn its_own_supervised_weight_can_be_0() -> Result<()> {
    let config = AdaCmConfig {
        margins: NO_MARGINS,
        supervised_weight: 0.,
        ..AdaCmConfig::default()
    };
    let mut algorithm = config.build(&task())?;
    let losses = step_losses(&config.leaf, &mut algorithm, 0)?;
    // Nobody is rejected, so there is no contrast.
    assert_eq!(term_names(&losses), ["supervised", "unlabeled"]);
    let (total, unlabeled) = (entries(&losses.total)?, term(&losses, "unlabeled")?);
    assert!(unlabeled > 0. && total == [unlabeled], "{total:?}");
    assert_every_parameter_learns(&config.leaf, &mut algorithm, |_| false)
}

/// With a floor that some faces reach and some do not.
fn with_mean_margins(leaf: LeafConfig) -> Result<AdaCm> {
    let losses = step_losses(&leaf, &mut ada_cm(leaf.clone())?, STEPS - 1)?;
    let margins = MarginConfig {
        floor: measurement(&losses, CONFIDENCE)?,
        ..MARGINS
    };
    with_margins(margins, leaf)
}

#[test]
fn rejected_faces_teach_nothing() -> Result<()> {
    assert_only_accepted_faces_teach(with_mean_margins)
}

#[test]
fn every_face_teaches_under_the_released_mask() -> Result<()> {
    // Dropout can hide a face of 16 features altogether.
    let released = LeafConfig {
        dropout: 0.,
        ..LeafConfig::released()
    };
    let mut algorithm = with_mean_margins(released.clone())?;
    let faces = strong_gradients(&released, &mut algorithm, STEPS - 1)?;
    let rejected = faces.iter().filter(|face| face.weight == 0.).count();
    assert!(0 < rejected && rejected < faces.len(), "{faces:?}");
    assert!(faces.iter().all(|face| face.gradient > 0.), "{faces:?}");
    Ok(())
}

#[test]
fn every_preset_needs_what_ada_cm_needs() -> Result<()> {
    let expected = Views {
        weak: 2,
        average: true,
        labeled_pass: true,
        ..Views::WEAK_STRONG
    };
    for (_, leaf) in presets() {
        let config = AdaCmConfig::default().with_leaf(leaf);
        assert_eq!(config.build(&task())?.views(), expected);
    }
    let alone = AdaCmConfig {
        contrastive: None,
        ..AdaCmConfig::default()
    };
    assert_eq!(alone.build(&task())?.views(), expected);
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let contrastive = |config: &mut AdaCmConfig| {
        config.contrastive = Some(ContrastiveConfig {
            temperature: 0.,
            ..ContrastiveConfig::default()
        });
    };
    assert_refuses(
        AdaCmConfig::build,
        &[
            (
                |c| c.margins.floor = -0.1,
                "margins.floor = -0.1, expected 0 to 1",
            ),
            (
                |c| c.supervised_weight = -0.5,
                "supervised_weight = -0.5, expected 0 or more",
            ),
            (
                contrastive,
                "contrastive.temperature = 0, expected more than 0",
            ),
        ],
    );
}
