//! LEAF in FixMatch: off changes nothing, on reaches every parameter.

use leaf_core::LeafConfig;
use leaf_fixmatch::{FixMatch, FixMatchConfig};
use leaf_ssl::{
    Algorithm, CrossEntropy, FixedThreshold, HardLabels, Result, Task, WeakStrong, WeakStrongConfig,
};
use leaf_trial::{CLASSES, STEPS, Trial, assert_every_parameter_learns, assert_resumes, task};

fn low_threshold(leaf: LeafConfig) -> FixMatchConfig {
    FixMatchConfig {
        threshold: 0.2,
        ..FixMatchConfig::default()
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
fn leaf_switched_off_equals_plain_fixmatch_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: FixMatch<CrossEntropy> = WeakStrong::new(
        "FixMatch",
        HardLabels::new(None, CLASSES)?,
        FixedThreshold::new(0.2)?,
        CrossEntropy,
        WeakStrongConfig::new(1., &off),
    )?;
    let plain = run(plain, &off)?;
    let with_off = low_threshold(off.clone()).build(&task())?;
    assert!(plain == run(with_off, &off)?);
    let robust = LeafConfig::robust();
    let with_robust = low_threshold(robust.clone()).build(&task())?;
    assert!(plain != run(with_robust, &robust)?);
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
        let mut algorithm = low_threshold(leaf.clone()).build(&task())?;
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
        assert_resumes(&leaf, || {
            Ok(Box::new(low_threshold(leaf.clone()).build(&task())?))
        })?;
    }
    Ok(())
}

#[test]
fn wrong_configurations_are_refused() {
    let build = |config: FixMatchConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let threshold = FixMatchConfig {
        threshold: 1.5,
        ..Default::default()
    };
    assert_eq!(build(threshold, 7), "threshold = 1.5, expected 0 to 1");
    let lambda = FixMatchConfig {
        lambda_u: f64::NAN,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = NaN, expected 0 or more");
    assert_eq!(
        build(FixMatchConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
