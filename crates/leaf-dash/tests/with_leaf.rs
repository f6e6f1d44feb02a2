//! LEAF in Dash: off changes nothing, on reaches every parameter.

use candle_core::{Device, Tensor};
use leaf_core::LeafConfig;
use leaf_dash::{Dash, DashConfig};
use leaf_ssl::{
    Algorithm, CrossEntropy, LossBound, LossBoundConfig, Result, SoftLabels, State, Stateful, Task,
    UTILIZATION, WeakStrong, WeakStrongConfig,
};
use leaf_trial::{
    STEPS, Trial, assert_every_parameter_learns, assert_rejected_faces_cost_nothing,
    assert_resumes, batch, strong_gradients, task,
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

fn with_bound(bound: LossBoundConfig, leaf: LeafConfig) -> DashConfig {
    DashConfig {
        bound,
        ..DashConfig::default()
    }
    .with_leaf(leaf)
}

fn config(leaf: LeafConfig) -> DashConfig {
    with_bound(bound(), leaf)
}

/// With a bound that reaches its floor in the middle of the run.
fn ends_hard(leaf: LeafConfig) -> DashConfig {
    let bound = LossBoundConfig {
        decay: 2.,
        floor: 2.,
        ..bound()
    };
    with_bound(bound, leaf)
}

/// All weights after a whole run, bit for bit.
fn run(mut algorithm: impl Algorithm, leaf: &LeafConfig) -> Result<Vec<u32>> {
    let mut trial = Trial::new(leaf, &algorithm)?;
    trial.train(&mut algorithm, 0..STEPS)?;
    trial.bits()
}

#[test]
fn leaf_switched_off_equals_plain_dash_bit_for_bit() -> Result<()> {
    let off = LeafConfig::off();
    let plain: Dash<CrossEntropy> = WeakStrong::new(
        "Dash",
        SoftLabels::new(0.5)?,
        LossBound::new(bound())?,
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
fn only_labelled_faces_are_learned_in_the_warmup() -> Result<()> {
    let off = LeafConfig::off();
    let mut algorithm = config(off.clone()).build(&task())?;
    let mut trial = Trial::new(&off, &algorithm)?;
    for index in 0..STEPS {
        let warm = index < 3;
        let batch = batch(index, algorithm.views())?;
        let losses = trial.losses(&mut algorithm, &batch, index)?;
        let (_, used) = losses
            .diagnostics
            .iter()
            .find(|(name, _)| name == UTILIZATION)
            .expect("the share of faces that are used");
        assert_eq!(used.to_scalar::<f32>()? == 0., warm, "step {index}");
        let supervised = losses.terms[0].1.to_scalar::<f32>()?;
        assert_eq!(losses.total.to_scalar::<f32>()? == supervised, warm);
        assert_eq!(algorithm.state()?.contains_key("selector.rho_init"), !warm);
        trial.train(&mut algorithm, index..index + 1)?;
    }
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
        for config in [config, ends_hard] {
            assert_resumes(&leaf, || Ok(Box::new(config(leaf.clone()).build(&task())?)))?;
        }
    }
    Ok(())
}

/// The bound lies among the faces' losses. The balance loss is of all strong rows together, so it is left
/// out here.
#[test]
fn a_rejected_face_has_no_gradient() -> Result<()> {
    let paper = LeafConfig {
        balance_weight: 0.,
        ..LeafConfig::paper()
    };
    for leaf in [LeafConfig::off(), paper] {
        let bound = LossBoundConfig {
            scale: 1.,
            decay: 1.,
            ..bound()
        };
        let mut algorithm = with_bound(bound, leaf.clone()).build(&task())?;
        let initial = Tensor::new(&[1.86f64], &Device::Cpu)?;
        algorithm.load_state(&State::from([("selector.rho_init".to_owned(), initial)]))?;
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
    let build = |config: DashConfig, classes: usize| {
        let error = config.build(&Task::new(classes)).map(|_| ()).unwrap_err();
        error.to_string()
    };
    let temperature = DashConfig {
        temperature: -1.,
        ..Default::default()
    };
    assert_eq!(
        build(temperature, 7),
        "temperature = -1, expected more than 0"
    );
    let warmup = DashConfig {
        bound: LossBoundConfig {
            warmup: 1.,
            ..bound()
        },
        ..Default::default()
    };
    assert_eq!(
        build(warmup, 7),
        "warmup = 1, expected 0 or more and less than 1"
    );
    let lambda = DashConfig {
        lambda_u: -0.5,
        ..Default::default()
    };
    assert_eq!(build(lambda, 7), "lambda_u = -0.5, expected 0 or more");
    assert_eq!(
        build(DashConfig::default(), 1),
        "num_classes = 1, expected at least 2"
    );
}
