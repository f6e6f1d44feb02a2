//! LEAF in AdaMatch: off changes nothing, on reaches every parameter.

use leaf_adamatch::{AdaMatch, AdaMatchConfig};
use leaf_core::LeafConfig;
use leaf_ssl::{
    Algorithm, CrossEntropy, HardLabels, RelativeThreshold, Result, Stateful, Task, WeakStrong,
    WeakStrongConfig,
};
use leaf_trial::{
    CLASSES, STEPS, Trial, assert_every_parameter_learns, assert_rejected_faces_cost_nothing,
    assert_resumes, batch, strong_gradients, task,
};

fn config(leaf: LeafConfig) -> AdaMatchConfig {
    AdaMatchConfig {
        momentum: 0.9,
        ..AdaMatchConfig::default()
    }
    .with_leaf(leaf)
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    trial.bits()
}

#[test]
fn leaf_switched_off_equals_plain_adamatch_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: AdaMatch<CrossEntropy> = WeakStrong::new(
        "AdaMatch",
        HardLabels::tracking(0.9, CLASSES)?,
        RelativeThreshold::new(0.95)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &off),
    )?;
    let plain = run(plain, &off)?;
    assert!(plain == run(config(off.clone()).build(&task())?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(config(robust.clone()).build(&task())?, &robust)?);
    Ok(())
}

#[test]
fn what_is_kept_has_its_names() -> Result<()> {
    let leaf = LeafConfig::robust();
    let mut algorithm = config(leaf.clone()).build(&task())?;
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
fn every_parameter_gets_a_gradient() -> Result<()> {
    for (name, leaf) in [
        ("plain", LeafConfig::off()),
        ("robust", LeafConfig::robust()),
        ("paper", LeafConfig::paper()),
        ("released", LeafConfig::released()),
    ] {
        let mut algorithm = config(leaf.clone()).build(&task())?;
        assert_every_parameter_learns(&leaf, &mut algorithm, |path| {
            // The released gate's one weight is the constant 1 and its balance is dropped: it is
            // dead. At step 0 a robust expert's last layer is 0 and lets nothing through to the first.
            (name == "released" && path.contains(".gate."))
                || (name == "robust" && path.contains(".fc1."))
        })?;
    }
    Ok(())
}

#[test]
fn a_saved_run_goes_on_bit_for_bit() -> Result<()> {
    for leaf in [
        LeafConfig::off(),
        LeafConfig::robust(),
        LeafConfig::released(),
    ] {
        assert_resumes(&leaf, || Ok(Box::new(config(leaf.clone()).build(&task())?)))?;
    }
    Ok(())
}

/// The balance loss is of all strong rows together, so it is left out here.
#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let mut algorithm = config(leaf.clone()).build(&task())?;
        assert_rejected_faces_cost_nothing(&leaf, &mut algorithm)?;
    }
    Ok(())
}

#[test]
fn faces_above_the_threshold_are_learned() -> Result<()> {
    for leaf in [
        LeafConfig::off(),
        LeafConfig::robust(),
        LeafConfig::paper(),
        LeafConfig::released(),
    ] {
        let mut algorithm = config(leaf.clone()).build(&task())?;
        let trial = Trial::new(&leaf, &algorithm)?;
        let batch = batch(STEPS - 1, algorithm.views())?;
        let losses = trial.losses(&mut algorithm, &batch, STEPS - 1)?;
        let (_, term) = losses
            .terms
            .iter()
            .find(|(name, _)| *name == "unlabeled")
            .expect("the unlabelled faces' term");
        assert!(term.to_scalar::<f32>()? > 0.);
        let faces = strong_gradients(&leaf, &mut algorithm, STEPS - 1)?;
        assert!(
            faces
                .iter()
                .any(|face| face.weight > 0. && face.gradient > 0.)
        );
    }
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: AdaMatchConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let threshold = AdaMatchConfig {
        threshold: 1.5,
        ..Default::default()
    };
    assert_eq!(build(threshold, 7), "threshold = 1.5, expected 0 to 1");
    let momentum = AdaMatchConfig {
        momentum: 1.,
        ..Default::default()
    };
    assert_eq!(
        build(momentum, 7),
        "momentum = 1, expected 0 or more and less than 1"
    );
    let lambda = AdaMatchConfig {
        lambda_u: f64::INFINITY,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = inf, expected 0 or more");
    assert_eq!(
        build(AdaMatchConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
