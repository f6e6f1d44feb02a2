//! LEAF in FlexMatch: off changes nothing, on reaches every parameter and all accepted faces.

use leaf_core::{Faces, LeafConfig};
use leaf_flexmatch::{FlexMatch, FlexMatchConfig};
use leaf_ssl::{
    CrossEntropy, Curriculum, CurriculumConfig, HardLabels, Result, Stateful, Task, WeakStrong,
    WeakStrongConfig,
};
use leaf_trial::{
    CLASSES, TRAINING_FACES, assert_every_face_counts, assert_learns_above_threshold,
    assert_off_is_plain, assert_only_accepted_faces_teach, assert_refuses,
    assert_set_loss_by_the_hosts_weight, assert_trainer, presets, refusal, task,
};

/// A confidence that some of the trial's faces reach and some do not.
const THRESHOLD: f64 = 0.2;

fn curriculum() -> CurriculumConfig {
    CurriculumConfig {
        threshold: THRESHOLD,
        warmup: true,
    }
}

fn flex_match(leaf: LeafConfig) -> Result<FlexMatch> {
    let config = FlexMatchConfig {
        curriculum: curriculum(),
        ..FlexMatchConfig::default()
    };
    config.with_leaf(leaf).build(&task())
}

#[test]
fn leaf_switched_off_equals_plain_flexmatch_bit_for_bit() -> Result<()> {
    let plain: FlexMatch<CrossEntropy> = WeakStrong::new(
        "FlexMatch",
        HardLabels::new(None, CLASSES)?,
        Curriculum::new(curriculum(), TRAINING_FACES, CLASSES)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )?;
    assert_off_is_plain(plain, flex_match)
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(flex_match)
}

#[test]
fn at_first_every_face_is_accepted_and_teaches() -> Result<()> {
    assert_every_face_counts(flex_match)?;
    assert_learns_above_threshold(flex_match)
}

/// With every class fully learned, each threshold is τ.
#[test]
fn rejected_faces_teach_nothing() -> Result<()> {
    assert_only_accepted_faces_teach(|leaf| {
        let mut algorithm = flex_match(leaf)?;
        let mut state = algorithm.state()?;
        let status = state["selector.class_acc"].ones_like()?;
        state.insert("selector.class_acc".to_owned(), status);
        algorithm.load_state(&state)?;
        Ok(algorithm)
    })
}

#[test]
fn the_category_level_acts_on_accepted_faces() -> Result<()> {
    let faces = presets().map(|(_, leaf)| {
        let config = FlexMatchConfig::default().with_leaf(leaf);
        config.leaf.category.map(|level| level.faces)
    });
    let [all, accepted] = [Faces::All, Faces::Accepted].map(Some);
    assert_eq!(faces, [None, all, accepted, accepted]);
    assert_set_loss_by_the_hosts_weight(flex_match)
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        FlexMatchConfig::build,
        &[
            (
                |c| c.curriculum.threshold = 1.5,
                "threshold = 1.5, expected 0 to 1",
            ),
            (|c| c.lambda_u = -1., "lambda_u = -1, expected 0 or more"),
        ],
    );
    assert_eq!(
        refusal(FlexMatchConfig::default().build(&Task::new(7))),
        "training_faces of the task = 0, expected at least 1"
    );
}
