//! LEAF in Dash: off changes nothing, on reaches every parameter.

use candle_core::{Device, Tensor};
use leaf_core::LeafConfig;
use leaf_dash::{Dash, DashConfig};
use leaf_ssl::{
    Algorithm, CrossEntropy, LossBound, LossBoundConfig, Result, SoftLabels, State, Stateful,
    UTILIZATION, WeakStrong, WeakStrongConfig,
};
use leaf_testkit::entries;
use leaf_trial::{
    STEPS, Trial, assert_learns_above_threshold, assert_off_is_plain,
    assert_only_accepted_faces_teach, assert_refuses, assert_trainer, batch, measurement, task,
    term,
};

/// With a warm-up of three of the ten steps and a bound that every face stays under.
fn bound() -> LossBoundConfig {
    LossBoundConfig {
        warmup: 0.3,
        interval: 0.2,
        scale: 1.2,
        decay: 1.02,
        ..LossBoundConfig::default()
    }
}

fn with_bound(bound: LossBoundConfig, leaf: LeafConfig) -> Result<Dash> {
    let config = DashConfig {
        bound,
        ..DashConfig::default()
    };
    config.with_leaf(leaf).build(&task())
}

fn dash(leaf: LeafConfig) -> Result<Dash> {
    with_bound(bound(), leaf)
}

/// With a bound that reaches its floor in the middle of the run.
fn ends_hard(leaf: LeafConfig) -> Result<Dash> {
    let bound = LossBoundConfig {
        decay: 2.,
        floor: 2.,
        ..bound()
    };
    with_bound(bound, leaf)
}

#[test]
fn leaf_switched_off_equals_plain_dash_bit_for_bit() -> Result<()> {
    let plain: Dash<CrossEntropy> = WeakStrong::new(
        "Dash",
        SoftLabels::new(0.5)?,
        LossBound::new(bound())?,
        CrossEntropy,
        WeakStrongConfig::new(1., &LeafConfig::off()),
    )?;
    assert_off_is_plain(plain, dash)
}

#[test]
fn only_labelled_faces_are_learned_in_the_warmup() -> Result<()> {
    let off = LeafConfig::off();
    let mut algorithm = dash(off.clone())?;
    let mut trial = Trial::new(&off, &algorithm)?;
    for index in 0..STEPS {
        let warm = index < 3;
        let batch = batch(index, algorithm.views())?;
        let losses = trial.losses(&mut algorithm, &batch, index)?;
        let used = measurement(&losses, UTILIZATION)?;
        assert_eq!(used == 0., warm, "step {index}");
        let supervised = term(&losses, "supervised")?;
        assert_eq!(entries(&losses.total)? == [supervised], warm);
        assert_eq!(algorithm.state()?.contains_key("selector.rho_init"), !warm);
        trial.train(&mut algorithm, index..index + 1)?;
    }
    Ok(())
}

#[test]
fn it_is_a_trainer_with_every_preset() -> Result<()> {
    assert_trainer(dash)
}

#[test]
fn it_is_a_trainer_with_every_preset_past_the_floor() -> Result<()> {
    assert_trainer(ends_hard)
}

/// The bound lies among the faces' losses.
#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    assert_only_accepted_faces_teach(|leaf| {
        let bound = LossBoundConfig {
            scale: 1.,
            decay: 1.,
            ..bound()
        };
        let mut algorithm = with_bound(bound, leaf)?;
        let initial = Tensor::new(&[1.86f64], &Device::Cpu)?;
        algorithm.load_state(&State::from([("selector.rho_init".to_owned(), initial)]))?;
        Ok(algorithm)
    })
}

#[test]
fn faces_above_the_threshold_are_learned() -> Result<()> {
    assert_learns_above_threshold(dash)
}

#[test]
fn wrong_configurations_are_refused() {
    assert_refuses(
        DashConfig::build,
        &[
            (
                |c| c.temperature = -1.,
                "temperature = -1, expected more than 0",
            ),
            (
                |c| c.bound.warmup = 1.,
                "warmup = 1, expected 0 or more and less than 1",
            ),
            (|c| c.lambda_u = -0.5, "lambda_u = -0.5, expected 0 or more"),
        ],
    );
}
