//! LEAF in UDA: off changes nothing, on reaches every parameter.

use leaf_core::LeafConfig;
use leaf_ssl::{
    Algorithm, Annealing, CrossEntropy, FixedThreshold, Result, SoftLabels, Task, WeakStrong,
    WeakStrongConfig,
};
use leaf_trial::{
    STEPS, Trial, assert_every_parameter_learns, assert_rejected_faces_cost_nothing,
    assert_resumes, batch, strong_gradients, task,
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
fn low_threshold(leaf: LeafConfig) -> UdaConfig {
    with_threshold(0.15, leaf)
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    trial.bits()
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
    let off = LeafConfig::off();
    let plain = run(by_hand(0.4)?, &off)?;
    assert!(plain == run(low_threshold(off.clone()).build(&task())?, &off)?);
    let robust = LeafConfig::robust();
    assert!(plain != run(low_threshold(robust.clone()).build(&task())?, &robust)?);
    Ok(())
}

#[test]
fn the_compatible_rule_sharpens_nothing() -> Result<()> {
    let off = LeafConfig::off();
    let compatible = UdaConfig {
        usb_compat: true,
        ..low_threshold(off.clone())
    };
    let unsharpened = run(by_hand(1.)?, &off)?;
    assert!(unsharpened == run(compatible.build(&task())?, &off)?);
    assert!(unsharpened != run(by_hand(0.4)?, &off)?);
    Ok(())
}

#[test]
fn annealing_keeps_sure_labelled_faces_back() -> Result<()> {
    let off = LeafConfig::off();
    let supervised = |annealing: Option<Annealing>, index: usize| -> Result<f32> {
        let config = UdaConfig {
            annealing,
            ..UdaConfig::default()
        };
        let mut algorithm = config.build(&task())?;
        let trial = Trial::new(&off, &algorithm)?;
        let batch = batch(index, algorithm.views())?;
        let losses = trial.losses(&mut algorithm, &batch, index)?;
        let (name, term) = &losses.terms[0];
        assert_eq!(*name, "supervised");
        Ok(term.to_scalar()?)
    };
    // At the start the bound is chance, which every largest probability reaches.
    assert_eq!(supervised(Some(Annealing::Linear), 0)?, 0.);
    assert!(supervised(Some(Annealing::Linear), STEPS - 1)? > 0.);
    assert!(supervised(None, 0)? > 0.);
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

/// The balance loss is of all strong rows together, so it is left out here.
#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let mut algorithm = with_threshold(0.2, leaf.clone()).build(&task())?;
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
        let mut algorithm = low_threshold(leaf.clone()).build(&task())?;
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
    let build = |config: UdaConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let threshold = UdaConfig {
        threshold: -0.1,
        ..Default::default()
    };
    assert_eq!(build(threshold, 7), "threshold = -0.1, expected 0 to 1");
    let temperature = UdaConfig {
        temperature: 0.,
        usb_compat: true,
        ..Default::default()
    };
    assert_eq!(
        build(temperature, 7),
        "temperature = 0, expected more than 0"
    );
    let lambda = UdaConfig {
        lambda_u: -1.,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = -1, expected 0 or more");
    assert_eq!(
        build(UdaConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
